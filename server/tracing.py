"""Traces by OpenTelemetry, when switched on: of requests, and of the operations in them.

Spans say what logs say: no document, variable, header or query string goes to a collector. Where that is, how much is
sampled and what this service is called is for the environment variables that OpenTelemetry defines
(https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from graphql import OperationType

from server import log
from server.graphql.operation import CheckedOperation

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

SERVICE_NAME: Final = "enterprise-router"
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
_LONGEST_STATE: Final = 512
"""Of `tracestate`, in characters: what the specification has everybody pass on."""
_EXPORT_MS: Final = 1_000
"""How often what has ended is sent."""
_SERVER_ERROR: Final = 500


class Tracing:
    """Makes spans, and has log lines name them. When it is off, they name the trace that the caller sent."""

    def __init__(self, exporter: SpanExporter | None) -> None:
        self._spans = None if exporter is None else _Spans(exporter)

    @contextmanager
    def request(self, method: str, route: str, headers: Mapping[str, str]) -> Iterator[Span | None]:
        """While the block runs, a request is answered, in the trace of its caller."""
        if self._spans is None:
            caller = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
            if caller is not None:
                log.note(trace_id=caller[1])
            yield None
            return
        with self._spans.request(method, route, headers) as span, _named_in_logs(span):
            yield span

    @contextmanager
    def operation(self, operation: CheckedOperation) -> Iterator[None]:
        """While the block runs, an operation is executed. Of subscriptions, which may last for days, nothing is told."""
        if self._spans is None or operation.kind is OperationType.SUBSCRIPTION:
            yield
            return
        with self._spans.operation(operation) as span, _named_in_logs(span):
            yield

    def shut_down(self) -> None:
        """Send what has ended. Takes a while, a few seconds at most where no collector answers."""
        if self._spans is not None:
            self._spans.provider.shutdown()


def otlp_exporter() -> SpanExporter:
    """Sends spans by OTLP over HTTP to `OTEL_EXPORTER_OTLP_ENDPOINT`, http://localhost:4318 where that is not set."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()


def answered(span: Span | None, status: int) -> None:
    """Say in a request's span how it was answered."""
    if span is None:
        return
    span.set_attribute("http.response.status_code", status)
    if status >= _SERVER_ERROR:
        from opentelemetry.trace import StatusCode

        span.set_status(StatusCode.ERROR)


class _Spans:
    """Imports OpenTelemetry, which whoever does without it need not wait for.

    Spans tell of no exception: its message may hold what was asked for. Logs have it, under an id.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        named = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": SERVICE_NAME}
        self.provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
        self.provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=_EXPORT_MS))
        self._tracer = self.provider.get_tracer(SERVICE_NAME)
        self._propagator = TraceContextTextMapPropagator()
        self._of_server = SpanKind.SERVER

    @contextmanager
    def request(self, method: str, route: str, headers: Mapping[str, str]) -> Iterator[Span]:
        attributes = {"http.request.method": method, "http.route": route}
        caller = self._propagator.extract(_of_the_caller(headers))
        with self._tracer.start_as_current_span(
            f"{method} {route}",
            caller,
            kind=self._of_server,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield span

    @contextmanager
    def operation(self, operation: CheckedOperation) -> Iterator[Span]:
        attributes = {"graphql.operation.type": operation.kind.value}
        if operation.short_name:
            attributes["graphql.operation.name"] = operation.short_name
        with self._tracer.start_as_current_span(
            operation.title, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            yield span


def _of_the_caller(headers: Mapping[str, str]) -> dict[str, str]:
    """What the caller says of its trace, but for what is too long: each span would carry it."""
    said = {name: headers.get(name, "") for name in ("traceparent", "tracestate")}
    return {name: value for name, value in said.items() if 0 < len(value) <= _LONGEST_STATE}


@contextmanager
def _named_in_logs(span: Span) -> Iterator[None]:
    entry = log.current.get()
    if entry is None:
        yield
        return
    identity, outside = span.get_span_context(), (entry.trace_id, entry.span_id)
    entry.trace_id, entry.span_id = f"{identity.trace_id:032x}", f"{identity.span_id:016x}"
    try:
        yield
    finally:
        entry.trace_id, entry.span_id = outside
