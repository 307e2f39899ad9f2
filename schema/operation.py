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
from schema.limits import MAX_TOKENS, Limits, TooMuch

# Documents that are sent again and again are short; a long one takes a hundred times its length in memory.
_KNOWN_DOCUMENTS: Final = 200
_LONGEST_KNOWN: Final = 8_000
_MAX_ERRORS: Final = 8
MAX_DOCUMENT_LENGTH: Final = 256 * 1024
"""Parsing is work for the event loop; what is long belongs into variables."""

READING: Final = frozenset({OperationType.QUERY})
ANSWERED_ONCE: Final = frozenset({OperationType.QUERY, OperationType.MUTATION})
EVERY_KIND: Final = frozenset(OperationType)

_schema = schema._schema  # noqa: SLF001 - Strawberry's own way to what it built
_limits = Limits.of(_schema)


class _Executor(PlainFieldsFirst):
    plain = plain_fields(_schema)


# As Apollo Server names them, and so clients and tools do.
PARSE_FAILED: Final = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED: Final = "GRAPHQL_VALIDATION_FAILED"
NO_OPERATION: Final = "OPERATION_RESOLUTION_FAILURE"
BAD_INPUT: Final = "BAD_USER_INPUT"


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
    result = graphql.execute(
        _schema,
        checked(text, name, allowed),
        context_value=context,
        variable_values=cast("dict[str, Any] | None", variables),
        operation_name=name,
        executor_class=_Executor,
    )
    if isawaitable(result):
        result = await result
    if result.errors:
        result.errors = masked(result.errors)
        if result.data is None and not any(error.path for error in result.errors):
            # Nothing was executed: a variable did not fit.
            raise RequestRefused(*(_coded(error, BAD_INPUT) for error in result.errors))
    return result


def checked(text: str, name: str | None, allowed: Collection[OperationType]) -> DocumentNode:
    """The document, whose operation of this name can be executed. Raises RequestRefused."""
    if len(text) > MAX_DOCUMENT_LENGTH:
        too_long = f"query: must be at most {MAX_DOCUMENT_LENGTH} characters; send values as variables"
        raise RequestRefused(_coded(GraphQLError(too_long), PARSE_FAILED))
    document = _known_document(text) if len(text) <= _LONGEST_KNOWN else _document(text)
    _check_kind(document, name, allowed)
    return document


def _document(text: str) -> DocumentNode:
    """The document that is written so. Raises RequestRefused when it is none, or does not fit the schema."""
    try:
        document = graphql.parse(text, max_tokens=MAX_TOKENS)
        _limits.check(document)
        errors = graphql.validate(_schema, document, max_errors=_MAX_ERRORS)
    except GraphQLError as error:
        raise RequestRefused(_coded(error, PARSE_FAILED)) from None
    except TooMuch as error:
        raise RequestRefused(_coded(GraphQLError(str(error)), VALIDATION_FAILED)) from None
    except RecursionError:
        raise RequestRefused(_coded(GraphQLError("The document is nested too deeply."), PARSE_FAILED)) from None
    if errors:
        raise RequestRefused(*(_coded(error, VALIDATION_FAILED) for error in errors))
    return document


def _coded(error: GraphQLError, code: str) -> GraphQLError:
    """The error, with a code that tools know."""
    error.extensions = {**(error.extensions or {}), "code": code}
    return error


_known_document = lru_cache(_KNOWN_DOCUMENTS)(_document)


def _check_kind(document: DocumentNode, name: str | None, allowed: Collection[OperationType]) -> None:
    operation = graphql.get_operation_ast(document, name)
    if operation is None:
        unnamed = "operationName: must name one of the document's operations"
        named = f'The document holds no operation named "{name}".'
        raise RequestRefused(_coded(GraphQLError(unnamed if name is None else named), NO_OPERATION))
    if operation.operation not in allowed:
        by_socket = "A subscription is opened over WebSocket, by the graphql-transport-ws protocol."
        by_post = f"A {operation.operation.value} is sent by POST."
        message = by_socket if operation.operation is OperationType.SUBSCRIPTION else by_post
        raise OperationNotAllowed(_coded(GraphQLError(message), NO_OPERATION))
