"""What would cost less: of two models, or of two providers, at one task type."""

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
from domain.cost_alert import Window
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

MONTH: Final = timedelta(days=30)
"""What savings are stated for."""
MAX_TASK_TYPES: Final = 100
"""The most called ones are looked at: what bounds the work."""
MAX_COMPARED: Final = 20
"""The most called models, or providers, of a task type are compared with each other."""

_SUCCESS_MARGIN: Final = 0.02
"""A success rate that is lower by less than this is as good."""
_LATENCY_MARGIN: Final = 0.1
"""A mean latency that is lower by less than this share is no advantage."""
_MILLION: Final = 1_000_000
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Usage:
    """What the calls of one provider, model and task type add up to over the range."""

    provider: str
    model: str
    task_type: str
    sums: summary.Sums


class _Side(NamedTuple):
    """A model, or a provider, at a task type."""

    key: tuple[str, ...]
    name: str
    sums: summary.Sums
    providers: list[str]
    """As the user spells it: each way, the most called one first."""
    models: list[str]

    @property
    def task_type(self) -> str:
        return self.key[0]

    @property
    def calls(self) -> int:
        return self.sums.calls

    @property
    def config(self) -> VariantConfig:
        """What is called most of it."""
        return VariantConfig(provider=self.providers[0], model=self.models[0])

    @property
    def mean_cost(self) -> Decimal:
        return EXACT.divide(self.sums.total_cost, Decimal(self.sums.priced))

    @property
    def tokens(self) -> int:
        """Of all its calls; those that reported none count as none."""
        return self.sums.input_tokens + self.sums.output_tokens


class _Saving(NamedTuple):
    """What it would save if `other` served the calls of `now`, USD for 30 days."""

    now: _Side
    other: _Side
    size: Decimal
    """What the costs of `other` were multiplied by, for its calls to count as large as those of `now`."""
    cost: Comparison
    success: Comparison
    """Of `other` beside `now`."""
    amount: Decimal
    low: Decimal
    high: Decimal


def cheaper_models(usage: Sequence[Usage], window: Window) -> Iterator[Opportunity]:
    """Of each model that serves a task type, the one that would save most for sure."""
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
    """Of each preferred provider that serves a task type, the less preferred one that would save most for sure."""
    place: dict[str, int] = {}
    for name in preferred:
        place.setdefault(provider_id(name), len(place))
    pairs: list[tuple[_Side, list[_Side]]] = []
    for sides in _sides(usage, lambda row: (row.task_type, provider_id(row.provider))).values():
        places = [(place.get(side.key[-1], len(place)), side) for side in sides]
        pairs += [(now, [side for later, side in places if later > at]) for at, now in places if at < len(place)]
    scope = ComparisonScope(window, sum(len(others) for _, others in pairs))
    for now, others in pairs:
        if saving := _best(now, others, scope, lambda saving: _is_no_quicker(saving.now, saving.other, scope.alpha)):
            yield _unproven_preference(saving, scope)


def _sides(usage: Sequence[Usage], key: Callable[[Usage], tuple[str, ...]]) -> dict[str, list[_Side]]:
    """What there is enough of to compare, by task type, the most called first. The key begins with the task type."""
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
    """The greatest sure saving whose success rate is shown to be as good, and of which `also` holds."""
    savings = [saving for other in others if (saving := _saving(now, other, scope)) and also(saving)]
    return min(savings, key=lambda saving: (-saving.low, -saving.amount, saving.other.key), default=None)


def _saving(now: _Side, other: _Side, scope: ComparisonScope) -> _Saving | None:
    """None where `other` is not shown to cost less, or not shown to succeed as often."""
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
    """What to multiply costs of `other` by, so that its calls count as large as those of `now`; None where unknown.

    By the tokens that were reported: how many calls reported none is not known. Those of `other` make it look dearer than
    it is; those of `now` make the costs be compared by the call at worst. Never below 1: that calls of `other` have more
    tokens may be its way to answer, and they would have them again.
    """
    if not now.tokens and not other.tokens:
        return Decimal(1)
    if not now.tokens or not other.tokens:
        return None
    larger = EXACT.divide(Decimal(now.tokens * other.calls), Decimal(other.tokens * now.calls))
    return max(larger, Decimal(1))


