"""Expected errors: failures that the API returns as data. Each names the field and states the valid values."""

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
    """The base class of failures that the caller can cause or handle. The API returns them as data.

    `message` is the text for the caller. `path` is the argument and the field inside it, in the caller's spelling:
    `["input", "maxLatencyMs"]`; None when no field is at fault.
    """

    code: ClassVar[ErrorCode]

    def __init__(self, message: str, path: Sequence[str | int] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = [str(step) for step in path] or None

    def under(self, *steps: str | int) -> Self:
        """Put `steps` before the path, in place, and return this error. A caller adds the argument that it read."""
        self.path = [*(str(step) for step in steps), *(self.path or [])]
        return self

    def without_traceback(self) -> Self:
        """Remove the traceback, the context and the cause, in place, and return this error.

        A stored error would otherwise refer to the frames that store it. Such a cycle is freed by the garbage collector
        only.
        """
        self.__context__ = self.__cause__ = None
        return self.with_traceback(None)


class InvalidInput(ExpectedError):
    """An argument, or a field of it, has a value that is not valid."""

    code = ErrorCode.INVALID_INPUT


class NotFound(ExpectedError):
    """The row does not exist, or belongs to another user."""

    code = ErrorCode.NOT_FOUND


class Conflict(ExpectedError):
    """The request contradicts the stored data."""

    code = ErrorCode.CONFLICT


class Overloaded(ExpectedError):
    """A queue or a limit is full. The caller may retry after `retry_after_ms` milliseconds."""

    code = ErrorCode.OVERLOADED

    def __init__(self, message: str, retry_after_ms: int) -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms
