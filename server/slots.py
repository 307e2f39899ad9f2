"""Slots: a limit on how many of something are open at once, in all and of one user."""

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
    """Counts what is open. A user who comes when all slots are taken is refused; what is open stays open."""

    def __init__(self, what: str, *, in_all: int, per_user: int) -> None:
        self._what = what
        self._in_all = in_all
        self._per_user = per_user
        self._taken: Counter[UUID] = Counter()

    @property
    def taken(self) -> int:
        return self._taken.total()

    @contextmanager
    def slot(self, user_id: UUID) -> Iterator[None]:
        """A slot for as long as the block runs. Raises Overloaded when there is none."""
        if self._taken[user_id] >= self._per_user:
            raise Overloaded(f"At most {self._per_user} {self._what} of a user are open at once.", _RETRY_AFTER_MS)
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
