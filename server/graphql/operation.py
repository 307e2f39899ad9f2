"""Operations: parsed, checked and planned once per document text, then executed as often as they are sent."""

from __future__ import annotations

import asyncio
import gc
import math
from collections import Counter as Counts
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, Final, Protocol, cast
from uuid import UUID

import graphql
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    ValuesOfCorrectTypeRule,
)
from prometheus_client import Counter

from schema.enum import ErrorCode
from schema.error import INTERNAL_ERROR, SERVICE_UNAVAILABLE, masked
from schema.size import Sizes
from server.graphql.limits import MAX_TOKENS, DocumentTooLarge, Limits
from server.graphql.literal import LiteralsFit
from server.graphql.plan import Plan, Planner

# The cache of documents. Documents that are sent repeatedly are short. A parsed document takes about a hundred times the
# memory of its text, and its plan takes memory for each field, also for those of a fragment that is spread repeatedly.
_CHARACTERS_PER_SELECTION: Final = 10
"""The least that a field counts towards the size of the cache, in characters. Most fields are about as long."""
_CACHED_CHARACTERS: Final = 64_000
"""The size of the cache, in characters. A larger cache would make garbage collection slower, which blocks all requests."""
_LONGEST_CACHED: Final = 8_000
_LONGEST_CHECKED_ON_LOOP: Final = 2_000
"""A longer text is checked in the compute pool, since checking takes up to a quarter of a second."""
_FEW_SELECTIONS: Final = 500
_YOUNG_GENERATIONS: Final = 1
"""The argument of `gc.collect` for the two youngest generations."""
_FEW_ROOT_FIELDS: Final = 3
_ITERATIONS_PER_ROOT_FIELD: Final = 4
"""An operation with many root fields starts all of them at once, which takes up to ten milliseconds of the event loop. In so
many iterations per field, requests of other users go on.
"""
_REST: Final = 2.0
"""For so many times as long as its start takes, it counts as started as well: others also wait for the database."""
_SUGGESTION: Final = " Did you mean "
_MAX_ERRORS: Final = 8
_LONGEST_MESSAGE: Final = 500
"""The longest error message, in characters. Messages quote names that the client chose."""
MAX_DOCUMENT_LENGTH: Final = 256 * 1024
"""The longest document, in characters. Long values belong in variables."""

READING: Final = frozenset({OperationType.QUERY})
ANSWERED_ONCE: Final = frozenset({OperationType.QUERY, OperationType.MUTATION})
EVERY_KIND: Final = frozenset(OperationType)


_RULES: Final = [LiteralsFit if rule is ValuesOfCorrectTypeRule else rule for rule in graphql.specified_rules]


# The error codes of Apollo Server, which clients and tools know.
PARSE_FAILED: Final = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED: Final = "GRAPHQL_VALIDATION_FAILED"
NO_OPERATION: Final = "OPERATION_RESOLUTION_FAILURE"
BAD_INPUT: Final = "BAD_USER_INPUT"
TIMEOUT: Final = "TIMEOUT"
_CODES: Final = frozenset(
    {PARSE_FAILED, VALIDATION_FAILED, NO_OPERATION, BAD_INPUT, TIMEOUT, SERVICE_UNAVAILABLE, INTERNAL_ERROR, *ErrorCode}
)


# Clients choose the names of operations. Each name in the metrics is a time series for the lifetime of the process.
_MAX_NAMES: Final = 200
_MAX_NAMES_PER_USER: Final = 40
MAX_NAME_LENGTH: Final = 64
"""In characters. Metrics count longer names as others; logs and traces truncate them."""
_OTHERS: Final = "(others)"
_executed: Final = Counter("router_operations", "Executed GraphQL operations, by kind and name", ["kind", "name"])
_failed: Final = Counter("router_errors", "Errors in GraphQL responses, by code", ["code"])


class RequestError(Exception):
    """The operation is not executed, or its result is not sent. `errors` tell the client why."""

    def __init__(self, *errors: GraphQLError) -> None:
        super().__init__()
        self.errors = list(errors)
        _count_errors(self.errors)


