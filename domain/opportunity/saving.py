"""Opportunities to save cost: a cheaper model, or a cheaper provider than a preferred one, at one task type."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import combinations
from typing import Final, NamedTuple

from domain import summary
from domain.ab_test import CreateABTest, VariantConfig
from domain.bounds import MAX_NAME_LENGTH
from domain.inference import MINIMUM_CALLS, Arm, Comparison, Metric, SampleSums, Verdict, compare
from domain.money import EXACT, to_nano_dollars
from domain.opportunity.advice import (
    ComparisonScope,
    Evidence,
    Opportunity,
    OpportunityKind,
    compared_means,
    counted,
    filter_of,
    grouped,
    id_of,
    level,
    milliseconds,
    percent,
    points,
    range_of,
    short,
    spellings,
    usd,
)
from domain.provider import provider_id
from domain.window import Window

MONTH: Final = timedelta(days=30)
"""The period that savings are scaled to."""
MAX_TASK_TYPES: Final = 100
"""The most task types that are compared: those with the most calls."""
MAX_COMPARED: Final = 20
"""The most models, or providers, per task type that are compared: those with the most calls."""

_SUCCESS_MARGIN: Final = 0.02
"""The non-inferiority margin of the success rate: a rate that is lower by less counts as equally good."""
_LATENCY_MARGIN: Final = 0.1
"""The share by which a mean latency must be lower to be an advantage."""
_MILLION: Final = 1_000_000
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Usage:
    """Sums over the calls of one provider, model and task type in the time range."""

    provider: str
    model: str
    task_type: str
    sums: summary.Sums


class _Side(NamedTuple):
    """One side of a comparison: the calls of a model, or of a provider, at one task type."""

    key: tuple[str, ...]
    name: str
    sums: summary.Sums
    providers: list[str]
    """The spellings of the provider in the user's calls, the most frequent first."""
    models: list[str]

    @property
    def task_type(self) -> str:
        return self.key[0]

    @property
    def calls(self) -> int:
        return self.sums.calls

    @property
    def config(self) -> VariantConfig:
        """The provider and the model with the most calls."""
        return VariantConfig(provider=self.providers[0], model=self.models[0])

    @property
    def mean_cost(self) -> Decimal:
        return EXACT.divide(self.sums.total_cost, Decimal(self.sums.priced))

    @property
    def tokens(self) -> int:
        """The tokens of all calls. A call without reported tokens counts as 0."""
        return self.sums.input_tokens + self.sums.output_tokens


class _Saving(NamedTuple):
    """The saving if `other` served the calls of `now`, USD per 30 days."""

    now: _Side
    other: _Side
    size: Decimal
    """The factor on the costs of `other` that makes its calls as large as those of `now`."""
    cost: Comparison
    success: Comparison
    """The comparison of the success rates: `other` is A, `now` is B."""
    amount: Decimal
    low: Decimal
    high: Decimal


def cheaper_models(usage: Sequence[Usage], window: Window) -> Iterator[Opportunity]:
    """For each model of a task type, the cheaper model with the highest lower bound of savings."""
    pairs = [
        _dearer_first(*pair)
        for sides in _sides(usage, lambda row: (row.task_type, provider_id(row.provider), row.model)).values()
        for pair in combinations(sides, 2)
    ]
    scope = ComparisonScope(window, len(pairs))
    for of_one in grouped(pairs, lambda pair: pair[0].key).values():
        if saving := _best(of_one[0][0], [other for _, other in of_one], scope, lambda _: True):
            yield _cheaper_model(saving, scope)


def unproven_preferences(usage: Sequence[Usage], preferred: Sequence[str], window: Window) -> Iterator[Opportunity]:
    """For each preferred provider of a task type, the less preferred one with the highest lower bound of savings."""
    rank_of: dict[str, int] = {}
    for name in preferred:
        rank_of.setdefault(provider_id(name), len(rank_of))
    pairs: list[tuple[_Side, list[_Side]]] = []
    for sides in _sides(usage, lambda row: (row.task_type, provider_id(row.provider))).values():
        ranked = [(rank_of.get(side.key[-1], len(rank_of)), side) for side in sides]
        pairs += [(now, [side for later, side in ranked if later > at]) for at, now in ranked if at < len(rank_of)]
    scope = ComparisonScope(window, sum(len(others) for _, others in pairs))
    for now, others in pairs:
        if saving := _best(now, others, scope, lambda saving: _is_not_faster(saving.now, saving.other, scope.alpha)):
            yield _unproven_preference(saving, scope)


