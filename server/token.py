"""Tokens that this server makes. `server.auth` verifies them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import jwt

from server.settings import Settings

HMAC: Final = "HS256"
USER_CLAIM: Final = "router_user_id"
"""The user's id as it is, whichever subject it is of."""


def make_token(settings: Settings, user_id: UUID, lifetime: timedelta) -> str:
    """A token for this user, signed with the installation's secret. Raises LookupError when it has none."""
    secret = settings.signing_secret()
    if secret is None:
        raise LookupError("tokens come from the identity provider at ROUTER_JWKS_URL")
    now = datetime.now(UTC)
    claims: dict[str, Any] = {"sub": str(user_id), USER_CLAIM: str(user_id), "iat": now, "exp": now + lifetime}
    if settings.jwt_issuer is not None:
        claims["iss"] = settings.jwt_issuer
    if settings.jwt_audience is not None:
        claims["aud"] = settings.jwt_audience
    return jwt.encode(claims, secret, algorithm=HMAC)
