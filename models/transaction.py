"""A transaction: a connection in the midst of one, and what is to be said of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.event import Event


@dataclass(slots=True)
class Transaction:
    connection: AsyncConnection
    # Told once the transaction is committed; never if it is not.
    events: list[Event] = field(default_factory=list)
