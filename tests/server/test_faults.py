"""Crashes, outages and full disks: every acknowledged call is stored once, and all sums are right."""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sized
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

import models.database.pool
import models.database.postgresql
import models.database.sqlite
from domain.analytics import LogAnalytics
from migrations import upgrade
from models import EventKey, Hold, RouterAnalytics, RoutingDecision
from models.database import Database
from models.database.pool import DatabaseFailure
from models.ledger import Ledger
from models.ledger.call import CallDraft
from server.app import create_app
from server.settings import Settings
from server.token import make_token
from tests.conftest import SECRET, publish_nothing, serving
from tests.support.api import Api
from tests.support.load import (
    COST,
    LOG_ONE,
    ROUTE,
    SET_ALERT,
    SET_BUDGET,
    START_TEST,
    Outcomes,
    log_on,
    record,
    send,
    settle,
    until,
)
from tests.support.postgres import Cluster, cluster
from tests.support.process import DATABASE_OF, USER, run, running
from tests.support.socket import signed_in

ROUNDS = int(os.environ.get("ROUTER_TEST_ROUNDS", "5"))
CLIENTS = 8
LINES = 5_000
THRESHOLDS = [Decimal("0.1"), Decimal(2), Decimal(5), Decimal(1_000_000)]


@pytest.fixture
def data_dir(tmp_path: Path, database_url: str) -> Path:
    """The data directory of server processes that use the database of the test."""
    return using(database_url, tmp_path)


def using(database_url: str, tmp_path: Path) -> Path:
    directory = tmp_path / "data"
    DATABASE_OF[directory] = database_url
    return directory


@pytest.fixture
def token(tmp_path: Path) -> str:
    settings = Settings(data_dir=tmp_path, jwt_secret=SecretStr(SECRET))
    return make_token(settings, UUID(USER), timedelta(hours=1))


@asynccontextmanager
async def database_at(url: str) -> AsyncIterator[Database]:
    database = Database(url, publish_nothing)
    try:
        yield database
    finally:
        await database.dispose()


@asynccontextmanager
async def api_at(address: str, token: str) -> AsyncIterator[Api]:
    async with httpx2.AsyncClient(base_url=address, timeout=30) as client:
        yield Api(client, token)


def reached(outcomes: Sized, size: int) -> bool:
    return len(outcomes) >= size


def differences(data_dir: Path) -> tuple[int, str]:
    done = run("verify", data_dir=data_dir)
    return done.returncode, done.stdout


async def stored(database: Database) -> Counter[str]:
    """The number of calls per event id."""
    async with database.system() as transaction:
        count = func.count().label("times")
        found = await transaction.connection.execute(
            select(RouterAnalytics.event_id, count).group_by(RouterAnalytics.event_id)
        )
        return Counter({row.event_id: row.times for row in found})


async def claimed(database: Database) -> int:
    async with database.system() as transaction:
        return await transaction.connection.scalar(select(func.count()).select_from(EventKey)) or 0


