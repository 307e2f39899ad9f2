"""The public keys of an identity provider. They are fetched again when they are old or a token names an unknown key."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

import jwt

FRESH_S: Final = 300.0
"""How long a key is used before the keys are fetched again. A withdrawn key is rejected after this time."""
KEPT_S: Final = 3600.0
"""How long keys are used while the provider does not answer. After that, its tokens cannot be verified."""
REFETCH_S: Final = 10.0
"""The shortest time between two fetches, so that tokens with invented key ids put no load on the provider."""
_TIMEOUT_S: Final = 5

log = logging.getLogger(__name__)


class KeysUnavailable(Exception):
    """The keys of the identity provider cannot be read, so that the token cannot be verified."""


class UnknownKey(Exception):
    """The provider has no key with this id."""


class ProviderKeys:
    """The cached keys of a JWKS URL."""

    def __init__(self, url: str, now_s: Callable[[], float]) -> None:
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=_TIMEOUT_S)
        self._now_s = now_s
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._failure = "the keys have not been fetched yet"
        self._fetching = asyncio.Lock()

    async def key(self, key_id: str | None) -> jwt.PyJWK:
        """Return the key with this id. Raises UnknownKey or KeysUnavailable."""
        if key_id is None:
            raise UnknownKey
        if not self._holds(key_id, FRESH_S):
            async with self._fetching:
                # Another task may have fetched the keys meanwhile: check again.
                if not self._holds(key_id, FRESH_S) and self._may_fetch:
                    await self._fetch()
        if self._holds(key_id, KEPT_S):
            return self._keys[key_id]
        if self._age_s > FRESH_S:
            raise KeysUnavailable(self._failure)
        raise UnknownKey

    def _holds(self, key_id: str, age_s: float) -> bool:
        return key_id in self._keys and self._age_s <= age_s

    @property
    def _age_s(self) -> float:
        return float("inf") if self._fetched_at is None else self._now_s() - self._fetched_at

    @property
    def _may_fetch(self) -> bool:
        return self._tried_at is None or self._now_s() - self._tried_at >= REFETCH_S

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(2 * _TIMEOUT_S):
                found = await asyncio.to_thread(self._client.get_signing_keys)
        except (jwt.PyJWTError, OSError, ValueError) as error:  # ValueError: the response is not JSON
            self._failure = str(error) or type(error).__name__
            log.warning("the keys of the identity provider cannot be read: %s", self._failure)
        else:
            self._keys = {key.key_id: key for key in found if key.key_id is not None}
            self._fetched_at = self._now_s()
        finally:
            self._tried_at = self._now_s()
