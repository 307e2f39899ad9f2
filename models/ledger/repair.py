"""Repair: correcting stored values that verification finds to differ from the calls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Float, Table, cast, delete, func, insert, select, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from domain.event import AlertTriggered
from domain.money import ZERO
from models.base import Base
from models.cost_alert import CostAlert
from models.database import Database
from models.database.bulk import batched
from models.database.transaction import Transaction
from models.ledger.cost_alert import evaluate
from models.queries.verification import COMPARED, Difference, Pair, Verification, compare, key_of

_REPAIRED_AT_ONCE: Final = 100
"""How many rows one transaction corrects."""
_ROUNDS: Final = 3

_tables = Base.metadata.tables
_decisions = _tables["router_decisions"]
_events = _tables["router_alert_events"]
_holds = _tables["router_holds"]
_unpriced = _tables["router_unpriced_models"]
_sequences = _tables["router_alert_sequences"]


async def repair(database: Database, user_id: UUID, now: datetime) -> list[Difference]:
    """Correct every stored value that differs from the user's calls. Returns the differences that were found.

    Writes of the user are locked for short moments only.
    """
    verification = await compare(database, user_id, now)
    found = verification.differences
    for _ in range(_ROUNDS):
        if not verification.differences:
            break
        await _Repair(database, verification).run()
        # Calls that were logged between the verification and the repair may need another round.
        verification = await compare(database, user_id, now)
    return found


class _Repair:
    """Corrects the differences that a verification found, in transactions of a few rows each.

    Calls are logged meanwhile. A wrong sum stays wrong by the same amount when calls are added to it, so it is changed by
    the difference. Other values are recomputed from the calls.
    """

    def __init__(self, database: Database, verification: Verification) -> None:
        self._database = database
        self._verification = verification
        self._user_id = verification.user_id

    async def run(self) -> None:
        differing = self._verification.differing
        for name in differing.keys() - {_decisions.name, _holds.name, _unpriced.name}:
            for some in batched(list(differing[name].items()), _REPAIRED_AT_ONCE):
                async with self._exclusive() as transaction:
                    await self._add(transaction.connection, _tables[name], some)
        ids = sorted({key[0] for name in (_decisions.name, _holds.name) for key in differing[name]})
        for some_ids in batched(ids, _REPAIRED_AT_ONCE):
            async with self._exclusive() as transaction:
                await self._settle(transaction.connection, some_ids)
        for provider, model in differing[_unpriced.name]:
            async with self._exclusive() as transaction:
                await self._note_unpriced(transaction.connection, provider, model)
        async with self._exclusive() as transaction:
            await self._fire(transaction)

    @asynccontextmanager
    async def _exclusive(self) -> AsyncIterator[Transaction]:
        """A transaction that locks all other writes of the user."""
        async with self._database.system(exclusive=[self._user_id]) as transaction:
            yield transaction

    async def _add(
        self, connection: AsyncConnection, table: Table, rows: Iterable[tuple[tuple[Any, ...], Pair]]
    ) -> None:
        columns = COMPARED[table.name]
        for values, (there, right) in rows:
            key = dict(zip(key_of(table), values, strict=True)) | {"user_id": self._user_id}
            changes = {name: _change(there, right, name) for name in columns}
            this = [table.c[name] == value for name, value in key.items()]
            # SQLite may have stored a sum as a float: convert it to an integer.
            sums = {name: _whole(table.c[name]) + change for name, change in changes.items()}
            done = await connection.execute(update(table).where(*this).values(sums))
            if not done.rowcount and right is not None:
                await connection.execute(insert(table).values({**right, **changes}))
            if "calls" in columns:
                # Sums without calls have no row.
                await connection.execute(delete(table).where(*this, table.c.calls == 0))

    async def _settle(self, connection: AsyncConnection, ids: Sequence[UUID]) -> None:
        settled, held = await Verification(connection, self._user_id, self._verification.now).of_decisions(ids)
        these = [_decisions.c.user_id == self._user_id, _decisions.c.id.in_(ids)]
        await connection.execute(update(_decisions).where(*these).values(known_cost=ZERO, unknown_calls=0))
        await connection.execute(
            update(_decisions).where(*these, _decisions.c.assumed_amount.is_not(None)).values(assumed_amount=ZERO)
        )
        for row in settled:
            this = (_decisions.c.user_id == self._user_id, _decisions.c.id == row["id"])
            await connection.execute(
                update(_decisions).where(*this).values({name: row[name] for name in COMPARED[_decisions.name]})
            )
        await connection.execute(delete(_holds).where(_holds.c.user_id == self._user_id, _holds.c.decision_id.in_(ids)))
        if held:
            await connection.execute(insert(_holds), held)

    async def _note_unpriced(self, connection: AsyncConnection, provider: str, model: str) -> None:
        last = await Verification(connection, self._user_id, self._verification.now).last_unpriced(provider, model)
        key = {"user_id": self._user_id, "provider": provider, "model_used": model}
        await connection.execute(delete(_unpriced).where(*(_unpriced.c[name] == value for name, value in key.items())))
        if last is not None:
            await connection.execute(insert(_unpriced).values(**key, last_at=last))

    async def _fire(self, transaction: Transaction) -> None:
        highest = await transaction.connection.scalar(
            select(func.max(_events.c.sequence)).where(_events.c.user_id == self._user_id)
        )
        # Never lower it, because clients hold cursors of alert events that were deleted since.
        await transaction.connection.execute(
            update(_sequences)
            .where(_sequences.c.user_id == self._user_id, _sequences.c["last"] < (highest or 0))
            .values(last=highest)
        )
        session = AsyncSession(transaction.connection, expire_on_commit=False, autoflush=False)
        alerts = await session.scalars(
            select(CostAlert).where(CostAlert.user_id == self._user_id, CostAlert.id.in_(self._verification.silent))
        )
        fired = [await evaluate(session, alert, self._verification.now) for alert in alerts.all()]
        if any(fired):
            transaction.events.append(AlertTriggered(self._user_id))


def _change(there: Mapping[str, Any] | None, right: Mapping[str, Any] | None, name: str) -> Any:
    return (0 if right is None else right[name]) - (0 if there is None else there[name])


def _whole(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return column if isinstance(column.type, Float) else type_coerce(cast(column, BigInteger), column.type)
