"""The workload of routing: requests of users with preferences, rules, and some thousand calls of twenty models."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from benchmarks.load import UNIQUE
from benchmarks.workload import User, graphql_request
from domain.ab_test import VariantConfig
from domain.analytics import LogAnalytics
from domain.catalog import CatalogModel, all_listed
from domain.error import ExpectedError
from domain.preference import RoutingPriority, RoutingRule, SavePreferences
from domain.provider import provider_id
from domain.routing import Budget, Observed, Recent, RouteRequest, RoutingContext, RoutingPreferences, Statistics
from domain.window import AlertPeriod, WindowMode
from models.cost_alert import CostAlert
from models.database import Database
from models.ledger import Ledger
from models.ledger.call import CallDraft
from models.preference import default_preferences
from models.routing_version import RoutingVersion
from models.types import new_id

MODELS: Final = 20
"""The number of models that served each user."""
LOGGED: Final = 3_000
"""Calls of each user who routes, before the first request."""
REQUESTS: Final = 50
"""Different requests of each user."""

_CHUNK: Final = 1_000
_PROVIDERS: Final = ("anthropic", "google", "mistral", "openai")
_TASKS: Final = ("chat", "code", "summary")
_TIERS: Final = ("free", "paid")
_MANY_PROVIDERS: Final = (*_PROVIDERS, "aws", "fireworks", "novita", "openrouter", "together", "groq")
_BLOCKED: Final = "groq"

_ROUTE: Final = """mutation Route($input: RouteRequestInput!) {
  routeRequest(input: $input) {
    __typename
    ... on RoutingDecision { id provider model fallbacks { provider model } estimatedCost heldAmount expiresAt }
    ... on RouteRefused { message constraint limit spent held resetsAt retryable }
    ... on Error { code message path }
  }
}"""
_SAVE: Final = """mutation Save($input: SavePreferencesInput!) {
  savePreferences(input: $input) { __typename ... on RouterPreferences { id } ... on Error { code message path } }
}"""
_ACKNOWLEDGE: Final = """mutation Acknowledge($input: ID!) {
  acknowledgeCostAlert(id: $input) { __typename ... on Error { code message path } }
}"""
_PREFERENCES: Final = {
    "defaultPriority": "SPEED",
    "maxCostPerRequest": "1",
    "maxLatencyMs": 60_000,
    "preferredProviders": ["anthropic"],
    "customRules": [
        {"name": "chat", "when": {"taskType": "chat"}, "then": {"prefer": ["openai"]}},
        {"name": "large", "when": {"inputTokensAbove": 3_000}, "then": {"prefer": ["google"]}},
        {"name": "free", "when": {"metadata": [{"key": "tier", "oneOf": ["free"]}]}, "then": {"maxCost": "0.5"}},
        {"name": "best", "when": {"priority": "QUALITY"}, "then": {"block": ["mistral"]}},
        {"name": "week", "when": {"weekdays": ["MONDAY", "FRIDAY"]}, "then": {"prefer": ["google"]}},
    ],
}


def _listed(providers: Sequence[str], count: int) -> list[CatalogModel]:
    """This many listed models, the same number of each of these providers."""
    everything = [model for model in all_listed(datetime.now(UTC)) if not model.deprecated]
    each = [
        list(islice((model for model in everything if model.provider == name), -(-count // len(providers))))
        for name in providers
    ]
    return [model for models in each for model in models][:count]


def route_requests(everyone: Sequence[User]) -> list[str]:
    """HTTP requests to be routed, of all these users in mixed order."""
    chance = random.Random(13)
    requests = [
        graphql_request(
            user,
            _ROUTE,
            {
                "taskType": chance.choice(_TASKS),
                "priority": chance.choice(("SPEED", "COST", "QUALITY")),
                "inputTokens": chance.randrange(100, 4_000),
                "maxOutputTokens": chance.randrange(100, 1_000),
                "requestId": UNIQUE,
                "metadata": {"tier": chance.choice(_TIERS)},
            },
        )
        for _ in range(REQUESTS)
        for user in everyone
    ]
    chance.shuffle(requests)
    return requests


def save_requests(everyone: Sequence[User]) -> list[str]:
    """HTTP requests that each set one field of a user's preferences."""
    return [
        graphql_request(user, _SAVE, {"maxLatencyMs": 60_000 + number})
        for number in range(REQUESTS)
        for user in everyone
    ]


def acknowledge_requests(everyone: Sequence[User]) -> list[str]:
    """HTTP requests to acknowledge an unknown alert: a transaction that writes nothing."""
    return [
        graphql_request(user, _ACKNOWLEDGE, str(UUID(int=number))) for number in range(REQUESTS) for user in everyone
    ]


async def furnish(url: str, routing: Sequence[User], budgeted: Sequence[User], others: Sequence[User]) -> None:
    """Give all users preferences, the routing users recent calls, and the budgeted users a sufficient budget."""
    database = Database(url, lambda _events: None)
    try:
        async with database.system() as transaction:
            session = AsyncSession(transaction.connection)
            now = datetime.now(UTC)
            for user in (*routing, *budgeted, *others):
                session.add_all(_preferences(user, now))
            session.add_all(_budget(user, now) for user in budgeted)
            await session.flush()
        async with Ledger(database).running() as ledger:
            for user in (*routing, *budgeted):
                drafts = _drafts(user)
                while some := list(islice(drafts, _CHUNK)):
                    for outcome in await ledger.record(some):
                        if isinstance(outcome, ExpectedError):
                            raise outcome
    finally:
        await database.dispose()
    if url.startswith("postgresql"):
        await _execute(url, "VACUUM ANALYZE")


async def settle(url: str) -> None:
    """Release all holds, as the outcomes of the routing decisions would."""
    await _execute(url, "TRUNCATE router_holds" if url.startswith("postgresql") else "DELETE FROM router_holds")


