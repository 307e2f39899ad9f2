"""Which variant of an A/B test is better, from its sums alone, at any number of looks.

A test that is looked at again and again until p < 0.05 finds a difference between two equal variants sooner or later.
What is computed here holds at every look at once: the chance that a p-value of two equal variants EVER falls to alpha is
alpha, and the chance that an interval EVER misses the true difference is alpha. So anybody may look at any time and stop
when they like. To combine looks, take the smallest p-value so far, and the intersection of the intervals so far: both
hold as they are, without a correction. Each look here stands for itself and forgets the ones before it.

Latency and cost are compared over calls that succeed. One that fails at once, for nothing, is neither quick nor cheap: it
is a failure, and that is what the success rate is for.

Units (users, conversations) keep their variant, and the calls of one are alike: ten thousand calls of forty users say
little. So units fall into groups by chance, sums are kept of each group as well, and how much more groups differ than
independent calls would is by how much every figure is widened: a cluster-robust variance (Liang, Zeger: "Longitudinal Data
Analysis Using Generalized Linear Models", 1986; for such tests Deng, Knoblich, Lu: "Applying the Delta Method in Metric
Analytics", 2018). Where there are too few units to tell, nothing is said.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

ALPHA: Final = 0.05
"""Chance of ever naming a winner among equals on one metric."""
SAMPLE_RATIO_ALPHA: Final = 0.01
"""Chance of ever raising a false alarm about the split."""
MINIMUM_CALLS: Final = 100
"""Of each variant, before anything is said: the sequences are asymptotic."""
MINIMUM_UNITS: Final = 50
"""Of each variant, likewise: the difference between units must be known before it can be allowed for."""
GROUPS: Final = 256
"""Into which units fall."""
CAP_FACTOR: Final = 3
"""How many times the 99th percentile of cost a cap is by default: docs/benchmarks.md has what others would do."""

_TUNED_FOR: Final = 1_000
"""Calls of each variant at which intervals are about as narrow as the method can make them."""
_MIXTURE: Final = (-2 * math.log(0.05) + math.log(1 - 2 * math.log(0.05))) / _TUNED_FOR
"""The mixture's variance in units of the variance of one call each, best at `_TUNED_FOR` (Waudby-Smith et al., 2024)."""
_SPLIT_PRIOR: Final = 100.0
"""Weight of the stated split in the mixture over other splits, in calls: others are sought within about 5 points."""
_POWER_QUANTILE: Final = 0.8416212335729143
"""Of the normal distribution at 80 %."""
_ROUNDING: Final = 1e-12
"""Share of the sum of squares below which a variance cannot be told from rounding."""
_LEAST_CALLS: Final = 2
"""Of each variant, for there to be a variance."""
_NO_END: Final = 2**31 - 1
"""Calls that nobody waits for, and the most that the API can say."""
_WORTH_SAYING: Final = 1.5
"""The design effect from which on it is told."""
_LEAST_P: Final = 2.2250738585072014e-308


class Metric(StrEnum):
    SUCCESS_RATE = "SUCCESS_RATE"
    LATENCY = "LATENCY"
    COST = "COST"


class Verdict(StrEnum):
    NOT_ENOUGH_DATA = "NOT_ENOUGH_DATA"
    NO_DIFFERENCE_YET = "NO_DIFFERENCE_YET"
    A_BETTER = "A_BETTER"
    B_BETTER = "B_BETTER"
    SAMPLE_RATIO_MISMATCH = "SAMPLE_RATIO_MISMATCH"


