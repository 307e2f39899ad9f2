"""The stock executor: graphql-core's own, without plans. Use it to find out whether a fault is in the plans.

It is slower, and a long response blocks other requests. Its responses are the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from inspect import isawaitable
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLList,
    GraphQLResolveInfo,
    GraphQLSchema,
    InlineFragmentNode,
    MiddlewareManager,
    OperationDefinitionNode,
    SelectionSetNode,
    execute,
    get_nullable_type,
)
from graphql.pyutils import AwaitableOrValue

from server.graphql.limits import ValueCounter


def execute_with_graphql_core(
    schema: GraphQLSchema,
    document: DocumentNode,
    definition: OperationDefinitionNode,
    variables: dict[str, Any] | None,
    context: Any,
    *,
    hide_names: bool,
) -> AwaitableOrValue[ExecutionResult]:
    """Execute a query or a mutation. Returns its result, or an awaitable of it."""
    counter = ValueCounter()
    result = execute(
        schema,
        document,
        context_value=context,
        variable_values=variables,
        operation_name=definition.name.value if definition.name else None,
        middleware=MiddlewareManager(_CountLists(counter)),
        hide_suggestions=hide_names,
    )
    return counter.checked(result)


class _CountLists:
    """Middleware of graphql-core that leaves out lists beyond the limit on values."""

    def __init__(self, counter: ValueCounter) -> None:
        self._counter = counter

    def resolve(self, next_: Callable[..., Any], source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        found = next_(source, info, **arguments)
        if not isinstance(get_nullable_type(info.return_type), GraphQLList):
            return found
        return self._awaited(found, info) if isawaitable(found) else self._counted(found, info)

    async def _awaited(self, found: Awaitable[Any], info: GraphQLResolveInfo[Any]) -> Any:
        return self._counted(await found, info)

    def _counted(self, found: Any, info: GraphQLResolveInfo[Any]) -> Any:
        if not isinstance(found, Collection):
            return found
        sets = [node.selection_set for node in info.field_nodes if node.selection_set is not None]
        of_each = sum(_fields_in(each, info.fragments) for each in sets) if sets else 1
        return found if self._counter.has_room(len(found) * of_each) else []


def _fields_in(selected: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode]) -> int:
    """The number of selected fields of one object. In a valid document, no fragment spreads itself."""
    fields = 0
    for node in selected.selections:
        if isinstance(node, FieldNode):
            fields += 1
        elif isinstance(node, InlineFragmentNode):
            fields += _fields_in(node.selection_set, fragments)
        elif isinstance(node, FragmentSpreadNode):
            fields += _fields_in(fragments[node.name.value].selection_set, fragments)
    return fields
