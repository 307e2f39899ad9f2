"""Readings that several subscribers of one user wait for, each made once for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from resolvers.shielded import shielded

_SHARED_FOR_S: Final = 1.0
"""For so long a reading is handed to others: what it says of other rows, such as how an alert stands, is of now."""

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class _Reading:
    version: Hashable
    result: asyncio.Task[Any]


class SharedReadings:
    """A thousand subscribers of one user who wait for the same rows cost the database one reading, not a thousand."""

    def __init__(self) -> None:
        self._readings: dict[Hashable, _Reading] = {}

    async def of(self, what: Hashable, version: Hashable, read: Callable[[], Coroutine[Any, Any, Made]]) -> Made:
        """The result of `read`, or of the one for the same `what`, a user's, that began at the same version of it.

        One that failed is made again.
        """
        reading = self._readings.get(what)
        if reading is None or reading.version != version or _failed(reading.result):
            reading = _Reading(version, asyncio.create_task(read()))
            self._readings[what] = reading
            asyncio.get_running_loop().call_later(_SHARED_FOR_S, self._forget, what, reading)
        result: Made = await shielded(reading.result)
        return result

    def _forget(self, what: Hashable, reading: _Reading) -> None:
        if self._readings.get(what) is reading:
            del self._readings[what]


def _failed(result: asyncio.Task[Any]) -> bool:
    return result.done() and (result.cancelled() or result.exception() is not None)
