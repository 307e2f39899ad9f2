"""Always-valid inference for A/B tests: which variant is better, computed from sums, at any number of analyses.

A test that is analysed repeatedly until p < 0.05 eventually finds a difference between two equal variants. The figures
here are valid at all analyses together: for two equal variants, the probability that the p-value EVER falls to alpha is
at most alpha, and so is the probability that an interval EVER misses the true difference. A user may therefore analyse at
any time and stop at any time. To combine analyses, take the smallest p-value and the intersection of the intervals: both
are valid without a correction. Each analysis here is independent of the earlier ones.

Latency and cost are compared over successful calls only. A call that fails at once and costs nothing is not fast or cheap:
it is a failure, and the success rate counts it.

Units (users, conversations) keep their variant, and the calls of one unit are correlated: ten thousand calls of forty users
are little evidence. Units are therefore hashed into groups, and sums are kept per group. The excess variance between groups
widens every interval: a cluster-robust variance (Liang, Zeger: "Longitudinal Data Analysis Using Generalized Linear
Models", 1986; for A/B tests Deng, Knoblich, Lu: "Applying the Delta Method in Metric Analytics", 2018). With too few units
the verdict is NOT_ENOUGH_DATA.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

ALPHA: Final = 0.05
"""The probability of ever naming a winner of two equal variants, on one metric."""
SAMPLE_RATIO_ALPHA: Final = 0.01
"""The probability of ever reporting a sample ratio mismatch when the split is as configured."""
MINIMUM_CALLS: Final = 100
"""The fewest calls of each variant for a comparison: the confidence sequences are asymptotic."""
MINIMUM_UNITS: Final = 50
"""The fewest units of each variant for a comparison: the variance between units must be estimated."""
GROUPS: Final = 256
"""The number of groups that units are hashed into."""
CAP_FACTOR: Final = 3
"""The default cost cap, as a multiple of the 99th percentile of cost. docs/benchmarks.md compares other values."""

_TUNED_FOR: Final = 1_000
"""The number of calls of each variant at which the intervals are about as narrow as the method allows."""
_MIXTURE: Final = (-2 * math.log(0.05) + math.log(1 - 2 * math.log(0.05))) / _TUNED_FOR
"""The variance of the mixture, in units of the variance of one call; optimal at `_TUNED_FOR` (Waudby-Smith et al., 2024)."""
_SPLIT_PRIOR: Final = 100.0
"""The weight of the configured split in the mixture, in calls: it searches deviations of about 5 percentage points."""
_POWER_QUANTILE: Final = 0.8416212335729143
"""The quantile of the normal distribution at a power of 80 %."""
_ROUNDING: Final = 1e-12
"""The share of the sum of squares below which a variance may be a rounding error."""
_LEAST_CALLS: Final = 2
"""The fewest calls of each variant for a variance."""
_NO_END: Final = 2**31 - 1
"""The highest number of calls needed that is reported: the largest Int of GraphQL."""
_REPORTED_DESIGN_EFFECT: Final = 1.5
"""The lowest design effect that the sentence mentions."""
_LEAST_P: Final = 2.2250738585072014e-308
"""The smallest p-value that is reported: the smallest normal double."""


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
class SampleSums:
    """Count, sum and sum of squares of values. They give the mean and the variance, and can be added."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, values: Iterable[float]) -> SampleSums:
        sample = list(values)
        return cls(len(sample), math.fsum(sample), math.fsum(value * value for value in sample))

    def __add__(self, other: SampleSums) -> SampleSums:
        return SampleSums(self.count + other.count, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> float | None:
        return self.total / self.count if self.count else None

    @property
    def variance(self) -> float:
        """The sample variance (n - 1), at least the possible rounding error of the sums. Needs two values or more."""
        about_mean = self.squares - self.total * self.total / self.count
        return max(about_mean, _ROUNDING * self.squares) / (self.count - 1)


class Group(NamedTuple):
    """Sums over the calls of the units in one group. The fields correspond to those of `Arm`."""

    assigned: int = 0
    """The number of requests assigned: fallbacks and further attempts at the same request do not count."""
    calls: int = 0
    successes: int = 0
    timed: int = 0
    log_latency_sum: float = 0.0
    log_latency_squares: float = 0.0
    priced: int = 0
    capped_cost_sum: float = 0.0
    capped_cost_squares: float = 0.0

    def sums(self, metric: Metric) -> SampleSums:
        """The values compared: 1 or 0 for success, ln(ms), capped USD."""
        if metric is Metric.SUCCESS_RATE:
            return SampleSums(self.calls, self.successes, self.successes)
        if metric is Metric.LATENCY:
            return SampleSums(self.timed, self.log_latency_sum, self.log_latency_squares)
        return SampleSums(self.priced, self.capped_cost_sum, self.capped_cost_squares)


@dataclass(frozen=True, slots=True)
class Arm:
    """Sums over the calls of one variant."""

    n: int
    successes: int
    latency: SampleSums = field(default_factory=SampleSums)
    """Sums of `log_latency` over the successful calls of known latency."""
    cost: SampleSums = field(default_factory=SampleSums)
    """Sums of `capped_cost` over the successful calls of known cost."""
    groups: Mapping[int, Group] = field(default_factory=dict)
    """The same calls by the group of their unit. Empty when every call has its own unit and its own assignment."""

    @property
    def assigned(self) -> int:
        """The number of requests that were assigned this variant. It is compared with the configured split."""
        return sum(group.assigned for group in self.groups.values()) if self.groups else self.n

    @classmethod
    def of(cls, groups: Mapping[int, Group]) -> Arm:
        """The variant that consists of these groups."""
        n, successes = (sum(getattr(group, name) for group in groups.values()) for name in ("calls", "successes"))
        latency, cost = (
            sum((group.sums(metric) for group in groups.values()), SampleSums())
            for metric in (Metric.LATENCY, Metric.COST)
        )
        return cls(n, successes, latency, cost, groups)

    @property
    def units(self) -> float:
        """The estimated number of units if each made the same number of calls; infinite when there are too many to count.

        It is Kish's effective sample size ("Survey Sampling", 1965) of the groups, corrected for units that share a group.
        """
        squares = sum(group.calls**2 for group in self.groups.values())
        concentration = squares / self.n**2 - 1 / GROUPS if squares else 0.0
        return (1 - 1 / GROUPS) / concentration if concentration > 0 else math.inf

    def sums(self, metric: Metric) -> SampleSums:
        """The values compared: 1 or 0 for success, ln(ms), capped USD."""
        if metric is Metric.SUCCESS_RATE:
            return SampleSums(self.n, self.successes, self.successes)
        return self.latency if metric is Metric.LATENCY else self.cost


@dataclass(frozen=True, slots=True)
class Comparison:
    """The comparison of A and B on one metric. Figures of the difference are None until there are enough calls."""

    metric: Metric
    count_a: int
    count_b: int
    value_a: float | None
    """The success rate (0..1), the geometric mean of latency in ms, or the mean capped cost in USD."""
    value_b: float | None
    effect: float | None
    """A minus B; for latency, A divided by B. `low` and `high` are the ends of its interval."""
    low: float | None
    high: float | None
    p_value: float
    probability_a_better: float | None
    design_effect: float
    """How many calls carry as much information as one independent call; 1 when every unit makes one call."""
    detectable_effect: float | None
    """The smallest effect that this comparison detects with a power of 80 %; see the function `detectable_effect`."""
    calls_needed: int | None
    """The estimated number of further calls to both variants for a verdict, if the true difference equals the observed
    one. None when the observed difference is 0."""
    verdict: Verdict
    sentence: str


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The result of a test at one analysis."""

    verdict: Verdict
    sentence: str
    comparisons: tuple[Comparison, ...]
    """One comparison per metric, in the order of `Metric`."""
    sample_ratio_p_value: float


def log_latency(latency_ms: int) -> float:
    """The value that `Arm.latency` sums: ln(ms). 0 ms counts as 1 ms."""
    return math.log(max(latency_ms, 1))


def capped_cost(cost: Decimal, cap: Decimal) -> float:
    """The value that `Arm.cost` sums: the cost in USD, at most `cap`. One extreme cost then does not decide a test.

    Capping at a bound fixed in advance is winsorizing (Dixon: "Simplified Estimation from Censored Normal Samples", 1960).
    """
    return float(min(cost, cap))


def cost_cap(costs: Sequence[Decimal]) -> Decimal | None:
    """The cost cap of a new test: three times the 99th percentile (nearest rank) of `costs`; None when that is 0.

    The cap must not change during a test: sums over differently capped costs cannot be compared.
    """
    return CAP_FACTOR * sorted(costs)[math.ceil(0.99 * len(costs)) - 1] or None if costs else None


def compare(metric: Metric, a: Arm, b: Arm, *, alpha: float = ALPHA, minimum: int = MINIMUM_CALLS) -> Comparison:
    """Compare A and B on one metric. The interval and the p-value are valid at all analyses together.

    The method is a mixture of likelihood ratios over normally distributed differences (Robbins: "Statistical Methods Related to the
    Law of the Iterated Logarithm", 1970), applied to means whose variance is estimated (Waudby-Smith, Arbour, Sinha,
    Kennedy, Ramdas: "Time-uniform central limit theory and asymptotic confidence sequences", 2024) and read as a p-value
    (Johari, Koomen, Pekelis, Walsh: "Always Valid Inference", 2022). With v the variance of the difference and x the
    variance of the mixture divided by v: p = sqrt(1 + x) exp(-x difference^2 / (2 v (1 + x))), at most 1.
    """
    minimum = max(minimum, _LEAST_CALLS)
    sums_a, sums_b = a.sums(metric), b.sums(metric)
    value_a, value_b = _value(metric, sums_a), _value(metric, sums_b)
    if shortage := _shortage(metric, a, b, minimum):
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
            shortage,
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
    if design_effect >= _REPORTED_DESIGN_EFFECT:
        calls = sums_a.count + sums_b.count
        sentence += f" Calls of one unit are correlated: {calls} calls are as informative as {calls / design_effect:.0f} independent ones."
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
    """The probability that the true difference is above 0, under a flat prior. It is for display, not for decisions.

    It is the normal approximation of the posterior (Gelman et al.: "Bayesian Data Analysis", 2013, ch. 4). Unlike the
    p-value it is not valid under repeated analysis.
    """
    return 0.5 * (1 + math.erf(difference / math.sqrt(2 * variance))) if variance else 0.5


def sample_ratio_p_value(n_a: float, n_b: float, split: float) -> float:
    """The p-value of the hypothesis that the share of A is `split`. It is exact, and valid at all analyses together.

    The method is an e-process whose alternative is a Beta mixture around the configured split (Lindon, Malek: "Anytime-Valid
    Inference For Multinomial Count Data", 2022). The counted requests must have been assigned independently.
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
    """`sample_ratio_p_value` of two variants, corrected for units: all calls of one unit go to the same variant."""
    dispersion = _dispersion(a, b)
    return sample_ratio_p_value(a.assigned / dispersion, b.assigned / dispersion, split)


def detectable_effect(metric: Metric, a: Arm, b: Arm, *, alpha: float = ALPHA) -> float | None:
    """The smallest effect that this analysis detects with a power of 80 %; None with fewer than two calls of a variant.

    For the success rate it is a difference (0.02 = 2 percentage points), for latency and cost a relative difference (0.1 =
    10 %). It is the sum of the bound and the quantile of the power (Lachin: "Introduction to Sample Size Determination and
    Power Analysis for Clinical Trials", 1981), with the bound of the confidence sequence.
    """
    sums_a, sums_b = a.sums(metric), b.sums(metric)
    if min(sums_a.count, sums_b.count) < _LEAST_CALLS:
        return None
    variance, x, _ = _spread(metric, a, b)
    return _relative(metric, _detectable(variance, x, alpha), sums_a + sums_b)


def calls_needed(
    metric: Metric, a: Arm, b: Arm, effect: float, *, alpha: float = ALPHA, minimum: int = MINIMUM_CALLS
) -> int | None:
    """The estimated number of further calls to both variants that detect `effect` with a power of 80 %.

    None with fewer than two calls of a variant, and when the number exceeds 2^31 - 1. The effect has the units of
    `detectable_effect`. The formula of Lachin (1981) is solved for n; variances, the split and the share of calls of known
    value are assumed to stay the same. A test that is analysed often usually ends earlier. Raises ValueError when `effect`
    is not above 0.
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
    """As `calls_needed`, for a difference of means."""
    variance, x = spread
    count_a, count_b = a.sums(metric).count, b.sums(metric).count
    both = count_a + count_b
    if not shift:
        return None

    def decided(times: float) -> bool:
        return _detectable(variance / times, x * times, alpha) <= shift

    least = max(minimum / min(count_a, count_b), 1.0)
    times = _smallest(decided, least, within=0.5 / both, most=_NO_END / both)
    more = None if times is None else math.ceil((times - 1) * max(a.n + b.n, both))
    return more if more is None or more <= _NO_END else None


def _smallest(is_true: Callable[[float], bool], least: float, *, within: float, most: float) -> float | None:
    """The smallest number from `least` to `most` for which a monotonic predicate is true, up to `within`; else None."""
    if is_true(least):
        return least
    below, found = least, 2 * least
    while not is_true(found):
        if found > most:
            return None
        below, found = found, 2 * found
    while found - below > max(within, 1e-9 * found):
        middle = (below + found) / 2
        below, found = (below, middle) if is_true(middle) else (middle, found)
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

    Only the primary metric can name a winner; guardrails can only withhold it. So alpha is the probability of ever naming a
    winner of two equal variants, for any number of guardrails (compare Schultzberg, Ankargren, Frånberg: "Risk-aware product
    decisions in A/B tests with multiple metrics", 2024). A guardrail withholds the winner only if it is significantly worse.
    A sample ratio mismatch takes precedence, because figures of a broken assignment have no meaning. There is no winner
    while `hours_left` of the minimum run time remain: traffic of one night or weekend does not represent a week.
    """
    sample_ratio = split_p_value(a, b, split)
    compared = {metric: compare(metric, a, b, alpha=alpha, minimum=minimum) for metric in Metric}
    if sample_ratio <= sample_ratio_alpha:
        verdict = Verdict.SAMPLE_RATIO_MISMATCH
        sentence = (
            f"A received {_percent(a.assigned / (a.assigned + b.assigned))} of the requests, where {_percent(split)} were "
            "configured: find the cause before you use any figure of this test."
        )
        mismatched = tuple(replace(each, verdict=verdict, sentence=sentence) for each in compared.values())
        return Conclusion(verdict, sentence, mismatched, sample_ratio)
    verdict, sentence = compared[primary].verdict, compared[primary].sentence
    if verdict in _OPPOSITE:
        others = [metric for metric in guardrails if metric is not primary]
        worse = [_NOUN[metric] for metric in others if compared[metric].verdict is _OPPOSITE[verdict]]
        unknown = [_NOUN[metric] for metric in others if compared[metric].verdict is Verdict.NOT_ENOUGH_DATA]
        if worse:
            sentence += f" But {verdict[0]} is worse in {' and '.join(worse)}, so there is no winner."
            verdict = Verdict.NO_DIFFERENCE_YET
        elif hours_left > 0:
            sentence += f" But the minimum run time ends in {_hours(hours_left)}: there is no winner before that."
            verdict = Verdict.NOT_ENOUGH_DATA
        elif unknown:
            sentence += f" There are too few calls to compare {' and '.join(unknown)}."
    return Conclusion(verdict, sentence, tuple(compared.values()), sample_ratio)


_OPPOSITE: Final = {Verdict.A_BETTER: Verdict.B_BETTER, Verdict.B_BETTER: Verdict.A_BETTER}
_NOUN: Final = {Metric.SUCCESS_RATE: "success rate", Metric.LATENCY: "latency", Metric.COST: "cost"}


def _shortage(metric: Metric, a: Arm, b: Arm, minimum: int) -> str | None:
    """The sentence on missing calls or units; None when there are enough for a comparison."""
    count_a, count_b = a.sums(metric).count, b.sums(metric).count
    if min(count_a, count_b) < minimum:
        counts = f"A has {count_a} and B has {count_b}, and each needs {minimum}"
        return f"Not enough calls to compare {_NOUN[metric]}: {counts}."
    variant, units = min(("A", a.units), ("B", b.units), key=lambda arm: arm[1])
    if units < MINIMUM_UNITS:
        return (
            f"Not enough units to compare {_NOUN[metric]}: the calls of {variant} come from about {units:.0f} users or "
            f"conversations, and {MINIMUM_UNITS} are needed."
        )
    return None


def _spread(metric: Metric, a: Arm, b: Arm) -> tuple[float, float, float]:
    """The variance of the difference of means, the variance of the mixture divided by it, and the design effect.

    The design effect (Kish, 1965) is the ratio of that variance to the variance for independent calls; at least 1.
    """
    sums_a, sums_b = a.sums(metric), b.sums(metric)
    independent = sums_a.variance / sums_a.count + sums_b.variance / sums_b.count
    between = _between_groups(metric, a) + _between_groups(metric, b)
    design_effect = max(between / independent, 1.0) if independent else 1.0
    effective = 2 / (1 / sums_a.count + 1 / sums_b.count)  # calls per variant of an equally informative even split
    x = _MIXTURE * effective / design_effect
    return _variance(metric, sums_a, sums_b) * design_effect, x, design_effect


def _between_groups(metric: Metric, arm: Arm) -> float:
    """The variance of the mean, estimated between groups (Liang, Zeger, 1986); 0 with fewer than two groups."""
    groups = [sums for group in arm.groups.values() if (sums := group.sums(metric)).count]
    if len(groups) < _LEAST_CALLS:
        return 0.0
    mean = arm.sums(metric).total / arm.sums(metric).count
    squares = math.fsum((sums.total - mean * sums.count) ** 2 for sums in groups)
    return len(groups) / (len(groups) - 1) * squares / arm.sums(metric).count ** 2


def _dispersion(a: Arm, b: Arm) -> float:
    """The variance of A's share between groups, relative to independently assigned requests; at least 1.

    It is the quasi-likelihood estimate of over-dispersion (Wedderburn, 1974). With too few units it is infinite, so that no
    sample ratio mismatch is reported.
    """
    if min(a.units, b.units) < MINIMUM_UNITS:
        return math.inf
    n_a, n_b = a.assigned, b.assigned
    groups = a.groups.keys() | b.groups.keys()
    if len(groups) < _LEAST_CALLS:
        return 1.0
    if not n_a or not n_b:  # the share has no variance: use the number of calls per unit
        return max((n_a + n_b) / min(a.units, b.units), 1.0)
    share = n_a / (n_a + n_b)
    expected = (n_a + n_b) * share * (1 - share)
    none = Group()
    counts = ((a.groups.get(group, none).assigned, b.groups.get(group, none).assigned) for group in groups)
    observed = sum((of_a - share * (of_a + of_b)) ** 2 for of_a, of_b in counts)
    return max(len(groups) / (len(groups) - 1) * observed / expected, 1.0)


def _variance(metric: Metric, a: SampleSums, b: SampleSums) -> float:
    """The variance of the difference of means, for independent calls: the greater of two estimates.

    The estimate of Welch ("The Generalization of Student's Problem when Several Different Population Variances are
    Involved", 1947) uses the variance of each variant. It is far too small when a variant has none of the rare values
    (failures, expensive calls) yet. The pooled estimate uses all values around their common mean. It is correct for equal
    variants, but too small when the variant with fewer calls has the higher variance. Success rates are shrunk towards one
    half by half a call of each outcome (Krichevsky, Trofimov: "The Performance of Universal Encoding", 1981), so that zero
    observed failures do not imply a failure rate of zero.
    """

    def own(sums: SampleSums) -> float:
        return _variance_of_outcome(sums) if metric is Metric.SUCCESS_RATE else sums.variance

    return max(own(a) / a.count + own(b) / b.count, own(a + b) * (1 / a.count + 1 / b.count))


def _variance_of_outcome(sums: SampleSums) -> float:
    rate = (sums.total + 0.5) / (sums.count + 1)
    return rate * (1 - rate)


def _radius(variance: float, x: float, alpha: float) -> float:
    """Half the width of the interval, which contains the differences whose p-value in `compare` is above alpha."""
    return math.sqrt(variance * (1 + x) / x * (math.log1p(x) - 2 * math.log(alpha)))


def _detectable(variance: float, x: float, alpha: float) -> float:
    return _radius(variance, x, alpha) + _POWER_QUANTILE * math.sqrt(variance)


def _relative(metric: Metric, shift: float, both: SampleSums) -> float | None:
    """A difference of means in the units of `detectable_effect`."""
    if metric is Metric.SUCCESS_RATE:
        return min(shift, 1.0)
    if metric is Metric.LATENCY:
        return _exp(shift) - 1
    return shift * both.count / both.total if both.total else None


def _exp(value: float) -> float:
    return math.exp(min(value, 700.0))


def _value(metric: Metric, sums: SampleSums) -> float | None:
    mean = sums.mean
    return math.exp(mean) if metric is Metric.LATENCY and mean is not None else mean


def _shown(metric: Metric, shift: float) -> float:
    """A difference of means in the units of `Comparison.effect`."""
    if metric is Metric.LATENCY:
        return _exp(shift)
    return min(max(shift, -1.0), 1.0) if metric is Metric.SUCCESS_RATE else shift


def _hours(hours: float) -> str:
    return "1 hour" if hours <= 1 else f"{math.ceil(hours)} hours"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _dollars(amount: float) -> str:
    return f"{'-' if amount < 0 else '+'}${abs(amount):.6f}"


def _sentence(metric: Metric, verdict: Verdict, a: float, b: float, low: float, high: float) -> str:
    if metric is Metric.SUCCESS_RATE:
        values = f"{_percent(a)} of the calls of A succeed and {_percent(b)} of the calls of B"
        between = f"the difference is between {100 * low:+.1f} and {100 * high:+.1f} points"
    elif metric is Metric.LATENCY:
        values = f"A typically takes {a:.0f} ms and B takes {b:.0f} ms"
        between = f"A takes between {low:.2f} and {high:.2f} times as long as B"
    else:
        values = f"a call of A costs ${a:.6f} on average and a call of B ${b:.6f}"
        between = f"the difference is between {_dollars(low)} and {_dollars(high)}"
    if verdict is Verdict.NO_DIFFERENCE_YET:
        return f"No difference in {_NOUN[metric]} yet: {values}; {between}."
    return f"{verdict[0]} is better in {_NOUN[metric]}: {values}; {between}."
