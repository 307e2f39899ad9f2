"""An operation: read and checked once for each text, then executed as often as it is sent."""

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

# Documents that are sent again and again are short. A long one takes a hundred times its length in memory, and its plan
# takes more for each field that it comes to, fragments spread.
_CHARACTERS_PER_SELECTION: Final = 10
"""What a field is charged as, at least; most are as long as that, written out."""
_KNOWN_CHARACTERS: Final = 64_000
"""Of all documents that are kept: what is kept in memory is looked through by the garbage collector, while all wait."""
_LONGEST_KNOWN: Final = 8_000
_LONGEST_CHECKED_AT_ONCE: Final = 2_000
"""A longer text is checked off the event loop: it takes up to a quarter of a second, and other requests go on."""
_FEW_SELECTIONS: Final = 500
_YOUNG: Final = 1
"""A generation of the garbage collector's, and all younger ones."""
_MAX_ERRORS: Final = 8
_LONGEST_MESSAGE: Final = 500
"""Of what is wrong with a document: it repeats names that the client made up."""
MAX_DOCUMENT_LENGTH: Final = 256 * 1024
"""Parsing is work; what is long belongs into variables."""

READING: Final = frozenset({OperationType.QUERY})
ANSWERED_ONCE: Final = frozenset({OperationType.QUERY, OperationType.MUTATION})
EVERY_KIND: Final = frozenset(OperationType)


_RULES: Final = [LiteralsFit if rule is ValuesOfCorrectTypeRule else rule for rule in graphql.specified_rules]


# As Apollo Server names them, and so clients and tools do.
PARSE_FAILED: Final = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED: Final = "GRAPHQL_VALIDATION_FAILED"
NO_OPERATION: Final = "OPERATION_RESOLUTION_FAILURE"
BAD_INPUT: Final = "BAD_USER_INPUT"
TIMEOUT: Final = "TIMEOUT"
_CODES: Final = frozenset(
    {PARSE_FAILED, VALIDATION_FAILED, NO_OPERATION, BAD_INPUT, TIMEOUT, SERVICE_UNAVAILABLE, INTERNAL_ERROR, *ErrorCode}
)


# Clients make up the names of operations, and each that metrics tell apart is a time series for as long as the process lives.
_MAX_NAMES: Final = 200
_MAX_NAMES_PER_USER: Final = 40
MAX_NAME_LENGTH: Final = 64
"""In characters. Longer names are counted as others in metrics, and cut short in logs and traces."""
_OTHERS: Final = "(others)"
_executed: Final = Counter("router_operations", "Operations that were executed", ["kind", "name"])
_failed: Final = Counter("router_errors", "Errors in answers", ["code"])


class RequestError(Exception):
    """The request cannot be executed at all: what is wrong with it, for its sender."""

    def __init__(self, *errors: GraphQLError) -> None:
        super().__init__()
        self.errors = list(errors)
        _count_errors(self.errors)


class OperationNotAllowed(RequestError):
    """This kind of operation is not answered here: a mutation over GET, say."""


class OperationTimeout(RequestError):
    """The operation was given up. What a mutation had begun, it ends."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What a client asks to be executed."""

    text: str
    name: str | None
    variables: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class CheckedOperation:
    """An operation of one user that can be executed."""

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
        """Its name, cut short, for logs and traces."""
        name = self.name
        return name if name is None or len(name) <= MAX_NAME_LENGTH else f"{name[:MAX_NAME_LENGTH]}…"

    @property
    def title(self) -> str:
        """Its kind and name, for people."""
        return f"{self.kind.value} {self.short_name}" if self.name else self.kind.value


Begin = Callable[[UUID], Awaitable[None]]
"""Waits until this user may begin another operation."""


