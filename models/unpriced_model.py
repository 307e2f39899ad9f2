"""`router_unpriced_models`: models of which a call has no known cost, and no decision that held for it.

A budget refuses such a model while the call lies in its window: nobody can say what the next one would cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import String, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.bounds import MAX_NAME_LENGTH
from models.base import Base, Owned
from models.bulk import Bulk, Rows, columns_of, find, whole

Key = tuple[UUID, str, str]
"""(user_id, provider, model)."""


class UnpricedModel(Owned, Base):
    """When the last such call occurred."""

    __tablename__ = "router_unpriced_models"

    provider: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH), primary_key=True)
    model_used: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH), primary_key=True)
    last_at: Mapped[datetime]

    __table_args__ = ({"sqlite_with_rowid": False},)


_MODEL: Final = ("user_id", "provider", "model_used")
FIND_UNPRICED: Final = find(UnpricedModel.__tablename__, _MODEL, (*_MODEL, "last_at"))

_note = Bulk(
    whole(UnpricedModel.__tablename__),
    "INSERT INTO router_unpriced_models (user_id, provider, model_used, last_at) "
    "SELECT user_id, provider, model_used, last_at FROM {rows} WHERE true ORDER BY 1, 2, 3 "
    "ON CONFLICT (user_id, provider, model_used) DO UPDATE SET last_at = CASE "
    "WHEN excluded.last_at > router_unpriced_models.last_at THEN excluded.last_at "
    "ELSE router_unpriced_models.last_at END",
)
_of_model = Rows(columns_of(UnpricedModel.__tablename__, _MODEL))
_forget = Bulk(
    _of_model,
    "DELETE FROM router_unpriced_models WHERE EXISTS (SELECT 1 FROM {rows} WHERE "
    "r.user_id = router_unpriced_models.user_id AND r.provider = router_unpriced_models.provider "
    "AND r.model_used = router_unpriced_models.model_used)",
)
_find_last = Bulk(
    _of_model,
    # By the partial index of such calls, from the latest on: ids are in the order in which calls occurred.
    "SELECT r.user_id, r.provider, r.model_used, (SELECT a.occurred_at FROM router_analytics a "
    "WHERE a.user_id = r.user_id AND a.cost IS NULL AND NOT a.assumed AND a.provider = r.provider "
    "AND a.model_used = r.model_used ORDER BY a.id DESC LIMIT 1) FROM {rows}",
    list(columns_of(UnpricedModel.__tablename__).values()),
)


async def note_unpriced(connection: AsyncConnection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Remember these calls of unknown cost, for which no decision held anything."""
    last: dict[Key, datetime] = {}
    for row in rows:
        key = (row["user_id"], row["provider"], row["model_used"])
        last[key] = max(last.get(key, row["occurred_at"]), row["occurred_at"])
    await _note.execute(connection, _rows(last))


async def recount_unpriced(connection: AsyncConnection, amended: Iterable[Mapping[str, Any]]) -> None:
    """Look again at the models of these calls, whose cost became known, where one of them was the last such call."""
    latest: dict[Key, datetime] = {}
    for row in amended:
        key = (row["user_id"], row["provider"], row["model_used"])
        latest[key] = max(latest.get(key, row["occurred_at"]), row["occurred_at"])
    kept = await FIND_UNPRICED.execute(connection, [dict(zip(_MODEL, key, strict=True)) for key in sorted(latest)])
    gone = [tuple(key) for *key, last_at in kept if latest[*key] >= last_at]
    wanted = [dict(zip(_MODEL, key, strict=True)) for key in sorted(gone)]
    found = await _find_last.execute(connection, wanted)
    await _forget.execute(connection, wanted)
    last = {(user_id, provider, model): at for user_id, provider, model, at in found if at is not None}
    await _note.execute(connection, _rows(last))


def _rows(last: Mapping[Key, datetime]) -> list[dict[str, Any]]:
    return [dict(zip(_MODEL, key, strict=True)) | {"last_at": last[key]} for key in sorted(last)]


async def unpriced_models(session: AsyncSession, user_id: UUID) -> dict[tuple[str, str], datetime]:
    """When each of the user's models last had such a call, by provider and model."""
    row = UnpricedModel
    found = await session.execute(select(row.provider, row.model_used, row.last_at).where(row.user_id == user_id))
    return {(provider, model): at for provider, model, at in found}
