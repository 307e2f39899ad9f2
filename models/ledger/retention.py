"""Retention: dropping old calls and routing decisions.

Their sums and event ids stay, so that a call is never counted twice.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Uuid, bindparam, delete, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.month import Month
from models.amendment import Amendment
from models.analytics import RouterAnalytics
from models.database import Database
from models.database.postgresql import PostgreSQL
from models.decision import RoutingDecision
from models.hold import Hold
from models.incomplete import Incomplete
from models.rollup import Retention
from models.spend import SpendMinute
from models.types import first_id_at
from models.unpriced_model import UnpricedModel

_note: Final = text(
    "INSERT INTO router_incomplete (user_id, id) "
    "SELECT user_id, decision_id FROM router_analytics WHERE id < :first_kept AND decision_id >= :first_kept "
    "UNION SELECT user_id, ab_test_id FROM router_analytics WHERE id < :first_kept AND ab_counted "
    "AND ab_test_id >= :first_kept ON CONFLICT DO NOTHING"
).bindparams(bindparam("first_kept", type_=Uuid()))


async def note_incomplete(connection: AsyncConnection, kept_from: datetime) -> None:
    """Record the routing decisions and tests that start after `kept_from` and lose earlier calls. Call it before the drop."""
    first_kept = first_id_at(kept_from)
    await connection.execute(delete(Incomplete).where(Incomplete.id < first_kept))
    await connection.execute(_note, {"first_kept": first_kept})


_LONGEST_ROLLING: Final = timedelta(days=31)


async def drop_before(database: Database, moment: datetime) -> datetime:
    """Drop the calls and routing decisions of months that ended before `moment`. Returns the time from which they are kept."""
    kept_from = Month.of(moment).start
    async with database.system() as transaction:
        if not await _known(transaction.connection, kept_from):
            await transaction.connection.execute(insert(Retention).values(kept_from=kept_from))
        first_kept = first_id_at(kept_from)
        await note_incomplete(transaction.connection, kept_from)
        await transaction.connection.execute(delete(Amendment).where(Amendment.analytics_id < first_kept))
        # Rolling alerts read this far back, however much retention drops.
        still_needed = kept_from - _LONGEST_ROLLING
        await transaction.connection.execute(delete(SpendMinute).where(SpendMinute.minute < still_needed))
        await transaction.connection.execute(delete(UnpricedModel).where(UnpricedModel.last_at < still_needed))
        # A hold that spans the end of a month stays until it expires.
        expired = (Hold.decision_id < first_kept, Hold.expires_at < kept_from)
        await transaction.connection.execute(delete(Hold).where(*expired))
        if not isinstance(database.backend, PostgreSQL):
            for table in (RouterAnalytics, RoutingDecision):
                await transaction.connection.execute(delete(table).where(table.id < first_kept))
    if isinstance(database.backend, PostgreSQL):
        await database.backend.drop_partitions(kept_from)
    return kept_from


async def _known(connection: AsyncConnection, kept_from: datetime) -> bool:
    return await connection.scalar(select(Retention.kept_from).where(Retention.kept_from >= kept_from)) is not None