class OperationNotAllowed(RequestError):
    """The transport does not allow this kind of operation, such as a mutation over GET."""


class OperationTimeout(RequestError):
    """The operation exceeded the time limit. A mutation that has begun to write ends all the same."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation as a client sent it: not parsed yet."""

    text: str
    name: str | None
    variables: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class CheckedOperation:
    """A valid operation of one user, with its plan."""

    plan: Plan
    variables: dict[str, Any] | None
    user_id: UUID

    @property
    def kind(self) -> OperationType:
        return self.plan.definition.operation

    @property
    def name(self) -> str | None:
        name = self.plan.definition.name
        return name.value if name else None

    @property
    def short_name(self) -> str | None:
        """The name for logs and traces, truncated."""
        name = self.name
        return name if name is None or len(name) <= MAX_NAME_LENGTH else f"{name[:MAX_NAME_LENGTH]}…"

    @property
    def title(self) -> str:
        """The kind and the name, such as `query Alerts`, for logs and traces."""
        return f"{self.kind.value} {self.short_name}" if self.name else self.kind.value


class Begin(Protocol):
    """Waits until this user may start another operation (`FairQueue.turn`)."""

    async def __call__(self, user_id: UUID, /, *, iterations: int = 1, rest: float = 0.0) -> None: ...


class Offload(Protocol):
    """Runs work of a user in the compute pool. Raises Overloaded when too much work of this user is waiting."""

    async def __call__(self, user_id: UUID, work: Callable[[str], _Document], text: str, /) -> _Document: ...


