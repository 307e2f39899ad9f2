"""Group commit: it is fair to users, keeps the order of each user, and isolates failures."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

import models.ledger.group_commit
from domain.error import Conflict, InvalidInput, Overloaded
from models.database.pool import DatabaseFailure
from models.ledger.group_commit import LOCKED, GroupCommit, Locked
from tests.support.load import until

HEAVY, QUIET, OTHER = (UUID(int=n) for n in range(1, 4))
Item = tuple[UUID, Any]


class BadData(DatabaseFailure):
    """An error that the written data causes."""


class Backend:
    def may_succeed_again(self, _error: Exception) -> bool:
        return False

    def blames_the_data(self, error: Exception) -> bool:
        return isinstance(error, BadData)


class Store:
    """A database that records each commit, and waits before each until the test releases it."""

    def __init__(self) -> None:
        self.tried: list[list[Item]] = []
        self.commits: list[list[Item]] = []
        self.bad: Callable[[Item], Exception | None] = lambda _item: None
        self.locked: set[UUID] = set()
        self.unlocked = asyncio.Event()
        self.held: Callable[[Sequence[Item]], bool] = lambda _items: False
        self.open = asyncio.Event()
        self.open.set()
        self.on_commit: Callable[[Sequence[Item]], None] = lambda _items: None

    async def __call__(self, items: Sequence[Item], wait: bool) -> list[Any | Locked]:
        self.tried.append(list(items))
        if self.held(items) or (wait and any(user in self.locked for user, _ in items)):
            await self.unlocked.wait()
        await self.open.wait()
        await asyncio.sleep(0)
        for item in items:
            if error := self.bad(item):
                raise error
        free = [item for item in items if wait or item[0] not in self.locked]
        self.on_commit(free)
        self.commits.append(free)
        return [("stored", item) if wait or item[0] not in self.locked else LOCKED for item in items]

    @property
    def stored(self) -> list[Item]:
        return [item for commit in self.commits for item in commit]


class Time:
    """A clock that advances by the stated duration of each commit, and by a little on each reading."""

    def __init__(self, seconds_of: Callable[[Sequence[Item]], float] = lambda _items: 0.0) -> None:
        self.now = 0.0
        self.seconds_of = seconds_of

    def monotonic(self) -> float:
        self.now += 0.002
        return self.now

    def commit(self, items: Sequence[Item]) -> None:
        self.now += self.seconds_of(items)


@pytest.fixture(autouse=True)
def _time_of_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the clock, so that the load of this machine makes no commit slow."""
    monkeypatch.setattr(models.ledger.group_commit, "time", Time())


Commits = GroupCommit[Item, Any]


def group_commit(store: Store, *, commits_at_once: int = 1, **most: int) -> Commits:
    backend: Any = Backend()
    return GroupCommit(
        "tests", backend, store, lambda item: item[0], commits_at_once=commits_at_once, limited=False, **most
    )


@pytest.fixture
async def store() -> Store:
    return Store()


@pytest.fixture
async def commits(store: Store) -> AsyncIterator[Commits]:
    commits = group_commit(store)
    async with commits.running():
        yield commits
        store.open.set()
        store.unlocked.set()


def batch(user: UUID, size: int, name: str = "") -> list[Item]:
    return [(user, f"{name}{number}") for number in range(size)]


async def submitted(commits: Commits, items: Sequence[Item]) -> asyncio.Task[list[Any]]:
    task = asyncio.create_task(commits.submit(items))
    await asyncio.sleep(0)
    return task