def _sides(usage: Sequence[Usage], key: Callable[[Usage], tuple[str, ...]]) -> dict[str, list[_Side]]:
    """The sides with enough calls, by task type, those with the most calls first. The key begins with the task type."""
    by_task: dict[str, list[_Side]] = defaultdict(list)
    for of, rows in grouped(usage, key).items():
        side = _side(of, rows)
        if min(side.calls, side.sums.priced) >= MINIMUM_CALLS:
            by_task[of[0]].append(side)
    most_called = sorted(by_task, key=lambda task: (-sum(side.calls for side in by_task[task]), task))
    return {
        task: sorted(by_task[task], key=lambda side: (-side.calls, side.key))[:MAX_COMPARED]
        for task in most_called[:MAX_TASK_TYPES]
    }


def _side(key: tuple[str, ...], rows: Sequence[Usage]) -> _Side:
    rows = sorted(rows, key=lambda row: (-row.sums.calls, row.provider, row.model))
    sums = summary.Sums()
    for row in rows:
        sums.add(row.sums)
    providers, models = spellings(row.provider for row in rows), spellings(row.model for row in rows)
    _, _, *of_one_model = key
    name = f"{providers[0]} {models[0]}" if of_one_model else providers[0]
    return _Side(key, name, sums, providers, models)


def _dearer_first(a: _Side, b: _Side) -> tuple[_Side, _Side]:
    return (a, b) if a.mean_cost >= b.mean_cost else (b, a)


def _best(
    now: _Side, others: Iterable[_Side], scope: ComparisonScope, also: Callable[[_Saving], bool]
) -> _Saving | None:
    """The saving with the highest lower bound for which `also` is true; None when there is none."""
    savings = [saving for other in others if (saving := _saving(now, other, scope)) and also(saving)]
    return min(savings, key=lambda saving: (-saving.low, -saving.amount, saving.other.key), default=None)


def _saving(now: _Side, other: _Side, scope: ComparisonScope) -> _Saving | None:
    """The saving; None unless `other` costs significantly less and its success rate is non-inferior."""
    size = _size(now, other)
    if size is None or EXACT.multiply(other.mean_cost, size) >= now.mean_cost:
        return None
    cost = _compared_cost(now, other, float(size), scope.alpha)
    if cost.verdict is not Verdict.B_BETTER or cost.low is None or cost.high is None:
        return None
    success = _compared_success(other, now, scope.alpha)
    if success.low is None or success.low <= -_SUCCESS_MARGIN:
        return None
    amount = EXACT.subtract(now.mean_cost, EXACT.multiply(other.mean_cost, size))
    monthly, low, high = (
        _monthly(each, now.calls, scope.window) for each in (amount, Decimal(repr(cost.low)), Decimal(repr(cost.high)))
    )
    return _Saving(now, other, size, cost, success, monthly, min(low, monthly), max(high, monthly))


def _size(now: _Side, other: _Side) -> Decimal | None:
    """The factor on the costs of `other` that makes its calls as large as those of `now`; None when unknown.

    It is the ratio of reported tokens per call. The number of calls without reported tokens is unknown: at `other` they
    increase the factor, at `now` they reduce it to 1 at worst. The factor is at least 1: more tokens per call of `other` may
    be a property of the model, which it would keep.
    """
    if not now.tokens and not other.tokens:
        return Decimal(1)
    if not now.tokens or not other.tokens:
        return None
    larger = EXACT.divide(Decimal(now.tokens * other.calls), Decimal(other.tokens * now.calls))
    return max(larger, Decimal(1))


