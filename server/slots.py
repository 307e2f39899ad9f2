"""Slots: a limit on how many sockets or subscriptions are open at once, in all and per user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from domain.error import Overloaded
from server.metrics import OPEN

_RETRY_AFTER_MS: Final = 5_000


class Slots:
    """Counts the taken slots. When all are taken, a further one is an expected error; taken slots are not revoked."""

    def __init__(self, what: str, *, in_all: int, per_user: int) -> None:
        self._what = what
        self._in_all = in_all
        self._per_user = per_user
        self._taken: Counter[UUID] = Counter()

    @property
    def taken(self) -> int:
        """The number of taken slots of all users."""
        return self._taken.total()

    @contextmanager
    def slot(self, user_id: UUID) -> Iterator[None]:
        """Take a slot while the block runs. Raises Overloaded when the limit of the user or of all users is reached."""
        if self._taken[user_id] >= self._per_user:
            raise Overloaded(f"A user has at most {self._per_user} {self._what} open at once.", _RETRY_AFTER_MS)
        if self.taken >= self._in_all:
            raise Overloaded(f"At most {self._in_all} {self._what} are open at once.", _RETRY_AFTER_MS)
        self._taken[user_id] += 1
        OPEN.labels(self._what).inc()
        try:
            yield
        finally:
            OPEN.labels(self._what).dec()
            self._taken[user_id] -= 1
            if not self._taken[user_id]:
                del self._taken[user_id]
