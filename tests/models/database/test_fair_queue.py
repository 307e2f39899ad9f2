from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.error import Overloaded
from models.database.fair_queue import WAITING, Activity, FairQueue

USERS = [UUID(int=number) for number in range(1, 5)]
ALICE, BOB, CAROL, _ = USERS


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """One event loop for all examples."""
    with asyncio.Runner() as runner:
        yield runner


async def _settled() -> None:
    """Run all tasks until each of them waits for something."""
    for _ in range(5):
        await asyncio.sleep(0)


@dataclass
class _Requests:
    """Requests of users. Each holds its slot until its event in `ends` is set."""

    queue: FairQueue
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    users: list[UUID] = field(default_factory=list)
    ends: list[asyncio.Event] = field(default_factory=list)
    admitted: list[int] = field(default_factory=list)

    def ask(self, user_id: UUID) -> int:
        """Start a request of this user. Returns its number."""
        number = len(self.tasks)
        self.users.append(user_id)
        self.ends.append(asyncio.Event())
        self.tasks.append(asyncio.create_task(self._run(number)))
        return number

    async def _run(self, number: int) -> None:
        async with self.queue.slot(self.users[number]):
            self.admitted.append(number)
            await self.ends[number].wait()

    def is_waiting(self, number: int) -> bool:
        return number not in self.admitted and not self.tasks[number].done()

    def is_running(self, number: int) -> bool:
        return number in self.admitted and not self.tasks[number].done()

    def where(self, condition: Callable[[int], bool]) -> list[int]:
        return [number for number in range(len(self.tasks)) if condition(number)]

    async def end_all(self) -> None:
        for end in self.ends:
            end.set()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def _queue(
    in_all: int = 1,
    per_user: int = 1,
    waiting: int | None = None,
    patience_s: float | None = None,
    activity: Activity | None = None,
) -> FairQueue:
    return FairQueue(
        "tests", in_all=in_all, per_user=per_user, waiting_per_user=waiting, patience_s=patience_s, activity=activity
    )


async def test_users_take_turns_however_many_requests_each_has_waiting() -> None:
    # Given a user with five requests, of which one runs
    requests = _Requests(_queue())
    alices = [requests.ask(ALICE) for _ in range(5)]
    await _settled()
    # When two others come, and one request after the other ends
    bobs, carol = [requests.ask(BOB) for _ in range(2)], requests.ask(CAROL)
    await _settled()
    for _ in range(8):
        requests.ends[requests.admitted[-1]].set()
        await _settled()
    # Then the first user has one turn before each of theirs, and each user's requests come in their order
    assert requests.admitted == [alices[0], alices[1], bobs[0], carol, alices[2], bobs[1], alices[3], alices[4]]


async def test_a_user_has_a_limit_of_slots_and_others_have_the_rest() -> None:
    requests = _Requests(_queue(in_all=4, per_user=3))
    alices = [requests.ask(ALICE) for _ in range(6)]
    await _settled()
    assert requests.where(requests.is_running) == alices[:3]
    bob = requests.ask(BOB)
    await _settled()
    assert requests.where(requests.is_running) == [*alices[:3], bob]
    await requests.end_all()


async def test_the_servers_own_work_takes_turns_like_a_users() -> None:
    queue = _queue()
    await queue.acquire(ALICE)
    waiting = [asyncio.create_task(queue.acquire(user)) for user in (ALICE, ALICE, None)]
    await _settled()
    for done in (waiting[0], waiting[2], waiting[1]):
        queue.release(ALICE if done is not waiting[1] else None)
        await _settled()
        assert done.done()


async def test_only_the_user_whose_queue_is_full_is_rejected() -> None:
    # Given a user with as many waiting requests as the queue allows
    requests = _Requests(_queue(waiting=2))
    for _ in range(3):
        requests.ask(ALICE)
    await _settled()
    # When this user and another send one more request
    with pytest.raises(Overloaded, match=r"2 of your requests wait for a slot \(tests\) already") as rejected:
        await requests.queue.acquire(ALICE)
    bob = requests.ask(BOB)
    await _settled()
    # Then the first is rejected with the time to retry after; the other waits
    assert rejected.value.retry_after_ms == 1_000
    assert requests.is_waiting(bob)
    await requests.end_all()
    assert requests.admitted[-1] in {bob, 2}


