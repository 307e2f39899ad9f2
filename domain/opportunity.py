"""Opportunities: what a user may do better, told from sums over their own calls, with the evidence for it.

Nothing is said from few calls, and nothing that chance alone explains: what is compared, is compared by the intervals of
`domain.inference`, which hold however often one looks, at an alpha divided by the number of comparisons of that kind
(Bonferroni), so that the best of many pairs is as sure as the only one. What chance does not explain may still not be the
doing of a model: calls were sent where they were sent for a reason. So each opportunity says what it does not tell, and
those that would move traffic come with the A/B test that would tell.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import reduce
from itertools import combinations
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

from domain.ab_test import CreateABTest, VariantConfig
from domain.analytics import AnalyticsFilter
from domain.bounds import MAX_LIST_LENGTH, MAX_NAME_LENGTH
from domain.cost_alert import Window
from domain.inference import ALPHA, MINIMUM_CALLS, Arm, Comparison, Metric, Sums, Verdict, compare
from domain.money import EXACT, ZERO, plain, to_nano_dollars
from domain.price import provider_id

MAX_OPPORTUNITIES: Final = 50
MINIMUM_DECISIONS: Final = 1_000
"""Before a rule that applied to none of them is called unused."""
MINIMUM_WINDOWS: Final = 3
"""Of an alert, ended in the range, before it is called idle."""
MINIMUM_DAYS: Final = 3
"""On which a provider does worse at an hour, before that is called a habit: an outage is none."""
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
_MORE_FAILURES: Final = 0.05
_SLOWER: Final = 1.5
_IDLE_BELOW: Final = Decimal("0.2")
_THRESHOLD_FACTOR: Final = 2
_HOURS: Final = 24
_MILLION: Final = 1_000_000
_ROUNDING: Final = 1e-9
_MICROSECOND: Final = timedelta(microseconds=1)
_WEEK: Final = timedelta(days=7)
_ID_DIGITS: Final = 32

_Row = TypeVar("_Row")
_Key = TypeVar("_Key", bound=Hashable)


class OpportunityKind(StrEnum):
    CHEAPER_MODEL = "CHEAPER_MODEL"
    FAILING_HOURS = "FAILING_HOURS"
    SLOW_HOURS = "SLOW_HOURS"
    UNUSED_RULE = "UNUSED_RULE"
    IDLE_ALERT = "IDLE_ALERT"
    UNPROVEN_PREFERENCE = "UNPROVEN_PREFERENCE"


@dataclass(frozen=True, slots=True)
class Usage:
    """What the calls of one provider, model and task type add up to over the range."""

    provider: str
    model: str
    task_type: str
    calls: int
    successes: int
    # Calls of known cost, and over them:
    priced: int
    cost: Decimal
    cost_sum_squares: float
    """Of costs in USD: a statistic, no money."""
    # Calls of known latency, and over them:
    timed: int
    latency_sum_ms: int
    latency_sum_squares: float
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class HourOfDay:
    """What the calls of one provider at one hour of one day add up to."""

    provider: str
    day: date
    hour: int
    """0 to 23, by the clock of the time zone that was asked for."""
    calls: int
    successes: int
    timed: int
    latency_sum_ms: int
    latency_sum_squares: float


@dataclass(frozen=True, slots=True)
class RuleUses:
    """To how many decisions each rule of the preferences applied, by its name."""

    window: Window
    """In which these rules held as they do now."""
    decided: int
    """Decisions in it that were looked at."""
    applied: Mapping[str, int]

    @property
    def are_enough(self) -> bool:
        return self.decided >= MINIMUM_DECISIONS and self.window.end - self.window.start >= _WEEK


@dataclass(frozen=True, slots=True)
class AlertUse:
    """How near an alert came to its threshold."""

    alert_id: UUID
    name: str
    threshold: Decimal
    ended: Window
    """From the first of its windows that lie in the range as a whole, and have ended, to the last."""
    highest: Decimal
    """The highest amount of any of them, USD."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One figure that an opportunity rests on, to be read."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opportunity:
    """One piece of advice. Amounts are USD for 30 days; None where none can be told."""

    id: str
    """Of the kind and of what it is about: the same whenever it is found again."""
    kind: OpportunityKind
    title: str
    explanation: str
    """Which calls, which method, and what it does not tell."""
    evidence: list[Evidence]
    calls: int
    """How many of the range's calls, or decisions, it is about; 0 for an alert, which is about amounts."""
    filter: AnalyticsFilter
    """Shows those calls, and no fewer."""
    monthly_saving: Decimal | None = None
    saving_low: Decimal | None = None
    saving_high: Decimal | None = None
    suggested_test: CreateABTest | None = None


