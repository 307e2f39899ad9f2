"""The answer to a request that failed as nobody foresaw: one that tells no more than that, and what to look for in the log."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schema.error import explained

_RETRY_AFTER_S: Final = 5
_STATUS_OF: Final = {
    "SERVICE_UNAVAILABLE": HTTPStatus.SERVICE_UNAVAILABLE,
    "OVERLOADED": HTTPStatus.SERVICE_UNAVAILABLE,
    "INTERNAL_SERVER_ERROR": HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""Whatever else it is, is the request's fault."""


class Failures:
    """Answers in place of what it wraps. An answer that had begun is broken off, so that it never looks like a whole one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def noticed(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noticed)
        except ClientDisconnect:
            return  # there is nobody to answer
        except Exception as cause:
            if begun:
                raise
            await _answer(cause)(scope, receive, send)


def _answer(cause: Exception) -> JSONResponse:
    message, extensions = explained(cause)
    errors = {"errors": [{"message": message, "extensions": extensions}]}
    status = _STATUS_OF.get(extensions["code"], HTTPStatus.BAD_REQUEST)
    headers = {"Retry-After": str(_RETRY_AFTER_S)} if status is HTTPStatus.SERVICE_UNAVAILABLE else {}
    return JSONResponse(errors, status, headers)
