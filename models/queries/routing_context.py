"""Reading a routing context: a user's preferences, registered models, running A/B tests and recent statistics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from domain.latency import percentile
from domain.preference import RoutingRule
from domain.routing import KNOWN_FROM, Key, Observed, Recent, RoutingContext, RoutingPreferences, Statistics
from models.analytics import RouterAnalytics
from models.cost_alert import CostAlert
from models.preference import RouterPreferences
from models.queries.ab_test import running_tests_of
from models.queries.catalog import models_of
from models.queries.preference import current_preferences
from models.queries.provider_alias import names_of
from models.queries.routing_version import version_of
from models.rollup import AnalyticsHourly, LatencyHourly

OBSERVED_FOR: Final = timedelta(days=7)
"""How far back the statistics of a model go."""

# Only the most called models and task types have statistics: clients choose these names, and must not slow routing down.
MAX_MODELS: Final = 200
MAX_TASK_TYPES: Final = 50

_LATEST: Final = 2_000
"""How many of the latest calls are read for tokens and feedback per model."""
_SPELLINGS: Final = 100
"""How many of a model's latest calls are read to find how the user spells its provider."""
_P95: Final = 0.95


async def routing_context_of(session: AsyncSession, user_id: UUID, now: datetime) -> RoutingContext:
    """The user's current routing context."""
    version = await version_of(session, user_id)
    saved = await current_preferences(session, user_id)
    enforced = await session.scalar(
        select(CostAlert.id)
        .where(CostAlert.user_id == user_id, CostAlert.enforced.is_(True), CostAlert.active.is_(True))
        .limit(1)
    )
    own = await models_of(session, user_id)
    return RoutingContext(
        version=version,
        budgeted=enforced is not None,
        preferences=_preferences(saved),
        names=await names_of(session, user_id),
        own=[model.listing for model in own if not model.superseded],
        statistics=await _statistics(session, user_id, now),
        tests={test.task_type: test.running for test in await running_tests_of(session, user_id)},
    )


def _preferences(saved: RouterPreferences) -> RoutingPreferences:
    return RoutingPreferences(
        priority=saved.default_priority,
        max_cost=saved.max_cost_per_request,
        max_latency_ms=saved.max_latency_ms,
        preferred=saved.preferred_providers,
        blocked=saved.blocked_providers,
        rules=[RoutingRule.model_validate(rule) for rule in saved.custom_rules],
    )


class _Sums:
    """Sums and the latency histogram of groups of calls."""

    def __init__(self) -> None:
        self.calls = self.successes = self.timed = self.latency_sum_ms = 0
        self.latencies: defaultdict[int, int] = defaultdict(int)

    def add(self, row: Any) -> None:
        self.calls += int(row.calls)
        self.successes += int(row.successes)
        self.timed += int(row.timed)
        self.latency_sum_ms += int(row.latency_sum_ms)

    @property
    def observed(self) -> Observed:
        known = self.timed >= KNOWN_FROM
        p95 = percentile(self.latencies, _P95) if known else None
        return Observed(self.calls, self.successes, self.timed, self.latency_sum_ms, p95)