def ended_windows(window_at: Callable[[datetime], Window], within: Window) -> Window | None:
    """From the first whole window within a stretch of time to the last, where there are enough to call an alert idle."""
    first = window_at(within.start)
    if first.start < within.start:
        first = window_at(first.end)
    following = first
    for _ in range(MINIMUM_WINDOWS):
        if following.end > within.end:
            return None
        following = window_at(following.end)
    return Window(first.start, window_at(within.end).start)


def find(
    usage: Sequence[Usage],
    hours: Sequence[HourOfDay],
    rules: RuleUses | None,
    alerts: Sequence[AlertUse],
    preferred: Sequence[str],
    asked: AnalyticsFilter,
    window: Window,
) -> list[Opportunity]:
    """What the calls in `window` that pass `asked` advise: what saves most for sure first, then what is about most calls.

    At most 50. `preferred` are the preferred providers, the most preferred one first.
    """
    if window.start >= window.end:
        return []
    providers = _grouped(hours, lambda row: provider_id(row.provider))
    found = [
        *_cheaper_models(usage, window),
        *_unproven_preferences(usage, preferred, window),
        *_bad_hours(OpportunityKind.FAILING_HOURS, providers, window),
        *_bad_hours(OpportunityKind.SLOW_HOURS, providers, window),
        *(_unused_rules(rules) if rules is not None and rules.are_enough else ()),
        *(_idle_alert(alert) for alert in alerts if _is_idle(alert)),
    ]
    return [_within(asked, each) for each in sorted(found, key=_rank)[:MAX_OPPORTUNITIES]]


def _within(asked: AnalyticsFilter, found: Opportunity) -> Opportunity:
    """The same, whose filter also says what was asked for beside what it says itself."""
    own = {name: value for name, value in found.filter if value is not None}
    return replace(found, filter=asked.model_copy(update=own))


def _rank(found: Opportunity) -> tuple[bool, Decimal, Decimal, int, str]:
    return (
        found.saving_low is None,
        -(found.saving_low or ZERO),
        -(found.monthly_saving or ZERO),
        -found.calls,
        found.id,
    )


# What would cost less: of two models, or two providers, at one task type.


class _Side(NamedTuple):
    """A model, or a provider, at a task type."""

    key: tuple[str, ...]
    name: str
    sums: Usage
    """Provider and model are the most called ones."""
    providers: list[str]
    """As the user spells it: each way."""
    models: list[str]

    @property
    def tokens(self) -> int:
        return self.sums.input_tokens + self.sums.output_tokens

    @property
    def arm(self) -> Arm:
        """With latency as it is, in ms."""
        sums = self.sums
        latency = Sums(sums.timed, sums.latency_sum_ms, sums.latency_sum_squares)
        return Arm(sums.calls, sums.successes, latency, Sums(sums.priced, float(sums.cost), sums.cost_sum_squares))


class _Looked(NamedTuple):
    """Over what is compared, and how surely."""

    window: Window
    comparisons: int

    @property
    def alpha(self) -> float:
        return ALPHA / self.comparisons


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


def _cheaper_models(usage: Sequence[Usage], window: Window) -> Iterator[Opportunity]:
    """Of each model that serves a task type, the one that would save most for sure."""
    pairs = [
        _dearer_first(*pair)
        for sides in _sides(usage, lambda row: (row.task_type, provider_id(row.provider), row.model)).values()
        for pair in combinations(sides, 2)
    ]
    looked = _Looked(window, len(pairs))
    for of_one in _grouped(pairs, lambda pair: pair[0].key).values():
        if saving := _best(of_one[0][0], [other for _, other in of_one], looked, lambda _: True):
            yield _cheaper_model(saving, looked)


