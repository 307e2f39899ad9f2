"""A database whose open connections hang while new ones work, as after a failover behind a proxy."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx2
import pytest
from pydantic import SecretStr

import models.database.pool
import models.database.postgresql
import server.graphql.app
import server.serving
from models.database.pool import Pool
from models.database.postgresql import PostgreSQL
from models.ledger.call import CallBatch
from models.ledger.group_commit import GroupCommit
from server.app import create_app
from server.listener import Listener
from server.settings import Settings
from server.token import make_token
from tests.conftest import SECRET, serving
from tests.server.test_faults import database_at, stored
from tests.support.api import Api
from tests.support.load import LOG_ONE
from tests.support.process import DATABASE_OF, running
from tests.support.proxy import Proxy, before
from tests.support.socket import signed_in

PATIENCE_S: Final = 60
USER: Final = UUID("01941931-60b0-7000-9e50-21ab326a8ef5")
READ: Final = "{ analytics(first: 500) { nodes { eventId } } }"
ALERT: Final = 'mutation { createCostAlert(input: {thresholdAmount: "1", period: DAILY}) { __typename } }'
ALERTS: Final = "subscription { alertTriggered { level } }"


@dataclass
class Served:
    """A server whose database is behind a proxy."""

    proxy: Proxy
    url: str
    client: httpx2.AsyncClient
    api: Api
    stack: AsyncExitStack

    async def log(self, event_id: str, **more: Any) -> bool:
        """Log this call until it is acknowledged. Returns whether it was deduplicated."""
        call = {"provider": "openai", "modelUsed": "a", "taskType": "chat", "success": True, "eventId": event_id}
        async with asyncio.timeout(PATIENCE_S):
            while True:
                body = (await self.api.post(LOG_ONE, input=call | more)).json()
                if "errors" not in body:
                    assert body["data"]["logAnalytics"]["__typename"] == "LoggedAnalytics"
                    return bool(body["data"]["logAnalytics"]["deduplicated"])
                assert {error["extensions"]["code"] for error in body["errors"]} <= {"SERVICE_UNAVAILABLE", "TIMEOUT"}

    async def until_ready(self, *, ready: bool) -> dict[str, bool]:
        async with asyncio.timeout(PATIENCE_S):
            while (answer := await self.client.get("/readyz")).is_success is not ready:
                pass
        checks: dict[str, bool] = answer.json()["checks"]
        return checks

    async def opens_many(self) -> None:
        """Make the server open many connections, which are idle afterwards."""
        await asyncio.gather(*(self.api.ask(READ) for _ in range(30)))


@pytest.fixture
async def served(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    # Timeouts of many seconds are one or two seconds here.
    for owner, name, seconds in (
        (PostgreSQL, "begin_within_s", 2.0),
        (PostgreSQL, "write_within_s", 2.0),
        (PostgreSQL, "idle_within_s", 1.5),
        (Pool, "answer_within_s", 1.0),
        (Listener, "answer_within_s", 1.0),
        (Listener, "asks_every_s", 0.5),
        (GroupCommit, "drained_within_s", 0.5),
    ):
        monkeypatch.setattr(owner, name, seconds)
    monkeypatch.setattr(server.graphql.app, "STOPS_WITHIN_S", 0.5)
    monkeypatch.setattr(server.serving, "_GRACEFUL_SHUTDOWN_S", 1)
    async with AsyncExitStack() as stack:
        proxy, proxied = await stack.enter_async_context(before(postgres_url))
        settings = Settings(data_dir=tmp_path, database_url=proxied, jwt_secret=SecretStr(SECRET))
        client = await stack.enter_async_context(httpx2.AsyncClient(timeout=PATIENCE_S))
        server_stack = await stack.enter_async_context(AsyncExitStack())
        url = await server_stack.enter_async_context(serving(create_app(settings)))
        client.base_url = httpx2.URL(url)
        token = make_token(settings, USER, timedelta(hours=1))
        served = Served(proxy, url, client, Api(client, token), server_stack)
        assert await served.log("before") is False
        yield served


async def found(url: str) -> dict[str, int]:
    async with database_at(url) as database:
        return dict(await stored(database))


async def test_logging_and_reading_work_again_when_idle_connections_hang(served: Served, postgres_url: str) -> None:
    await served.opens_many()
    await served.until_ready(ready=True)
    served.proxy.freeze()
    assert await served.log("after") is False
    assert len((await served.api.ask(READ))["nodes"]) == 2
    assert await served.api.ask(ALERT) == {"__typename": "CostAlert"}
    await served.until_ready(ready=True)
    assert await found(postgres_url) == {"before": 1, "after": 1}


@pytest.mark.parametrize("moment", ["before COMMIT arrives", "before COMMIT is answered", "between the statements"])
async def test_calls_in_flight_when_connections_hang_are_stored_once(
    served: Served, postgres_url: str, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    execute, write = models.database.pool.execute, CallBatch.write
    frozen = asyncio.Event()

    def freeze() -> None:
        if not frozen.is_set():
            frozen.set()
            served.proxy.freeze()

    async def executed(connection: Any, statements: str) -> None:
        if statements.endswith("COMMIT") and frozen.is_set() is False and moment != "between the statements":
            if moment == "before COMMIT is answered":
                await execute(connection, statements)
                freeze()
                await asyncio.Event().wait()
            freeze()
        await execute(connection, statements)

    async def written(*given: Any) -> Any:
        outcomes = await write(*given)
        freeze()  # the rows stay locked, because nothing ends the transaction
        return outcomes

    monkeypatch.setattr(models.database.postgresql, "execute", executed)
    if moment == "between the statements":
        monkeypatch.setattr(CallBatch, "write", written)
    # when several log in the same hour, then each call is stored once, whatever the earlier answers were
    there = await asyncio.gather(*(served.log(f"{number}", cost="0.5") for number in range(5)))
    assert frozen.is_set()
    assert await found(postgres_url) == {"before": 1} | {f"{number}": 1 for number in range(5)}
    assert any(there) is (moment == "before COMMIT is answered")
    total = await served.api.ask("{ analyticsSummary { calls totalCost } }")
    assert total == [{"calls": 6, "totalCost": "2.5"}]


async def test_the_server_is_not_ready_while_the_database_hangs_and_ready_afterwards(
    served: Served, postgres_url: str
) -> None:
    await served.opens_many()
    await served.until_ready(ready=True)
    served.proxy.freeze(new=True)
    checks = await served.until_ready(ready=False)
    assert checks["database"] is False
    logging = asyncio.create_task(served.log("meanwhile"))
    served.proxy.thaw()
    await logging
    await served.until_ready(ready=True)
    assert await found(postgres_url) == {"before": 1, "meanwhile": 1}


async def test_subscribers_receive_events_again(served: Served) -> None:
    assert await served.api.ask(ALERT) == {"__typename": "CostAlert"}
    async with signed_in(served.url, served.api.token) as socket:
        await socket.subscribe(ALERTS)
        served.proxy.freeze()
        await served.log("much", cost="0.9")
        assert await socket.next() == {"level": "NEAR_LIMIT"}
        await served.log("more", cost="0.2")
        assert await socket.next() == {"level": "TRIGGERED"}


async def test_a_server_process_exits_with_0_in_15_s_while_the_database_hangs(
    postgres_url: str, tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    token = make_token(Settings(data_dir=tmp_path, jwt_secret=SecretStr(SECRET)), USER, timedelta(hours=1))
    call = {"provider": "openai", "modelUsed": "a", "taskType": "chat", "success": True}
    async with before(postgres_url) as (proxy, proxied), httpx2.AsyncClient(timeout=PATIENCE_S) as client:
        DATABASE_OF[data_dir] = proxied
        serving_process = running(data_dir, ROUTER_JWT_SECRET=SECRET)
        process = await asyncio.to_thread(serving_process.__enter__)
        try:
            client.base_url = httpx2.URL(process.address)
            api = Api(client, token)
            await api.ask(LOG_ONE, input=call)
            proxy.freeze(new=True)
            asking = [asyncio.create_task(work) for work in (api.post(LOG_ONE, input=call), api.post(READ))]
            await client.get("/readyz")
            process.process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.process.wait, 15) == 0
            for answer in await asyncio.gather(*asking):
                assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (503, "TIMEOUT")
        finally:
            await asyncio.to_thread(serving_process.__exit__, None, None, None)


async def test_a_server_stops_while_the_database_hangs(served: Served) -> None:
    # given one operation of each kind in flight when the database hangs
    await served.opens_many()
    served.proxy.freeze(new=True)
    call = {"provider": "openai", "modelUsed": "a", "taskType": "chat", "success": True, "eventId": "late"}
    asking = [
        asyncio.create_task(work)
        for work in (
            served.api.post(LOG_ONE, input=call),
            served.api.post(READ),
            served.api.post(ALERT),
            served.client.get("/readyz"),
            served.client.get("/export/analytics", headers={"Authorization": f"Bearer {served.api.token}"}),
        )
    ]
    await asyncio.sleep(0)
    # when the server is asked to stop, then it does, and no call is acknowledged
    async with asyncio.timeout(PATIENCE_S):
        await served.stack.aclose()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    statuses = [answer.status_code if isinstance(answer, httpx2.Response) else None for answer in answers]
    assert set(statuses) <= {None, 503, 500, 200}
    for answer in answers[:3]:
        if isinstance(answer, httpx2.Response):
            assert "errors" in answer.json()
