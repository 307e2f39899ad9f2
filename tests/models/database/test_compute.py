"""Computation off the event loop leaves room for other users."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

import pytest

import models.database.compute
from models.database.compute import Compute
from models.database.fair_queue import Activity

ALICE, BOB = UUID(int=1), UUID(int=2)


def work(seconds: float) -> None:
    """Use the processor for so long."""
    end_s = time.thread_time() + seconds
    while time.thread_time() < end_s:
        pass


@pytest.mark.parametrize(
    ("active", "seconds", "rests"),
    [
        ([], 0.02, False),
        ([ALICE], 0.02, False),
        ([BOB], 0.02, True),
        ([BOB, ALICE, ALICE], 0.02, True),
        ([BOB, ALICE], 0.0, False),
    ],
    ids=["nobody", "alone", "another user", "another user before", "short work"],
)
async def test_long_work_is_followed_by_a_rest_while_others_are_active(
    monkeypatch: pytest.MonkeyPatch, active: list[UUID], seconds: float, rests: bool
) -> None:
    # Given a user, and who has been active
    monkeypatch.setattr(models.database.compute, "REST", 3)
    activity = Activity()
    compute = Compute(activity)
    for user_id in active:
        activity.note(user_id)
    # When the user's work has ended
    await compute.offload(ALICE, work, seconds)
    ended_s = time.monotonic()
    # Then the next one waits if others were active
    assert (ALICE in compute._slots._running) is rests
    async with asyncio.timeout(10):
        # others do not wait,
        await compute.offload(BOB, work, 0.0)
        # and in the end nobody does
        await compute.offload(ALICE, work, 0.0)
    assert not rests or time.monotonic() - ended_s >= 3 * 0.02 * 0.99


async def test_work_that_fails_is_followed_by_a_rest_too() -> None:
    activity = Activity()
    activity.note(BOB)
    compute = Compute(activity)

    def fail() -> None:
        work(0.02)
        raise ValueError("as computed")

    with pytest.raises(ValueError, match="as computed"):
        await compute.offload(ALICE, fail)
    assert ALICE in compute._slots._running
    async with asyncio.timeout(10):
        await compute.offload(ALICE, work, 0.0)
