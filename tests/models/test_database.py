"""The viewer's door: in it, nothing but the viewer's rows exists."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import aliased

from domain.event import Event, PreferencesChanged
from domain.viewer import Viewer
from models import RouterPreferences
from models.database import Database, ScopeError, raise_event
from models.preference import default_preferences
from server.settings import Settings

ALICE, BOB = Viewer(UUID(int=1)), Viewer(UUID(int=2))
NOW = datetime(2026, 3, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
async def _both_have_preferences(database: Database) -> None:
    for viewer, latency in ((ALICE, 100), (BOB, 200)):
        async with database.viewer(viewer, write=True) as session:
            preferences = default_preferences(viewer.id)
            preferences.max_latency_ms = latency
            session.add(preferences)
            await session.flush()


async def latencies(database: Database) -> dict[UUID, int | None]:
    async with database.system() as transaction:
        rows = await transaction.connection.execute(select(RouterPreferences.user_id, RouterPreferences.max_latency_ms))
        return {row.user_id: row.max_latency_ms for row in rows}


async def test_a_select_that_names_nobody_finds_the_viewers_rows_alone(database: Database) -> None:
    async with database.viewer(ALICE) as session:
        assert (await session.scalars(select(RouterPreferences.max_latency_ms))).all() == [100]
        assert await session.scalar(select(func.count()).select_from(RouterPreferences)) == 1
        other = aliased(RouterPreferences)
        joined = select(other.max_latency_ms).join_from(RouterPreferences, other, other.id != RouterPreferences.id)
        assert (await session.scalars(joined)).all() == []
        hidden = select(RouterPreferences.id).where(RouterPreferences.user_id == BOB.id)
        assert (await session.scalars(select(RouterPreferences).where(RouterPreferences.id.in_(hidden)))).all() == []


async def test_anothers_row_is_not_got_by_its_key(database: Database) -> None:
    async with database.viewer(ALICE) as session:
        assert await session.get(RouterPreferences, BOB.id) is None


async def test_an_update_and_a_delete_of_all_rows_reach_the_viewers_alone(database: Database) -> None:
    async with database.viewer(ALICE, write=True) as session:
        await session.execute(update(RouterPreferences).values(max_latency_ms=1))
    assert await latencies(database) == {ALICE.id: 1, BOB.id: 200}
    async with database.viewer(ALICE, write=True) as session:
        await session.execute(delete(RouterPreferences))
    assert await latencies(database) == {BOB.id: 200}


async def test_a_row_of_another_cannot_be_written(database: Database) -> None:
    with pytest.raises(ScopeError):
        async with database.viewer(ALICE, write=True) as session:
            session.add(default_preferences(UUID(int=3)))
            await session.flush()
    assert set(await latencies(database)) == {ALICE.id, BOB.id}


@pytest.mark.parametrize(
    "statement",
    [
        text("UPDATE user_router_preferences SET max_latency_ms = 0"),
        update(RouterPreferences.__table__).values(max_latency_ms=0),  # type: ignore[arg-type]
        select(RouterPreferences.__table__),
        insert(RouterPreferences).values(user_id=UUID(int=3), id=UUID(int=3)),
    ],
)
async def test_statements_that_could_go_past_the_scope_are_refused(database: Database, statement: object) -> None:
    with pytest.raises(ScopeError):
        async with database.viewer(ALICE, write=True) as session:
            await session.execute(statement)  # type: ignore[call-overload]
    assert await latencies(database) == {ALICE.id: 100, BOB.id: 200}


async def test_a_reader_can_change_nothing(database: Database) -> None:
    with pytest.raises(OperationalError):
        async with database.viewer(ALICE) as session:
            await session.execute(update(RouterPreferences).values(max_latency_ms=1))
    assert await latencies(database) == {ALICE.id: 100, BOB.id: 200}


async def test_an_event_is_published_after_its_commit_and_not_without_one(settings: Settings) -> None:
    seen: list[tuple[Event, dict[UUID, int | None]]] = []

    async def publish(events: object) -> None:
        assert isinstance(events, list)
        seen.extend([(event, await latencies(reader)) for event in events])

    reader = Database(settings.database, publish)
    database = Database(settings.database, publish)
    happened = PreferencesChanged(ALICE.id)

    # when a transaction fails after it raised an event
    with pytest.raises(ZeroDivisionError):
        async with database.viewer(ALICE, write=True) as session:
            raise_event(session, happened)
            raise ZeroDivisionError
    # then nobody hears of it
    assert seen == []

    # when it commits, then what it changed can be seen by whoever hears of it
    async with database.viewer(ALICE, write=True) as session:
        await session.execute(update(RouterPreferences).values(max_latency_ms=7))
        raise_event(session, happened)
    assert seen == [(happened, {ALICE.id: 7, BOB.id: 200})]
    await database.dispose()
    await reader.dispose()