class Operations:
    """Checks operations and executes them."""

    def __init__(
        self,
        schema: GraphQLSchema,
        sizes: Sizes,
        *,
        begin: Begin,
        offload: Offload,
        introspection: bool,
        time_limit_s: float,
        stock_executor: bool = False,
    ) -> None:
        """`begin` waits until a user may start an operation; `offload` checks a long document in the compute pool.

        Without introspection, errors suggest no names of the schema. The time limit applies to queries and mutations.
        """
        self._schema = schema
        self._limits = Limits(schema, sizes)
        self._begin = begin
        self._offload = offload
        self._hide_names = not introspection
        self._rules = [*_RULES, *([] if introspection else [NoSchemaIntrospectionCustomRule])]
        self._time_limit_s = time_limit_s
        self._planner = Planner(schema, hide_names=self._hide_names, stock_executor=stock_executor)
        self._cached: OrderedDict[str, _Document] = OrderedDict()
        self._cached_characters = 0
        self._stops_at_s: float | None = None
        self._running: set[asyncio.Timeout] = set()
        self._names = _Names()

    async def execute(self, operation: CheckedOperation, context: object) -> ExecutionResult:
        """Execute a query or a mutation and return its result. Unexpected errors in it are masked.

        Raises RequestError when nothing was executed, and OperationTimeout.
        """
        self._count(operation)
        result = operation.plan.execute(operation.variables, context)
        if isawaitable(result):
            result = await self._limited(result)
        result = _masked(result)
        if result.data is None and result.errors and not any(error.path for error in result.errors):
            # Nothing was executed: a variable has an invalid value.
            raise RequestError(*_request_errors(result.errors))
        return result

    async def _limited(self, result: Awaitable[ExecutionResult]) -> ExecutionResult:
        """Await the result. Raises OperationTimeout at the time limit.

        A query is then cancelled, in the database too; a mutation that has begun to write runs to its end.
        """
        now_s = asyncio.get_running_loop().time()
        limit = asyncio.timeout_at(min(now_s + self._time_limit_s, self._stops_at_s or math.inf))
        self._running.add(limit)
        try:
            async with limit:
                return await result
        except TimeoutError:
            when = "as the server stops" if self._stops_at_s else f"after {self._time_limit_s:g} s"
            message = (
                f"The operation was cancelled {when}. Query less data. A mutation may have been executed: "
                "send calls again with the same eventId."
            )
            raise OperationTimeout(_coded(GraphQLError(message), TIMEOUT)) from None
        finally:
            self._running.discard(limit)

    def stop_within(self, seconds: float) -> None:
        """Cancel all operations after so many seconds, also those that start later."""
        self._stops_at_s = asyncio.get_running_loop().time() + seconds
        for limit in self._running:
            if not limit.expired():
                limit.reschedule(min(limit.when() or math.inf, self._stops_at_s))

    async def results(self, operation: CheckedOperation, context: object) -> AsyncGenerator[ExecutionResult]:
        """Yield the events of a subscription, or the one result of a query or a mutation.

        Raises RequestError before the first result when the operation cannot be executed.
        """
        if operation.kind is not OperationType.SUBSCRIPTION:
            yield await self.execute(operation, context)
            return
        self._count(operation)
        source = graphql.subscribe(
            self._schema,
            operation.plan.document,
            context_value=context,
            variable_values=operation.variables,
            operation_name=operation.name,
            hide_suggestions=self._hide_names,
        )
        if isawaitable(source):
            source = await source
        if isinstance(source, ExecutionResult):
            raise RequestError(*_request_errors(masked(source.errors or [])))
        async with aclosing(cast("Any", source)):
            try:
                async for result in source:
                    yield _masked(result)
            except Exception as error:  # noqa: BLE001 - every exception is masked and logged
                yield _masked(ExecutionResult(None, [GraphQLError(str(error), original_error=error)]))

    async def checked(
        self, operation: Operation, allowed: Collection[OperationType], user_id: UUID
    ) -> CheckedOperation:
        """Parse and validate an operation.

        Raises RequestError when it is invalid, OperationNotAllowed when its kind is not allowed, and Overloaded when too many
        long documents of this user wait to be checked.
        """
        await self._begin(user_id)
        text = operation.text
        document = self._cached.get(text)
        if document is not None:
            self._cached.move_to_end(text)
        elif len(text) <= _LONGEST_CHECKED_ON_LOOP:
            document = self._parsed(text)
        else:
            document = await self._offload(user_id, self._parsed, text)
        if document.characters <= _LONGEST_CACHED:
            if text not in self._cached:
                self._cached[text] = document
                self._cached_characters += document.characters
            while self._cached_characters > _CACHED_CHARACTERS:
                _, evicted = self._cached.popitem(last=False)
                self._cached_characters -= evicted.characters
        if document.root_fields > _FEW_ROOT_FIELDS:
            await self._begin(user_id, iterations=_ITERATIONS_PER_ROOT_FIELD * document.root_fields, rest=_REST)
        return CheckedOperation(document.plan(operation.name, allowed), operation.variables, user_id)

    def _parsed(self, text: str) -> _Document:
        """Parse, limit and validate a document. Raises RequestError."""
        if len(text) > MAX_DOCUMENT_LENGTH:
            too_long = f"query: must be at most {MAX_DOCUMENT_LENGTH} characters; send values as variables"
            raise RequestError(_coded(GraphQLError(too_long), PARSE_FAILED))
        try:
            document = graphql.parse(text, max_tokens=MAX_TOKENS)
            _unlink(document)
            size = self._limits.check(document)
            errors = graphql.validate(
                self._schema, document, self._rules, max_errors=_MAX_ERRORS, hide_suggestions=self._hide_names
            )
            if size.selections > _FEW_SELECTIONS:
                # Validation leaves reference cycles that hold the document. Collect them while they are young: a later
                # collection would scan all objects and block all requests.
                gc.collect(_YOUNG_GENERATIONS)
        except GraphQLError as error:
            raise RequestError(_coded(error, PARSE_FAILED)) from None
        except DocumentTooLarge as error:
            raise RequestError(_coded(GraphQLError(str(error)), VALIDATION_FAILED)) from None
        except RecursionError:
            raise RequestError(_coded(GraphQLError("The document is nested too deeply."), PARSE_FAILED)) from None
        if errors:
            if self._hide_names:
                for each in errors:
                    # `hide_suggestions` leaves one: of the selection that an object's field lacks.
                    each.message = each.message.partition(_SUGGESTION)[0]
            raise RequestError(*(_coded(error, VALIDATION_FAILED) for error in errors))
        characters = max(len(text), size.selections * _CHARACTERS_PER_SELECTION)
        return _Document(self._planner, document, characters, size.root_fields, has_directives="@" in text)

    def _count(self, operation: CheckedOperation) -> None:
        label = self._names.label(operation.name or "", operation.user_id)
        _executed.labels(operation.kind.value, label).inc()


