"""Issues tokens. `server.auth` verifies them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import jwt

from server.settings import Settings

HMAC: Final = "HS256"
USER_CLAIM: Final = "router_user_id"
"""The claim that states the user's id, whatever the subject of the token is."""


def make_token(settings: Settings, user_id: UUID, lifetime: timedelta) -> str:
    """Return a token for this user, signed with the secret of the installation.

    Raises LookupError when the installation has no secret because an identity provider issues the tokens.
    """
    secret = settings.signing_secret()
    if secret is None:
        raise LookupError("the identity provider at ROUTER_JWKS_URL issues the tokens")
    now = datetime.now(UTC)
    claims: dict[str, Any] = {"sub": str(user_id), USER_CLAIM: str(user_id), "iat": now, "exp": now + lifetime}
    if settings.jwt_issuer is not None:
        claims["iss"] = settings.jwt_issuer
    if settings.jwt_audience is not None:
        claims["aud"] = settings.jwt_audience
    return jwt.encode(claims, secret, algorithm=HMAC)