async def test_a_request_that_waited_too_long_is_rejected_and_leaves_no_trace() -> None:
    queue = _queue(patience_s=0.01)
    await queue.acquire(BOB)
    with pytest.raises(Overloaded, match=r"No slot \(tests\) was free within 0.01 s"):
        await queue.acquire(ALICE)
    queue.release(BOB)
    await asyncio.gather(queue.acquire(ALICE))


async def test_one_step_of_each_user_runs_per_iteration_of_the_loop() -> None:
    # Given three tasks of one user and one of another, all of which can run at once
    queue, iteration, seen = _queue(in_all=2), 0, Counter[tuple[UUID, int]]()

    async def work(user_id: UUID) -> None:
        for _ in range(4):
            await queue.turn(user_id)
            seen[user_id, iteration] += 1

    working = asyncio.gather(*map(work, [ALICE, ALICE, ALICE, BOB]))
    # When they work
    while not working.done():
        iteration += 1
        await asyncio.sleep(0)
    # Then no two steps of one user run in one iteration, and all are done
    assert set(seen.values()) == {1}
    assert sum(seen.values()) == 16


@pytest.mark.parametrize("rest", [1, 2])
async def test_a_user_rests_in_proportion_to_the_time_of_a_step_and_others_do_not(rest: float) -> None:
    queue, now = _queue(in_all=2), asyncio.get_running_loop().time
    # Given a user whose step takes 30 ms of the event loop
    await queue.turn(ALICE, rest=rest)
    time.sleep(0.03)  # noqa: ASYNC251 - the step itself
    ended_s = now()
    # When that user and another one take their next steps
    next_step = asyncio.create_task(queue.turn(ALICE))
    async with asyncio.timeout(10):
        await asyncio.create_task(queue.turn(BOB))
        assert not next_step.done()
        # Then the first one waits for `rest` times as long
        await next_step
    assert now() - ended_s >= 0.03 * rest * 0.99


async def test_a_user_who_is_alone_does_not_rest() -> None:
    # Given a user who works alone
    activity = Activity()
    queue, now = _queue(in_all=2, activity=activity), asyncio.get_running_loop().time
    await queue.turn(ALICE, rest=1_000)
    time.sleep(0.03)  # noqa: ASYNC251 - the step itself
    # Then the next step follows at once
    async with asyncio.timeout(10):
        await queue.turn(ALICE)
    # and after another user came, the next one follows a rest
    activity.note(BOB)
    await queue.turn(ALICE, rest=2)
    time.sleep(0.03)  # noqa: ASYNC251 - the step itself
    ended_s = now()
    await queue.turn(ALICE)
    assert now() - ended_s >= 0.06 * 0.99


def test_users_are_active_for_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now_s)
    activity = Activity()
    assert not activity.others_than(ALICE)
    activity.note(ALICE)
    assert not activity.others_than(ALICE)
    assert activity.others_than(BOB)
    activity.note(BOB)
    for _ in range(3):
        activity.note(ALICE)
    assert activity.others_than(ALICE)
    now_s += 0.9
    activity.note(ALICE)
    assert activity.others_than(ALICE)
    now_s += 0.2
    assert not activity.others_than(ALICE)
    assert activity.others_than(BOB)


async def test_waiting_requests_are_in_the_metrics() -> None:
    requests = _Requests(_queue())
    depth = WAITING.labels("tests")
    before = depth._value.get()
    for user_id in (ALICE, ALICE, BOB):
        requests.ask(user_id)
    await _settled()
    assert depth._value.get() - before == 2
    requests.tasks[1].cancel()
    await requests.end_all()
    assert depth._value.get() == before


Step = tuple[str, int]
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sampled_from([0, 0, 0, 1, 1, 2, 3])),
        st.tuples(st.sampled_from(["end", "cancel", "cancel at once", "end and cancel", "end"]), st.integers(0, 40)),
    ),
    min_size=15,
    max_size=40,
)


