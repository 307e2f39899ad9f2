"""Several server processes on one PostgreSQL database behave like one."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx2
import pytest
from pydantic import SecretStr

from domain.analytics import LogAnalytics
from models.database import Database
from models.ledger import Ledger
from models.ledger.call import CallDraft, Logged
from server.settings import Settings
from server.token import make_token
from tests.conftest import SECRET, publish_nothing
from tests.support.api import Api
from tests.support.load import (
    BATCH,
    COST,
    LOG_MANY,
    LOG_ONE,
    ROUTE,
    SET_ALERT,
    SET_BUDGET,
    SET_ROLLING_ALERT,
    START_TEST,
    Outcomes,
    record,
    send,
)
from tests.support.postgres import Cluster
from tests.support.process import DATABASE_OF, run, running
from tests.support.socket import Socket, signed_in

ALERTS = "subscription { alertTriggered { cursor level amount } }"
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
MOMENT = datetime(2026, 3, 10, tzinfo=UTC)
LOGGED = "subscription { analyticsLogged { eventId } }"


@pytest.fixture
def data_dir(tmp_path: Path, postgres_url: str) -> Path:
    directory = tmp_path / "data"
    DATABASE_OF[directory] = postgres_url
    return directory


@pytest.fixture
def replicas(data_dir: Path) -> Iterator[list[str]]:
    """The addresses of two server processes on one database."""
    with ExitStack() as stack:
        yield [stack.enter_context(running(data_dir, ROUTER_JWT_SECRET=SECRET)).address for _ in range(2)]


@pytest.fixture
def token_for(data_dir: Path) -> Any:
    settings = Settings(data_dir=data_dir, jwt_secret=SecretStr(SECRET))
    return lambda user_id: make_token(settings, user_id, timedelta(hours=1))


@asynccontextmanager
async def clients(addresses: list[str]) -> AsyncIterator[list[httpx2.AsyncClient]]:
    async with AsyncExitStack() as stack:
        limits = httpx2.Limits(max_connections=250)
        yield [
            await stack.enter_async_context(httpx2.AsyncClient(base_url=address, timeout=60, limits=limits))
            for address in addresses
        ]


def plain(url: str) -> str:
    return url.replace("+asyncpg", "")


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection[Any]]:
    connection = await asyncpg.connect(plain(url))
    try:
        yield connection
    finally:
        await connection.close()


async def test_calls_logged_on_one_replica_are_pushed_on_the_other_in_order_and_once(
    replicas: list[str], token_for: Any, user_id: UUID
) -> None:
    token = token_for(user_id)
    here, there = replicas
    async with clients([there]) as [client], signed_in(here, token) as alerts, signed_in(here, token) as logged:
        # given subscribers on one replica
        api = Api(client, token)
        test = await api.ask(START_TEST)
        for threshold in ("1", "2", "3"):
            await api.ask(SET_ALERT, threshold=threshold)
        await alerts.subscribe(ALERTS)
        await logged.subscribe(LOGGED)

        # when singles and batches are logged on the other
        sent: list[str] = []
        for number in range(20):
            batch = [record(f"{number}:{n}", n, test["id"]) for n in range(1 if number % 2 else 40)]
            outcomes = Outcomes()
            assert await send(api, batch, outcomes)
            assert len(outcomes.acknowledged) == len(batch)
            sent += [each["eventId"] for each in batch]

        # then each call arrives once, in the order of logging
        heard = [(await logged.next())["eventId"] for _ in sent]
        alert_events = [await alerts.next() for _ in range(6)]
        stored = (await api.ask("{ alertEvents(first: 500) { nodes { cursor level amount } } }"))["nodes"]

        # and so do calls that are logged on the subscriber's replica
        async with clients([here]) as [same]:
            outcomes = Outcomes()
            assert await send(Api(same, token), [record("last", 0, test["id"])], outcomes)
        assert (await logged.next())["eventId"] == "last"
    assert heard == sent
    assert alert_events == stored[::-1]
    assert Counter(alert_event["level"] for alert_event in alert_events) == {"NEAR_LIMIT": 3, "TRIGGERED": 3}


USERS = [UUID(int=n) for n in range(1, 6)]
CLIENTS_A_REPLICA = 16
BATCHES_A_CLIENT = 20
SPENT_BY_EACH_USER = 2 * CLIENTS_A_REPLICA * BATCHES_A_CLIENT // len(USERS) * BATCH * COST
FIGURES = """
query($id: ID!) {
  abTest(id: $id) { variantA { calls successes totalCost } variantB { calls successes totalCost } }
  costAlerts(first: 500) { nodes { id currentAmount state } }
  alertEvents(first: 500) { nodes { level alert { id } } }
}
"""
UPDATE = """
mutation($id: ID!, $enforced: Boolean!) {
  updateCostAlert(id: $id, input: {enforced: $enforced}) { ... on CostAlert { enforced } ... on Error { message } }
}
"""


# Commits for a test wait for each other at its row; commits without a test contend for every key and sum after it.
@pytest.mark.parametrize("tested", [True, False])
async def test_replicas_that_log_for_the_same_users_at_full_speed_leave_exact_sums(
    tested: bool, replicas: list[str], token_for: Any, data_dir: Path, postgres_url: str
) -> None:
    chance = random.Random(20_261_123)
    async with clients(replicas) as both:
        # given five users, each with a test and 50 alerts, of which every other one is rolling
        apis = {user: [Api(client, token_for(user)) for client in both] for user in USERS}
        tests = {user: await apis[user][0].ask(START_TEST) for user in USERS}
        thresholds = [SPENT_BY_EACH_USER * part / 51 for part in range(1, 51)]
        alerts = {
            user: [
                await apis[user][0].ask((SET_ALERT, SET_ROLLING_ALERT)[number % 2], threshold=str(threshold))
                for number, threshold in enumerate(thresholds)
            ]
            for user in USERS
        }

        # when calls of all are logged through both replicas at once, while their alerts are changed
        async def log(replica: int, client: int, users: list[UUID]) -> None:
            for number, user in enumerate(users):
                name = f"{replica}:{client}:{number}"
                batch = [record(f"{name}:{n}", n, tests[user]["id"]) for n in range(BATCH)]
                if not tested:
                    batch = [each | {"abTestId": None} for each in batch]
                # each call is sent to both in any order, so that the replicas contend for event ids as well
                answers = await asyncio.gather(
                    *(api.ask(LOG_MANY, input=chance.sample(batch, BATCH)) for api in apis[user])
                )
                assert sum(answer["accepted"] for answer in answers) == BATCH
                assert sum(answer["deduplicated"] for answer in answers) == BATCH
                assert [answer["rejected"] for answer in answers] == [[], []]

        async def change(user: UUID, enough: asyncio.Event) -> None:
            enforced = True
            while not enough.is_set():
                for api in apis[user]:
                    answer = await api.ask(UPDATE, id=chance.choice(alerts[user])["id"], enforced=enforced)
                    assert answer == {"enforced": enforced}
                enforced = not enforced

        plans = [USERS * (BATCHES_A_CLIENT // len(USERS)) for _ in range(2 * CLIENTS_A_REPLICA)]
        for plan in plans:
            chance.shuffle(plan)
        enough = asyncio.Event()
        changing = [asyncio.create_task(change(user, enough)) for user in USERS]
        await asyncio.gather(*(log(index % 2, index, plan) for index, plan in enumerate(plans)))
        enough.set()
        await asyncio.gather(*changing)

        # then the figures of each user are those of the logged calls
        figures = {
            user: await apis[user][index % 2].ask(FIGURES, id=tests[user]["id"]) for index, user in enumerate(USERS)
        }

    batches = 2 * CLIENTS_A_REPLICA * BATCHES_A_CLIENT // len(USERS)
    for user, figure in figures.items():
        for variant in figure["abTest"].values():
            assert variant["calls"] == tested * 10 * batches
            assert variant["successes"] == tested * 8 * batches
            assert Decimal(variant["totalCost"]) == tested * 10 * batches * COST
        assert {alert["id"]: Decimal(alert["currentAmount"]) for alert in figure["costAlerts"]["nodes"]} == {
            alert["id"]: SPENT_BY_EACH_USER for alert in alerts[user]
        }
        # and each level of each alert fired once
        assert Counter((each["alert"]["id"], each["level"]) for each in figure["alertEvents"]["nodes"]) == {
            (alert["id"], level): 1 for alert in alerts[user] for level in ("NEAR_LIMIT", "TRIGGERED")
        }
    async with connected(postgres_url) as connection:
        # without any retry after a deadlock
        assert await connection.fetchval(DEADLOCKS) == 0
        sums = await connection.fetch(
            "SELECT user_id, sum(calls)::int AS calls, sum(cost)::bigint AS cost FROM router_analytics_hourly "
            "GROUP BY user_id"
        )
        assert {row["user_id"]: (row["calls"], Decimal(row["cost"]).scaleb(-9)) for row in sums} == dict.fromkeys(
            USERS, (batches * BATCH, SPENT_BY_EACH_USER)
        )
    done = run("verify", data_dir=data_dir)
    assert (done.returncode, done.stdout) == (0, "0 differences\n")


@pytest.mark.parametrize("same_events", [True, False])
async def test_ledgers_lock_rows_in_one_order_whatever_the_order_of_their_calls(
    postgres_url: str, same_events: bool
) -> None:
    async with AsyncExitStack() as stack:
        ledgers = []
        for _ in range(2):
            database = Database(postgres_url, publish_nothing)
            stack.push_async_callback(database.dispose)
            ledgers.append(
                await stack.enter_async_context(Ledger(database, lambda: MOMENT + timedelta(days=1)).running())
            )

        # given the ledgers of two processes, and calls of many users, hours and models
        def drafts(round_: int, ledger: int) -> list[CallDraft]:
            return [
                CallDraft(
                    user,
                    LogAnalytics(
                        event_id=f"{round_}:{n}" if same_events else f"{round_}:{n}:{ledger}",
                        provider="openai",
                        model_used=f"m{n}",
                        task_type="chat",
                        success=True,
                        latency_ms=2**n,
                        occurred_at=MOMENT + timedelta(hours=n),
                    ),
                )
                for user in USERS
                for n in range(20)
            ]

        # when both record them at the same time, in opposite orders
        for round_ in range(60):
            first, second = drafts(round_, 0), drafts(round_, 1)[::-1]
            outcomes = await asyncio.gather(ledgers[0].record(first), ledgers[1].record(second))
            logged = [outcome for each in outcomes for outcome in each if isinstance(outcome, Logged)]
            assert len(logged) == 2 * len(first)
            assert sum(outcome.deduplicated for outcome in logged) == same_events * len(first)

    # then no deadlock occurred
    async with connected(postgres_url) as connection:
        assert await connection.fetchval(DEADLOCKS) == 0


async def test_a_subscription_misses_nothing_while_its_process_cannot_listen(
    replicas: list[str], token_for: Any, user_id: UUID, postgres: Cluster, postgres_url: str
) -> None:
    token = token_for(user_id)
    name = postgres_url.rpartition("/")[2]
    listeners = f"FROM pg_stat_activity WHERE datname = '{name}' AND query ILIKE 'LISTEN%'"
    async with (
        connected(postgres.url("postgres")) as administrator,
        clients(replicas) as both,
        signed_in(replicas[0], token) as socket,
    ):
        here, there = (Api(client, token) for client in both)
        test = await here.ask(START_TEST)
        await here.ask(SET_ALERT, threshold="1")
        await socket.subscribe(ALERTS)

        async def log(event_id: str, cost: str) -> None:
            assert await send(there, [record(event_id, 1, test["id"]) | {"cost": cost}], outcomes)

        # given a subscriber who receives alert events of the other replica,
        outcomes = Outcomes()
        await log("near", "0.9")
        heard = [await socket.next()]
        # and processes that have lost their listening connections and get no new ones
        lost = [row["pid"] for row in await administrator.fetch(f"SELECT pid {listeners}")]
        assert len(lost) == 2
        await administrator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        for pid in lost:
            # 5 s to terminate
            assert await administrator.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)

        # when an alert fires, and the processes can listen again
        await log("over", "0.9")
        assert outcomes.acknowledged == {"near", "over"}
        assert await administrator.fetchval(f"SELECT count(*) {listeners}") == 0
        await administrator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

        # then the subscriber receives the alert event,
        heard.append(await socket.next())
        # and later ones
        await here.ask(SET_ALERT, threshold="1.5")
        heard.append(await socket.next())
        await there.ask(SET_ALERT, threshold="1.6")
        heard.append(await socket.next())
        assert await quiet(socket)
    assert [(alert_event["level"], alert_event["amount"]) for alert_event in heard] == [
        ("NEAR_LIMIT", "0.9"), ("TRIGGERED", "1.8"), ("TRIGGERED", "1.8"), ("TRIGGERED", "1.8"),
    ]  # fmt: skip
    assert len({alert_event["cursor"] for alert_event in heard}) == 4


async def test_a_subscription_survives_a_failed_read(
    replicas: list[str], token_for: Any, user_id: UUID, postgres: Cluster, postgres_url: str
) -> None:
    token = token_for(user_id)
    name = postgres_url.rpartition("/")[2]
    connections = f"FROM pg_stat_activity WHERE datname = '{name}' AND application_name = 'enterprise-router'"

    def spent(amount: str) -> CallDraft:
        return CallDraft(
            user_id,
            LogAnalytics(provider="openai", model_used="a", task_type="chat", success=True, cost=Decimal(amount)),
        )

    async with (
        connected(postgres.url("postgres")) as administrator,
        clients(replicas) as [client, _],
        signed_in(replicas[0], token) as socket,
    ):
        # given a subscriber, and a process that can commit
        await Api(client, token).ask(SET_ALERT, threshold="1")
        await socket.subscribe(ALERTS)
        servers = [row["pid"] for row in await administrator.fetch(f"SELECT pid {connections}")]
        async with AsyncExitStack() as stack:
            database = Database(postgres_url, publish_nothing)
            stack.push_async_callback(database.dispose)
            elsewhere = await stack.enter_async_context(Ledger(database).running())
            await elsewhere.record([spent("0.1")])
            # when an alert fires there, whose notification arrives but whose read fails,
            await administrator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            for pid in servers:
                assert await administrator.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)
            await elsewhere.record([spent("0.8")])
            [error] = await Api(client, token).errors("{ costAlerts { nodes { id } } }")
            assert error["extensions"]["code"] == "SERVICE_UNAVAILABLE"
            # and another one whose read succeeds
            await administrator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            await elsewhere.record([spent("0.8")])
        # then the subscriber receives both
        heard = [await socket.next(), await socket.next()]
        assert [(alert_event["level"], alert_event["amount"]) for alert_event in heard] == [
            ("NEAR_LIMIT", "0.9"),
            ("TRIGGERED", "1.7"),
        ]
        assert await quiet(socket)


async def quiet(socket: Socket) -> bool:
    """Send a query. Returns whether its answer is the next message."""
    await socket.start("{ viewer { id } }", operation="question")
    message = await socket.receive()
    return bool(message["id"] == "question")


MINI = {"provider": "openai", "model": "gpt-4o-mini"}
SONNET = {"provider": "anthropic", "model": "claude-sonnet-4-5"}
MINI_COSTS = Decimal("0.00075")


def request(*candidates: dict[str, str]) -> dict[str, Any]:
    return {"taskType": "chat", "inputTokens": 1000, "maxOutputTokens": 1000, "candidates": list(candidates)}


async def test_a_budget_for_50_requests_admits_50_of_500_over_two_replicas(
    replicas: list[str], token_for: Any, data_dir: Path, postgres_url: str, user_id: UUID
) -> None:
    async with clients(replicas) as both:
        apis = [Api(client, token_for(user_id)) for client in both]
        await apis[0].ask(SET_BUDGET, threshold=str(50 * MINI_COSTS))
        outcomes = await asyncio.gather(*(apis[n % 2].ask(ROUTE, input=request(MINI)) for n in range(500)))
        kinds = Counter(outcome["__typename"] for outcome in outcomes)
        assert kinds == {"RoutingDecision": 50, "RouteRefused": 450}
        # and when all report at once on the other replica, the spend is exactly the limit
        admitted = [outcome for outcome in outcomes if outcome["__typename"] == "RoutingDecision"]
        reports = [
            {
                "provider": "openai",
                "modelUsed": "gpt-4o-mini",
                "taskType": "chat",
                "success": True,
                "cost": str(MINI_COSTS),
                "decisionId": decision["id"],
            }
            for decision in admitted
        ]
        await asyncio.gather(
            *(apis[(n + 1) % 2].ask(LOG_ONE, input=each) for n, each in enumerate(reports)),
            *(apis[n % 2].ask(ROUTE, input=request(MINI)) for n in range(100)),
        )
        [alert] = (await apis[0].ask("{ costAlerts { nodes { currentAmount thresholdAmount state } } }"))["nodes"]
        assert alert == {"currentAmount": "0.0375", "thresholdAmount": "0.0375", "state": "TRIGGERED"}
    async with connected(postgres_url) as connection:
        assert await connection.fetchval("SELECT count(*) FROM router_decisions") == 50
        assert await connection.fetchval("SELECT count(*) FROM router_holds") == 0
    assert "0 differences" in run("verify", data_dir=data_dir).stdout


async def test_a_provider_blocked_on_one_replica_is_never_chosen_on_the_other_afterwards(
    replicas: list[str], token_for: Any, user_id: UUID
) -> None:
    save = "mutation($blocked: [String!]!) { savePreferences(input: {blockedProviders: $blocked}) { __typename } }"
    async with clients(replicas) as both:
        here, there = (Api(client, token_for(user_id)) for client in both)
        for blocked, left in (("openai", "anthropic"), ("anthropic", "openai")) * 10:
            # given a replica that has cached the earlier preferences and routes all the time
            chosen: list[str] = []
            enough = asyncio.Event()

            async def decide(chosen: list[str], enough: asyncio.Event) -> None:
                while not enough.is_set():
                    decision = await there.ask(ROUTE, input=request(MINI, SONNET))
                    chosen.append(decision["provider"])

            deciding = [asyncio.create_task(decide(chosen, enough)) for _ in range(4)]
            await there.ask(ROUTE, input=request(MINI, SONNET))
            # when a provider is blocked on the other replica
            await here.ask(save, blocked=[blocked])
            # then every later request is routed to another provider
            after = await asyncio.gather(*(there.ask(ROUTE, input=request(MINI, SONNET)) for _ in range(8)))
            assert {(each["provider"], *(f["provider"] for f in each["fallbacks"])) for each in after} == {(left,)}
            enough.set()
            await asyncio.gather(*deciding)
            assert chosen


ASSIGN = "query($test: ID!, $unit: String!) { assignVariant(testId: $test, unitKey: $unit) { variant } }"
ROUTED = """
mutation($unit: String!) {
  routeRequest(input: {taskType: "chat", unitKey: $unit}) { ... on RoutingDecision { abTestId abVariant } }
}
"""
END_TEST = "mutation($id: ID!) { endABTest(id: $id) { __typename } }"


async def test_a_unit_keeps_its_variant_on_every_replica_after_restarts_and_beyond_other_tests(
    replicas: list[str], token_for: Any, data_dir: Path, user_id: UUID
) -> None:
    units = [f"user-{number}" for number in range(40)]
    async with clients(replicas) as both:
        apis = [Api(client, token_for(user_id)) for client in both]
        test = await apis[0].ask(START_TEST)

        async def assigned(api: Api) -> list[str]:
            """The variants that the units are assigned, which are those that their calls are stored with."""
            assigned = [(await api.ask(ASSIGN, test=test["id"], unit=unit))["variant"] for unit in units]
            routed = [await api.ask(ROUTED, unit=unit) for unit in units]
            assert routed == [{"abTestId": test["id"], "abVariant": variant} for variant in assigned]
            return assigned

        # given the assignments of one replica
        first = await assigned(apis[0])
        assert set(first) == {"A", "B"}
        # then the other replica assigns the same, also while another test runs and after its end
        assert await assigned(apis[1]) == first
        other = await apis[1].ask(START_TEST.replace('testName: "t"', 'testName: "o", taskType: "other"'))
        assert await assigned(apis[0]) == first
        assert (await apis[0].ask(END_TEST, id=other["id"]))["__typename"] == "ABTest"
        assert await assigned(apis[1]) == first
    # and so does a process that starts later
    with running(data_dir, ROUTER_JWT_SECRET=SECRET) as later:
        async with clients([later.address]) as [client]:
            assert await assigned(Api(client, token_for(user_id))) == first
