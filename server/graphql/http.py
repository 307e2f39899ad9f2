"""GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/): parses requests, executes them and responds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import aclosing
from functools import lru_cache
from typing import Any, Final

from graphql import ExecutionResult, GraphQLError, OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from domain.error import Overloaded
from resolvers.context import Context
from schema.error import overloaded
from server import log
from server.disconnect import while_connected
from server.graphql import event_stream
from server.graphql.answer import body_of, encoded, encoded_in_turns, errors_of
from server.graphql.event_stream import COMPLETE, EventStream, next_event
from server.graphql.operation import (
    ANSWERED_ONCE,
    EVERY_KIND,
    READING,
    CheckedOperation,
    Operation,
    OperationNotAllowed,
    Operations,
    OperationTimeout,
    RequestError,
)
from server.json_text import JSON, decoded
from server.slots import Slots
from server.tracing import Tracing

_JSON: Final = "application/json"
_GRAPHQL_RESPONSE: Final = "application/graphql-response+json"
_ALLOWED_KINDS: Final[Mapping[str, Collection[OperationType]]] = {"GET": READING, "POST": ANSWERED_ONCE}
_OFFERED: Final = (_GRAPHQL_RESPONSE, _JSON, event_stream.MEDIA_TYPE)
_JSON_PARAMETERS: Final = frozenset({"variables", "extensions"})
_LARGE_BYTES: Final = 16 * 1024
"""A longer body waits for its user's turn before it is parsed: parsing 1 MiB takes about ten milliseconds."""
_MAX_LENGTH_DIGITS: Final = 18
"""The most digits of a Content-Length that is parsed."""
_CACHED_HEADERS: Final = 64
"""The number of header values whose parsed form is cached. Most clients send the same ones."""