@dataclass(frozen=True, slots=True)
class Sums:
    """Count, sum and sum of squares of some values: all that a mean and a variance need, and they add up."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, values: Iterable[float]) -> Sums:
        kept = list(values)
        return cls(len(kept), math.fsum(kept), math.fsum(value * value for value in kept))

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.count + other.count, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> float | None:
        return self.total / self.count if self.count else None

    @property
    def variance(self) -> float:
        """Of one value, by n - 1; never less than rounding of the sums could hide. For two values or more."""
        about_mean = self.squares - self.total * self.total / self.count
        return max(about_mean, _ROUNDING * self.squares) / (self.count - 1)


class Group(NamedTuple):
    """What the calls of some units add up to: the values of `Arm`."""

    assigned: int = 0
    """How many of the calls stand for an assignment: neither fallbacks nor other attempts at the same request."""
    calls: int = 0
    successes: int = 0
    timed: int = 0
    log_latency_sum: float = 0.0
    log_latency_squares: float = 0.0
    priced: int = 0
    capped_cost_sum: float = 0.0
    capped_cost_squares: float = 0.0

    def sums(self, metric: Metric) -> Sums:
        """The values compared: 1 or 0 for success, ln(ms), capped USD."""
        if metric is Metric.SUCCESS_RATE:
            return Sums(self.calls, self.successes, self.successes)
        if metric is Metric.LATENCY:
            return Sums(self.timed, self.log_latency_sum, self.log_latency_squares)
        return Sums(self.priced, self.capped_cost_sum, self.capped_cost_squares)


@dataclass(frozen=True, slots=True)
class Arm:
    """What is kept of one variant's calls."""

    n: int
    successes: int
    latency: Sums = field(default_factory=Sums)
    """Of `log_latency`, over the calls that succeeded and whose latency is known."""
    cost: Sums = field(default_factory=Sums)
    """Of `capped_cost`, over the calls that succeeded and whose cost is known."""
    groups: Mapping[int, Group] = field(default_factory=dict)
    """The same calls by the group of their unit; empty where each call is a unit, and an assignment, of its own."""

    @property
    def assigned(self) -> int:
        """How many requests were assigned the variant: what must fit the split."""
        return sum(group.assigned for group in self.groups.values()) if self.groups else self.n

    @classmethod
    def of(cls, groups: Mapping[int, Group]) -> Arm:
        """The sums of these groups."""
        n, successes = (sum(getattr(group, name) for group in groups.values()) for name in ("calls", "successes"))
        latency, cost = (
            sum((group.sums(metric) for group in groups.values()), Sums()) for metric in (Metric.LATENCY, Metric.COST)
        )
        return cls(n, successes, latency, cost, groups)

    @property
    def units(self) -> float:
        """About how many units the calls are of, if each made as many: infinite where they cannot be told from calls.

        Kish's effective sample size ("Survey Sampling", 1965) of the groups, less the collisions of units in one group.
        """
        squares = sum(group.calls**2 for group in self.groups.values())
        concentration = squares / self.n**2 - 1 / GROUPS if squares else 0.0
        return (1 - 1 / GROUPS) / concentration if concentration > 0 else math.inf

    def sums(self, metric: Metric) -> Sums:
        """The values compared: 1 or 0 for success, ln(ms), capped USD."""
        if metric is Metric.SUCCESS_RATE:
            return Sums(self.n, self.successes, self.successes)
        return self.latency if metric is Metric.LATENCY else self.cost


