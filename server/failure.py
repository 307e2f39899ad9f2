"""The response to a request that failed with an unexpected exception. It has no details, only an id to find in the log."""

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
"""The statuses of errors by their code. All other errors are the client's: status 400."""


class Failures:
    """ASGI middleware that responds when the application raises.

    If the response has started, the exception is raised again and the connection closes, so that an incomplete response
    never looks complete.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_noting_start(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, send_noting_start)
        except ClientDisconnect:
            return
        except Exception as cause:
            if started:
                raise
            await _error_response(cause)(scope, receive, send)


def _error_response(cause: Exception) -> JSONResponse:
    message, extensions = explained(cause)
    errors = {"errors": [{"message": message, "extensions": extensions}]}
    status = _STATUS_OF.get(extensions["code"], HTTPStatus.BAD_REQUEST)
    headers = {"Retry-After": str(_RETRY_AFTER_S)} if status is HTTPStatus.SERVICE_UNAVAILABLE else {}
    return JSONResponse(errors, status, headers)