class BadRequest(Exception):
    """The HTTP request is invalid. It has a message for the client and the status of the response."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


class GraphQLOverHTTP:
    """Responds to GraphQL requests over HTTP: with a JSON response, or with a stream of events for subscriptions."""

    def __init__(
        self,
        operations: Operations,
        subscriptions: Slots,
        tracing: Tracing,
        max_body_bytes: int,
        stopping: asyncio.Event,
    ) -> None:
        self._operations = operations
        self._subscriptions = subscriptions
        self._tracing = tracing
        self._max_body_bytes = max_body_bytes
        self._stopping = stopping

    async def respond(self, request: Request, headers: Mapping[str, str], context: Context) -> Response:
        """Return the response. A subscription is answered with an event stream if the client accepts one."""
        accepted = _accepted(headers.get("accept", "*/*"))
        # With the newer media type, the status says whether the request was executed. With application/json, every
        # well-formed request is answered with 200.
        newer = next((each for each in accepted if each in {_JSON, _GRAPHQL_RESPONSE}), _JSON) == _GRAPHQL_RESPONSE
        try:
            answer = await self._answer(request, headers, accepted, context)
            if isinstance(answer, Response):
                return answer
            return _response(await encoded_in_turns(body_of(answer), context.turn), 200, newer=newer)
        except (BadRequest, RequestError, Overloaded) as error:
            return _error_response(error, by_get=request.method == "GET", newer=newer)

    async def _answer(
        self, request: Request, headers: Mapping[str, str], accepted: Sequence[str], context: Context
    ) -> ExecutionResult | EventStream:
        """Raises BadRequest, RequestError or Overloaded."""
        if not accepted:
            raise BadRequest(f"Accept must name one of {', '.join(_OFFERED)}.", 406)
        payload = await self._payload(request, headers)
        return await while_connected(request.receive, self._result(request.method, payload, accepted, context))

    async def _result(
        self, method: str, payload: bytes | dict[str, Any], accepted: Sequence[str], context: Context
    ) -> ExecutionResult | EventStream:
        """Raises BadRequest, RequestError or Overloaded."""
        operation = await _operation(payload, context)
        streams = event_stream.MEDIA_TYPE in accepted and method == "POST"
        checked = await self._operations.checked(
            operation, EVERY_KIND if streams else _ALLOWED_KINDS[method], context.viewer.id
        )
        log.note(operation=checked.title)
        if streams and (checked.kind is OperationType.SUBSCRIPTION or len(accepted) == 1):
            return await self._stream(checked, context)
        with self._tracing.operation(checked):
            return await self._operations.execute(checked, context)

    async def _payload(self, request: Request, headers: Mapping[str, str]) -> bytes | dict[str, Any]:
        """The body of a POST request, or the query parameters of a GET request. Raises BadRequest."""
        if request.method == "POST":
            _check_content(headers.get("content-type", ""), headers.get("content-encoding", "identity"))
            return await self._body(request, headers.get("content-length", ""))
        if request.method == "GET":
            return _from_query(request)
        raise BadRequest("The method must be POST, or GET for a query.", 405)

    async def _body(self, request: Request, length: str) -> bytes:
        """Read the body. Raises BadRequest; before reading anything if Content-Length exceeds the limit."""
        too_long = BadRequest(f"The body must be at most {self._max_body_bytes} bytes.", 413)
        if length.isdecimal() and (len(length) > _MAX_LENGTH_DIGITS or int(length) > self._max_body_bytes):
            raise too_long
        parts: list[bytes] = []
        size = 0
        try:
            async for part in request.stream():
                size += len(part)
                if size > self._max_body_bytes:
                    raise too_long
                parts.append(part)
        except ClientDisconnect:
            raise BadRequest("The body is incomplete.") from None  # the client has gone and does not read this
        return b"".join(parts)

    async def _stream(self, operation: CheckedOperation, context: Context) -> EventStream:
        """Raises RequestError or Overloaded before the response starts."""
        events = self._events(operation, context)
        # The first block is empty: the response starts as soon as the subscription has a slot, before the first event.
        await anext(events)
        return EventStream(events, until=context.viewer.expires_at, stopping=self._stopping)

    async def _events(self, operation: CheckedOperation, context: Context) -> AsyncGenerator[bytes]:
        with self._subscriptions.slot(context.viewer.id):
            async with aclosing(self._operations.results(operation, context)) as results:
                yield b""
                try:
                    async for result in results:
                        yield next_event(await encoded_in_turns(body_of(result), context.turn))
                except RequestError as error:
                    yield next_event(encoded(errors_of(*error.errors)))
                yield COMPLETE


@lru_cache(_CACHED_HEADERS)
def _accepted(header: str) -> Sequence[str]:
    """The offered media types that an Accept header names, the preferred one first."""
    weights: dict[str, float] = {}
    for each in header.split(","):
        media_range, *parameters = (part.strip().lower() for part in each.split(";"))
        weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        try:
            weights[media_range] = float(weight)
        except ValueError:
            weights[media_range] = 0.0
    wild = max(weights.get("*/*", 0.0), weights.get("application/*", 0.0))
    weights.setdefault(_JSON, wild)
    return sorted((each for each in _OFFERED if weights.get(each, 0.0) > 0), key=lambda each: -weights[each])


@lru_cache(_CACHED_HEADERS)
def _check_content(type_: str, encoding: str) -> None:
    """Check Content-Type and Content-Encoding. Raises BadRequest with status 415."""
    content_type, *parameters = (part.strip().lower() for part in type_.split(";"))
    if content_type != _JSON:
        raise BadRequest(f"Content-Type must be {_JSON}.", 415)
    charset = next((each.removeprefix("charset=") for each in parameters if each.startswith("charset=")), "utf-8")
    if charset.strip('"') not in {"utf-8", "utf8"}:
        raise BadRequest("The charset must be utf-8.", 415)
    if encoding.lower() != "identity":
        raise BadRequest("Content-Encoding must be absent: compressed bodies are not supported.", 415)


def _from_query(request: Request) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name in fields:
            raise BadRequest("A query parameter must not be repeated.")
        if name not in _JSON_PARAMETERS:
            fields[name] = value
        else:
            # An empty parameter is equivalent to no parameter.
            fields[name] = _decoded(value, name) if value else None
    return fields


async def _operation(payload: bytes | dict[str, Any], context: Context) -> Operation:
    """Raises BadRequest."""
    if isinstance(payload, bytes):
        if len(payload) > _LARGE_BYTES:
            await context.turn_for_body()
        return _parsed(_decoded(payload, "The body"))
    return _parsed(payload)


def _decoded(text: str | bytes, what: str) -> Any:
    try:
        return decoded(text)
    except ValueError:
        # The parser's own message does not help the client: it names a position only.
        raise BadRequest(f"{what} must be {JSON}.") from None


def _parsed(fields: Any) -> Operation:
    if not isinstance(fields, dict):
        raise BadRequest('The body must be a JSON object: {"query": "…"}.')
    text, name = fields.get("query"), fields.get("operationName")
    variables, extensions = fields.get("variables"), fields.get("extensions")
    if not isinstance(text, str):
        raise BadRequest("query is required and must be a string.")
    if not isinstance(name, str | None):
        raise BadRequest("operationName must be a string.")
    if not isinstance(variables, dict | None):
        raise BadRequest("variables must be a JSON object.")
    if not isinstance(extensions, dict | None):
        raise BadRequest("extensions must be a JSON object.")
    return Operation(text, name or None, variables)


def _error_response(error: BadRequest | RequestError | Overloaded, *, by_get: bool, newer: bool) -> Response:
    if isinstance(error, BadRequest):
        found = GraphQLError(error.message, extensions={"code": "BAD_REQUEST"})
        return _response(encoded(errors_of(found)), error.status, newer=newer)
    if isinstance(error, Overloaded):
        return _response(encoded(errors_of(overloaded(error))), 503, newer=newer)
    status = 400 if newer else 200
    if isinstance(error, OperationNotAllowed):
        status = 405 if by_get else 400
    elif isinstance(error, OperationTimeout):
        status = 503
    return _response(encoded(errors_of(*error.errors)), status, newer=newer)


def _response(body: bytes, status: int, *, newer: bool) -> Response:
    headers = _HEADERS.get(status)
    return Response(body, status, headers, f"{_GRAPHQL_RESPONSE if newer else _JSON}; charset=utf-8")


_HEADERS: Final[Mapping[int, Mapping[str, str]]] = {
    405: {"Allow": "GET, POST"},
    503: {"Retry-After": "5"},
}
