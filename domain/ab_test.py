"""A/B tests of two provider+model variants."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self

from pydantic import model_validator

from domain.bounds import Input, JSONObject, Name, refuse
from domain.money import ZERO


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

    @model_validator(mode="after")
    def _variants_differ(self) -> Self:
        if self.variant_a == self.variant_b:
            refuse("variantB must differ from variantA in provider, model or parameters")
        return self


@dataclass(frozen=True, slots=True)
class VariantMetrics:
    """What one variant did so far, derived from its stored sums."""

    config: dict[str, Any]
    calls: int
    successes: int
    latency_count: int
    latency_sum_ms: int
    total_cost: Decimal = ZERO
    test_calls: int = 0

    @property
    def success_rate(self) -> float | None:
        """Share of calls that succeeded, 0..1; None before the first call."""
        return self.successes / self.calls if self.calls else None

    @property
    def avg_latency_ms(self) -> float | None:
        """Mean over the calls whose latency is known; None when none is."""
        return self.latency_sum_ms / self.latency_count if self.latency_count else None

    @property
    def traffic_share(self) -> float | None:
        """This variant's share of the test's calls, 0..1; None before the first call."""
        return self.calls / self.test_calls if self.test_calls else None


def variant_of(config_a: dict[str, Any], config_b: dict[str, Any], provider: str, model: str) -> Variant | None:
    """The one variant that this provider and model are; None when it is neither, or could be either."""
    served = [
        variant
        for variant, config in ((Variant.A, config_a), (Variant.B, config_b))
        if (config["provider"], config["model"]) == (provider, model)
    ]
    return served[0] if len(served) == 1 else None