@given(_steps, st.integers(1, 3), st.integers(1, 2))
def test_no_slot_is_lost_or_idle_and_no_user_is_overtaken_twice_by_another(
    runner: asyncio.Runner, steps: Sequence[Step], in_all: int, per_user: int
) -> None:
    runner.run(_play(steps, in_all, per_user))


class _Watched:
    """Requests in a fair queue, with a check of the queue's invariants after each step."""

    def __init__(self, in_all: int, per_user: int) -> None:
        self.requests = _Requests(_queue(in_all, per_user))
        self._in_all = in_all
        self._per_user = per_user
        self.overtaken: dict[UUID, Counter[UUID]] = {user_id: Counter() for user_id in USERS}

    def _may_run(self, user_id: UUID) -> bool:
        return self._running_count(user_id) < self._per_user

    def _running_count(self, user_id: UUID) -> int:
        requests = self.requests
        return sum(requests.users[number] == user_id for number in requests.where(requests.is_running))

    def _waiting_users(self) -> set[UUID]:
        return {self.requests.users[number] for number in self.requests.where(self.requests.is_waiting)}

    async def check(self) -> None:
        """Run all tasks until each waits, then check the invariants."""
        requests = self.requests
        eligible = self._waiting_users() & {user for user in USERS if self._may_run(user)}
        known = len(requests.admitted)
        await _settled()
        # The limits hold, in all and per user
        running = requests.where(requests.is_running)
        assert len(running) <= self._in_all
        assert all(self._running_count(user_id) <= self._per_user for user_id in USERS)
        # Nobody waits for a slot that is free
        assert len(running) == self._in_all or not any(map(self._may_run, self._waiting_users()))
        # The requests of each user are admitted in order
        for user_id in USERS:
            own = [number for number in requests.admitted if requests.users[number] == user_id]
            assert own == sorted(own)
        self._check_overtaking([requests.users[number] for number in requests.admitted[known:]], eligible)

    def _check_overtaking(self, admitted: Sequence[UUID], eligible: set[UUID]) -> None:
        """While a user below the limit waits, each other user is admitted at most once."""
        for user_id in admitted:
            self.overtaken[user_id].clear()
            for other in eligible - {user_id}:
                self.overtaken[other][user_id] += 1
        for user_id, overtaken in self.overtaken.items():
            if user_id not in self._waiting_users() or not self._may_run(user_id):
                overtaken.clear()
            assert all(times <= 1 for times in overtaken.values())


async def _play(steps: Sequence[Step], in_all: int, per_user: int) -> None:
    watched = _Watched(in_all, per_user)
    requests = watched.requests
    for what, which in steps:
        if what == "ask":
            requests.ask(USERS[which])
            await watched.check()
        elif there := requests.where(requests.is_running if "end" in what else requests.is_waiting):
            number = there[which % len(there)]
            if what in {"end", "end and cancel"}:
                requests.ends[number].set()
            if "cancel" in what:
                requests.tasks[number].cancel()
                watched.overtaken[requests.users[number]].clear()  # a user without a waiting request starts anew
            if what != "cancel at once":
                await watched.check()
    await watched.check()
    # When all have ended, every slot is free again
    await requests.end_all()
    users = [UUID(int=number) for number in range(100, 100 + in_all)]
    granted = await asyncio.gather(*(requests.queue.acquire(user_id) for user_id in users))
    assert len(granted) == in_all


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(0, 12))
def test_a_request_that_is_cancelled_at_any_moment_leaves_its_slot_to_the_next(
    runner: asyncio.Runner, order: list[int], after: int
) -> None:
    async def play() -> None:
        queue = _queue(in_all=2)
        done: list[int] = []

        async def work(user_id: UUID, number: int) -> None:
            async with queue.slot(user_id):
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            done.append(number)

        tasks = [asyncio.create_task(work(USERS[user], number)) for number, user in enumerate(order)]
        for _ in range(after):
            await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        async with asyncio.timeout(30):
            await asyncio.gather(*tasks, return_exceptions=True)
        assert set(range(1, len(order), 2)) <= set(done)
        await asyncio.gather(*(queue.acquire(user_id) for user_id in USERS[:2]))

    runner.run(play())