async def test_a_server_killed_at_any_moment_keeps_what_it_acknowledged(
    data_dir: Path, token: str, database: Database
) -> None:
    # given a user with a running test and three alerts
    chance = random.Random(20_261_123)
    outcomes = Outcomes()
    with running(data_dir, ROUTER_JWT_SECRET=SECRET) as server:
        async with api_at(server.address, token) as api:
            test = await api.ask(START_TEST)
            for threshold in THRESHOLDS:
                await api.ask(SET_ALERT, threshold=str(threshold))

    # when the server is killed repeatedly while clients log
    kills_under_load = 0
    for round_ in range(ROUNDS):
        with running(data_dir, ROUTER_JWT_SECRET=SECRET) as server:
            async with api_at(server.address, token) as api:
                logging = [
                    asyncio.create_task(log_on(api, f"{round_}:{number}", test["id"], outcomes))
                    for number in range(CLIENTS)
                ]
                goal = len(outcomes.acknowledged) + chance.randint(CLIENTS + 1, 10 * CLIENTS)
                await until(partial(reached, outcomes.acknowledged, goal))
                server.kill()
                before = len(outcomes.unsettled)
                await asyncio.gather(*logging)
                kills_under_load += len(outcomes.unsettled) > before
        if round_ % 7 == 3:
            assert differences(data_dir) == (0, "0 differences\n")

    # then every acknowledged call is stored once, no rejected call is, and all sums are right
    there = await stored(database)
    assert set(there.values()) == {1}
    assert outcomes.acknowledged <= set(there)
    assert set(there) <= outcomes.acknowledged | set(outcomes.unsettled)
    assert await claimed(database) == len(there)
    assert differences(data_dir) == (0, "0 differences\n")
    # and the kills hit calls in flight
    assert outcomes.errors == []
    assert kills_under_load == ROUNDS
    assert len(outcomes.acknowledged) > ROUNDS * CLIENTS
    assert len(outcomes.rejected) > ROUNDS

    # and calls without an answer can be sent again, and are stored once too
    with running(data_dir, ROUTER_JWT_SECRET=SECRET) as server:
        async with api_at(server.address, token) as api:
            await settle(api, outcomes)
            alert_events = await api.ask("{ alertEvents(first: 500) { nodes { level threshold } } }")
    assert await stored(database) == Counter(outcomes.acknowledged)
    spent = len(outcomes.acknowledged) * COST
    assert spent > THRESHOLDS[2]
    assert Counter(
        (Decimal(alert_event["threshold"]), alert_event["level"]) for alert_event in alert_events["nodes"]
    ) == {(threshold, level): 1 for threshold in THRESHOLDS[:3] for level in ("NEAR_LIMIT", "TRIGGERED")}
    assert differences(data_dir) == (0, "0 differences\n")


FITTING = 300
MINI_COSTS = Decimal("0.00075")
ASKED = {
    "taskType": "chat",
    "inputTokens": 1000,
    "maxOutputTokens": 1000,
    "candidates": [{"provider": "openai", "model": "gpt-4o-mini"}],
}