def _compared_cost(now: _Side, other: _Side, size: float, alpha: float) -> Comparison:
    """Compare mean costs in USD. The costs of `other` are multiplied by `size`."""
    a, b = now.sums, other.sums
    return _compared(
        SampleSums(a.priced, float(a.total_cost), a.cost_sum_squares),
        SampleSums(b.priced, float(b.total_cost) * size, b.cost_sum_squares * size * size),
        alpha,
    )


def _compared_latency(now: _Side, other: _Side, alpha: float) -> Comparison:
    """Compare mean latencies in ms."""
    sums_now, sums_other = (
        SampleSums(side.sums.timed, side.sums.latency_sum_ms, side.sums.latency_sum_squares) for side in (now, other)
    )
    return _compared(sums_now, sums_other, alpha)


def _compared(now: SampleSums, other: SampleSums, alpha: float) -> Comparison:
    return compared_means(Arm(now.count, now.count, cost=now), Arm(other.count, other.count, cost=other), alpha)


def _compared_success(a: _Side, b: _Side, alpha: float) -> Comparison:
    arm_a, arm_b = (Arm(side.calls, side.sums.successes) for side in (a, b))
    return compare(Metric.SUCCESS_RATE, arm_a, arm_b, alpha=alpha)


def _is_not_faster(now: _Side, other: _Side, alpha: float) -> bool:
    """Whether calls of `now` provably have about the same mean latency as those of `other`, or a higher one."""
    compared = _compared_latency(now, other, alpha)
    if compared.low is None or compared.value_b is None or compared.verdict is Verdict.A_BETTER:
        return False
    return compared.low > -_LATENCY_MARGIN * compared.value_b


