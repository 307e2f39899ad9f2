"""Routing preferences: what a user asks of every decision."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import Field, model_validator
from pydantic_core import to_json

from domain.bounds import Budget, Cost, Input, Milliseconds, Name, Names, Tokens, refuse
from domain.error import InvalidInput

MAX_RULES: Final = 50
MAX_RULES_BYTES: Final = 64 * 1024


class RoutingPriority(StrEnum):
    SPEED = "SPEED"
    COST = "COST"
    QUALITY = "QUALITY"
    PRIVACY = "PRIVACY"


DEFAULT_PRIORITY: Final = RoutingPriority.SPEED


class MetadataCondition(Input):
    """Holds when the request's metadata has `key` with one of these values."""

    key: Name
    one_of: Annotated[list[Name], Field(min_length=1, max_length=100)]


class RuleCondition(Input):
    """When a rule applies: every condition that is given must hold."""

    task_type: Name | None = None
    priority: RoutingPriority | None = None
    input_tokens_above: Tokens | None = None
    input_tokens_below: Tokens | None = None
    metadata: Annotated[list[MetadataCondition], Field(max_length=20)] = []

    @model_validator(mode="after")
    def _range_holds_something(self) -> Self:
        above, below = self.input_tokens_above, self.input_tokens_below
        if above is not None and below is not None and above + 1 >= below:
            refuse("inputTokensBelow must leave room above inputTokensAbove")
        return self


class RuleTarget(Input):
    provider: Name
    model: Name


class RuleAction(Input):
    """What a rule does: at least one of these."""

    use: RuleTarget | None = None
    prefer: Names = []
    block: Names = []
    max_cost: Cost | None = None
    priority: RoutingPriority | None = None

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not any((self.use, self.prefer, self.block, self.max_cost is not None, self.priority)):
            refuse("must say at least one of use, prefer, block, maxCost, priority")
        wanted = [*self.prefer, *([self.use.provider] if self.use else [])]
        if overlap := in_both(wanted, self.block):
            refuse(f"must not both prefer and block {overlap}")
        return self


class RoutingRule(Input):
    name: Name
    when: RuleCondition
    then: RuleAction


class SavePreferences(Input):
    """Changes to preferences. A field that was not given stays as it is; None clears it."""

    default_priority: RoutingPriority | None = None
    max_cost_per_request: Cost | None = None
    max_latency_ms: Annotated[Milliseconds, Field(ge=1)] | None = None
    preferred_providers: Names | None = None
    blocked_providers: Names | None = None
    custom_rules: Annotated[list[RoutingRule], Field(max_length=MAX_RULES)] | None = None
    cost_alert_threshold: Budget | None = None

    @model_validator(mode="after")
    def _rules_have_distinct_names(self) -> Self:
        names = [rule.name for rule in self.custom_rules or []]
        if len(set(names)) < len(names):
            refuse("customRules must have distinct names")
        if len(to_json(self.custom_rules)) > MAX_RULES_BYTES:
            refuse(f"customRules must be at most {MAX_RULES_BYTES} bytes as JSON")
        return self

    def changes(self) -> dict[str, Any]:
        """The columns to set, by name, cleared ones at their defaults."""
        cleared: dict[str, Any] = {
            "default_priority": DEFAULT_PRIORITY,
            "preferred_providers": [],
            "blocked_providers": [],
            "custom_rules": [],
        }
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if self.custom_rules:
            given["custom_rules"] = [rule.model_dump(mode="json", exclude_defaults=True) for rule in self.custom_rules]
        return {name: cleared.get(name) if value is None else value for name, value in given.items()}


def in_both(preferred: list[str], blocked: list[str]) -> str | None:
    """The first provider that is in both lists, whatever its case; None when there is none."""
    blocked_names = {name.casefold() for name in blocked}
    return next((name for name in preferred if name.casefold() in blocked_names), None)


def check_providers(preferred: list[str], blocked: list[str]) -> None:
    """Raises InvalidInput when one provider is both preferred and blocked."""
    if overlap := in_both(preferred, blocked):
        raise InvalidInput(
            f"blockedProviders: {overlap} is preferred too; a provider is either preferred or blocked",
            ["input", "blockedProviders"],
        )
