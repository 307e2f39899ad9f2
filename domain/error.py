"""What a caller may do wrong. Every expected error says which field, and what would be right."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar, Self


class ErrorCode(StrEnum):
    INVALID_INPUT = "INVALID_INPUT"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    OVERLOADED = "OVERLOADED"


class ExpectedError(Exception):
    """An expected failure: the caller learns of it as data, never as a crash.

    `path` names the argument and the field inside it, in the caller's spelling: `["input", "maxLatencyMs"]`.
    """

    code: ClassVar[ErrorCode]

    def __init__(self, message: str, path: Sequence[str | int] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = [str(step) for step in path] or None

    def under(self, *steps: str | int) -> Self:
        """This expected error, as seen from further out: its path begins with these steps."""
        self.path = [*(str(step) for step in steps), *(self.path or [])]
        return self

    def kept(self) -> Self:
        """This expected error, without where it was raised: that refers to whatever keeps it, and all of it would be garbage that
        only the collector finds.
        """
        self.__context__ = self.__cause__ = None
        return self.with_traceback(None)


class InvalidInput(ExpectedError):
    code = ErrorCode.INVALID_INPUT


class NotFound(ExpectedError):
    code = ErrorCode.NOT_FOUND


class Conflict(ExpectedError):
    code = ErrorCode.CONFLICT


class Overloaded(ExpectedError):
    code = ErrorCode.OVERLOADED

    def __init__(self, message: str, retry_after_ms: int) -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms
