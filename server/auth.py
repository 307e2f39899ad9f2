"""Authentication: verifies the bearer token of a request and finds its user."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import jwt
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse, Response

from domain.error import InvalidInput
from domain.subject import Subject
from domain.viewer import Viewer
from models.database import Database
from models.database.pool import DatabaseFailure
from models.queries.earlier_user import user_of
from server import log
from server.keys import KeysUnavailable, ProviderKeys, UnknownKey
from server.settings import Settings
from server.token import HMAC, USER_CLAIM

__all__ = [
    "Authenticator",
    "CannotVerify",
    "ForeignPage",
    "TokenExpired",
    "Unauthenticated",
    "bearer_token",
    "error_response",
]

_PUBLIC_KEY_ALGORITHMS: Final = ("RS256", "ES256")
TRUST_S: Final = 30.0
"""How long a verified token is accepted without verifying it again."""
_MAX_TRUSTED_TOKENS: Final = 10_000
_OWN_SITES: Final = frozenset({"same-origin", "none"})
"""The values of Sec-Fetch-Site for requests of the server's own pages, and of the user, such as from the address bar."""

_log: Final = logging.getLogger(__name__)


class Unauthenticated(Exception):
    """The token is missing or invalid. The message tells the client why."""


class TokenExpired(Exception):
    """The token of a request expired while the request was being processed."""


class CannotVerify(Exception):
    """The token cannot be verified now. The message says whether the identity provider or the database is unavailable."""


class ForeignPage(Exception):
    """A browser sent the request for a web page whose origin is not allowed."""

    def __init__(self) -> None:
        super().__init__(
            "A web page of another origin may not send this request: list its origin in ROUTER_CORS_ORIGINS."
        )


class Authenticator:
    """Verifies tokens with the keys of the settings, and maps their subjects to users in the database."""

    def __init__(self, settings: Settings, database: Database, now_s: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._secrets = settings.verifying_secrets()
        self._provider = ProviderKeys(str(settings.jwks_url), now_s) if settings.jwks_url else None
        self._issuer = settings.jwt_issuer
        self._audience = settings.jwt_audience
        self._allowed_origins = frozenset(settings.allowed_origins)
        self._leeway = timedelta(seconds=settings.jwt_leeway_s)
        self._now_s = now_s
        # Verifying a token takes longer than executing most requests. A verified token is therefore trusted for a while.
        self._trusted: dict[str, tuple[Viewer, float]] = {}

    async def sender(self, headers: Mapping[str, str]) -> Viewer:
        """Return the user who sent an HTTP request with these headers, whose names are in lower case.

        Raises Unauthenticated, CannotVerify, and ForeignPage.
        """
        # A page cannot set the Authorization header of a request to another origin unless a preflight allowed it. A proxy
        # that adds this header by a cookie adds it to requests of every page: those are recognized by what the browser says.
        site = headers.get("sec-fetch-site", "none").strip().lower()
        if site not in _OWN_SITES and headers.get("origin") not in self._allowed_origins:
            raise ForeignPage
        return await self.viewer(bearer_token(headers.get("authorization")))

    async def viewer(self, token: Any) -> Viewer:
        """Return the user of this token. Raises Unauthenticated when it is invalid, or CannotVerify."""
        if not isinstance(token, str):
            raise Unauthenticated("The token must be a string.")
        now_s = self._now_s()
        viewer, trusted_until_s = self._trusted.get(token, (None, now_s))
        if viewer is None or trusted_until_s <= now_s:
            viewer = await self._verified(token)
            if len(self._trusted) >= _MAX_TRUSTED_TOKENS:
                self._trusted.clear()
            self._trusted[token] = (viewer, now_s + min(seconds_left(viewer), TRUST_S))
        log.note(user_id=viewer.id)
        return viewer

    async def _verified(self, token: str) -> Viewer:
        try:
            header = jwt.get_unverified_header(token)
            algorithm = str(header.get("alg"))
            claims = self._claims(token, algorithm, await self._keys(algorithm, header.get("kid")))
            user_id = await self._user_id(claims, external=algorithm != HMAC)
            return Viewer(user_id, datetime.fromtimestamp(math.floor(claims["exp"]), UTC) + self._leeway)
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("The token has expired.") from None
        except jwt.ImmatureSignatureError:
            raise Unauthenticated("The token is not valid yet.") from None
        except jwt.MissingRequiredClaimError as error:
            raise Unauthenticated(f"The token has no {error.claim}.") from None
        except InvalidInput as error:
            raise Unauthenticated(f"The token's {error.message}.") from None
        except KeysUnavailable:
            raise CannotVerify("The identity provider does not answer; try again.") from None
        except (jwt.PyJWTError, UnknownKey, ValueError, TypeError, OverflowError, RecursionError, OSError):
            # The library does not handle every malformed token: a time after the year 9999, for example, or thousands of
            # brackets raise other errors than its own.
            raise Unauthenticated("The token is not valid here.") from None

    async def _user_id(self, claims: dict[str, Any], *, external: bool) -> UUID:
        subject = Subject.checked(claims["sub"], claims.get("iss"), external=external)
        if not external and USER_CLAIM in claims:
            stated = Subject.checked(claims[USER_CLAIM], None, external=False).stated_id
            if stated is None:
                raise InvalidInput(f"{USER_CLAIM}: must be a UUID", [USER_CLAIM])
            return stated
        try:
            user_id = await user_of(self._database, subject)
        except (SQLAlchemyError, DatabaseFailure, OSError):
            _log.warning("the user of a token could not be looked up", exc_info=True)
            raise CannotVerify("The database does not answer; try again.") from None
        if user_id is None:
            raise InvalidInput("sub: is the id of a user who belongs to another subject", ["sub"])
        return user_id

    async def _keys(self, algorithm: str, key_id: str | None) -> Sequence[str | jwt.PyJWK]:
        """The keys that a token of this algorithm may be signed with. Raises jwt.InvalidAlgorithmError when there are none."""
        # The algorithm selects the kind of key. A public key is therefore never used as a shared secret.
        if algorithm == HMAC and self._secrets:
            return self._secrets
        if algorithm in _PUBLIC_KEY_ALGORITHMS and self._provider is not None:
            return [await self._provider.key(key_id)]
        raise jwt.InvalidAlgorithmError

    def _claims(self, token: str, algorithm: str, keys: Sequence[str | jwt.PyJWK]) -> dict[str, Any]:
        *others, last = keys
        for key in others:
            with suppress(jwt.InvalidSignatureError):
                return self._decoded(token, algorithm, key)
        return self._decoded(token, algorithm, last)

    def _decoded(self, token: str, algorithm: str, key: str | jwt.PyJWK) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=self._issuer,
            audience=self._audience,
            leeway=self._leeway,
            options={"require": ["sub", "exp"], "verify_aud": self._audience is not None},
        )


