"""OpenTelemetry traces of requests and of their operations, if ROUTER_TRACING is on.

Spans contain no document, variable, header or query string. The environment variables of OpenTelemetry set the collector, the
sampling and the name of the service (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
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
_LONGEST_HEADER: Final = 512
"""The longest `traceparent` or `tracestate` that is used, in characters. The specification requires at least this length."""
_EXPORT_MS: Final = 1_000
"""The interval at which ended spans are exported."""
_SERVER_ERROR: Final = 500


class Tracing:
    """Makes spans and sets the trace id and span id of log lines. Without an exporter, log lines have the caller's trace id."""

    def __init__(self, exporter: SpanExporter | None) -> None:
        self._spans = None if exporter is None else _Spans(exporter)

    @contextmanager
    def request(self, method: str, route: str, headers: Mapping[str, str]) -> Iterator[Span | None]:
        """Make a span for a request while the block runs, as a child of the caller's span. Yields None when tracing is off."""
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
        """Make a span for an operation while the block runs. Subscriptions have none, since they may last for days."""
        if self._spans is None or operation.kind is OperationType.SUBSCRIPTION:
            yield
            return
        with self._spans.operation(operation) as span, _named_in_logs(span):
            yield

    def shut_down(self) -> None:
        """Export the remaining spans. This blocks for a few seconds when the collector does not answer."""
        if self._spans is not None:
            self._spans.provider.shutdown()


def otlp_exporter() -> SpanExporter:
    """Return an exporter that sends spans by OTLP over HTTP to `OTEL_EXPORTER_OTLP_ENDPOINT`.

    The default is http://localhost:4318.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()


def answered(span: Span | None, status: int) -> None:
    """Set the status of the response in the span of a request."""
    if span is None:
        return
    span.set_attribute("http.response.status_code", status)
    if status >= _SERVER_ERROR:
        from opentelemetry.trace import StatusCode

        span.set_status(StatusCode.ERROR)


class _Spans:
    """Makes spans. OpenTelemetry is imported here, so that the start without tracing does not wait for it.

    Spans contain no exceptions, because their messages may quote the request. The logs have them, under an id.
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
        caller = self._propagator.extract(_trace_headers(headers))
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


def _trace_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The caller's trace headers, without those that are too long: each span would contain them."""
    values = {name: headers.get(name, "") for name in ("traceparent", "tracestate")}
    return {name: value for name, value in values.items() if 0 < len(value) <= _LONGEST_HEADER}


@contextmanager
def _named_in_logs(span: Span) -> Iterator[None]:
    fields = log.current.get()
    if fields is None:
        yield
        return
    context, outer = span.get_span_context(), (fields.trace_id, fields.span_id)
    fields.trace_id, fields.span_id = f"{context.trace_id:032x}", f"{context.span_id:016x}"
    try:
        yield
    finally:
        fields.trace_id, fields.span_id = outer
