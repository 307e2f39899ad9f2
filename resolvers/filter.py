"""The arguments of fields that read a filtered set of calls."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from domain.analytics import AnalyticsFilter
from domain.summary import SummaryRequest
from resolvers.input import InputObject, input_type, present

Filter = Annotated[
    InputObject | None,
    strawberry.argument(
        graphql_type=input_type("schema.analytics", "AnalyticsFilterInput") | None,
        description="Which calls to include. Omitted: all.",
    ),
]
Zone = Annotated[str | None, strawberry.argument(description="The IANA time zone that buckets are aligned in.")]


def checked_filter(filter: InputObject | None) -> AnalyticsFilter:
    """The filter of a field. Raises InvalidInput."""
    return AnalyticsFilter.checked(present(filter) if filter else {}, ("filter",))


def summary_request(filter: InputObject | None, **arguments: Any) -> SummaryRequest:
    """The filter and the other arguments of a summary, by GraphQL name, without those that are None. Raises InvalidInput."""
    values = arguments | {"filter": present(filter) if filter else None}
    return SummaryRequest.checked({name: value for name, value in values.items() if value is not None}, ())