def _compared_cost(now: _Side, other: _Side, size: float, alpha: float) -> Comparison:
    """Of mean costs, those of `other` multiplied by `size`."""
    a, b = now.sums, other.sums
    return _compared(
        SampleSums(a.priced, float(a.total_cost), a.cost_sum_squares),
        SampleSums(b.priced, float(b.total_cost) * size, b.cost_sum_squares * size * size),
        alpha,
    )


def _compared_latency(now: _Side, other: _Side, alpha: float) -> Comparison:
    """Of mean latencies, in ms."""
    sums_now, sums_other = (
        SampleSums(side.sums.timed, side.sums.latency_sum_ms, side.sums.latency_sum_squares) for side in (now, other)
    )
    return _compared(sums_now, sums_other, alpha)


def _compared(now: SampleSums, other: SampleSums, alpha: float) -> Comparison:
    return compared_means(Arm(now.count, now.count, cost=now), Arm(other.count, other.count, cost=other), alpha)


def _compared_success(a: _Side, b: _Side, alpha: float) -> Comparison:
    arm_a, arm_b = (Arm(side.calls, side.sums.successes) for side in (a, b))
    return compare(Metric.SUCCESS_RATE, arm_a, arm_b, alpha=alpha)


def _is_no_quicker(now: _Side, other: _Side, alpha: float) -> bool:
    """Whether calls of `now` are shown to take about as long as those of `other`, or longer."""
    compared = _compared_latency(now, other, alpha)
    if compared.low is None or compared.value_b is None or compared.verdict is Verdict.A_BETTER:
        return False
    return compared.low > -_LATENCY_MARGIN * compared.value_b