@dataclass(frozen=True, slots=True)
class Comparison:
    """A beside B on one metric, at one look. Figures about their difference are None before there are enough calls."""

    metric: Metric
    count_a: int
    count_b: int
    value_a: float | None
    """Success rate, geometric mean of latency in ms, or mean capped cost in USD."""
    value_b: float | None
    effect: float | None
    """A minus B; for latency A divided by B."""
    low: float | None
    high: float | None
    p_value: float
    probability_a_better: float | None
    design_effect: float
    """How many calls tell as much as one that is independent of the others would: 1 where each unit makes one call."""
    detectable_effect: float | None
    """As `detectable_effect` says."""
    calls_needed: int | None
    """About how many more calls of both decide it, if the difference is what it looks like; None where there is none."""
    verdict: Verdict
    sentence: str


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a test as a whole says at one look."""

    verdict: Verdict
    sentence: str
    comparisons: tuple[Comparison, ...]
    """One a metric, in the order of `Metric`."""
    sample_ratio_p_value: float


def log_latency(latency_ms: int) -> float:
    """What `Arm.latency` sums: ln(ms), where 0 ms counts as 1."""
    return math.log(max(latency_ms, 1))


def capped_cost(cost: Decimal, cap: Decimal) -> float:
    """What `Arm.cost` sums: so that one absurd price neither decides a test nor hides a difference.

    Capping at a bound fixed beforehand is winsorizing (Dixon: "Simplified Estimation from Censored Normal Samples", 1960).
    """
    return float(min(cost, cap))


def cost_cap(costs: Sequence[Decimal]) -> Decimal | None:
    """A cap for a new test: three times the 99th percentile (nearest rank) of what calls cost; None where that is nothing.

    It must stay as it is from the first call to the last: a cap that moves makes sums that do not add up.
    """
    return CAP_FACTOR * sorted(costs)[math.ceil(0.99 * len(costs)) - 1] or None if costs else None


def compare(metric: Metric, a: Arm, b: Arm, *, alpha: float = ALPHA, minimum: int = MINIMUM_CALLS) -> Comparison:
    """A beside B on one metric; the interval and the p-value hold at every look at once.

    A mixture of likelihood ratios over normally distributed differences (Robbins: "Statistical Methods Related to the
    Law of the Iterated Logarithm", 1970), applied to means whose variance is estimated (Waudby-Smith, Arbour, Sinha,
    Kennedy, Ramdas: "Time-uniform central limit theory and asymptotic confidence sequences", 2024) and read as a p-value
    (Johari, Koomen, Pekelis, Walsh: "Always Valid Inference", 2022). Where v is the variance of the difference and x the
    mixture's variance divided by v: p = sqrt(1 + x) exp(-x difference^2 / (2 v (1 + x))), at most 1.
    """
    minimum = max(minimum, _LEAST_CALLS)
    sums_a, sums_b = a.sums(metric), b.sums(metric)
    value_a, value_b = _value(metric, sums_a), _value(metric, sums_b)
    if lacking := _lacking(metric, a, b, minimum):
        verdict = Verdict.NOT_ENOUGH_DATA
        return Comparison(
            metric,
            sums_a.count,
            sums_b.count,
            value_a,
            value_b,
            None,
            None,
            None,
            1.0,
            None,
            1.0,
            None,
            None,
            verdict,
            lacking,
        )
    difference = sums_a.total / sums_a.count - sums_b.total / sums_b.count
    variance, x, design_effect = _spread(metric, a, b)
    z_squared = difference * difference / variance if variance else 0.0
    p_value = min(1.0, max(_LEAST_P, math.exp(0.5 * (math.log1p(x) - z_squared * x / (1 + x)))))
    radius = _radius(variance, x, alpha)
    a_better = (difference > 0) == (metric is Metric.SUCCESS_RATE)
    verdict = Verdict.NO_DIFFERENCE_YET
    if p_value <= alpha:
        verdict = Verdict.A_BETTER if a_better else Verdict.B_BETTER
    effect, low, high = (_shown(metric, shift) for shift in (difference, difference - radius, difference + radius))
    likely = probability_better(difference, variance)
    sentence = _sentence(metric, verdict, value_a or 0.0, value_b or 0.0, low, high)
    if design_effect >= _WORTH_SAYING:
        calls = sums_a.count + sums_b.count
        sentence += f" Units repeat: {calls} calls tell as much as {calls / design_effect:.0f} independent ones."
    return Comparison(
        metric,
        sums_a.count,
        sums_b.count,
        value_a,
        value_b,
        effect,
        low,
        high,
        p_value,
        likely if metric is Metric.SUCCESS_RATE else 1 - likely,
        design_effect,
        _relative(metric, _detectable(variance, x, alpha), sums_a + sums_b),
        0 if p_value <= alpha else _calls_needed(metric, a, b, abs(difference), (variance, x), alpha, minimum),
        verdict,
        sentence,
    )


def probability_better(difference: float, variance: float) -> float:
    """How likely it is that the true difference is above 0, if nothing was known before: for display, never to decide by.

    The normal approximation of the posterior under a flat prior (Gelman et al.: "Bayesian Data Analysis", 2013, ch. 4);
    unlike the p-value it does not hold at many looks.
    """
    return 0.5 * (1 + math.erf(difference / math.sqrt(2 * variance))) if variance else 0.5


def sample_ratio_p_value(n_a: float, n_b: float, split: float) -> float:
    """Whether counts of A and B fit a share `split` of A: small when they do not. Exact, and holds at every look at once.

    The e-process whose alternative is a Beta mixture about the stated split (Lindon, Malek: "Anytime-Valid Inference For
    Multinomial Count Data", 2022). What is counted must have been assigned one by one.
    """
    if not 0 < split < 1:
        raise ValueError("split must be between 0 and 1")
    prior_a, prior_b = _SPLIT_PRIOR * split, _SPLIT_PRIOR * (1 - split)
    evidence = (
        (math.lgamma(prior_a + n_a) - math.lgamma(prior_a))
        + (math.lgamma(prior_b + n_b) - math.lgamma(prior_b))
        - (math.lgamma(_SPLIT_PRIOR + n_a + n_b) - math.lgamma(_SPLIT_PRIOR))
        - n_a * math.log(split)
        - n_b * math.log1p(-split)
    )
    return min(1.0, max(_LEAST_P, math.exp(-max(evidence, 0.0))))


def split_p_value(a: Arm, b: Arm, split: float) -> float:
    """The same for two variants: calls of one unit, which go to one variant together, count for less."""
    dispersion = _dispersion(a, b)
    return sample_ratio_p_value(a.assigned / dispersion, b.assigned / dispersion, split)


def detectable_effect(metric: Metric, a: Arm, b: Arm, *, alpha: float = ALPHA) -> float | None:
    """The smallest effect that would be decided at this look in four of five tests; None before two calls of each.

    In success rate a difference (0.02 = 2 points); in latency and cost a relative one (0.1 = 10 %). The usual sum of the
    bound and the power's quantile (Lachin: "Introduction to Sample Size Determination and Power Analysis for Clinical
    Trials", 1981), with the sequence's bound in place of the fixed one.
    """
    sums_a, sums_b = a.sums(metric), b.sums(metric)
    if min(sums_a.count, sums_b.count) < _LEAST_CALLS:
        return None
    variance, x, _ = _spread(metric, a, b)
    return _relative(metric, _detectable(variance, x, alpha), sums_a + sums_b)


def calls_needed(
    metric: Metric, a: Arm, b: Arm, effect: float, *, alpha: float = ALPHA, minimum: int = MINIMUM_CALLS
) -> int | None:
    """About how many more calls of both variants decide an effect, in four of five tests. None before two calls of each,
    and for more than two billion.

    The effect is stated as `detectable_effect` states it, whose formula (Lachin, 1981) is solved here for n, with the
    variances, the split and the share of calls whose value is known staying what they are. A test that is looked at
    often ends sooner than that as a rule.
    """
    if effect <= 0:
        raise ValueError("effect must be above 0")
    sums_a, sums_b = a.sums(metric), b.sums(metric)
    if min(sums_a.count, sums_b.count) < _LEAST_CALLS:
        return None
    both, shift = sums_a + sums_b, effect
    if metric is Metric.LATENCY:
        shift = math.log1p(effect)
    elif metric is Metric.COST:
        shift = effect * both.total / both.count
    variance, x, _ = _spread(metric, a, b)
    return _calls_needed(metric, a, b, shift, (variance, x), alpha, minimum)


def _calls_needed(
    metric: Metric, a: Arm, b: Arm, shift: float, spread: tuple[float, float], alpha: float, minimum: int
) -> int | None:
    """The same for a difference of means."""
    variance, x = spread
    count_a, count_b = a.sums(metric).count, b.sums(metric).count
    both = count_a + count_b
    if not shift:
        return None

    def decided(times: float) -> bool:
        return _detectable(variance / times, x * times, alpha) <= shift

    least = max(minimum / min(count_a, count_b), 1.0)
    times = _first(decided, least, within=0.5 / both, most=_NO_END / both)
    more = None if times is None else math.ceil((times - 1) * max(a.n + b.n, both))
    return more if more is None or more <= _NO_END else None


def _first(holds: Callable[[float], bool], least: float, *, within: float, most: float) -> float | None:
    """The first number from `least` on from which on it holds; None above `most`."""
    if holds(least):
        return least
    below, found = least, 2 * least
    while not holds(found):
        if found > most:
            return None
        below, found = found, 2 * found
    while found - below > max(within, 1e-9 * found):
        middle = (below + found) / 2
        below, found = (below, middle) if holds(middle) else (middle, found)
    return found


def conclude(
    a: Arm,
    b: Arm,
    *,
    split: float = 0.5,
    primary: Metric = Metric.SUCCESS_RATE,
    guardrails: Sequence[Metric] = (),
    alpha: float = ALPHA,
    minimum: int = MINIMUM_CALLS,
    sample_ratio_alpha: float = SAMPLE_RATIO_ALPHA,
    hours_left: float = 0.0,
) -> Conclusion:
    """The verdict on a test: the better variant on the primary metric, unless it is worse on a guardrail.

    Only the primary metric can name a winner and guardrails can only withhold it, so alpha is the chance of ever naming
    one among equals, however many guardrails there are (compare Schultzberg, Ankargren, Frånberg: "Risk-aware product
    decisions in A/B tests with multiple metrics", 2024). A guardrail holds unless it is shown to be worse. Counts that do not fit the split come
    before everything: figures of a broken assignment mean nothing. Nothing wins while there are `hours_left` that a test
    shall run at least: traffic of a night or a weekend is not that of a week.
    """
    sample_ratio = split_p_value(a, b, split)
    compared = {metric: compare(metric, a, b, alpha=alpha, minimum=minimum) for metric in Metric}
    if sample_ratio <= sample_ratio_alpha:
        verdict = Verdict.SAMPLE_RATIO_MISMATCH
        sentence = (
            f"A got {_percent(a.assigned / (a.assigned + b.assigned))} of the traffic where {_percent(split)} were due"
        )
        sentence += ": find out why before trusting any figure of this test."
        mismatched = tuple(replace(each, verdict=verdict, sentence=sentence) for each in compared.values())
        return Conclusion(verdict, sentence, mismatched, sample_ratio)
    verdict, sentence = compared[primary].verdict, compared[primary].sentence
    if verdict in _OPPOSITE:
        others = [metric for metric in guardrails if metric is not primary]
        worse = [_NOUN[metric] for metric in others if compared[metric].verdict is _OPPOSITE[verdict]]
        unknown = [_NOUN[metric] for metric in others if compared[metric].verdict is Verdict.NOT_ENOUGH_DATA]
        if worse:
            sentence += f" But {verdict[0]} is worse in {' and '.join(worse)}: no winner."
            verdict = Verdict.NO_DIFFERENCE_YET
        elif hours_left > 0:
            sentence += f" But the test shall run for another {_hours(hours_left)}: no winner before that."
            verdict = Verdict.NOT_ENOUGH_DATA
        elif unknown:
            sentence += f" Too few calls say anything of {' and '.join(unknown)}."
    return Conclusion(verdict, sentence, tuple(compared.values()), sample_ratio)


_OPPOSITE: Final = {Verdict.A_BETTER: Verdict.B_BETTER, Verdict.B_BETTER: Verdict.A_BETTER}
_NOUN: Final = {Metric.SUCCESS_RATE: "success rate", Metric.LATENCY: "latency", Metric.COST: "cost"}


def _lacking(metric: Metric, a: Arm, b: Arm, minimum: int) -> str | None:
    """What there is too little of to compare them; None when there is enough."""
    count_a, count_b = a.sums(metric).count, b.sums(metric).count
    if min(count_a, count_b) < minimum:
        counts = f"{count_a} of A and {count_b} of B, where {minimum} of each are needed"
        return f"Not enough calls to compare {_NOUN[metric]}: {counts}."
    variant, units = min(("A", a.units), ("B", b.units), key=lambda arm: arm[1])
    if units < MINIMUM_UNITS:
        return (
            f"Too few units to compare {_NOUN[metric]}: {variant}'s calls come from as few as {units:.0f} users or "
            f"conversations would make, where {MINIMUM_UNITS} are needed."
        )
    return None


def _spread(metric: Metric, a: Arm, b: Arm) -> tuple[float, float, float]:
    """The variance of the difference of means, the mixture's variance divided by it, and the design effect.

    The design effect (Kish, 1965) is how much more the difference varies than it would if calls were independent.
    """
    sums_a, sums_b = a.sums(metric), b.sums(metric)
    independent = sums_a.variance / sums_a.count + sums_b.variance / sums_b.count
    between = _between_groups(metric, a) + _between_groups(metric, b)
    design_effect = max(between / independent, 1.0) if independent else 1.0
    effective = 2 / (1 / sums_a.count + 1 / sums_b.count)  # calls of each that an even split would need
    x = _MIXTURE * effective / design_effect
    return _variance(metric, sums_a, sums_b) * design_effect, x, design_effect


def _between_groups(metric: Metric, arm: Arm) -> float:
    """The variance of the mean, from how groups differ (Liang, Zeger, 1986); 0 where there are not two."""
    groups = [sums for group in arm.groups.values() if (sums := group.sums(metric)).count]
    if len(groups) < _LEAST_CALLS:
        return 0.0
    mean = arm.sums(metric).total / arm.sums(metric).count
    squares = math.fsum((sums.total - mean * sums.count) ** 2 for sums in groups)
    return len(groups) / (len(groups) - 1) * squares / arm.sums(metric).count ** 2


def _dispersion(a: Arm, b: Arm) -> float:
    """How much more A's share of the groups varies than it would if each request were assigned for itself; at least 1.

    The quasi-likelihood's estimate of over-dispersion (Wedderburn, 1974). Infinite, so that nothing is said of the split,
    where there are too few units.
    """
    if min(a.units, b.units) < MINIMUM_UNITS:
        return math.inf
    n_a, n_b = a.assigned, b.assigned
    groups = a.groups.keys() | b.groups.keys()
    if len(groups) < _LEAST_CALLS:
        return 1.0
    if not n_a or not n_b:  # then shares do not vary: all that is known is how many units there are
        return max((n_a + n_b) / min(a.units, b.units), 1.0)
    share = n_a / (n_a + n_b)
    expected = (n_a + n_b) * share * (1 - share)
    none = Group()
    counts = ((a.groups.get(group, none).assigned, b.groups.get(group, none).assigned) for group in groups)
    observed = sum((of_a - share * (of_a + of_b)) ** 2 for of_a, of_b in counts)
    return max(len(groups) / (len(groups) - 1) * observed / expected, 1.0)


def _variance(metric: Metric, a: Sums, b: Sums) -> float:
    """The variance of the difference of means: the greater of two estimates.

    The one of Welch ("The Generalization of Student's Problem when Several Different Population Variances are Involved",
    1947) takes each variant's own, which is far too small where a variant happened to see none of the rare values
    (failures, dear calls); the pooled one, of all values about their common mean, is right where the variants are equal
    but too small where the variant with fewer calls varies more. Success rates are drawn towards one half by half a call
    of each outcome (Krichevsky, Trofimov: "The Performance of Universal Encoding", 1981), so that no failure yet is not
    taken for none ever.
    """

    def own(sums: Sums) -> float:
        return _variance_of_outcome(sums) if metric is Metric.SUCCESS_RATE else sums.variance

    return max(own(a) / a.count + own(b) / b.count, own(a + b) * (1 / a.count + 1 / b.count))


def _variance_of_outcome(sums: Sums) -> float:
    rate = (sums.total + 0.5) / (sums.count + 1)
    return rate * (1 - rate)


def _radius(variance: float, x: float, alpha: float) -> float:
    """Half the width of the interval: the differences that `compare`'s formula gives a p-value above alpha."""
    return math.sqrt(variance * (1 + x) / x * (math.log1p(x) - 2 * math.log(alpha)))


def _detectable(variance: float, x: float, alpha: float) -> float:
    return _radius(variance, x, alpha) + _POWER_QUANTILE * math.sqrt(variance)


def _relative(metric: Metric, shift: float, both: Sums) -> float | None:
    """A difference of means as `detectable_effect` states it."""
    if metric is Metric.SUCCESS_RATE:
        return min(shift, 1.0)
    if metric is Metric.LATENCY:
        return _exp(shift) - 1
    return shift * both.count / both.total if both.total else None


def _exp(value: float) -> float:
    return math.exp(min(value, 700.0))


def _value(metric: Metric, sums: Sums) -> float | None:
    mean = sums.mean
    return math.exp(mean) if metric is Metric.LATENCY and mean is not None else mean


def _shown(metric: Metric, shift: float) -> float:
    """A difference of means as it is reported."""
    if metric is Metric.LATENCY:
        return _exp(shift)
    return min(max(shift, -1.0), 1.0) if metric is Metric.SUCCESS_RATE else shift


def _hours(hours: float) -> str:
    return "hour" if hours <= 1 else f"{math.ceil(hours)} hours"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _dollars(amount: float) -> str:
    return f"{'-' if amount < 0 else '+'}${abs(amount):.6f}"


def _sentence(metric: Metric, verdict: Verdict, a: float, b: float, low: float, high: float) -> str:
    if metric is Metric.SUCCESS_RATE:
        values = f"{_percent(a)} of A's calls succeed and {_percent(b)} of B's"
        between = f"the difference is between {100 * low:+.1f} and {100 * high:+.1f} points"
    elif metric is Metric.LATENCY:
        values = f"A typically takes {a:.0f} ms and B {b:.0f} ms"
        between = f"A takes between {low:.2f} and {high:.2f} times as long"
    else:
        values = f"A's calls cost ${a:.6f} on average and B's ${b:.6f}"
        between = f"the difference is between {_dollars(low)} and {_dollars(high)}"
    if verdict is Verdict.NO_DIFFERENCE_YET:
        return f"No difference in {_NOUN[metric]} yet: {values}; {between}."
    return f"{verdict[0]} is better in {_NOUN[metric]}: {values}; {between}."