class Offload(Protocol):
    """Does work of this user off the event loop. Raises Overloaded when too much of theirs waits already."""

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
        """`begin` waits until the user may begin an operation, and `offload` reads a long text off the event loop.

        Without introspection, errors do not suggest names either. The time limit is for queries and mutations.
        """
        self._schema = schema
        self._limits = Limits(schema, sizes)
        self._begin = begin
        self._offload = offload
        self._hide_names = not introspection
        self._rules = [*_RULES, *([] if introspection else [NoSchemaIntrospectionCustomRule])]
        self._time_limit_s = time_limit_s
        self._planner = Planner(schema, hide_names=self._hide_names, stock_executor=stock_executor)
        self._known: OrderedDict[str, _Document] = OrderedDict()
        self._known_characters = 0
        self._stops_at_s: float | None = None
        self._underway: set[asyncio.Timeout] = set()
        self._names = _Names()

    async def execute(self, operation: CheckedOperation, context: object) -> ExecutionResult:
        """The one result of a query or a mutation, its errors as clients may see them.

        Raises RequestError before anything is executed, and OperationTimeout.
        """
        self._count(operation)
        result = operation.plan.execute(operation.variables, context)
        if isawaitable(result):
            result = await self._limited(result)
        result = _as_seen(result)
        if result.data is None and result.errors and not any(error.path for error in result.errors):
            # Nothing was executed: a variable did not fit.
            raise RequestError(*_request_errors(result.errors))
        return result

    async def _limited(self, result: Awaitable[ExecutionResult]) -> ExecutionResult:
        """Raises OperationTimeout. What reads is cancelled then, in the database too; a mutation ends what it has begun."""
        now_s = asyncio.get_running_loop().time()
        limit = asyncio.timeout_at(min(now_s + self._time_limit_s, self._stops_at_s or math.inf))
        self._underway.add(limit)
        try:
            async with limit:
                return await result
        except TimeoutError:
            when = "as the server stops" if self._stops_at_s else f"after {self._time_limit_s:g} s"
            message = (
                f"The operation was given up {when}. Ask for less; a mutation may have been done: "
                "send decisions again with the same eventId."
            )
            raise OperationTimeout(_coded(GraphQLError(message), TIMEOUT)) from None
        finally:
            self._underway.discard(limit)

    def stop_within(self, seconds: float) -> None:
        """Give up then what has not ended, and whatever begins after that."""
        self._stops_at_s = asyncio.get_running_loop().time() + seconds
        for limit in self._underway:
            if not limit.expired():
                limit.reschedule(min(limit.when() or math.inf, self._stops_at_s))

    async def results(self, operation: CheckedOperation, context: object) -> AsyncGenerator[ExecutionResult]:
        """What a subscription tells, one event after the other; of a query or a mutation, its one result.

        Raises RequestError before the first, when there is none.
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
                    yield _as_seen(result)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is masked and logged
                yield _as_seen(ExecutionResult(None, [GraphQLError(str(error), original_error=error)]))

    async def checked(
        self, operation: Operation, allowed: Collection[OperationType], user_id: UUID
    ) -> CheckedOperation:
        """The operation, if it can be executed. Raises RequestError, and its kind OperationNotAllowed; Overloaded when
        too many long documents of this user wait to be checked.
        """
        await self._begin(user_id)
        text = operation.text
        document = self._known.get(text)
        if document is not None:
            self._known.move_to_end(text)
        elif len(text) <= _LONGEST_CHECKED_AT_ONCE:
            document = self._read(text)
        else:
            document = await self._offload(user_id, self._read, text)
        if document.characters <= _LONGEST_KNOWN:
            if text not in self._known:
                self._known[text] = document
                self._known_characters += document.characters
            while self._known_characters > _KNOWN_CHARACTERS:
                _, forgotten = self._known.popitem(last=False)
                self._known_characters -= forgotten.characters
        return CheckedOperation(document.plan(operation.name, allowed), operation.variables, user_id)

    def _read(self, text: str) -> _Document:
        """The document that is written so. Raises RequestError when it is none, or does not fit the schema."""
        if len(text) > MAX_DOCUMENT_LENGTH:
            too_long = f"query: must be at most {MAX_DOCUMENT_LENGTH} characters; send values as variables"
            raise RequestError(_coded(GraphQLError(too_long), PARSE_FAILED))
        try:
            document = graphql.parse(text, max_tokens=MAX_TOKENS)
            _unlink(document)
            selections = self._limits.check(document)
            errors = graphql.validate(
                self._schema, document, self._rules, max_errors=_MAX_ERRORS, hide_suggestions=self._hide_names
            )
            if selections > _FEW_SELECTIONS:
                # What validation leaves behind refers to itself, and holds the document. While it is young it is found
                # soon; later, the collector would go through everything for it, and let everybody wait.
                gc.collect(_YOUNG)
        except GraphQLError as error:
            raise RequestError(_coded(error, PARSE_FAILED)) from None
        except DocumentTooLarge as error:
            raise RequestError(_coded(GraphQLError(str(error)), VALIDATION_FAILED)) from None
        except RecursionError:
            raise RequestError(_coded(GraphQLError("The document is nested too deeply."), PARSE_FAILED)) from None
        if errors:
            raise RequestError(*(_coded(error, VALIDATION_FAILED) for error in errors))
        characters = max(len(text), selections * _CHARACTERS_PER_SELECTION)
        return _Document(self._planner, document, characters, has_directives="@" in text)

    def _count(self, operation: CheckedOperation) -> None:
        label = self._names.label(operation.name or "", operation.user_id)
        _executed.labels(operation.kind.value, label).inc()


class _Names:
    """Names of operations that metrics tell apart: a limited number in all, and few enough of one user to leave some to others."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._brought_by: Counts[UUID] = Counts()

    def label(self, name: str, user_id: UUID) -> str:
        """The name that an operation of this user is counted under."""
        if name in self._known:
            return name
        if (
            len(name) > MAX_NAME_LENGTH
            or len(self._known) >= _MAX_NAMES
            or self._brought_by[user_id] >= _MAX_NAMES_PER_USER
        ):
            return _OTHERS
        self._known.add(name)
        self._brought_by[user_id] += 1
        return name