def _unproven_preferences(usage: Sequence[Usage], preferred: Sequence[str], window: Window) -> Iterator[Opportunity]:
    """Of each preferred provider that serves a task type, the less preferred one that would save most for sure."""
    place: dict[str, int] = {}
    for name in preferred:
        place.setdefault(provider_id(name), len(place))
    pairs: list[tuple[_Side, list[_Side]]] = []
    for sides in _sides(usage, lambda row: (row.task_type, provider_id(row.provider))).values():
        places = [(place.get(side.key[-1], len(place)), side) for side in sides]
        pairs += [(now, [side for later, side in places if later > at]) for at, now in places if at < len(place)]
    looked = _Looked(window, sum(len(others) for _, others in pairs))
    for now, others in pairs:
        if saving := _best(now, others, looked, lambda saving: _is_no_quicker(saving, looked.alpha)):
            yield _unproven_preference(saving, looked)


def _sides(usage: Sequence[Usage], key: Callable[[Usage], tuple[str, ...]]) -> dict[str, list[_Side]]:
    """What there is enough of to compare, by task type, the most called first. The key begins with the task type."""
    by_task: dict[str, list[_Side]] = defaultdict(list)
    for of, rows in _grouped(usage, key).items():
        side = _side(of, rows)
        if min(side.sums.calls, side.sums.priced) >= MINIMUM_CALLS:
            by_task[of[0]].append(side)
    most_called = sorted(by_task, key=lambda task: (-sum(side.sums.calls for side in by_task[task]), task))
    return {
        task: sorted(by_task[task], key=lambda side: (-side.sums.calls, side.key))[:MAX_COMPARED]
        for task in most_called[:MAX_TASK_TYPES]
    }


def _side(key: tuple[str, ...], rows: Sequence[Usage]) -> _Side:
    rows = sorted(rows, key=lambda row: (-row.calls, row.provider, row.model))
    sums = Usage(
        provider=rows[0].provider,
        model=rows[0].model,
        task_type=rows[0].task_type,
        calls=sum(row.calls for row in rows),
        successes=sum(row.successes for row in rows),
        priced=sum(row.priced for row in rows),
        cost=reduce(EXACT.add, (row.cost for row in rows)),
        cost_sum_squares=math.fsum(row.cost_sum_squares for row in rows),
        timed=sum(row.timed for row in rows),
        latency_sum_ms=sum(row.latency_sum_ms for row in rows),
        latency_sum_squares=math.fsum(row.latency_sum_squares for row in rows),
        input_tokens=sum(row.input_tokens for row in rows),
        output_tokens=sum(row.output_tokens for row in rows),
    )
    _, _, *of_one_model = key
    name = f"{sums.provider} {sums.model}" if of_one_model else sums.provider
    return _Side(key, name, sums, _spellings(row.provider for row in rows), _spellings(row.model for row in rows))


def _dearer_first(a: _Side, b: _Side) -> tuple[_Side, _Side]:
    return (a, b) if _mean_cost(a) >= _mean_cost(b) else (b, a)


def _best(now: _Side, others: Iterable[_Side], looked: _Looked, also: Callable[[_Saving], bool]) -> _Saving | None:
    """The greatest sure saving whose success rate is shown to be as good, and of which `also` holds."""
    savings = [saving for other in others if (saving := _saving(now, other, looked)) and also(saving)]
    return min(savings, key=lambda saving: (-saving.low, -saving.amount, saving.other.key), default=None)


def _saving(now: _Side, other: _Side, looked: _Looked) -> _Saving | None:
    """None where `other` is not shown to cost less, or not shown to succeed as often."""
    size = _size(now, other)
    if size is None or EXACT.multiply(_mean_cost(other), size) >= _mean_cost(now):
        return None
    cost = _compared_cost(now.arm, other.arm, float(size), looked.alpha)
    if cost.verdict is not Verdict.B_BETTER or cost.low is None or cost.high is None:
        return None
    success = compare(Metric.SUCCESS_RATE, other.arm, now.arm, alpha=looked.alpha)
    if success.low is None or success.low <= -_SUCCESS_MARGIN:
        return None
    amount = EXACT.subtract(_mean_cost(now), EXACT.multiply(_mean_cost(other), size))
    monthly, low, high = (
        _monthly(each, now.sums.calls, looked.window)
        for each in (amount, Decimal(repr(cost.low)), Decimal(repr(cost.high)))
    )
    return _Saving(now, other, size, cost, success, monthly, min(low, monthly), max(high, monthly))