async def test_a_server_killed_at_any_moment_loses_no_hold_and_overspends_no_budget(
    data_dir: Path, token: str, database: Database
) -> None:
    chance = random.Random(20_261_125)
    decided: dict[str, bool] = {}
    """The acknowledged routing decisions, and whether the outcome of each was acknowledged too."""

    async def route(api: Api) -> None:
        with suppress(httpx2.TransportError):
            while True:
                decision = await api.ask(ROUTE, input=ASKED)
                if decision["__typename"] == "RouteRefused":
                    assert decision["constraint"] == "budget"
                    continue
                decided[decision["id"]] = False
                if chance.random() < 0.5:
                    report = {"provider": "openai", "modelUsed": "gpt-4o-mini", "taskType": "chat", "success": True}
                    sent = report | {"decisionId": decision["id"], "cost": str(MINI_COSTS)}
                    answer = await api.ask(LOG_ONE, input=sent)
                    decided[decision["id"]] = answer["__typename"] == "LoggedAnalytics"

    # given a budget, when the server is killed repeatedly while clients route and report
    for round_ in range(ROUNDS):
        with running(data_dir, ROUTER_JWT_SECRET=SECRET) as server:
            async with api_at(server.address, token) as api:
                if round_ == 0:
                    await api.ask(SET_BUDGET, threshold=str(FITTING * MINI_COSTS))
                routing = [asyncio.create_task(route(api)) for _ in range(CLIENTS)]
                # Not every decision that the budget has room for is answered.
                goal = min(len(decided) + chance.randint(CLIENTS, 4 * CLIENTS), FITTING // 2)
                await until(partial(reached, decided, goal))
                server.kill()
                await asyncio.gather(*routing)
        assert differences(data_dir) == (0, "0 differences\n")

    # then each acknowledged routing decision is stored, and holds its amount unless its outcome was reported
    async with database.system() as transaction:
        connection = transaction.connection
        stored = {str(id_) for id_ in await connection.scalars(select(RoutingDecision.id))}
        holding = {str(id_) for id_ in await connection.scalars(select(Hold.decision_id))}
        held = await connection.scalar(select(func.sum(Hold.amount))) or Decimal(0)
        spent = await connection.scalar(select(func.sum(RouterAnalytics.cost))) or Decimal(0)
    assert decided.keys() <= stored
    assert {id_ for id_, reported in decided.items() if reported} & holding == set()
    assert len(holding) * MINI_COSTS == held
    # and the sum of all admitted requests, acknowledged or not, is within the budget
    assert spent + held == len(stored) * MINI_COSTS <= FITTING * MINI_COSTS
    assert any(decided.values())
    assert len(decided) > CLIENTS


ALERTS = "subscription { alertTriggered { cursor level amount threshold } }"
SAVE = "mutation { savePreferences(input: {maxLatencyMs: 5}) { __typename } }"


@pytest.fixture
def own_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A PostgreSQL cluster that no other test uses, with its database `postgres` migrated."""
    if request.config.getoption("--db") == "sqlite":
        pytest.skip("only SQLite is tested")
    with cluster() as running_alone:
        upgrade(running_alone.url("postgres"))
        yield running_alone


async def test_a_postgresql_that_restarts_under_load_is_served_again(
    own_cluster: Cluster, tmp_path: Path, token: str
) -> None:
    data_dir = using(own_cluster.url("postgres"), tmp_path)
    outcomes = Outcomes()
    others: list[Any] = []

    async def log(api: Api, cost: str, event_id: str) -> None:
        sent = record(event_id, 1, test["id"]) | {"cost": cost}
        assert await send(api, [sent], outcomes)

    async def read_and_save(api: Api, enough: asyncio.Event) -> None:
        while not enough.is_set():
            for operation in ("{ analytics(first: 5) { nodes { eventId } } }", "{ costAlerts { nodes { id } } }", SAVE):
                response = await api.post(operation)
                others.append(response.json() if response.status_code == 200 else response.text)

    with running(data_dir, ROUTER_JWT_SECRET=SECRET) as server:
        async with api_at(server.address, token) as api, signed_in(server.address, token) as socket:
            # given a subscriber who received an alert event, and clients under load
            test = await api.ask(START_TEST)
            for threshold in ("1", "50000"):
                await api.ask(SET_ALERT, threshold=threshold)
            await socket.subscribe(ALERTS)
            enough = asyncio.Event()
            logging = [
                asyncio.create_task(log_on(api, f"{number}", test["id"], outcomes, enough)) for number in range(CLIENTS)
            ]
            logging.append(asyncio.create_task(read_and_save(api, enough)))
            heard = [await socket.next(), await socket.next()]

            # when the database crashes and restarts later, and when it is stopped and restarts
            for mode in ("immediate", "fast"):
                failed = len(outcomes.errors)
                await asyncio.to_thread(own_cluster.control, "-m", mode, "stop")
                await until(lambda failed=failed: len(outcomes.errors) >= failed + 3 * CLIENTS)  # type: ignore[misc]
                acknowledged = len(outcomes.acknowledged)
                await asyncio.to_thread(own_cluster.start)
                await until(lambda before=acknowledged: len(outcomes.acknowledged) >= before + 500)  # type: ignore[misc]
            answered = len(others)
            await until(lambda: len(others) >= answered + 6)
            enough.set()
            await asyncio.gather(*logging)

            # then every error said to try again,
            rejections = [error for error in outcomes.errors if not isinstance(error, str)]
            assert rejections == outcomes.errors
            assert {error["extensions"]["code"] for error in rejections} == {"SERVICE_UNAVAILABLE"}
            answers = [answer for answer in others if not isinstance(answer, str)]
            assert answers == others
            codes = {error["extensions"]["code"] for answer in answers for error in answer.get("errors", ())}
            assert codes == {"SERVICE_UNAVAILABLE"}
            # the same server process serves again,
            assert ["errors" in answer for answer in answers[-3:]] == [False] * 3
            await settle(api, outcomes)
            # and the subscription that was open all the time continues
            await log(api, "45000", "near")
            await log(api, "45000", "over")
            heard += [await socket.next(), await socket.next()]

    assert [(alert_event["level"], alert_event["threshold"]) for alert_event in heard] == [
        ("NEAR_LIMIT", "1"), ("TRIGGERED", "1"), ("NEAR_LIMIT", "50000"), ("TRIGGERED", "50000"),
    ]  # fmt: skip
    async with database_at(own_cluster.url("postgres")) as database:
        assert await stored(database) == Counter(outcomes.acknowledged)
    assert differences(data_dir) == (0, "0 differences\n")


async def test_calls_of_a_commit_whose_answer_is_lost_are_stored_once(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a connection that is lost after its commit
    execute = models.database.pool.execute
    lost = False

    async def losing(connection: Any, statements: str) -> None:
        nonlocal lost
        await execute(connection, statements)
        if statements.endswith("COMMIT") and not lost:
            lost = True
            raise DatabaseFailure("connection was closed in the middle of operation")

    call = LogAnalytics(provider="openai", model_used="a", task_type="chat", success=True)
    async with database_at(postgres_url) as database:
        ledger = Ledger(database)
        async with ledger.running():
            await ledger.record([CallDraft(UUID(USER), call)])
            monkeypatch.setattr(models.database.postgresql, "execute", losing)
            # when two clients without event ids share that commit
            outcomes = await asyncio.gather(
                *(ledger.record([CallDraft(UUID(USER), call)]) for _ in range(2)), return_exceptions=True
            )
        # then each call is stored once, whatever the callers were answered
        assert lost
        assert len(outcomes) == 2
        assert len(await stored(database)) == 3


# SQLite: a full disk, and other processes that use the file


@pytest.fixture
def file(migrated_file: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(migrated_file, tmp_path / "router.db"))


async def fill(api: Api, file: Path, make_room: Callable[[], None]) -> Outcomes:
    """Log until the disk is full, check that no call is stored in part, and log again when there is room.

    Returns the outcomes of all calls.
    """
    outcomes = Outcomes()
    test = await api.ask(START_TEST)
    await api.ask(SET_ALERT, threshold="1")
    # when clients log until the disk is full
    for number in range(2_000):
        batch = [record(f"{number}:{n}", n, test["id"]) | {"metadata": {"text": "x" * 200}} for n in range(200)]
        assert await send(api, batch, outcomes)
        if len(outcomes.errors) == 5:
            break
    # then they are answered so,
    assert [error["extensions"]["code"] for error in outcomes.errors] == ["SERVICE_UNAVAILABLE"] * 5
    # reads still succeed,
    assert len(outcomes.acknowledged) >= 200
    assert len((await api.ask("{ analytics(first: 500) { nodes { id } } }"))["nodes"]) == min(
        500, len(outcomes.acknowledged)
    )
    # and no unacknowledged call is stored
    async with database_at(f"sqlite+aiosqlite:///{file}") as database:
        assert await stored(database) == Counter(outcomes.acknowledged)
        assert await claimed(database) == len(outcomes.acknowledged)
    # and when there is room again, calls are logged again
    make_room()
    await settle(api, outcomes)
    assert (await api.ask(SAVE))["__typename"] == "RouterPreferences"
    return outcomes


async def test_a_limit_of_the_file_size_is_an_error_without_damage(file: Path, tmp_path: Path, token: str) -> None:
    data_dir = using(f"sqlite+aiosqlite:///{file}", tmp_path)
    with running(data_dir, ROUTER_JWT_SECRET=SECRET) as server:
        pid = server.process.pid

        def allow(bytes_a_file: tuple[int, int]) -> None:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, bytes_a_file)

        unlimited = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        allow((2**20, unlimited[1]))
        async with api_at(server.address, token) as api:
            outcomes = await fill(api, file, lambda: allow(unlimited))
    async with database_at(f"sqlite+aiosqlite:///{file}") as database:
        assert await stored(database) == Counter(outcomes.acknowledged)
    assert differences(data_dir) == (0, "0 differences\n")


@contextmanager
def small_file_system(directory: Path) -> Iterator[None]:
    directory.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", directory], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", directory], check=True)


async def test_a_full_disk_is_an_error_without_damage(migrated_file: Path, tmp_path: Path, token: str) -> None:
    small = tmp_path / "small"

    def grow() -> None:
        subprocess.run(["mount", "-o", "remount,size=100m", small], check=True)

    with small_file_system(small):
        file = Path(shutil.copy(migrated_file, small / "router.db"))
        data_dir = using(f"sqlite+aiosqlite:///{file}", small)
        with running(data_dir, ROUTER_JWT_SECRET=SECRET) as server:
            async with api_at(server.address, token) as api:
                outcomes = await fill(api, file, grow)
        async with database_at(f"sqlite+aiosqlite:///{file}") as database:
            assert await stored(database) == Counter(outcomes.acknowledged)
        assert differences(data_dir) == (0, "0 differences\n")


LOCK_FILE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Keep the file locked by another process while the block runs."""
    with subprocess.Popen(
        [sys.executable, "-c", LOCK_FILE, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "locked\n"
            yield
        finally:
            process.kill()


@pytest.fixture
async def impatient(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Serve with a lock timeout of 0.3 s. Yields the address."""
    monkeypatch.setattr(models.database.sqlite, "_BUSY_TIMEOUT_S", 0.3)
    settings = Settings(data_dir=tmp_path, database_url=f"sqlite+aiosqlite:///{file}", jwt_secret=SecretStr(SECRET))
    async with serving(create_app(settings)) as address:
        yield address


async def test_a_file_that_another_process_locks_is_an_error_without_damage(
    impatient: str, file: Path, tmp_path: Path, token: str
) -> None:
    data_dir = using(f"sqlite+aiosqlite:///{file}", tmp_path)
    outcomes = Outcomes()
    async with api_at(impatient, token) as api:
        test = await api.ask(START_TEST)
        await api.ask(SET_ALERT, threshold="1")
        assert await send(api, [record("before", 1, test["id"])], outcomes)
        with locked(file):
            # when 100 clients log while the file is locked, then all are answered so at once, and soon
            async with asyncio.timeout(10):
                await asyncio.gather(*(send(api, [record(f"{n}", n, test["id"])], outcomes) for n in range(100)))
            assert [error["extensions"]["code"] for error in outcomes.errors] == ["SERVICE_UNAVAILABLE"] * 100
            assert (await api.errors(SAVE))[0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"
            # and reads succeed
            nodes = (await api.ask("{ analytics { nodes { eventId } } }"))["nodes"]
            assert nodes == [{"eventId": "before"}]
        # and when the file is free, calls are logged again
        assert set(outcomes.unsettled) == {f"{n}" for n in range(100)}
        await settle(api, outcomes)
        assert (await api.ask(SAVE))["__typename"] == "RouterPreferences"
    async with database_at(f"sqlite+aiosqlite:///{file}") as database:
        assert await stored(database) == Counter(outcomes.acknowledged)
        assert len(outcomes.acknowledged) == 101
    assert differences(data_dir) == (0, "0 differences\n")


async def test_lines_for_a_locked_file_are_answered_with_an_error_that_programs_can_read(
    impatient: str, file: Path, token: str
) -> None:
    line = b'{"provider": "openai", "modelUsed": "a", "taskType": "chat", "success": true}\n'
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(base_url=impatient, timeout=30) as client:
        with locked(file):
            answer = await client.post("/ingest/decisions", content=line * 3, headers=headers)
        results = [json.loads(result) for result in answer.text.splitlines()]
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
        assert [(result["line"], result["error"]["code"], result["error"]["retryAfterMs"]) for result in results] == [
            (number, "OVERLOADED", 1000) for number in (1, 2, 3)
        ]
        # and the lines are accepted when the file is free
        answer = await client.post("/ingest/decisions", content=line * 3, headers=headers)
        assert answer.text.count('"deduplicated":false') == 3


@pytest.mark.parametrize("reads", [True, False])
async def test_a_server_stops_in_time_whether_or_not_its_clients_read(
    file: Path, tmp_path: Path, token: str, *, reads: bool
) -> None:
    # given a download larger than all buffers, and a client that has begun it
    line = {
        "provider": "openai",
        "modelUsed": "a",
        "taskType": "chat",
        "success": True,
        "metadata": {"long": "x" * 4000},
    }
    data_dir = using(f"sqlite+aiosqlite:///{file}", tmp_path)
    headers = {"Authorization": f"Bearer {token}"}
    with running(data_dir, ROUTER_JWT_SECRET=SECRET) as server:
        async with httpx2.AsyncClient(base_url=server.address, timeout=30) as client:
            lines = "".join(f"{json.dumps(line | {'eventId': str(n)})}\n" for n in range(LINES))
            assert (await client.post("/ingest/decisions", content=lines, headers=headers)).status_code == 200
            async with client.stream("GET", "/export/analytics", headers=headers) as answer:
                blocks = answer.aiter_bytes()
                read = await anext(blocks)
                # when it receives SIGTERM
                server.process.send_signal(signal.SIGTERM)
                # then the download is finished if it is read, and cut off otherwise
                if reads:
                    read += b"".join([block async for block in blocks])
                assert await asyncio.to_thread(server.process.wait, 20) == 0
    assert (read.count(b"\n") == LINES) is reads
    assert differences(data_dir) == (0, "0 differences\n")