def _unlink(document: DocumentNode) -> None:
    """Have its tokens refer to the next one alone: what refers to itself in a circle is not freed when it is done with."""
    token = document.loc.start_token if document.loc else None
    while token is not None:
        token.prev, token = None, token.next


def _as_seen(result: ExecutionResult) -> ExecutionResult:
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
    """The error, with a code that tools know, and no longer than is of use."""
    error.extensions = {**(error.extensions or {}), "code": code}
    if len(error.message) > _LONGEST_MESSAGE:
        error.message = f"{error.message[:_LONGEST_MESSAGE]}…"
    return error


class _Document:
    """A document that is valid, and the plans of those of its operations that were asked for."""

    def __init__(self, planner: Planner, document: DocumentNode, characters: int, *, has_directives: bool) -> None:
        self.characters = characters
        """What it is charged as where documents are kept."""
        self._planner = planner
        self._document = document
        self._has_directives = has_directives
        self._plans: dict[str | None, Plan] = {}

    def plan(self, name: str | None, allowed: Collection[OperationType]) -> Plan:
        """That of the operation of this name, or of the only one. Raises RequestError."""
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
                "A subscription is opened over WebSocket, by the graphql-transport-ws protocol, or by POST with the header "
                "Accept: text/event-stream."
            )
            message = by_stream if kind is OperationType.SUBSCRIPTION else f"A {kind.value} is sent by POST."
            raise OperationNotAllowed(_coded(GraphQLError(message), NO_OPERATION))
        return plan

    def _operation(self, name: str | None) -> OperationDefinitionNode:
        found = graphql.get_operation_ast(self._document, name)
        if found is None:
            unnamed = "operationName: must name one of the document's operations"
            named = f'The document holds no operation named "{name}".'
            raise RequestError(_coded(GraphQLError(unnamed if name is None else named), NO_OPERATION))
        return found
