"""An open transaction, its events and its locks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.event import Event


class Locks(NamedTuple):
    """The users that a system transaction locks. `Database.system` describes each kind of lock."""

    shared: Collection[UUID] = ()
    exclusive: Collection[UUID] = ()
    deciding: Collection[UUID] = ()
    recording: Collection[UUID] = ()


@dataclass(slots=True)
class Transaction:
    """A connection with an open transaction."""

    connection: AsyncConnection
    # Published after the commit; dropped on a rollback.
    events: list[Event] = field(default_factory=list)
    # Users whose locks another transaction holds, if this one does not wait. It must not change their rows.
    locked: frozenset[UUID] = frozenset()