def seconds_left(viewer: Viewer) -> float:
    """The seconds until the viewer's token expires: negative after that, infinite when it never expires."""
    return math.inf if viewer.expires_at is None else (viewer.expires_at - datetime.now(UTC)).total_seconds()


async def while_token_valid(viewer: Viewer, body: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Yield the blocks of the body while the viewer's token is valid.

    Raises TokenExpired when the token expires before the body ends.
    """
    blocks = aiter(body)
    while True:
        left_s = seconds_left(viewer)
        if left_s <= 0:
            raise TokenExpired
        try:
            async with asyncio.timeout(None if left_s == math.inf else left_s):
                block = await anext(blocks)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise TokenExpired from None
        yield block


def bearer_token(authorization: Any) -> str:
    """Return the token of an Authorization header. Raises Unauthenticated when the value is not a bearer token."""
    scheme, _, token = authorization.partition(" ") if isinstance(authorization, str) else ("", "", "")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("A token is required: send the header Authorization: Bearer …")
    return token.strip()


def error_response(error: Unauthenticated | CannotVerify | ForeignPage) -> Response:
    """The response to a request that is not authenticated, with a GraphQL error as its body: status 401, 403 or 503."""
    if isinstance(error, ForeignPage):
        body = {"message": str(error), "extensions": {"code": "FORBIDDEN"}}
        return JSONResponse({"errors": [body]}, status_code=403)
    if isinstance(error, CannotVerify):
        body = {"message": str(error), "extensions": {"code": "SERVICE_UNAVAILABLE"}}
        return JSONResponse({"errors": [body]}, status_code=503, headers={"Retry-After": "5"})
    body = {"message": str(error), "extensions": {"code": "UNAUTHENTICATED"}}
    return JSONResponse({"errors": [body]}, status_code=401, headers={"WWW-Authenticate": "Bearer"})