def _size(now: _Side, other: _Side) -> Decimal | None:
    """What to multiply costs of `other` by, so that its calls count as large as those of `now`; None where unknown.

    By the tokens of a call, where those were reported: what some calls did not report makes `now` look smaller at most,
    and so the calls be compared as they are. Never below 1: that calls of `other` have more tokens may be its way to answer, and they would have them again.
    """
    if not now.tokens and not other.tokens:
        return Decimal(1)
    if not now.tokens or not other.tokens:
        return None
    larger = EXACT.divide(Decimal(now.tokens * other.sums.calls), Decimal(other.tokens * now.sums.calls))
    return max(larger, Decimal(1))


def _compared_cost(now: Arm, other: Arm, size: float, alpha: float) -> Comparison:
    cost = Sums(other.cost.count, other.cost.total * size, other.cost.squares * size * size)
    return _compared_means(now.cost, cost, alpha)


def _compared_means(a: Sums, b: Sums, alpha: float) -> Comparison:
    """Means of what is better when it is less, as they are. Says nothing where sums of squares are not of all values."""
    known = [each if _squares_are_kept(each) else Sums() for each in (a, b)]
    arm_a, arm_b = (Arm(each.count, each.count, cost=each) for each in known)
    return compare(Metric.COST, arm_a, arm_b, alpha=alpha)


def _squares_are_kept(sums: Sums) -> bool:
    """Whether the sum of squares is as large as it must be: by Cauchy and Schwarz, n times the mean's square."""
    return sums.squares * sums.count >= sums.total * sums.total * (1 - _ROUNDING)


def _is_no_quicker(saving: _Saving, alpha: float) -> bool:
    """Whether calls of `now` are shown to take about as long as those of `other`, or longer."""
    compared = _compared_latency(saving, alpha)
    if compared.low is None or compared.value_b is None or compared.verdict is Verdict.A_BETTER:
        return False
    return compared.low > -_LATENCY_MARGIN * compared.value_b


def _compared_latency(saving: _Saving, alpha: float) -> Comparison:
    return _compared_means(saving.now.arm.latency, saving.other.arm.latency, alpha)


def _mean_cost(side: _Side) -> Decimal:
    return EXACT.divide(side.sums.cost, Decimal(side.sums.priced))