async def _execute(url: str, statement: str) -> None:
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            await connection.execute(text(statement))
    finally:
        await engine.dispose()


def _preferences(user: User, now: datetime) -> Sequence[Any]:
    saved = default_preferences(user.id)
    for name, value in SavePreferences.checked(_PREFERENCES).changes().items():
        setattr(saved, name, value)
    saved.created_at = saved.updated_at = now
    return saved, RoutingVersion(user_id=user.id, version=1)


def _budget(user: User, now: datetime) -> CostAlert:
    return CostAlert(
        user_id=user.id,
        alert_type="budget of the day",
        threshold_amount=Decimal(1_000_000),
        period=AlertPeriod.DAILY,
        mode=WindowMode.CALENDAR,
        time_zone="UTC",
        custom=None,
        near_limit_percent=80.0,
        enforced=True,
        counted_from=now - timedelta(days=2),
        created_at=now,
        updated_at=now,
    )


def _drafts(user: User) -> Iterator[CallDraft]:
    chance = random.Random(17)
    models = _listed(_PROVIDERS, MODELS)
    for _ in range(LOGGED):
        model = chance.choice(models)
        logged = {
            "provider": model.provider,
            "modelUsed": model.model,
            "taskType": chance.choice(_TASKS),
            "success": chance.random() < 0.95,
            "latencyMs": chance.randrange(200, 3_000),
            "cost": "0.0012",
            "inputTokens": chance.randrange(100, 4_000),
            "outputTokens": chance.randrange(100, 1_000),
            "qualityScore": chance.random(),
        }
        yield CallDraft(user.id, LogAnalytics.checked(logged))


@dataclass(frozen=True, slots=True)
class Case:
    """The inputs of one routing decision."""

    asked: RouteRequest
    routing_context: RoutingContext
    budgets: Sequence[Budget]
    at: datetime


def large_case(candidates: int, rules: int) -> Case:
    """This many candidates with figures, and this many rules, of which every other one applies."""
    at = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
    models = _listed(_MANY_PROVIDERS, candidates)
    chance = random.Random(19)
    keys = [(provider_id(model.provider), model.model) for model in models]
    by_model = {key: _observed(chance) for key in keys}
    return Case(
        asked=RouteRequest(
            task_type="chat",
            priority=RoutingPriority.COST,
            input_tokens=1_200,
            max_output_tokens=500,
            metadata={"tier": "free", "team": "search", "attempt": 1},
            candidates=[VariantConfig(provider=model.provider, model=model.model) for model in models],
        ),
        routing_context=RoutingContext(
            version=1,
            budgeted=True,
            preferences=RoutingPreferences(
                max_cost=Decimal(1),
                max_latency_ms=60_000,
                preferred=["anthropic", "openai"],
                rules=[RoutingRule.model_validate(rule) for rule in _rules(rules, models[0])],
            ),
            statistics=Statistics(
                by_model=by_model,
                by_task={(key, "chat"): _observed(chance) for key in keys},
                recent={key: Recent(2_000, 600, 50, chance.uniform(10, 50)) for key in keys},
                names={key: key for key in keys},
                overall=Observed(200 * candidates, 190 * candidates, 200 * candidates, 200_000 * candidates, 2_000.0),
            ),
        ),
        budgets=[
            Budget(new_id(at), name, Decimal(limit), Decimal("12.5"), Decimal("0.25"), at + timedelta(days=1))
            for name, limit in (("a day", 100), ("a month", 2_000))
        ],
        at=at,
    )


def _observed(chance: random.Random) -> Observed:
    calls = chance.randrange(100, 300)
    return Observed(calls, calls - chance.randrange(20), calls, calls * chance.randrange(300, 3_000), 2_500.0)


# For each kind, a condition that the request meets and one that it does not.
_CONDITIONS: Final[Sequence[tuple[dict[str, Any], dict[str, Any]]]] = (
    ({"taskType": "chat"}, {"taskType": "code"}),
    ({"priority": "COST"}, {"priority": "SPEED"}),
    ({"inputTokensAbove": 1_000, "inputTokensBelow": 2_000}, {"inputTokensAbove": 5_000}),
    ({"maxOutputTokensBelow": 1_000}, {"maxOutputTokensAbove": 1_000}),
    ({"metadata": [{"key": "tier", "oneOf": ["free"]}]}, {"metadata": [{"key": "tier", "oneOf": ["paid"]}]}),
    (
        {"hours": {"from": 8, "to": 18}, "timeZone": "Europe/Berlin"},
        {"hours": {"from": 22, "to": 6}, "timeZone": "America/New_York"},
    ),
    ({"weekdays": ["WEDNESDAY"]}, {"weekdays": ["SATURDAY", "SUNDAY"], "timeZone": "Asia/Tokyo"}),
    (
        {"taskType": "chat", "inputTokensAbove": 100, "metadata": [{"key": "attempt", "oneOf": ["1", "2"]}]},
        {"taskType": "chat", "inputTokensAbove": 100, "metadata": [{"key": "team", "oneOf": ["ads"]}]},
    ),
)


def _rules(count: int, target: CatalogModel) -> Iterator[dict[str, Any]]:
    actions: Sequence[dict[str, Any]] = (
        {"prefer": ["google", "mistral"]},
        {"block": [_BLOCKED]},
        {"maxCost": "0.9"},
        {"priority": "COST"},
        {"use": {"provider": target.provider, "model": target.model}},
    )
    for number in range(count):
        pair, missed = divmod(number, 2)
        yield {
            "name": f"rule {number}",
            "when": _CONDITIONS[pair % len(_CONDITIONS)][missed],
            "then": actions[pair % len(actions)],
        }
