"""A transaction: a connection in the midst of one, and what is to be said of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.event import Event


class Locks(NamedTuple):
    """The users that a transaction of the system locks: see `Database.system`."""

    shared: Collection[UUID] = ()
    exclusive: Collection[UUID] = ()
    deciding: Collection[UUID] = ()
    recording: Collection[UUID] = ()


@dataclass(slots=True)
class Transaction:
    connection: AsyncConnection
    # Told once the transaction is committed; never if it is not.
    events: list[Event] = field(default_factory=list)
    # Users whose locks another transaction has, where this one did not wait for them: it may not touch their rows.
    locked: frozenset[UUID] = frozenset()