def _monthly(of_one: Decimal, calls: int, window: Window) -> Decimal:
    """What an amount for each of so many calls in the window comes to in 30 days."""
    of_all = EXACT.multiply(of_one, Decimal(calls * (MONTH // _MICROSECOND)))
    return to_nano_dollars(EXACT.divide(of_all, Decimal((window.end - window.start) // _MICROSECOND)))


def _cheaper_model(saving: _Saving, looked: _Looked) -> Opportunity:
    now, other, task_type = saving.now, saving.other, saving.now.sums.task_type
    return Opportunity(
        id=_id(OpportunityKind.CHEAPER_MODEL, task_type, *now.key[1:], *other.key[1:]),
        kind=OpportunityKind.CHEAPER_MODEL,
        title=f"{other.name} does {task_type} for about {_usd(saving.amount)} a month less than {now.name}, and "
        "succeeds about as often.",
        explanation=f"{_saving_explained(saving, looked)} {_NOT_BY_CHANCE}",
        evidence=_saving_evidence(saving),
        calls=now.sums.calls,
        filter=_filter(
            looked.window,
            providers=[*now.providers, *other.providers],
            models=[*now.models, *other.models],
            task_types=[task_type],
        ),
        monthly_saving=saving.amount,
        saving_low=saving.low,
        saving_high=saving.high,
        suggested_test=_test(saving, Metric.SUCCESS_RATE, [Metric.LATENCY]),
    )


def _unproven_preference(saving: _Saving, looked: _Looked) -> Opportunity:
    now, other, task_type = saving.now, saving.other, saving.now.sums.task_type
    latency = _compared_latency(saving, looked.alpha)
    return Opportunity(
        id=_id(OpportunityKind.UNPROVEN_PREFERENCE, task_type, *now.key[1:], *other.key[1:]),
        kind=OpportunityKind.UNPROVEN_PREFERENCE,
        title=f"You prefer {now.name} and pay about {_usd(saving.amount)} a month for it at {task_type}, without a "
        f"measured advantage over {other.name}.",
        explanation=f"{_saving_explained(saving, looked)} Nor is {now.name} shown to be quicker: its mean latency is not "
        f"lower by {100 * _LATENCY_MARGIN:.0f} % or more. Quality of what was answered is not measured here. "
        f"{_NOT_BY_CHANCE} It compares the most called model of each provider.",
        evidence=[
            *_saving_evidence(saving),
            Evidence(f"Mean latency of {now.name} less that of {other.name}", _milliseconds(latency.low, latency.high)),
        ],
        calls=now.sums.calls,
        filter=_filter(looked.window, providers=[*now.providers, *other.providers], task_types=[task_type]),
        monthly_saving=saving.amount,
        saving_low=saving.low,
        saving_high=saving.high,
        suggested_test=_test(saving, Metric.COST, [Metric.SUCCESS_RATE, Metric.LATENCY]),
    )


_NOT_BY_CHANCE: Final = (
    "The calls were not assigned by chance: what differs may be the requests, not who served them. Run the suggested test "
    "before you switch."
)


def _saving_explained(saving: _Saving, looked: _Looked) -> str:
    now, other = saving.now, saving.other
    if saving.size > 1:
        sizes = (
            f"Calls of {now.name} have {saving.size:.1f} times the tokens of those of {other.name}, so what "
            f"{other.name} costs was multiplied by that: it is cost per token that is compared. Tokens are those that were "
            "reported."
        )
    elif now.tokens and other.tokens:
        sizes = (
            f"Costs are per call as they were: calls of {other.name} have as many tokens, or more, as far as reported."
        )
    else:
        sizes = (
            "Costs are per call as they were: requests of different size may have gone to each, and no tokens were "
            "reported that would tell."
        )
    return (
        f"Calls of the task type {now.sums.task_type} {_range(looked.window)}. Success rates and mean costs are compared "
        f"by always-valid intervals, which hold however often one looks, {_level(looked, 'pairs')}: the success rate of "
        f"{other.name} is shown to be lower by less than {100 * _SUCCESS_MARGIN:.0f} points, if at all, and its costs are "
        f"shown to be lower. {sizes} The saving is the difference of mean costs, for each of the "
        f"{_count(now.sums.calls, 'call')} of {now.name}, scaled to 30 days; a call that failed counts with what it cost.{_short(looked.window)} Savings of several "
        "opportunities may be of the same calls: they do not add up."
    )


def _saving_evidence(saving: _Saving) -> list[Evidence]:
    now, other, success, cost = saving.now, saving.other, saving.success, saving.cost
    counted = "" if saving.size == 1 else ", counted as equally large"
    return [
        *_side_evidence(now),
        *_side_evidence(other),
        Evidence(
            f"Success rate of {other.name} less that of {now.name}",
            _points(success.low, success.high),
        ),
        Evidence(
            f"Cost of a call of {now.name} less that of {other.name}{counted}",
            f"between {_usd(Decimal(cost.low or 0.0))} and {_usd(Decimal(cost.high or 0.0))}",
        ),
        Evidence("Saving in 30 days", f"between {_usd(saving.low)} and {_usd(saving.high)}"),
    ]


def _side_evidence(side: _Side) -> Iterator[Evidence]:
    sums = side.sums
    yield Evidence(
        f"Calls of {side.name}", f"{sums.calls:,}, of which {_percent(sums.successes, sums.calls)} succeeded"
    )
    yield Evidence(
        f"Mean cost of a call of {side.name}", f"{_usd(_mean_cost(side))}, over {_count(sums.priced, 'call')}"
    )
    if sums.timed:
        mean_ms = sums.latency_sum_ms / sums.timed
        yield Evidence(f"Mean latency of {side.name}", f"{mean_ms:,.0f} ms, over {_count(sums.timed, 'call')}")
    tokens = f"{side.tokens / sums.calls:,.0f}" if side.tokens else "not reported"
    yield Evidence(f"Mean tokens of a call of {side.name}", tokens)
    if side.tokens:
        of_all = EXACT.divide(EXACT.multiply(_mean_cost(side), Decimal(_MILLION * sums.calls)), Decimal(side.tokens))
        yield Evidence(f"Cost of a million tokens of {side.name}", _usd(of_all))


def _test(saving: _Saving, primary: Metric, guardrails: list[Metric]) -> CreateABTest:
    """A is what serves now."""
    now, other = saving.now.sums, saving.other.sums
    return CreateABTest(
        test_name=f"{now.task_type}: {saving.other.name} instead of {saving.now.name}"[:MAX_NAME_LENGTH],
        task_type=now.task_type,
        variant_a=VariantConfig(provider=now.provider, model=now.model),
        variant_b=VariantConfig(provider=other.provider, model=other.model),
        primary_metric=primary,
        guardrails=guardrails,
    )


# When a provider does worse.


class _BadHours(NamedTuple):
    spellings: list[str]
    """Of the provider, the most called one first."""
    hours: list[int]
    here: Arm
    elsewhere: Arm
    compared: Comparison
    worse_days: int
    days: int

    @property
    def provider(self) -> str:
        return self.spellings[0]

    @property
    def span(self) -> tuple[int, int]:
        """As `domain.preference.HourRange` states it."""
        return self.hours[0], self.hours[-1] + 1


def _bad_hours(
    kind: OpportunityKind, providers: Mapping[str, Sequence[HourOfDay]], window: Window
) -> Iterator[Opportunity]:
    by_hour = {provider: _grouped(rows, lambda row: row.hour) for provider, rows in providers.items()}
    arms = {provider: {hour: _arm(of) for hour, of in hours.items()} for provider, hours in by_hour.items()}
    enough = {
        provider: [hour for hour in sorted(of) if _is_enough(kind, *_parted(of, [hour]))]
        for provider, of in arms.items()
    }
    looked = _Looked(window, sum(len(hours) for hours in enough.values()))
    for provider, hours in enough.items():
        bad = {hour for hour in hours if _worse(kind, *_parted(arms[provider], [hour]), looked.alpha)}
        for block in _neighbours(bad):
            rows = [row for hour in block for row in by_hour[provider][hour]]
            if worse := _habit(kind, rows, _parted(arms[provider], block)[1], looked.alpha):
                spellings = _spellings(
                    row.provider for row in sorted(providers[provider], key=lambda row: (-row.calls, row.provider))
                )
                yield _hours_opportunity(kind, _BadHours(spellings, block, *worse), looked)


def _habit(
    kind: OpportunityKind, rows: Sequence[HourOfDay], elsewhere: Arm, alpha: float
) -> tuple[Arm, Arm, Comparison, int, int] | None:
    """How these hours compare with the others, if they are worse on enough days, and without their worst day too.

    With the days on which they are worse by as much as matters, and all days.
    """
    days = {day: _arm(of) for day, of in _grouped(rows, lambda row: row.day).items()}
    here = _total(days.values())
    compared = _worse(kind, here, elsewhere, alpha)
    worse_days = [day for day, arm in days.items() if _excess(kind, arm, elsewhere, needed=True) >= -_ROUNDING]
    if compared is None or len(worse_days) < MINIMUM_DAYS:
        return None
    worst = max(days, key=lambda day: (_excess(kind, days[day], elsewhere), day))
    if _worse(kind, _total(arm for day, arm in days.items() if day != worst), elsewhere, alpha) is None:
        return None
    return here, elsewhere, compared, len(worse_days), len(days)


def _excess(kind: OpportunityKind, arm: Arm, elsewhere: Arm, *, needed: bool = False) -> float:
    """How many more failed, or ms were waited, than at the other hours; `needed`: and by how much more than it takes."""
    if kind is OpportunityKind.FAILING_HOURS:
        rate = (elsewhere.n - elsewhere.successes) / elsewhere.n
        return arm.n - arm.successes - arm.n * (rate + (_MORE_FAILURES if needed else 0))
    if not arm.latency.count:
        return -math.inf
    mean_ms = elsewhere.latency.total / elsewhere.latency.count
    return arm.latency.total - arm.latency.count * mean_ms * (_SLOWER if needed else 1)


def _parted(arms: Mapping[int, Arm], hours: Sequence[int]) -> tuple[Arm, Arm]:
    """The calls at these hours, and those at the others."""
    here, elsewhere = (
        _total(arm for hour, arm in arms.items() if (hour in hours) == wanted) for wanted in (True, False)
    )
    return here, elsewhere


def _arm(rows: Iterable[HourOfDay]) -> Arm:
    """With latency in ms in the place of its logarithm."""
    return _total(
        Arm(row.calls, row.successes, Sums(row.timed, row.latency_sum_ms, row.latency_sum_squares)) for row in rows
    )


def _total(arms: Iterable[Arm]) -> Arm:
    kept = list(arms)
    latency = Sums(
        sum(arm.latency.count for arm in kept),
        math.fsum(arm.latency.total for arm in kept),
        math.fsum(arm.latency.squares for arm in kept),
    )
    return Arm(sum(arm.n for arm in kept), sum(arm.successes for arm in kept), latency)


def _is_enough(kind: OpportunityKind, *arms: Arm) -> bool:
    counts = (arm.n if kind is OpportunityKind.FAILING_HOURS else arm.latency.count for arm in arms)
    return min(counts) >= MINIMUM_CALLS


def _worse(kind: OpportunityKind, here: Arm, elsewhere: Arm, alpha: float) -> Comparison | None:
    """How the two compare, if what is here is shown to be worse by as much as matters."""
    if kind is OpportunityKind.FAILING_HOURS:
        compared = compare(Metric.SUCCESS_RATE, elsewhere, here, alpha=alpha)
        matters = compared.effect is not None and compared.effect >= _MORE_FAILURES - _ROUNDING
    else:
        compared = _compared_means(here.latency, elsewhere.latency, alpha)
        matters = (compared.value_a or 0.0) >= _SLOWER * (compared.value_b or 0.0)
    expected = Verdict.A_BETTER if kind is OpportunityKind.FAILING_HOURS else Verdict.B_BETTER
    return compared if compared.verdict is expected and matters else None


def _neighbours(hours: set[int]) -> list[list[int]]:
    """The hours in runs, each from the first to the last; the hour after 23 is 0."""
    runs = []
    for first in sorted(hour for hour in hours if (hour - 1) % _HOURS not in hours):
        run = [first]
        while (following := (run[-1] + 1) % _HOURS) in hours:
            run.append(following)
        runs.append(run)
    return runs


def _hours_opportunity(kind: OpportunityKind, worse: _BadHours, looked: _Looked) -> Opportunity:
    failing = kind is OpportunityKind.FAILING_HOURS
    first, last = worse.span
    between = f"between {first:02}:00 and {last:02}:00"
    figures = _failing_evidence(worse, between) if failing else _slow_evidence(worse, between)
    method = (
        f"Success rates are compared by always-valid intervals, and differ by {100 * _MORE_FAILURES:.0f} points or more"
        if failing
        else f"Mean latencies are compared by always-valid intervals, and differ by a factor of {_SLOWER} or more"
    )
    return Opportunity(
        id=_id(kind, provider_id(worse.provider), str(first), str(last)),
        kind=kind,
        title=f"{worse.provider} {'fails more' if failing else 'is slower'} {between} than at other hours: let a rule for "
        "these hours send calls elsewhere.",
        explanation=f"Calls of {worse.provider} {_range(looked.window)}, by hour of the day in the time zone asked for, "
        f"of all days together, beside those of its other hours. {method}; on {MINIMUM_DAYS} days or more, and still "
        "without the worst of them, so that one outage is not taken for a habit. The intervals hold however often one looks, "
        f"{_level(looked, 'hours of a provider')} (Bonferroni).{_short(looked.window)} The calls were not assigned by "
        "chance: other requests, or other models, at these hours may be the reason. A custom rule whose condition is "
        f"hours from {first} to {last} in that time zone, and which prefers another provider or blocks this one, would "
        "send them elsewhere. The filter shows the provider's calls of all hours.",
        evidence=[
            *figures,
            Evidence("Days on which it was worse", f"{worse.worse_days} of {worse.days} with calls then"),
        ],
        calls=worse.here.n,
        filter=_filter(looked.window, providers=worse.spellings),
    )


def _failing_evidence(worse: _BadHours, between: str) -> Iterator[Evidence]:
    for when, arm in ((between, worse.here), ("at other hours", worse.elsewhere)):
        failures = arm.n - arm.successes
        yield Evidence(f"Failures {when}", f"{_percent(failures, arm.n)} of {_count(arm.n, 'call')}")
    yield Evidence("More failures", _points(worse.compared.low, worse.compared.high))


def _slow_evidence(worse: _BadHours, between: str) -> Iterator[Evidence]:
    compared = worse.compared
    for when, value, calls in (
        (between, compared.value_a, compared.count_a),
        ("at other hours", compared.value_b, compared.count_b),
    ):
        yield Evidence(f"Mean latency {when}", f"{value or 0.0:,.0f} ms, over {_count(calls, 'call')}")
    yield Evidence("Slower by", _milliseconds(compared.low, compared.high))


# What does nothing.


def _unused_rules(uses: RuleUses) -> Iterator[Opportunity]:
    decided, window = uses.decided, uses.window
    for name in (name for name, decisions in uses.applied.items() if not decisions):
        yield Opportunity(
            id=_id(OpportunityKind.UNUSED_RULE, name),
            kind=OpportunityKind.UNUSED_RULE,
            title=f'The rule "{name}" applied to none of {_count(decided, "decision")}: correct its condition, or delete it.',
            explanation=f"Every routing decision keeps the rules that applied to it. Of those {_range(window)}, in which the "
            "preferences were as they are now, up to a thousand of each day were looked at, and this rule was in none. One "
            "for rare requests may still be wanted.",
            evidence=[
                Evidence("Decisions that were looked at", f"{decided:,}"),
                Evidence("Decisions that the rule applied to", "0"),
            ],
            calls=decided,
            filter=_filter(window),
        )


def _is_idle(alert: AlertUse) -> bool:
    return alert.highest < EXACT.multiply(alert.threshold, _IDLE_BELOW)


def _idle_alert(alert: AlertUse) -> Opportunity:
    percent = EXACT.multiply(EXACT.divide(alert.highest, alert.threshold), Decimal(100))
    better = EXACT.multiply(alert.highest, Decimal(_THRESHOLD_FACTOR))
    advice = f"lower its threshold to {_usd(better)}" if better else "nothing was spent that it counts"
    return Opportunity(
        id=_id(OpportunityKind.IDLE_ALERT, str(alert.alert_id)),
        kind=OpportunityKind.IDLE_ALERT,
        title=f'The alert "{alert.name}" never came near its threshold and will hardly warn in time: {advice}.',
        explanation=f"Of the alert's windows {_range(alert.ended)}, all of which have ended, the one with the highest amount "
        f"stayed below {100 * _IDLE_BELOW:.0f} % of the threshold. Spend would have to multiply before it warns. Twice the "
        "highest amount leaves room for growth; what spend will be is not forecast.",
        evidence=[
            Evidence("Threshold", _usd(alert.threshold)),
            Evidence("Highest amount of a window", f"{_usd(alert.highest)}, {percent:.1f} % of the threshold"),
        ],
        calls=0,
        filter=_filter(alert.ended),
    )


# How it is said.


def _id(kind: OpportunityKind, *subject: str) -> str:
    # No name holds the NUL character.
    return hashlib.sha256("\0".join([kind, *subject]).encode()).hexdigest()[:_ID_DIGITS]


def _filter(
    window: Window,
    *,
    providers: Iterable[str] = (),
    models: Iterable[str] = (),
    task_types: Iterable[str] = (),
) -> AnalyticsFilter:
    return AnalyticsFilter(
        from_=window.start,
        to=window.end,
        providers=_spellings(providers) or None,
        models=_spellings(models) or None,
        task_types=_spellings(task_types) or None,
    )


def _spellings(names: Iterable[str]) -> list[str]:
    """Each once, in order, and no more than a filter takes."""
    return list(dict.fromkeys(names))[:MAX_LIST_LENGTH]


def _grouped(rows: Iterable[_Row], key: Callable[[_Row], _Key]) -> dict[_Key, list[_Row]]:
    groups: dict[_Key, list[_Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _range(window: Window) -> str:
    return f"from {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC"


def _short(window: Window) -> str:
    return (
        " The range is shorter than a week: other days may be different." if window.end - window.start < _WEEK else ""
    )


def _level(looked: _Looked, what: str) -> str:
    level = f"at {100 * (1 - ALPHA):.0f} %"
    return (
        level
        if looked.comparisons == 1
        else f"{level} for all {looked.comparisons:,} {what} that were compared at once"
    )


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"


def _points(low: float | None, high: float | None) -> str:
    return f"between {100 * (low or 0.0):+.1f} and {100 * (high or 0.0):+.1f} points"


def _milliseconds(low: float | None, high: float | None) -> str:
    return f"between {low or 0.0:+,.0f} and {high or 0.0:+,.0f} ms"


def _usd(amount: Decimal) -> str:
    """To the cent; below a dollar, to three digits."""
    return f"${amount:,.2f}" if abs(amount) >= 1 else f"${plain(Decimal(f'{amount:.3g}'))}"
