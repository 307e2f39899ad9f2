"""The GraphQL schema: types, inputs, unions and root types. Root types only combine the fields of each module."""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.schema.config import StrawberryConfig
from strawberry.types.base import StrawberryContainer, StrawberryObjectDefinition, get_object_definition
from strawberry.types.lazy_type import LazyType

from schema.ab_test import ABTestMutation, ABTestQuery, ABTestSubscription
from schema.amendment import AmendmentMutation, AmendmentQuery
from schema.analytics import AnalyticsMutation, AnalyticsQuery, AnalyticsSubscription
from schema.catalog import CatalogMutation, CatalogQuery
from schema.cost_alert import CostAlertMutation, CostAlertQuery, CostAlertSubscription
from schema.error import Conflict, InvalidInput, NotFound, Overloaded
from schema.opportunity import OpportunityMutation, OpportunityQuery
from schema.preference import PreferenceMutation, PreferenceQuery, PreferenceSubscription
from schema.provider import ProviderMutation, ProviderQuery
from schema.routing import RoutingMutation, RoutingQuery
from schema.scalar import SCALARS
from schema.summary import SummaryQuery
from schema.viewer import ViewerQuery


@strawberry.type(description="Reads. Every field returns rows of the authenticated user only.")
class Query(
    ViewerQuery,
    PreferenceQuery,
    ABTestQuery,
    CostAlertQuery,
    AnalyticsQuery,
    SummaryQuery,
    OpportunityQuery,
    RoutingQuery,
    CatalogQuery,
    ProviderQuery,
    AmendmentQuery,
):
    pass


@strawberry.type(description="Writes. Each mutation is one transaction: it is applied as a whole or not at all.")
class Mutation(
    PreferenceMutation,
    ABTestMutation,
    CostAlertMutation,
    AnalyticsMutation,
    OpportunityMutation,
    RoutingMutation,
    CatalogMutation,
    ProviderMutation,
    AmendmentMutation,
):
    pass


@strawberry.type(
    description="Changes to the authenticated user's rows. An event is sent after its transaction is committed."
)
class Subscription(CostAlertSubscription, ABTestSubscription, AnalyticsSubscription, PreferenceSubscription):
    pass


def _settled(type_: Any) -> Any:
    """The type with `strawberry.lazy` references resolved: resolving them on each request is expensive."""
    if isinstance(type_, LazyType):
        return type_.resolve_type()
    if isinstance(type_, StrawberryContainer):
        type_.of_type = _settled(type_.of_type)
    return type_


for _root in (Query, Mutation, Subscription):
    for _field in get_object_definition(_root, strict=True).fields:
        for _argument in _field.arguments:
            _argument.type_annotation = StrawberryAnnotation(_settled(_argument.type))

schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[InvalidInput, NotFound, Conflict, Overloaded],
    config=StrawberryConfig(scalar_map=SCALARS),
)

# Input classes only describe the schema. Resolvers get the mapping that the client sent, and `domain` validates it: to
# build an object per input would take most of the time of a large batch.
for _concrete in schema.schema_converter.type_map.values():
    if isinstance(_concrete.definition, StrawberryObjectDefinition) and _concrete.definition.is_input:
        _concrete.definition.from_input = lambda _input, sent, _context: sent
