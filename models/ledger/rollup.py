"""The statements that add calls to the rollups."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.rollup import Retention
from models.types import first_id_at

_VERSION: Final = 7
"""Of the ids made here, which tell the time."""


async def dropped_of(connection: AsyncConnection, missing: Collection[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    """Those of these rows, none of which is there, that are older than what is kept: (user_id, id)."""
    if not missing:
        return set()
    kept_from = await connection.scalar(select(func.max(Retention.kept_from)))
    if kept_from is None:
        return set()
    first_kept = first_id_at(kept_from)
    return {key for key in missing if key[1].version == _VERSION and key[1] < first_kept}


_GROUP_OF_A_DECISION: Final = (
    "r.provider, r.model_used, r.task_type, coalesce(r.priority, ''), "
    "coalesce(r.ab_test_id, '00000000000000000000000000000000'), coalesce(r.ab_variant, '')"
)


def sums_of(time: str) -> str:
    """What new decisions add to the sums of each hour or day: says in SQL what `RollupSums` does in Python."""
    usd = "CAST(r.cost AS DOUBLE PRECISION) / 1000000000"
    return (
        f"SELECT r.user_id, {time}, {_GROUP_OF_A_DECISION}, count(*), count(*) FILTER (WHERE r.success), "
        "count(*) FILTER (WHERE r.fallback_used), count(r.cost), coalesce(sum(r.cost), 0), "
        "coalesce(sum(r.input_tokens), 0), coalesce(sum(r.output_tokens), 0), count(r.latency_ms), "
        "coalesce(sum(r.latency_ms), 0), coalesce(sum(CAST(r.latency_ms AS DOUBLE PRECISION) * r.latency_ms), 0), "
        f"coalesce(sum({usd} * {usd}), 0), coalesce(sum(r.cached_tokens), 0), coalesce(sum(r.cache_write_tokens), 0), "
        "coalesce(sum(r.reasoning_tokens), 0) "
        "FROM {rows} WHERE true GROUP BY 1, 2, 3, 4, 5, 6, 7, 8"
    )


def latencies_of(time: str) -> str:
    """What new decisions add to the histograms of each hour or day."""
    return (
        f"SELECT r.user_id, {time}, {_GROUP_OF_A_DECISION}, r.latency_bucket, count(*) "
        "FROM {rows} WHERE r.latency_bucket IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9"
    )


HOUR: Final = "{hour_of_occurred_at}"
DAY: Final = "{day_of_occurred_at}"