def _monthly(of_one: Decimal, calls: int, window: Window) -> Decimal:
    """What an amount for each of so many calls in the window comes to in 30 days."""
    of_all = EXACT.multiply(of_one, Decimal(calls * (MONTH // _MICROSECOND)))
    return to_nano_dollars(EXACT.divide(of_all, Decimal((window.end - window.start) // _MICROSECOND)))


def _cheaper_model(saving: _Saving, scope: ComparisonScope) -> Opportunity:
    now, other, task_type = saving.now, saving.other, saving.now.task_type
    return Opportunity(
        id=id_of(OpportunityKind.CHEAPER_MODEL, task_type, *now.key[1:], *other.key[1:]),
        kind=OpportunityKind.CHEAPER_MODEL,
        title=f"{other.name} does {task_type} for about {usd(saving.amount)} a month less than {now.name}, and "
        "succeeds about as often.",
        explanation=f"{_saving_explained(saving, scope)} {_NOT_BY_CHANCE}",
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
        explanation=f"{_saving_explained(saving, scope)} Nor is {now.name} shown to be quicker: its mean latency is not "
        f"lower by {100 * _LATENCY_MARGIN:.0f} % or more. Quality of what was answered is not measured here. "
        f"{_NOT_BY_CHANCE} It compares the most called model of each provider.",
        evidence=[
            *_saving_evidence(saving),
            Evidence(f"Mean latency of {now.name} less that of {other.name}", milliseconds(latency.low, latency.high)),
        ],
        calls=now.calls,
        filter=filter_of(scope.window, providers=[*now.providers, *other.providers], task_types=[task_type]),
        monthly_saving=saving.amount,
        saving_low=saving.low,
        saving_high=saving.high,
        suggested_test=_test(saving, Metric.COST, [Metric.SUCCESS_RATE, Metric.LATENCY]),
    )


_NOT_BY_CHANCE: Final = (
    "The calls were not assigned by chance: what differs may be the requests, not who served them. Run the suggested test "
    "before you switch."
)


def _saving_explained(saving: _Saving, scope: ComparisonScope) -> str:
    now, other = saving.now, saving.other
    if saving.size > 1:
        sizes = (
            f"Calls of {now.name} have {saving.size:.2f} times the tokens of those of {other.name}, so what "
            f"{other.name} costs was multiplied by that: it is cost per token that is compared. Tokens are those that were "
            "reported, over all calls: how many calls reported none is not known."
        )
    elif now.tokens and other.tokens:
        sizes = (
            f"Costs are per call as they were: calls of {other.name} have as many tokens, or more, as far as these were "
            "reported; how many calls reported none is not known."
        )
    else:
        sizes = (
            "Costs are per call as they were: requests of different size may have gone to each, and no tokens were "
            "reported that would tell."
        )
    return (
        f"Calls of the task type {now.task_type} {range_of(scope.window)}. Success rates and mean costs are compared "
        f"by always-valid intervals, which hold however often one looks, {level(scope, 'pairs')}: the success rate of "
        f"{other.name} is shown to be lower by less than {100 * _SUCCESS_MARGIN:.0f} points, if at all, and its costs are "
        f"shown to be lower. {sizes} The saving is the difference of mean costs, for each of the "
        f"{counted(now.calls, 'call')} of {now.name}, scaled to 30 days; a call that failed counts with what it cost."
        f"{short(scope.window)} Savings of several opportunities may be of the same calls: they do not add up."
    )


def _saving_evidence(saving: _Saving) -> list[Evidence]:
    now, other, success, cost = saving.now, saving.other, saving.success, saving.cost
    sized = "" if saving.size == 1 else ", counted as equally large"
    return [
        *_side_evidence(now),
        *_side_evidence(other),
        Evidence(
            f"Success rate of {other.name} less that of {now.name}",
            points(success.low, success.high),
        ),
        Evidence(
            f"Cost of a call of {now.name} less that of {other.name}{sized}",
            f"between {usd(Decimal(cost.low or 0.0))} and {usd(Decimal(cost.high or 0.0))}",
        ),
        Evidence("Saving in 30 days", f"between {usd(saving.low)} and {usd(saving.high)}"),
    ]


def _side_evidence(side: _Side) -> Iterator[Evidence]:
    sums = side.sums
    yield Evidence(
        f"Calls of {side.name}", f"{sums.calls:,}, of which {percent(sums.successes / sums.calls)} succeeded"
    )
    yield Evidence(f"Mean cost of a call of {side.name}", f"{usd(side.mean_cost)}, over {counted(sums.priced, 'call')}")
    if sums.timed:
        mean_ms = sums.latency_sum_ms / sums.timed
        yield Evidence(f"Mean latency of {side.name}", f"{mean_ms:,.0f} ms, over {counted(sums.timed, 'call')}")
    tokens = f"{side.tokens / sums.calls:,.0f}" if side.tokens else "not reported"
    yield Evidence(f"Tokens reported of {side.name}, by the call", tokens)
    if side.tokens:
        of_all = EXACT.divide(EXACT.multiply(side.mean_cost, Decimal(_MILLION * sums.calls)), Decimal(side.tokens))
        yield Evidence(f"Cost of a million tokens reported of {side.name}", usd(of_all))


def _test(saving: _Saving, primary: Metric, guardrails: list[Metric]) -> CreateABTest:
    """A is what serves now."""
    now, other = saving.now, saving.other
    return CreateABTest(
        test_name=f"{now.task_type}: {other.name} instead of {now.name}"[:MAX_NAME_LENGTH],
        task_type=now.task_type,
        variant_a=now.config,
        variant_b=other.config,
        primary_metric=primary,
        guardrails=guardrails,
    )
