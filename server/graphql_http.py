"""GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/): a request read, executed, and answered."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import GraphQLError, OperationType
from pydantic_core import PydanticSerializationError, to_json
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from resolvers.context import Context
from schema.operation import ANSWERED_ONCE, READING, OperationNotAllowed, RequestRefused, execute

MAX_BODY_BYTES: Final = 32 * 1024 * 1024
"""Enough for a batch of a thousand records whose metadata is as large as it may be."""

_JSON: Final = "application/json"
_RESPONSE: Final = "application/graphql-response+json"
_ALLOWED: Final[Mapping[str, Collection[OperationType]]] = {"GET": READING, "POST": ANSWERED_ONCE}


class Malformed(Exception):
    """The request is not one of GraphQL over HTTP: what is wrong, and the status that says so."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True)
class Operation:
    """What a client asks to be executed."""

    text: str
    name: str | None
    variables: dict[str, Any] | None


async def respond(request: Request, context: Context) -> Response:
    """The answer to a request, whatever it asks."""
    # Clients that name the newer media type learn from the status whether the request was executed at all; the older
    # one says 200 to every well-formed request.
    newer = _RESPONSE in request.headers.get("accept", "")
    try:
        operation = await _operation(request)
        result = await execute(
            operation.text,
            variables=operation.variables,
            name=operation.name,
            context=context,
            allowed=_ALLOWED[request.method],
        )
    except Malformed as malformed:
        return _response(
            _errors(GraphQLError(malformed.message, extensions={"code": "BAD_REQUEST"})), malformed.status, newer=newer
        )
    except OperationNotAllowed as refused:
        return _response(_errors(*refused.errors), 405 if request.method == "GET" else 400, newer=newer)
    except RequestRefused as refused:
        return _response(_errors(*refused.errors), 400 if newer else 200, newer=newer)
    if result.errors is None:
        return _response({"data": result.data}, 200, newer=newer)
    return _response({"data": result.data} | _errors(*result.errors), 200, newer=newer)


async def _operation(request: Request) -> Operation:
    """Raises Malformed."""
    if request.method == "POST":
        return _read(await _posted(request))
    if request.method == "GET":
        return _read(_from_query(request))
    raise Malformed("GraphQL is asked by POST, or by GET for a query.", 405)


def _from_query(request: Request) -> dict[str, Any]:
    fields: dict[str, Any] = {name: request.query_params[name] for name in request.query_params}
    for name in ("variables", "extensions"):
        if name in fields:
            fields[name] = _decoded(fields[name], name)
    return fields


async def _posted(request: Request) -> Any:
    content_type, _, _ = request.headers.get("content-type", "").partition(";")
    if content_type.strip().lower() != _JSON:
        raise Malformed(f"Content-Type must be {_JSON}.", 415)
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > MAX_BODY_BYTES:
                raise Malformed(f"The body must be at most {MAX_BODY_BYTES} bytes.", 413)
            parts.append(part)
    except ClientDisconnect:
        raise Malformed("The body broke off.") from None  # nobody is there to read it
    try:
        return _decoded(b"".join(parts).decode(), "The body")
    except UnicodeDecodeError:
        raise Malformed("The body must be UTF-8.") from None


def _decoded(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed(f"{what} must be JSON.") from None


def _read(fields: Any) -> Operation:
    if not isinstance(fields, dict):
        raise Malformed('The body must be a JSON object: {"query": "…"}.')
    text, name = fields.get("query"), fields.get("operationName")
    variables, extensions = fields.get("variables"), fields.get("extensions")
    if not isinstance(text, str):
        raise Malformed("query must be there, as a string.")
    if not isinstance(name, str | None):
        raise Malformed("operationName must be a string.")
    if not isinstance(variables, dict | None):
        raise Malformed("variables must be a JSON object.")
    if not isinstance(extensions, dict | None):
        raise Malformed("extensions must be a JSON object.")
    return Operation(text, name, variables)


def _errors(*errors: GraphQLError) -> dict[str, Any]:
    return {"errors": [error.formatted for error in errors]}


def _response(body: dict[str, Any], status: int, *, newer: bool) -> Response:
    headers = {"Allow": "GET, POST"} if status == 405 else None  # noqa: PLR2004 - Method Not Allowed
    return Response(_encoded(body), status, headers, f"{_RESPONSE if newer else _JSON}; charset=utf-8")


def _encoded(body: dict[str, Any]) -> bytes:
    try:
        return to_json(body)
    except (PydanticSerializationError, ValueError):
        # An error may repeat text that is no Unicode; escaped, it can be sent all the same.
        return json.dumps(body).encode()
