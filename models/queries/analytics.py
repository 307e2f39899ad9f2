"""Reading calls."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.ab_test import PastCall
from domain.analytics import AnalyticsFilter, LogAnalytics
from domain.money import ZERO
from domain.page import Page
from domain.window import Window
from models.analytics import RouterAnalytics
from models.database.page import newest_first
from models.database.raw_row import RawFields
from models.queries.provider_alias import resolved
from models.types import first_id_at, last_id_at, raw


def matching(wanted: AnalyticsFilter) -> list[ColumnElement[bool]]:
    """The conditions of this filter. A time range also bounds the id, so that the primary key serves the search."""
    row = RouterAnalytics
    conditions: list[ColumnElement[bool]] = []
    if wanted.from_ is not None:
        conditions += [row.id >= first_id_at(wanted.from_), row.occurred_at >= wanted.from_]
    if wanted.to is not None:
        conditions += [row.id <= last_id_at(wanted.to), row.occurred_at < wanted.to]
    if wanted.providers is not None:
        conditions.append(row.provider.in_(wanted.providers))
    conditions += matching_models(row, wanted)
    if wanted.task_types is not None:
        conditions.append(row.task_type.in_(wanted.task_types))
    if wanted.ab_test_id is not None:
        conditions.append(row.ab_test_id == wanted.ab_test_id)
    if wanted.success is not None:
        conditions.append(row.success.is_(wanted.success))
    if wanted.fallback_used is not None:
        conditions.append(row.fallback_used.is_(wanted.fallback_used))
    return conditions


def matching_models(table: Any, wanted: AnalyticsFilter) -> list[ColumnElement[bool]]:
    """The condition of the filter on models, for a table of calls or of rollups; empty if the filter has none."""
    if wanted.models is None:
        return []
    pairs = [and_(table.provider == provider, table.model_used == model) for provider, model in wanted.models_of]
    return [or_(table.model_used.in_(wanted.models), *pairs)]


async def analytics_page(
    session: AsyncSession,
    user_id: UUID,
    wanted: AnalyticsFilter,
    *,
    first: int | None,
    after: str | None,
    only: frozenset[str],
    fields: RawFields | None,
) -> Page[RouterAnalytics]:
    """A page of the user's calls that match the filter, newest first: rows of these attributes, or JSON text with `fields`."""
    conditions = matching(await resolved(session, user_id, wanted))
    return await newest_first(
        session, RouterAnalytics, user_id, conditions, first=first, after=after, only=only, fields=fields
    )


async def spent_in(session: AsyncSession, user_id: UUID, window: Window) -> Decimal:
    """The known cost of the user's calls in this window, USD, read from the calls."""
    in_window = matching(AnalyticsFilter(from_=window.start, to=window.end))
    spent = await session.scalar(
        select(func.sum(RouterAnalytics.cost)).where(RouterAnalytics.user_id == user_id, *in_window)
    )
    return spent or ZERO


async def past_calls(session: AsyncSession, user_id: UUID, task_type: str | None, limit: int) -> list[PastCall]:
    """The user's latest calls, newest first: those of a task type, or all for None."""
    row = RouterAnalytics
    statement = select(row.input_tokens, row.output_tokens, row.cost).where(row.user_id == user_id)
    if task_type is not None:
        statement = statement.where(row.task_type == task_type)
    return [PastCall(*found) for found in await session.execute(statement.order_by(row.id.desc()).limit(limit))]


async def analytics_by_id(session: AsyncSession, user_id: UUID, ids: Sequence[UUID]) -> dict[UUID, RouterAnalytics]:
    """The user's calls with these ids, by id. Ids of other calls are left out."""
    rows = await session.scalars(
        select(RouterAnalytics).where(RouterAnalytics.user_id == user_id, RouterAnalytics.id.in_(ids))
    )
    return {row.id: row for row in rows}


REPORTED: Final = tuple(name for name in LogAnalytics.model_fields if name != "unit_key")
"""The fields of a logged call that can be read back. The unit key is not stored, only the group of the unit."""

_AS_SENT: Final[dict[str, Any]] = {
    "provider": func.coalesce(RouterAnalytics.reported_provider, RouterAnalytics.provider),
    "model_used": func.coalesce(RouterAnalytics.reported_model, RouterAnalytics.model_used),
    "metadata": raw(RouterAnalytics.metadata_),
}
_reported = select(
    RouterAnalytics.id,
    *(_AS_SENT[name] if name in _AS_SENT else getattr(RouterAnalytics, name) for name in REPORTED),
)


async def reported(
    session: AsyncSession, user_id: UUID, conditions: Sequence[ColumnElement[bool]], limit: int
) -> Sequence[Row[Any]]:
    """Up to `limit` of the user's calls, oldest first. Each row has the id, then the fields in the order of REPORTED."""
    row = RouterAnalytics
    found = await session.execute(
        _reported.where(row.user_id == user_id, *conditions).order_by(row.user_id, row.id).limit(limit)
    )
    return found.all()