class _Names:
    """The names of operations that are labels of metrics. Their number is limited, in all and per user."""

    def __init__(self) -> None:
        self._labels: set[str] = set()
        self._added_by: Counts[UUID] = Counts()

    def label(self, name: str, user_id: UUID) -> str:
        """The label for an operation of this user: its name, or `(others)` at a limit."""
        if name in self._labels:
            return name
        if (
            len(name) > MAX_NAME_LENGTH
            or len(self._labels) >= _MAX_NAMES
            or self._added_by[user_id] >= _MAX_NAMES_PER_USER
        ):
            return _OTHERS
        self._labels.add(name)
        self._added_by[user_id] += 1
        return name


def _unlink(document: DocumentNode) -> None:
    """Remove the references from tokens to their predecessors: without cycles, the document is freed without the collector."""
    token = document.loc.start_token if document.loc else None
    while token is not None:
        token.prev, token = None, token.next


def _masked(result: ExecutionResult) -> ExecutionResult:
    """Replace the unexpected errors of a result by errors without details, and count all of them."""
    if result.errors:
        result.errors = masked(result.errors)
        _count_errors(error for error in result.errors if error.extensions)
    return result


def _count_errors(errors: Iterable[GraphQLError]) -> None:
    for error in errors:
        code = (error.extensions or {}).get("code", BAD_INPUT)
        _failed.labels(code if code in _CODES else _OTHERS).inc()


def _request_errors(errors: list[GraphQLError]) -> list[GraphQLError]:
    return [error if error.extensions else _coded(error, BAD_INPUT) for error in errors]


def _coded(error: GraphQLError, code: str) -> GraphQLError:
    """Set the code of an error and truncate its message."""
    error.extensions = {**(error.extensions or {}), "code": code}
    if len(error.message) > _LONGEST_MESSAGE:
        error.message = f"{error.message[:_LONGEST_MESSAGE]}…"
    return error


class _Document:
    """A valid document and the plans of its operations, each made when it is first requested."""

    def __init__(
        self, planner: Planner, document: DocumentNode, characters: int, root_fields: int, *, has_directives: bool
    ) -> None:
        self.characters = characters
        """The size of the document in the cache."""
        self.root_fields = root_fields
        """The most root fields of an operation."""
        self._planner = planner
        self._document = document
        self._has_directives = has_directives
        self._plans: dict[str | None, Plan] = {}

    def plan(self, name: str | None, allowed: Collection[OperationType]) -> Plan:
        """The plan of the operation with this name, or of the only operation. Raises RequestError and OperationNotAllowed."""
        plan = self._plans.get(name)
        if plan is None:
            definition = self._operation(name)
            own_name = definition.name.value if definition.name else None
            plan = self._plans.get(own_name) or Plan(
                self._planner, self._document, definition, has_directives=self._has_directives
            )
            self._plans[name] = self._plans[own_name] = plan
        kind = plan.definition.operation
        if kind not in allowed:
            by_stream = (
                "A subscription must be sent over WebSocket, by the graphql-transport-ws protocol, or by POST with the header "
                "Accept: text/event-stream."
            )
            message = by_stream if kind is OperationType.SUBSCRIPTION else f"A {kind.value} must be sent by POST."
            raise OperationNotAllowed(_coded(GraphQLError(message), NO_OPERATION))
        return plan

    def _operation(self, name: str | None) -> OperationDefinitionNode:
        found = graphql.get_operation_ast(self._document, name)
        if found is None:
            unnamed = "operationName: must name one of the document's operations"
            named = f'The document has no operation named "{name}".'
            raise RequestError(_coded(GraphQLError(unnamed if name is None else named), NO_OPERATION))
        return found