def _monthly(of_one: Decimal, calls: int, window: Window) -> Decimal:
    """The amount `of_one` per call, times the calls in the window, scaled to 30 days."""
    of_all = EXACT.multiply(of_one, Decimal(calls * (MONTH // _MICROSECOND)))
    return to_nano_dollars(EXACT.divide(of_all, Decimal((window.end - window.start) // _MICROSECOND)))


def _cheaper_model(saving: _Saving, scope: ComparisonScope) -> Opportunity:
    now, other, task_type = saving.now, saving.other, saving.now.task_type
    return Opportunity(
        id=id_of(OpportunityKind.CHEAPER_MODEL, task_type, *now.key[1:], *other.key[1:]),
        kind=OpportunityKind.CHEAPER_MODEL,
        title=f"{other.name} costs about {usd(saving.amount)} a month less than {now.name} at {task_type}, with a similar "
        "success rate.",
        explanation=f"{_saving_explained(saving, scope)} {_NOT_RANDOMIZED}",
        evidence=_saving_evidence(saving),
        calls=now.calls,
        filter=filter_of(
            scope.window,
            providers=[*now.providers, *other.providers],
            models=[*now.models, *other.models],
            task_types=[task_type],
        ),
        monthly_saving=saving.amount,
        saving_low=saving.low,
        saving_high=saving.high,
        suggested_test=_test(saving, Metric.SUCCESS_RATE, [Metric.LATENCY]),
    )


def _unproven_preference(saving: _Saving, scope: ComparisonScope) -> Opportunity:
    now, other, task_type = saving.now, saving.other, saving.now.task_type
    latency = _compared_latency(now, other, scope.alpha)
    return Opportunity(
        id=id_of(OpportunityKind.UNPROVEN_PREFERENCE, task_type, *now.key[1:], *other.key[1:]),
        kind=OpportunityKind.UNPROVEN_PREFERENCE,
        title=f"You prefer {now.name} and pay about {usd(saving.amount)} a month for it at {task_type}, without a "
        f"measured advantage over {other.name}.",
        explanation=f"{_saving_explained(saving, scope)} The mean latency of {now.name} is not lower by "
        f"{100 * _LATENCY_MARGIN:.0f} % or more either. The quality of the answers is not measured. "
        f"{_NOT_RANDOMIZED} The test compares the most called model of each provider.",
        evidence=[
            *_saving_evidence(saving),
            Evidence(f"Mean latency of {now.name} minus that of {other.name}", milliseconds(latency.low, latency.high)),
        ],
        calls=now.calls,
        filter=filter_of(scope.window, providers=[*now.providers, *other.providers], task_types=[task_type]),
        monthly_saving=saving.amount,
        saving_low=saving.low,
        saving_high=saving.high,
        suggested_test=_test(saving, Metric.COST, [Metric.SUCCESS_RATE, Metric.LATENCY]),
    )


_NOT_RANDOMIZED: Final = (
    "The calls were not assigned at random: the difference may come from the requests. Run the suggested test before you "
    "switch."
)


def _saving_explained(saving: _Saving, scope: ComparisonScope) -> str:
    now, other = saving.now, saving.other
    if saving.size > 1:
        sizes = (
            f"Calls of {now.name} have {saving.size:.2f} times the tokens of calls of {other.name}. The costs of {other.name} "
            "are multiplied by this factor, so that costs per token are compared. Tokens are the reported ones, over all "
            "calls; the number of calls without reported tokens is unknown."
        )
    elif now.tokens and other.tokens:
        sizes = (
            f"Costs per call are compared without a factor: calls of {other.name} have at least as many reported tokens. The "
            "number of calls without reported tokens is unknown."
        )
    else:
        sizes = (
            "Costs per call are compared without a factor: no tokens were reported, so the sizes of the requests may "
            "differ."
        )
    return (
        f"Calls of the task type {now.task_type} {range_of(scope.window)}. Success rates and mean costs are compared "
        f"with intervals that are valid under repeated analysis, {level(scope, 'pairs')}. The success rate of "
        f"{other.name} is less than {100 * _SUCCESS_MARGIN:.0f} points lower, if it is lower, and its mean cost is lower. "
        f"{sizes} The saving is the difference of mean costs times the {counted(now.calls, 'call')} of {now.name}, scaled to "
        "30 days. The costs of failed calls are included."
        f"{short(scope.window)} Savings of several opportunities may concern the same calls: do not add them up."
    )


def _saving_evidence(saving: _Saving) -> list[Evidence]:
    now, other, success, cost = saving.now, saving.other, saving.success, saving.cost
    sized = "" if saving.size == 1 else ", at equal tokens"
    return [
        *_side_evidence(now),
        *_side_evidence(other),
        Evidence(
            f"Success rate of {other.name} minus that of {now.name}",
            points(success.low, success.high),
        ),
        Evidence(
            f"Cost per call of {now.name} minus that of {other.name}{sized}",
            f"between {usd(Decimal(cost.low or 0.0))} and {usd(Decimal(cost.high or 0.0))}",
        ),
        Evidence("Saving per 30 days", f"between {usd(saving.low)} and {usd(saving.high)}"),
    ]


def _side_evidence(side: _Side) -> Iterator[Evidence]:
    sums = side.sums
    yield Evidence(
        f"Calls of {side.name}", f"{sums.calls:,}, of which {percent(sums.successes / sums.calls)} succeeded"
    )
    yield Evidence(f"Mean cost per call of {side.name}", f"{usd(side.mean_cost)}, over {counted(sums.priced, 'call')}")
    if sums.timed:
        mean_ms = sums.latency_sum_ms / sums.timed
        yield Evidence(f"Mean latency of {side.name}", f"{mean_ms:,.0f} ms, over {counted(sums.timed, 'call')}")
    tokens = f"{side.tokens / sums.calls:,.0f}" if side.tokens else "not reported"
    yield Evidence(f"Reported tokens per call of {side.name}", tokens)
    if side.tokens:
        of_all = EXACT.divide(EXACT.multiply(side.mean_cost, Decimal(_MILLION * sums.calls)), Decimal(side.tokens))
        yield Evidence(f"Cost per million reported tokens of {side.name}", usd(of_all))


def _test(saving: _Saving, primary: Metric, guardrails: list[Metric]) -> CreateABTest:
    """The suggested A/B test. Variant A is the current model."""
    now, other = saving.now, saving.other
    return CreateABTest(
        test_name=f"{now.task_type}: {other.name} instead of {now.name}"[:MAX_NAME_LENGTH],
        task_type=now.task_type,
        variant_a=now.config,
        variant_b=other.config,
        primary_metric=primary,
        guardrails=guardrails,
    )
