"""A/B tests of two variants: inputs, the assignment of variants to units, and figures per variant."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, NamedTuple, Self
from uuid import UUID

from pydantic import Field, model_validator

from domain.bounds import BudgetAmount, Input, JSONObject, Name, reject
from domain.inference import GROUPS, Metric
from domain.money import ZERO
from domain.price import Rates
from domain.provider import ProviderNames

MAX_RUNNING_TESTS: Final = 100
"""The most running tests of one user: routing keeps all of them in memory."""
MAX_RUN_HOURS: Final = 90 * 24
"""The highest `minimumRunHours` of a test."""


class Variant(StrEnum):
    A = "A"
    B = "B"


class VariantConfig(Input):
    provider: Name
    model: Name
    parameters: JSONObject = None


class CreateABTest(Input):
    test_name: Name
    task_type: Name | None = None
    variant_a: VariantConfig
    variant_b: VariantConfig
    primary_metric: Metric = Metric.SUCCESS_RATE
    # The metrics in which a winner must not be worse. None selects all metrics but the primary one.
    guardrails: Annotated[list[Metric], Field(max_length=len(Metric))] | None = None
    # The share of requests that are assigned to variant A.
    split: Annotated[float, Field(ge=0.01, le=0.99, allow_inf_nan=False)] = 0.5
    minimum_run_hours: Annotated[int, Field(ge=0, le=MAX_RUN_HOURS)] = 0
    # The cap on the cost of one call, USD, in the comparison of mean costs. None derives it from past calls and prices.
    cost_cap: BudgetAmount | None = None

    @model_validator(mode="after")
    def _variants_differ(self) -> Self:
        if self.variant_a == self.variant_b:
            reject("variantB must differ from variantA in provider, model or parameters")
        return self

    @model_validator(mode="after")
    def _primary_metric_is_no_guardrail(self) -> Self:
        if self.primary_metric in (self.guardrails or ()):
            reject("guardrails must not contain the primaryMetric")
        return self

    @property
    def guarded(self) -> list[Metric]:
        """The guardrail metrics without duplicates, in the order of `Metric`."""
        wanted = list(Metric) if self.guardrails is None else self.guardrails
        return [metric for metric in Metric if metric in wanted and metric is not self.primary_metric]


class AssignVariant(Input):
    unit_key: Name


class Assignment(NamedTuple):
    """The variant and the group of a unit (a user, a conversation) in a test. Both are deterministic."""

    variant: Variant
    unit_group: int
    """The group of the unit, 0 to 255. It does not depend on the variant."""


@dataclass(frozen=True, slots=True)
class RunningTest:
    """A running test, as routing reads it. `split` is the share of requests that are assigned to variant A."""

    id: UUID
    name: str
    task_type: str | None
    split: float
    variants: Mapping[Variant, VariantConfig]

    def assign(self, unit: str) -> Assignment:
        """The assignment of a unit."""
        return assignment_of(self.id, unit, self.split)


@dataclass(frozen=True, slots=True)
class AssignedVariant:
    """The variant that is assigned to a unit, with its provider, model and parameters."""

    variant: Variant
    config: dict[str, Any]


@dataclass(frozen=True, slots=True)
class VariantMetrics:
    """The figures of one variant up to now, derived from its stored sums. Costs are in USD."""

    config: dict[str, Any]
    calls: int
    successes: int
    latency_count: int
    latency_sum_ms: int
    total_cost: Decimal = ZERO
    unpriced_calls: int = 0
    """Calls of unknown cost: they add nothing to `total_cost`."""
    test_calls: int = 0

    @property
    def success_rate(self) -> float | None:
        """The share of calls that succeeded, 0..1; None before the first call."""
        return self.successes / self.calls if self.calls else None

    @property
    def avg_latency_ms(self) -> float | None:
        """The mean latency of the calls whose latency is known; None without such calls."""
        return self.latency_sum_ms / self.latency_count if self.latency_count else None

    @property
    def traffic_share(self) -> float | None:
        """This variant's share of the test's calls, 0..1; None before the first call."""
        return self.calls / self.test_calls if self.test_calls else None


def assignment_of(ab_test_id: UUID, unit: str, split: float) -> Assignment:
    """The assignment of a unit: variant A if the first 64 bits of a hash, divided by 2^64, are below `split`.

    The hash is SHA-256 of the test's id, a zero byte and the unit. The next byte of the hash is the group.
    """
    digest = _digest(ab_test_id, unit)
    is_a = int.from_bytes(digest[:8]) < split * 2**64
    return Assignment(Variant.A if is_a else Variant.B, _group(digest))


def unit_group(ab_test_id: UUID, unit: str) -> int:
    """The group of a unit in a test, 0 to 255."""
    return _group(_digest(ab_test_id, unit))


def _digest(ab_test_id: UUID, unit: str) -> bytes:
    return hashlib.sha256(str(ab_test_id).encode() + b"\x00" + unit.encode()).digest()


def _group(digest: bytes) -> int:
    return digest[8] % GROUPS


class PastCall(NamedTuple):
    """The tokens and the cost (USD) of an earlier call, from which the cost of other calls is estimated."""

    input_tokens: int | None
    output_tokens: int | None
    cost: Decimal | None


_LARGE_REQUEST: Final = PastCall(input_tokens=100_000, output_tokens=10_000, cost=None)


def likely_costs(past: Iterable[PastCall], rates: Iterable[Rates | None]) -> list[Decimal]:
    """The expected costs of calls in a test whose variants have these rates, USD; empty when no price is known.

    There is one cost per past call: the highest of its own cost and its cost at each variant. Without past calls, the
    result is the cost of one large request.
    """
    known = [each for each in rates if each is not None]
    costs = [cost for call in past if (cost := _dearest(call, known)) is not None]
    if not costs and (cost := _dearest(_LARGE_REQUEST, known)) is not None:
        costs.append(cost)
    return costs


def _dearest(call: PastCall, rates: Iterable[Rates]) -> Decimal | None:
    costs = [] if call.cost is None else [call.cost]
    if call.input_tokens is not None and call.output_tokens is not None:
        costs += [cost for each in rates if (cost := each.estimate(call.input_tokens, call.output_tokens)) is not None]
    return max(costs, default=None)


def variant_of(
    config_a: dict[str, Any], config_b: dict[str, Any], served_by: tuple[str, str], names: ProviderNames
) -> Variant | None:
    """The variant that this provider id and model belong to; None when they belong to neither or to both."""
    served = [
        variant
        for variant, config in ((Variant.A, config_a), (Variant.B, config_b))
        if names.key(config["provider"], config["model"]) == served_by
    ]
    return served[0] if len(served) == 1 else None
