"""Sessions of a viewer: they see and change the viewer's rows only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID

import pytest
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import aliased

from domain.event import PreferencesChanged
from domain.viewer import Viewer
from models import RouterPreferences
from models.database import Database, ScopeError, raise_event
from models.preference import default_preferences
from server.event_bus import EventBus
from server.listener import Listener
from server.settings import Settings

ALICE, BOB = Viewer(UUID(int=1)), Viewer(UUID(int=2))


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


async def test_a_select_without_a_user_finds_only_the_viewers_rows(database: Database) -> None:
    async with database.viewer(ALICE) as session:
        assert (await session.scalars(select(RouterPreferences.max_latency_ms))).all() == [100]
        assert await session.scalar(select(func.count()).select_from(RouterPreferences)) == 1
        other = aliased(RouterPreferences)
        joined = select(other.max_latency_ms).join_from(RouterPreferences, other, other.id != RouterPreferences.id)
        assert (await session.scalars(joined)).all() == []
        hidden = select(RouterPreferences.id).where(RouterPreferences.user_id == BOB.id)
        assert (await session.scalars(select(RouterPreferences).where(RouterPreferences.id.in_(hidden)))).all() == []


async def test_another_users_row_is_not_found_by_its_key(database: Database) -> None:
    async with database.viewer(ALICE) as session:
        assert await session.get(RouterPreferences, BOB.id) is None


async def test_an_update_and_a_delete_of_all_rows_change_only_the_viewers_rows(database: Database) -> None:
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
async def test_statements_that_could_leave_the_scope_are_rejected(database: Database, statement: object) -> None:
    with pytest.raises(ScopeError):
        async with database.viewer(ALICE, write=True) as session:
            await session.execute(statement)  # type: ignore[call-overload]
    assert await latencies(database) == {ALICE.id: 100, BOB.id: 200}


async def test_a_reader_can_change_nothing(database: Database) -> None:
    with pytest.raises(DBAPIError):
        async with database.viewer(ALICE) as session:
            await session.execute(update(RouterPreferences).values(max_latency_ms=1))
    assert await latencies(database) == {ALICE.id: 100, BOB.id: 200}


async def test_an_event_is_published_after_its_commit_and_not_without_one(settings: Settings) -> None:
    async with listening(settings) as (database, events), asyncio.timeout(10):
        with events.changes(ALICE.id, PreferencesChanged) as changes:
            # when a transaction fails after it raised an event, and then one commits
            with pytest.raises(ZeroDivisionError):
                async with database.viewer(ALICE, write=True) as session:
                    raise_event(session, PreferencesChanged(ALICE.id))
                    raise ZeroDivisionError
            async with database.viewer(ALICE, write=True) as session:
                await session.execute(update(RouterPreferences).values(max_latency_ms=7))
                raise_event(session, PreferencesChanged(ALICE.id))

            # then a listener receives the event once, and sees what the transaction changed
            await anext(changes)
            assert await latencies(database) == {ALICE.id: 7, BOB.id: 200}
            pending = asyncio.ensure_future(anext(changes))
            async with database.viewer(BOB, write=True) as session:
                raise_event(session, PreferencesChanged(BOB.id))
            assert not pending.done()
            pending.cancel()


@asynccontextmanager
async def listening(settings: Settings) -> AsyncIterator[tuple[Database, EventBus]]:
    """A database, and an event bus that receives the events committed there."""
    events = EventBus()
    database = Database(settings.database, events.publish)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.dispose)
        if database.url.get_backend_name() == "postgresql":
            await stack.enter_async_context(Listener(database.url, events).running())
        yield database, events
