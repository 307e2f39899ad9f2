"""Errors. Expected errors are members of a mutation's result union; all others are masked and logged with an id."""

from __future__ import annotations

import logging
from typing import Any, Final

import strawberry
from graphql import GraphQLError
from sqlalchemy.exc import SQLAlchemyError
from strawberry.extensions import FieldExtension
from strawberry.extensions.field_extension import AsyncExtensionResolver

from domain import error
from models.database.pool import DatabaseFailure
from models.types import new_id
from resolvers.shielded import shielded
from schema.enum import ErrorCode

SERVICE_UNAVAILABLE: Final = "SERVICE_UNAVAILABLE"
INTERNAL_ERROR: Final = "INTERNAL_SERVER_ERROR"

log = logging.getLogger(__name__)


@strawberry.interface(description="An expected error: what is wrong, and which field is wrong.")
class Error:
    message: str = strawberry.field(description="What is wrong and what would be right, as a sentence for people.")
    code: ErrorCode = strawberry.field(description="The kind of error, for programs.")
    path: list[str] | None = strawberry.field(
        description='The path of the wrong argument or input field: ["input", "maxLatencyMs"]. Null when the error '
        "concerns no single field."
    )


@strawberry.type(description="An input value is invalid. Nothing was stored.")
class InvalidInput(Error):
    pass


@strawberry.type(
    description="The object does not exist, or it belongs to another user. The two cases give the same answer."
)
class NotFound(Error):
    pass


@strawberry.type(description="The current state does not allow the operation. Nothing was changed.")
class Conflict(Error):
    pass


@strawberry.type(description="The server has too much queued work. Nothing was stored; retry after `retryAfterMs`.")
class Overloaded(Error):
    retry_after_ms: int = strawberry.field(description="The time to wait before a retry, in milliseconds.")


def as_data(failure: error.ExpectedError) -> Error:
    """The expected error as a GraphQL object. graphql-core raises exceptions that a resolver returns, so it is no exception."""
    if isinstance(failure, error.Overloaded):
        return Overloaded(
            message=failure.message, code=failure.code, path=failure.path, retry_after_ms=failure.retry_after_ms
        )
    return _TYPE_OF[type(failure)](message=failure.message, code=failure.code, path=failure.path)


_TYPE_OF: dict[type[error.ExpectedError], type[Error]] = {
    error.InvalidInput: InvalidInput,
    error.NotFound: NotFound,
    error.Conflict: Conflict,
}


class Shielded(FieldExtension):
    """Runs a field to its end once it has started, although its client has disconnected."""

    async def resolve_async(
        self, next_: AsyncExtensionResolver, source: Any, info: strawberry.Info[Any, Any], **kwargs: Any
    ) -> Any:
        return await shielded(next_(source, info, **kwargs))


class ExpectedErrorAsData(FieldExtension):
    """Returns an expected error as a member of the mutation's result union."""

    async def resolve_async(
        self, next_: AsyncExtensionResolver, source: Any, info: strawberry.Info[Any, Any], **kwargs: Any
    ) -> Any:
        try:
            return await next_(source, info, **kwargs)
        except error.ExpectedError as failure:
            return as_data(failure)


def overloaded(failure: error.Overloaded) -> GraphQLError:
    """The GraphQL error of a request that was not executed because the server is overloaded."""
    return GraphQLError(failure.message, extensions={"code": failure.code, "retryAfterMs": failure.retry_after_ms})


def masked(errors: list[GraphQLError]) -> list[GraphQLError]:
    """The errors with unexpected causes masked, as clients may see them."""
    causes = [(found, _cause(found)) for found in errors]
    return [_masked(found, cause) if cause is not None else found for found, cause in causes]


def _masked(found: GraphQLError, cause: Exception) -> GraphQLError:
    message, extensions = explained(cause)
    return GraphQLError(
        message,
        nodes=found.nodes,
        source=found.source,
        positions=found.positions,
        path=found.path,
        extensions=extensions,
    )


def _cause(found: GraphQLError) -> Exception | None:
    """The exception behind a GraphQL error; None for errors of GraphQL itself: syntax, validation, a wrong variable."""
    cause = found.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def explained(cause: Exception) -> tuple[str, dict[str, Any]]:
    """The message and extensions that a client gets for an exception. An unexpected one is logged; `errorId` names the log line."""
    if isinstance(cause, error.Overloaded):
        return cause.message, {"code": cause.code, "retryAfterMs": cause.retry_after_ms}
    if isinstance(cause, error.InvalidInput):
        return cause.message, {"code": "BAD_USER_INPUT", "argument": cause.path}
    if isinstance(cause, error.ExpectedError):
        return cause.message, {"code": cause.code, "argument": cause.path}
    error_id = str(new_id())
    log.error("unexpected error %s", error_id, exc_info=cause)
    if isinstance(cause, SQLAlchemyError | DatabaseFailure | OSError):
        message = "The database is unavailable. Retry the request; send calls again with the same eventId."
        return message, {"code": SERVICE_UNAVAILABLE, "errorId": error_id}
    return "Internal server error.", {"code": INTERNAL_ERROR, "errorId": error_id}
