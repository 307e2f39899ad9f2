"""Database reads that subscribers of one user share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from resolvers.shielded import shielded

_SHARED_FOR_S: Final = 1.0
"""How long a result is shared, in seconds. It can contain rows that change without an event, such as an alert's spending."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Reading:
    version: Hashable
    result: asyncio.Task[Any]


class SharedReadings:
    """The reads that are under way or were just done. A thousand subscribers who wait for the same rows cause one read."""

    def __init__(self) -> None:
        self._readings: dict[Hashable, _Reading] = {}

    async def of(self, key: Hashable, version: Hashable, read: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """The result of `read()`, or of an earlier read with the same key and version. A failed read is repeated.

        The key must contain the user's id: users never share a read.
        """
        reading = self._readings.get(key)
        if reading is None or reading.version != version or _failed(reading.result):
            reading = _Reading(version, asyncio.create_task(read()))
            self._readings[key] = reading
            asyncio.get_running_loop().call_later(_SHARED_FOR_S, self._forget, key, reading)
        result: Result = await shielded(reading.result)
        return result

    def _forget(self, key: Hashable, reading: _Reading) -> None:
        if self._readings.get(key) is reading:
            del self._readings[key]


def _failed(result: asyncio.Task[Any]) -> bool:
    return result.done() and (result.cancelled() or result.exception() is not None)
