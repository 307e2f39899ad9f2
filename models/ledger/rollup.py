"""The statements that add calls to the rollups."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database.bulk import Grouped
from models.rollup import Retention, of_calls
from models.types import first_id_at

_VERSION: Final = 7
"""The UUID version of ids that this server makes. Their timestamp says whether retention has dropped the row."""


async def dropped_of(connection: AsyncConnection, missing: Collection[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    """The keys (user_id, id) of missing rows that retention has dropped: those older than the time from which rows are kept."""
    if not missing:
        return set()
    kept_from = await connection.scalar(select(func.max(Retention.kept_from)))
    if kept_from is None:
        return set()
    first_kept = first_id_at(kept_from)
    return {key for key in missing if key[1].version == _VERSION and key[1] < first_kept}


def sums_of(table: type[Any]) -> Grouped:
    """The sums that calls, named `r` in SQL, add to this rollup. `RollupSums` computes the same in Python."""
    key = {"user_id": "r.user_id"} | of_calls(table, "r", key=True)
    known = "r.latency_bucket IS NOT NULL" if "bucket" in key else "true"
    return Grouped(key, of_calls(table, "r", key=False), where=known)