@pytest.mark.parametrize("sizes", [[1_000] * 10, [20_000], [1] * 3_000, [250] * 40], ids=len)
async def test_a_quiet_users_item_is_in_the_next_commit_whatever_another_has_waiting(
    commits: Commits, store: Store, sizes: list[int]
) -> None:
    # given a user with many waiting items, while a commit of theirs is under way
    store.open.clear()
    heavy = [await submitted(commits, batch(HEAVY, size, f"{n}:")) for n, size in enumerate(sizes)]
    await until(lambda: len(store.tried) == 1)
    # when an item of another user comes
    quiet = await submitted(commits, batch(QUIET, 1))
    store.open.set()
    assert await quiet == [("stored", (QUIET, "0"))]
    # then it is in the next commit
    assert [QUIET in {user for user, _ in commit} for commit in store.tried[:2]] == [False, True]
    # and all items of the first user are stored too, in order
    await asyncio.gather(*heavy)
    assert [item for item in store.stored if item[0] == HEAVY] == [
        item for n, size in enumerate(sizes) for item in batch(HEAVY, size, f"{n}:")
    ]


async def test_users_with_many_items_have_equal_shares_of_each_commit(commits: Commits, store: Store) -> None:
    store.open.clear()
    first = await submitted(commits, batch(OTHER, 1))
    await until(lambda: len(store.tried) == 1)
    waiting = [await submitted(commits, batch(UUID(int=n), 1_000)) for n in range(10, 20)]
    small = await submitted(commits, batch(QUIET, 3))
    store.open.set()
    await asyncio.gather(first, small, *waiting)
    # users with few items come first, and users with many share the next commit
    assert store.commits[1] == batch(QUIET, 3)
    shares = Counter(user for user, _ in store.commits[2])
    assert shares == {UUID(int=n): 200 for n in range(10, 20)}


