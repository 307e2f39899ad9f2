"""Logs: on standard error, a JSON object for each line, with the request that it was written for."""

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
class RequestEntry:
    """What lines say of the request that is being answered. No token, no document, no variable is in it."""

    request_id: str
    trace_id: str | None = None
    """Of W3C Trace Context: 32 hexadecimal digits."""
    span_id: str | None = None
    user_id: UUID | None = None
    operation: str | None = None
    """Its kind and name: `query Alerts`."""


current: Final[ContextVar[RequestEntry | None]] = ContextVar("request", default=None)


def note(**facts: Any) -> None:
    """Have the lines of the current request, if there is one, say this as well."""
    if (entry := current.get()) is not None:
        for name, value in facts.items():
            setattr(entry, name, value)


def configure(level: str) -> None:
    """Write what this process logs, from this level on; of libraries, warnings and worse."""
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
        entry = current.get()
        if entry is None:
            return
        for name in RequestEntry.__slots__:
            if (value := getattr(entry, name)) is not None:
                log_data[name] = str(value)
