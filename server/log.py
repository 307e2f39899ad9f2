"""Logging: JSON lines on standard error, with the fields of the current request."""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from pythonjsonlogger.core import LogData
from pythonjsonlogger.json import JsonFormatter

_OURS: Final = ("server", "schema", "resolvers", "models")


@dataclass(slots=True)
class RequestFields:
    """The fields of the current request in log lines. They never contain tokens, documents or variables."""

    request_id: str
    trace_id: str | None = None
    """The trace id of W3C Trace Context: 32 hexadecimal digits."""
    span_id: str | None = None
    user_id: UUID | None = None
    operation: str | None = None
    """The kind and the name of the operation, such as `query Alerts`."""


current: Final[ContextVar[RequestFields | None]] = ContextVar("request", default=None)


def note(**values: Any) -> None:
    """Set these fields of the current request, if there is one."""
    if (fields := current.get()) is not None:
        for name, value in values.items():
            setattr(fields, name, value)


def configure(level: str) -> None:
    """Configure logging: lines of this application from `level` on, those of libraries from warning on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Formatter(
            ["levelname", "process", "name", "message"],
            rename_fields={"levelname": "level", "process": "pid", "name": "logger"},
            timestamp=True,
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(level.upper())


class _Formatter(JsonFormatter):
    def add_fields(self, log_data: LogData, record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        super().add_fields(log_data, record, message_dict)
        fields = current.get()
        if fields is None:
            return
        for name in RequestFields.__slots__:
            if (value := getattr(fields, name)) is not None:
                log_data[name] = str(value)