@given(
    submissions=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 30)), max_size=30),
    locked=st.sets(st.integers(1, 4)),
    bad=st.sets(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=3),
    most=st.integers(1, 20),
    at_once=st.integers(1, 3),
)
async def test_each_item_is_stored_once_and_in_its_users_order(
    submissions: list[tuple[int, int]], locked: set[int], bad: set[tuple[int, int]], most: int, at_once: int
) -> None:
    store = Store()
    store.locked = {UUID(int=number) for number in locked}
    store.bad = lambda item: BadData() if item[1] in bad else None
    commits = group_commit(store, commits_at_once=at_once, most=most)
    items = [[(UUID(int=user), (n, index)) for index in range(size)] for n, (user, size) in enumerate(submissions)]
    async with commits.running():
        tasks = [await submitted(commits, each) for each in items[: most * 10 // 30]]
        store.unlocked.set()
        answers = await asyncio.gather(*tasks)
    for sent, answer in zip(items, answers, strict=False):
        assert [
            outcome == ("stored", item) or isinstance(outcome, InvalidInput)
            for item, outcome in zip(sent, answer, strict=True)
        ] == [True] * len(sent)
        assert all(
            isinstance(outcome, InvalidInput) for item, outcome in zip(sent, answer, strict=True) if item[1] in bad
        )
    acknowledged = [outcome[1] for answer in answers for outcome in answer if not isinstance(outcome, InvalidInput)]
    assert Counter(store.stored) == Counter(acknowledged)
    for user in {user for user, _ in store.stored}:
        own = [item for item in store.stored if item[0] == user]
        assert own == sorted(own)


async def test_where_one_user_fills_the_queue_others_still_have_room(commits: Commits, store: Store) -> None:
    # given a user with as many waiting items as allowed
    store.open.clear()
    limit = models.ledger.group_commit.QUEUED_TIMES * models.ledger.group_commit.MAX_COMMIT
    first = await submitted(commits, batch(HEAVY, 1))
    await until(lambda: len(store.tried) == 1)
    heavy = [await submitted(commits, batch(HEAVY, 1_000)) for _ in range(limit // 1_000)]
    # then no more of their items are accepted
    with pytest.raises(Overloaded):
        await commits.submit(batch(HEAVY, 1))
    # and items of others are, up to an equal share each
    others = [await submitted(commits, batch(UUID(int=n), 1_000)) for n in range(10, 20)]
    with pytest.raises(Overloaded):
        await commits.submit(batch(UUID(int=10), 2_000))
    # a submission of both is accepted as a whole or not at all
    with pytest.raises(Overloaded):
        await commits.submit([*batch(UUID(int=30), 1), *batch(HEAVY, 1)])
    commits.check_room({UUID(int=30): 1})
    store.open.set()
    await asyncio.gather(first, *heavy, *others)
    assert len(store.stored) == 1 + limit + 10 * 1_000


async def test_users_who_make_a_commit_fail_are_found_within_few_tries_and_others_are_stored(
    commits: Commits, store: Store
) -> None:
    # given a commit of a hundred users, one of whom has items that cannot be stored
    store.bad = lambda item: BadData() if item[0] == UUID(int=150) and item[1] in {"1", "7"} else None
    store.open.clear()
    first = await submitted(commits, batch(OTHER, 1))
    await until(lambda: len(store.tried) == 1)
    users = [UUID(int=n) for n in range(100, 200)]
    tasks = {user: await submitted(commits, batch(user, 10)) for user in users}
    store.open.set()
    answers = dict(zip(tasks, await asyncio.gather(*tasks.values()), strict=True))
    await first
    # then these alone are rejected
    rejected = [
        (user, index) for user in users for index, each in enumerate(answers[user]) if isinstance(each, InvalidInput)
    ]
    assert rejected == [(UUID(int=150), 1), (UUID(int=150), 7)]
    assert len(store.stored) == 1 + 100 * 10 - 2
    # and it took few transactions: two for each halving of the users, and of the user's items
    assert len(store.tried) <= 2 + 2 * 7 + 2 * 2 * 4
    # and what the user sends next is committed apart
    store.open.clear()
    before = len(store.tried)
    again = [await submitted(commits, batch(user, 1, "again")) for user in (OTHER, UUID(int=150), QUIET)]
    store.open.set()
    await asyncio.gather(*again)
    assert [
        user for tried in store.tried[before:] for user in {user for user, _ in tried} if len({u for u, _ in tried}) > 1
    ].count(UUID(int=150)) == 0


@pytest.mark.parametrize("bad_users", [1, 3, 100])
async def test_with_many_unstorable_items_the_tries_are_bounded_and_every_item_has_an_outcome(
    commits: Commits, store: Store, bad_users: int
) -> None:
    store.bad = lambda item: BadData() if item[0].int >= 100 else None
    good = [await submitted(commits, batch(UUID(int=n), 2)) for n in range(10, 20)]
    bad = [await submitted(commits, batch(UUID(int=100 + n), 1_000 // bad_users)) for n in range(bad_users)]
    for answer in await asyncio.gather(*good):
        assert [outcome[0] for outcome in answer] == ["stored"] * 2
    for answer in await asyncio.gather(*bad):
        assert {type(outcome) for outcome in answer} == {InvalidInput}
    commits_of_each = -(
        -(1_000 // bad_users) // (models.ledger.group_commit.MAX_COMMIT // models.ledger.group_commit._FIRST)
    )
    by_item = models.ledger.group_commit._TRIES_BY_ITEM + 2
    assert len(store.tried) <= 10 + models.ledger.group_commit._TRIES_BY_USER + commits_of_each * bad_users * by_item


async def test_others_are_committed_during_the_search_for_failing_items(commits: Commits, store: Store) -> None:
    store.bad = lambda item: BadData() if item == (HEAVY, "500") else None
    # given a search that takes a while
    store.held = lambda items: (HEAVY, "500") in items and len(items) < 200
    failing = await submitted(commits, batch(HEAVY, 1_000))
    await until(lambda: bool(store.tried) and store.held(store.tried[-1]))
    assert await commits.submit(batch(QUIET, 1)) == [("stored", (QUIET, "0"))]
    assert not failing.done()
    store.unlocked.set()
    answer = await failing
    assert [index for index, outcome in enumerate(answer) if isinstance(outcome, InvalidInput)] == [500]


@pytest.mark.parametrize("error", [Conflict("id: no", ["id"]), InvalidInput("cost: no", ["cost"])])
async def test_an_expected_error_of_a_commit_is_the_outcome_of_its_item(
    commits: Commits, store: Store, error: Exception
) -> None:
    store.bad = lambda item: error if item[1] == "bad" else None
    good, bad = await submitted(commits, batch(QUIET, 2)), await submitted(commits, [(HEAVY, "bad")])
    assert await bad == [error]
    assert [kind for kind, _ in await good] == ["stored"] * 2


async def test_an_unexpected_error_fails_only_the_submission_that_causes_it(commits: Commits, store: Store) -> None:
    store.bad = lambda item: TypeError("a bug") if item[1] == "bad" else None
    good, bad = await submitted(commits, batch(QUIET, 2)), await submitted(commits, [(HEAVY, "bad")])
    with pytest.raises(TypeError):
        await bad
    assert [kind for kind, _ in await good] == ["stored"] * 2


async def test_locked_users_wait_and_do_not_delay_others(commits: Commits, store: Store) -> None:
    # given more users whose locks others hold than transactions may wait for locks
    store.locked = {UUID(int=n) for n in range(100, 105)}
    waiting = [await submitted(commits, batch(user, 3, name)) for name in "ab" for user in sorted(store.locked)]
    # then others are committed meanwhile
    for number in range(5):
        assert await commits.submit([(QUIET, number)]) == [("stored", (QUIET, number))]
    assert not any(task.done() for task in waiting)
    # and the locked users' items are committed in order once the locks are free
    freed = set(store.locked)
    store.locked = set()
    store.unlocked.set()
    await asyncio.gather(*waiting)
    for user in freed:
        assert [item for item in store.stored if item[0] == user] == [*batch(user, 3, "a"), *batch(user, 3, "b")]


async def test_when_the_database_fails_midway_the_caller_learns_what_is_stored(store: Store) -> None:
    commits = group_commit(store, most=800)
    store.bad = lambda item: DatabaseFailure("gone") if item[1] == "150" else None
    async with commits.running():
        answer = await commits.submit(batch(HEAVY, 250))
        # and that it failed, where nothing is stored
        with pytest.raises(DatabaseFailure):
            await commits.submit([(HEAVY, "150")])
    assert [isinstance(outcome, Overloaded) for outcome in answer] == [False] * 100 + [True] * 150
    assert store.stored == batch(HEAVY, 100)


async def test_a_user_whose_items_take_long_is_committed_separately_in_small_parts(
    commits: Commits, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a user each of whose items takes a millisecond to commit
    time = Time(lambda items: 0.005 + sum(0.001 for user, _ in items if user == HEAVY))
    monkeypatch.setattr(models.ledger.group_commit, "time", time)
    store.on_commit = time.commit
    heavy = [await submitted(commits, batch(HEAVY, 1_000)) for _ in range(5)]
    await heavy[0]
    # when another logs record after record
    waits = []
    for number in range(20):
        started = time.now
        await commits.submit([(QUIET, number)])
        waits.append(time.now - started)
    await asyncio.gather(*heavy)
    # then these wait for at most one short commit
    assert max(waits) <= 2 * models.ledger.group_commit._SLOW_S + 0.05
    assert not any({HEAVY, QUIET} <= {user for user, _ in commit} for commit in store.commits)


async def test_a_slow_database_is_not_blamed_on_users(
    commits: Commits, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = Time(lambda _items: 0.5)
    monkeypatch.setattr(models.ledger.group_commit, "time", time)
    store.on_commit = time.commit
    for _ in range(20):
        await commits.submit(batch(HEAVY, 2_000))
    # after a few commits, as many items are in one as if the database were fast
    assert len(store.commits) < 150
    assert max(map(len, store.commits[-20:])) >= 1_000
