"""An operation: read and checked once for each text, then executed as often as it is sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from inspect import isawaitable
from typing import Any, Final, cast

import graphql
from graphql import DocumentNode, ExecutionResult, GraphQLError, OperationType

from resolvers.context import Context
from schema import schema
from schema.error import masked
from schema.execution import PlainFieldsFirst, plain_fields

# Documents that are sent again and again are short; a long one takes a hundred times its length in memory.
_KNOWN_DOCUMENTS: Final = 200
_LONGEST_KNOWN: Final = 8_000
_MAX_ERRORS: Final = 8
MAX_DOCUMENT_LENGTH: Final = 256 * 1024
"""Parsing is work for the event loop; what is long belongs into variables."""

READING: Final = frozenset({OperationType.QUERY})
ANSWERED_ONCE: Final = frozenset({OperationType.QUERY, OperationType.MUTATION})

_schema = schema._schema  # noqa: SLF001 - Strawberry's own way to what it built


class _Executor(PlainFieldsFirst):
    plain = plain_fields(_schema)


class RequestRefused(Exception):
    """The request cannot be executed at all: what is wrong with it, for its sender."""

    def __init__(self, *errors: GraphQLError) -> None:
        super().__init__()
        self.errors = list(errors)


class OperationNotAllowed(RequestRefused):
    """This kind of operation is not answered here: a mutation over GET, say."""


async def execute(
    text: str,
    *,
    variables: Mapping[str, Any] | None,
    name: str | None,
    context: Context,
    allowed: Collection[OperationType],
) -> ExecutionResult:
    """The result of the operation with this name in the document, its errors as clients may see them.

    Raises RequestRefused, and its kind OperationNotAllowed, before anything is executed.
    """
    if len(text) > MAX_DOCUMENT_LENGTH:
        raise RequestRefused(
            GraphQLError(f"query: must be at most {MAX_DOCUMENT_LENGTH} characters; send values as variables")
        )
    document = _known_document(text) if len(text) <= _LONGEST_KNOWN else _document(text)
    _check_kind(document, name, allowed)
    result = graphql.execute(
        _schema,
        document,
        context_value=context,
        variable_values=cast("dict[str, Any] | None", variables),
        operation_name=name,
        executor_class=_Executor,
    )
    if isawaitable(result):
        result = await result
    if result.errors:
        result.errors = masked(result.errors)
    return result


def _document(text: str) -> DocumentNode:
    """The document that is written so. Raises RequestRefused when it is none, or does not fit the schema."""
    try:
        document = graphql.parse(text)
        errors = graphql.validate(_schema, document, max_errors=_MAX_ERRORS)
    except GraphQLError as error:
        raise RequestRefused(error) from None
    except RecursionError:
        raise RequestRefused(GraphQLError("The document is nested too deeply.")) from None
    if errors:
        raise RequestRefused(*errors)
    return document


_known_document = lru_cache(_KNOWN_DOCUMENTS)(_document)


def _check_kind(document: DocumentNode, name: str | None, allowed: Collection[OperationType]) -> None:
    operation = graphql.get_operation_ast(document, name)
    if operation is None:
        raise RequestRefused(
            GraphQLError(
                f'The document holds no operation named "{name}".'
                if name is not None
                else "operationName: must name one of the document's operations"
            )
        )
    if operation.operation not in allowed:
        kind = operation.operation.value
        raise OperationNotAllowed(
            GraphQLError(
                "A subscription is opened over WebSocket, by the graphql-transport-ws protocol."
                if operation.operation is OperationType.SUBSCRIPTION
                else f"A {kind} is sent by POST."
            )
        )
