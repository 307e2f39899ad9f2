"""Keeps `router_unpriced_models`: when each model last had a call of unknown cost that no hold covered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from models.database.bulk import Bulk, Rows, columns_of, whole
from models.queries.unpriced_model import FIND_UNPRICED
from models.unpriced_model import MODEL, UnpricedModel, UserModelKey

_note = Bulk(
    whole(UnpricedModel.__tablename__),
    "INSERT INTO router_unpriced_models (user_id, provider, model_used, last_at) "
    "SELECT user_id, provider, model_used, last_at FROM {rows} WHERE true ORDER BY 1, 2, 3 "
    "ON CONFLICT (user_id, provider, model_used) DO UPDATE SET last_at = CASE "
    "WHEN excluded.last_at > router_unpriced_models.last_at THEN excluded.last_at "
    "ELSE router_unpriced_models.last_at END",
)
_of_model = Rows(columns_of(UnpricedModel.__tablename__, MODEL))
_forget = Bulk(
    _of_model,
    "DELETE FROM router_unpriced_models WHERE EXISTS (SELECT 1 FROM {rows} WHERE "
    "r.user_id = router_unpriced_models.user_id AND r.provider = router_unpriced_models.provider "
    "AND r.model_used = router_unpriced_models.model_used)",
)
_find_last = Bulk(
    _of_model,
    # Uses the partial index of calls of unknown cost. Ids are in the order in which calls occurred.
    "SELECT r.user_id, r.provider, r.model_used, (SELECT a.occurred_at FROM router_analytics a "
    "WHERE a.user_id = r.user_id AND a.cost IS NULL AND NOT a.assumed AND a.provider = r.provider "
    "AND a.model_used = r.model_used ORDER BY a.id DESC LIMIT 1) FROM {rows}",
    list(columns_of(UnpricedModel.__tablename__).values()),
)


async def note_unpriced(connection: AsyncConnection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Record the models of these calls, which are of unknown cost and covered by no hold."""
    last: dict[UserModelKey, datetime] = {}
    for row in rows:
        key = (row["user_id"], row["provider"], row["model_used"])
        last[key] = max(last.get(key, row["occurred_at"]), row["occurred_at"])
    await _note.execute(connection, _rows(last))


async def recount_unpriced(connection: AsyncConnection, amended: Iterable[Mapping[str, Any]]) -> None:
    """Recompute the rows of the models of these calls, whose cost became known, if one of them was the latest."""
    latest: dict[UserModelKey, datetime] = {}
    for row in amended:
        key = (row["user_id"], row["provider"], row["model_used"])
        latest[key] = max(latest.get(key, row["occurred_at"]), row["occurred_at"])
    kept = await FIND_UNPRICED.execute(connection, [dict(zip(MODEL, key, strict=True)) for key in sorted(latest)])
    gone = [tuple(key) for *key, last_at in kept if latest[*key] >= last_at]
    wanted = [dict(zip(MODEL, key, strict=True)) for key in sorted(gone)]
    found = await _find_last.execute(connection, wanted)
    await _forget.execute(connection, wanted)
    last = {(user_id, provider, model): at for user_id, provider, model, at in found if at is not None}
    await _note.execute(connection, _rows(last))


def _rows(last: Mapping[UserModelKey, datetime]) -> list[dict[str, Any]]:
    return [dict(zip(MODEL, key, strict=True)) | {"last_at": last[key]} for key in sorted(last)]
