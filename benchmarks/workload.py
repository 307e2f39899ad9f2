"""The workload of logging: calls of some users, each with a running A/B test and a daily alert.

Providers, models, task types, tokens, latencies and costs are those of the tests' usage sample.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.load import UNIQUE
from domain.inference import Metric
from domain.window import AlertPeriod, WindowMode
from models.ab_test import ABTest
from models.cost_alert import CostAlert
from models.database import Database
from server.settings import Settings
from server.token import make_token

SECRET: Final = "a secret of the benchmarks, 32 bytes or longer"

_SAMPLE: Final = Path(__file__).parent.parent / "tests" / "data" / "aider_usage_sample.csv"
_USERS: Final = 200
_TOKEN_LIFETIME: Final = timedelta(days=1)
_VARIANTS: Final = (
    {"provider": "anthropic", "model": "claude-3-5-sonnet-20241022", "parameters": None},
    {"provider": "deepseek", "model": "deepseek-chat", "parameters": None},
)

_LOG_ONE: Final = """mutation Log($input: LogAnalyticsInput!) {
  logAnalytics(input: $input) {
    __typename
    ... on LoggedAnalytics { record { id } deduplicated alertEvents { id } }
    ... on Error { code message path }
  }
}"""
_LOG_MANY: Final = """mutation LogMany($input: [LogAnalyticsInput!]!) {
  logAnalyticsBatch(input: $input) { accepted deduplicated rejected { index error { code message } } }
}"""


@dataclass(frozen=True, slots=True)
class User:
    id: UUID
    test_id: UUID
    alert_id: UUID
    token: str


def _user(number: int, settings: Settings) -> User:
    id_, test_id, alert_id = (uuid5(NAMESPACE_URL, f"benchmark {kind} {number}") for kind in ("user", "test", "alert"))
    return User(id_, test_id, alert_id, make_token(settings, id_, _TOKEN_LIFETIME))


def users() -> list[User]:
    """The users, with tokens that the servers of the benchmarks accept."""
    settings = Settings(jwt_secret=SecretStr(SECRET))
    return [_user(number, settings) for number in range(_USERS)]


class CallMaker:
    """Generates calls to log, as fields of the API. They are the same in each run."""

    def __init__(self) -> None:
        with _SAMPLE.open(newline="") as file:
            self._rows = list(csv.DictReader(file))
        self._random = random.Random(7)

    def next(self, user: User, event_id: str) -> dict[str, Any]:
        """One call of this user: the fields of `LogAnalyticsInput`."""
        row = self._random.choice(self._rows)
        call = {
            "eventId": event_id,
            "provider": row["provider"] or "unknown",
            "taskType": row["task_type"] or "unknown",
            "modelUsed": row["model_used"] or "unknown",
            "priority": self._random.choice(["SPEED", "COST", "QUALITY"]),
            "success": row["success"] == "1",
            "latencyMs": int(row["latency_ms"]) if row["latency_ms"] else None,
            "cost": row["cost"] or "0.0012",
            "inputTokens": int(row["prompt_tokens"] or 0),
            "outputTokens": int(row["completion_tokens"] or 0),
            "abTestId": str(user.test_id),
            "abVariant": self._random.choice(["A", "B"]),
            "metadata": {"outcome": row["outcome"], "weakModel": row["weak_model"]},
        }
        return {name: value for name, value in call.items() if value is not None}


def single_requests(everyone: Sequence[User], each: int = 10) -> list[str]:
    """HTTP requests that each log one call, this many per user."""
    maker = CallMaker()
    requests = [
        graphql_request(user, _LOG_ONE, maker.next(user, f"{UNIQUE}-{number}"))
        for number in range(each)
        for user in everyone
    ]
    random.Random(11).shuffle(requests)
    return requests


def batch_requests(everyone: Sequence[User], calls: int) -> list[str]:
    """HTTP requests that each log a batch of this many calls of one user."""
    maker = CallMaker()
    return [
        graphql_request(user, _LOG_MANY, [maker.next(user, f"{UNIQUE}-{number}") for number in range(calls)])
        for user in everyone
    ]


def ingest_requests(everyone: Sequence[User], calls: int) -> list[str]:
    """HTTP requests that each send this many calls of one user as lines of JSON."""
    return [_http("/ingest/decisions", user, "application/x-ndjson", lines(user, calls)) for user in everyone]


def lines(user: User, calls: int) -> str:
    """Calls as lines of JSON, as a gateway sends them, with the time of each call a few seconds ago."""
    maker = CallMaker()
    now = datetime.now(UTC)
    return "".join(
        json.dumps(
            maker.next(user, f"{UNIQUE}-{number}")
            | {"occurredAt": (now - timedelta(milliseconds=calls - number)).isoformat()}
        )
        + "\n"
        for number in range(calls)
    )


def graphql_request(user: User, query: str, variable: object) -> str:
    """An HTTP request with this operation, whose one variable is `$input`."""
    return _http("/graphql", user, "application/json", json.dumps({"query": query, "variables": {"input": variable}}))


def _http(path: str, user: User, content_type: str, body: str) -> str:
    head = (
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Accept: application/json",
        f"Authorization: Bearer {user.token}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join([*head, "", body])


async def seed(database: Database, everyone: Sequence[User]) -> None:
    """Give each user a running A/B test, and a daily alert with a threshold so high that it does not fire."""
    now = datetime.now(UTC)
    rows: list[ABTest | CostAlert] = []
    for user in everyone:
        rows += [_test(user, now), _alert(user, now)]
    async with database.system() as transaction:
        session = AsyncSession(transaction.connection)
        session.add_all(rows)
        await session.flush()


def _test(user: User, now: datetime) -> ABTest:
    return ABTest(
        user_id=user.id,
        id=user.test_id,
        test_name="sonnet or deepseek",
        task_type=None,
        primary_metric=Metric.SUCCESS_RATE,
        guardrails=[],
        split=0.5,
        minimum_run_hours=0,
        variant_a_config=_VARIANTS[0],
        variant_b_config=_VARIANTS[1],
        running_for="",
        started_at=now,
        created_at=now,
    )


def _alert(user: User, now: datetime) -> CostAlert:
    return CostAlert(
        user_id=user.id,
        id=user.alert_id,
        alert_type="daily_spend",
        threshold_amount=Decimal(1_000_000_000),
        period=AlertPeriod.DAILY,
        mode=WindowMode.CALENDAR,
        time_zone="UTC",
        custom=None,
        near_limit_percent=80.0,
        enforced=False,
        counted_from=now - timedelta(days=2),
        created_at=now,
        updated_at=now,
    )