async def _statistics(session: AsyncSession, user_id: UUID, now: datetime) -> Statistics:
    overall = _Sums()
    by_model: defaultdict[Key, _Sums] = defaultdict(_Sums)
    by_task: defaultdict[tuple[Key, str], _Sums] = defaultdict(_Sums)
    hour, latency = AnalyticsHourly, LatencyHourly
    since = (now - OBSERVED_FOR).replace(minute=0, second=0, microsecond=0)
    lately = (hour.user_id == user_id, hour.hour >= since)
    calls = func.sum(hour.calls)
    summed = [func.sum(getattr(hour, name)).label(name) for name in ("calls", "successes", "timed", "latency_sum_ms")]
    if (total := (await session.execute(select(*summed).where(*lately))).one()).calls is None:
        return Statistics()
    overall.add(total)
    model = (hour.provider, hour.model_used)
    most_called = select(*model).where(*lately).group_by(*model).order_by(calls.desc(), *model).limit(MAX_MODELS)
    models = [tuple(row) for row in await session.execute(most_called)]
    tasks = list(
        await session.scalars(
            select(hour.task_type)
            .where(*lately)
            .group_by(hour.task_type)
            .order_by(calls.desc(), hour.task_type)
            .limit(MAX_TASK_TYPES)
        )
    )
    group = (*model, hour.task_type)
    for row in await session.execute(
        select(*group, *summed).where(*lately, tuple_(*model).in_(models), hour.task_type.in_(tasks)).group_by(*group)
    ):
        key = (row.provider, row.model_used)
        for sums in (by_model[key], by_task[key, row.task_type]):
            sums.add(row)
    buckets = (latency.provider, latency.model_used, latency.task_type, latency.bucket)
    for row in await session.execute(
        select(*buckets, func.sum(latency.calls).label("calls"))
        .where(
            latency.user_id == user_id,
            latency.hour >= since,
            tuple_(latency.provider, latency.model_used).in_(models),
            latency.task_type.in_(tasks),
        )
        .group_by(*buckets)
    ):
        key = (row.provider, row.model_used)
        for sums in (by_model[key], by_task[key, row.task_type]):
            sums.latencies[row.bucket] += int(row.calls)
    recent, names = await _recent(session, user_id)
    return Statistics(
        by_model={key: sums.observed for key, sums in by_model.items()},
        by_task={key: sums.observed for key, sums in by_task.items()},
        recent=recent,
        names=names | await _names(session, user_id, by_model.keys() - names.keys()),
        overall=overall.observed,
    )


async def _names(session: AsyncSession, user_id: UUID, keys: Iterable[Key]) -> dict[Key, tuple[str, str]]:
    """The provider and model names of each of these models as the user spelt them in its latest call."""
    row = RouterAnalytics
    spelt: dict[Key, tuple[str, str]] = {}
    for provider, model in sorted(keys):
        statement = select(row.provider, row.reported_provider, row.reported_model).where(
            row.user_id == user_id, row.model_used == model
        )
        # If another provider serves most calls of the model, the latest call of this provider may be further back. The
        # model name is then taken from another provider's call.
        last = (await session.execute(statement.order_by(row.id.desc()).limit(_SPELLINGS))).all()
        here = next((each for each in last if each[0] == provider), None)
        reported_provider, reported_model = (here[1], here[2]) if here else (None, last[0][2] if last else None)
        spelt[provider, model] = (reported_provider or provider, reported_model or model)
    return spelt


async def _recent(session: AsyncSession, user_id: UUID) -> tuple[dict[Key, Recent], dict[Key, tuple[str, str]]]:
    """Statistics of the latest calls per model, and the names of each model as the user spells them."""
    row = RouterAnalytics
    spelt: dict[Key, tuple[str, str]] = {}
    latest = await session.execute(
        select(
            row.provider,
            row.model_used,
            row.reported_provider,
            row.reported_model,
            row.input_tokens,
            row.output_tokens,
            row.quality_score,
        )
        .where(row.user_id == user_id)
        .order_by(row.id.desc())
        .limit(_LATEST)
    )
    inputs: defaultdict[Key, list[int]] = defaultdict(list)
    outputs: defaultdict[Key, list[int]] = defaultdict(list)
    scores: defaultdict[Key, list[float]] = defaultdict(list)
    for provider, model, reported_provider, reported_model, input_tokens, output_tokens, score in latest:
        key = (provider, model)
        spelt.setdefault(key, (reported_provider or provider, reported_model or model))
        if input_tokens is not None:
            inputs[key].append(input_tokens)
        if output_tokens is not None:
            outputs[key].append(output_tokens)
        if score is not None:
            scores[key].append(score)
    recent = {
        key: Recent(_p95(inputs[key]), _p95(outputs[key]), len(scores[key]), sum(scores[key]))
        for key in inputs.keys() | outputs.keys() | scores.keys()
    }
    return recent, spelt


def _p95(counts: list[int]) -> int | None:
    """The 95th percentile by the nearest-rank method; None for fewer than KNOWN_FROM counts."""
    if len(counts) < KNOWN_FROM:
        return None
    return sorted(counts)[-(-len(counts) * 95 // 100) - 1]
