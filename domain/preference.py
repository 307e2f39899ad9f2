"""Routing preferences: what a user asks of every decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import to_json

from domain.bounds import (
    MAX_NAME_LENGTH,
    Budget,
    Cost,
    Input,
    JSONObject,
    Milliseconds,
    Name,
    Names,
    TimeZone,
    Tokens,
    refuse,
    to_camel,
)
from domain.cost_alert import WeekDay
from domain.error import Conflict, InvalidInput
from domain.provider import (
    KNOWN_NAMES,
    VENDOR,
    VENDORS,
    ProviderNames,
    alias_key,
    folded,
    provider_id,
    vendor_of_group,
)

MAX_RULES: Final = 50
MAX_RULES_BYTES: Final = 64 * 1024


class RoutingPriority(StrEnum):
    SPEED = "SPEED"
    COST = "COST"
    QUALITY = "QUALITY"
    PRIVACY = "PRIVACY"


DEFAULT_PRIORITY: Final = RoutingPriority.SPEED


def _each_provider_once(names: list[str]) -> list[str]:
    if group := next((name for name in names if folded(name).startswith(VENDOR)), None):
        refuse(f"{group} is a group, which may be blocked and not preferred")
    first_of: dict[str, str] = {}
    for name in names:
        first_of.setdefault(provider_id(name), name)
    return list(first_of.values())


def _known_groups(names: list[str]) -> list[str]:
    for name in names:
        if folded(name).startswith(VENDOR) and vendor_of_group(name) is None:
            refuse(f"{name} is no group that is known; there are {', '.join(f'{VENDOR}{id_}' for id_ in VENDORS)}")
    return names


Providers = Annotated[Names, AfterValidator(_each_provider_once)]
"""Names of providers, each provider once."""
Blocks = Annotated[Names, AfterValidator(_known_groups)]
"""Names of providers, and groups such as `vendor:anthropic`."""


class MetadataCondition(Input):
    """Holds when the request's metadata has `key` with one of these values."""

    key: Name
    one_of: Annotated[list[Name], Field(min_length=1, max_length=100)]


class HourRange(Input):
    """Hours of the day by the clock on the wall, [from, to). From 22 to 6 is a night."""

    from_: Annotated[int, Field(ge=0, le=23, alias="from")]
    to: Annotated[int, Field(ge=1, le=24)]

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        if self.from_ == self.to:
            refuse("from must differ from to; 0 to 24 is the whole day")
        return self

    def __contains__(self, hour: int) -> bool:
        if self.from_ < self.to:
            return self.from_ <= hour < self.to
        return hour >= self.from_ or hour < self.to


class RuleCondition(Input):
    """When a rule applies: every condition that is given must hold."""

    task_type: Name | None = None
    priority: RoutingPriority | None = None
    input_tokens_above: Tokens | None = None
    input_tokens_below: Tokens | None = None
    max_output_tokens_above: Tokens | None = None
    max_output_tokens_below: Tokens | None = None
    metadata: Annotated[list[MetadataCondition], Field(max_length=20)] = []
    hours: HourRange | None = None
    weekdays: Annotated[list[WeekDay], Field(max_length=7)] = []
    time_zone: TimeZone = "UTC"

    @model_validator(mode="after")
    def _ranges_hold_something(self) -> Self:
        for tokens in ("input_tokens", "max_output_tokens"):
            above, below = getattr(self, f"{tokens}_above"), getattr(self, f"{tokens}_below")
            if above is not None and below is not None and above + 1 >= below:
                name = to_camel(tokens)
                refuse(f"{name}Below must leave room above {name}Above")
        return self

    def holds(
        self,
        *,
        task_type: str,
        priority: RoutingPriority,
        input_tokens: int | None,
        max_output_tokens: int | None,
        metadata: Mapping[str, Any],
        at: datetime,
    ) -> bool:
        """Whether it holds for such a request at that time. What the request does not say fails what is asked of it."""
        return (
            (self.task_type is None or self.task_type == task_type)
            and (self.priority is None or self.priority is priority)
            and _between(self.input_tokens_above, input_tokens, self.input_tokens_below)
            and _between(self.max_output_tokens_above, max_output_tokens, self.max_output_tokens_below)
            and all(_text_of(metadata.get(each.key)) in each.one_of for each in self.metadata)
            and ((self.hours is None and not self.weekdays) or self._holds_at(at.astimezone(ZoneInfo(self.time_zone))))
        )

    def _holds_at(self, local: datetime) -> bool:
        return (self.hours is None or local.hour in self.hours) and (
            not self.weekdays or _WEEK[local.weekday()] in self.weekdays
        )


_WEEK: Final = tuple(WeekDay)


def _between(above: int | None, count: int | None, below: int | None) -> bool:
    if above is None and below is None:
        return True
    return count is not None and (above is None or count > above) and (below is None or count < below)


def _text_of(value: Any) -> str | None:
    """What a value of the metadata is compared as: a text as it is, a number, true and false as JSON writes them."""
    if isinstance(value, str):
        return value
    return to_json(value).decode() if isinstance(value, bool | int | float) else None


class RuleTarget(Input):
    provider: Name
    model: Name
    parameters: JSONObject = None


class RuleAction(Input):
    """What a rule does: at least one of these."""

    use: RuleTarget | None = None
    prefer: Providers = []
    block: Blocks = []
    max_cost: Cost | None = None
    priority: RoutingPriority | None = None

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not any((self.use, self.prefer, self.block, self.max_cost is not None, self.priority)):
            refuse("must say at least one of use, prefer, block, maxCost, priority")
        wanted = [*self.prefer, *([self.use.provider] if self.use else [])]
        if overlap := in_both(wanted, self.block, KNOWN_NAMES):
            refuse(f"must not both prefer and block {overlap}")
        return self


class RoutingRule(Input):
    name: Name
    when: RuleCondition
    then: RuleAction
    # The A/B test whose winner it makes the default; a later test for the same requests may put another in its place.
    ab_test_id: UUID | None = None


class SavePreferences(Input):
    """Changes to preferences. A field that was not given stays as it is; None clears it."""

    default_priority: RoutingPriority | None = None
    max_cost_per_request: Cost | None = None
    max_latency_ms: Annotated[Milliseconds, Field(ge=1)] | None = None
    preferred_providers: Providers | None = None
    blocked_providers: Blocks | None = None
    custom_rules: Annotated[list[RoutingRule], Field(max_length=MAX_RULES)] | None = None
    cost_alert_threshold: Budget | None = None

    @model_validator(mode="after")
    def _rules_have_distinct_names(self) -> Self:
        names = [rule.name for rule in self.custom_rules or []]
        if len(set(names)) < len(names):
            refuse("customRules must have distinct names")
        if too_long(self.custom_rules or []):
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
            given["custom_rules"] = as_stored(self.custom_rules)
        return {name: cleared.get(name) if value is None else value for name, value in given.items()}


def as_stored(rules: Sequence[RoutingRule]) -> list[dict[str, Any]]:
    """The rules as preferences keep them."""
    return [rule.model_dump(mode="json", exclude_defaults=True) for rule in rules]


def too_long(rules: Sequence[RoutingRule]) -> bool:
    """Whether they are more text than preferences hold."""
    return len(to_json(rules)) > MAX_RULES_BYTES


def with_winner(
    rules: Sequence[RoutingRule], *, ab_test_id: UUID, test_name: str, task_type: str | None, winner: RuleTarget
) -> list[RoutingRule]:
    """These rules and one that makes a test's winner the default for the requests it was tested on.

    It takes the place of what earlier tests made the default for them, and comes last, but before the first rule of a test
    of all task types. Raises Conflict when there is no room for it.
    """
    when = RuleCondition(task_type=task_type)
    others = [rule for rule in rules if rule.ab_test_id is None or rule.when != when]
    name = f"Winner of {test_name}"
    if len(name) > MAX_NAME_LENGTH or any(rule.name == name for rule in others):
        name = f"Winner of {test_name[: MAX_NAME_LENGTH // 2]} ({ab_test_id})"
    rule = RoutingRule(name=name, when=when, then=RuleAction(use=winner), ab_test_id=ab_test_id)
    of_all = (place for place, other in enumerate(others) if other.ab_test_id and other.when.task_type is None)
    place = len(others) if task_type is None else next(of_all, len(others))
    made = [*others[:place], rule, *others[place:]]
    if len(made) > MAX_RULES or too_long(made):
        raise Conflict(
            f"winner: your preferences have no room for a rule that makes it the default: at most {MAX_RULES} rules of "
            f"{MAX_RULES_BYTES} bytes; delete one, or end the test without a winner",
            ["winner"],
        )
    return made


def in_both(preferred: Iterable[str], blocked: Iterable[str], names: ProviderNames) -> str | None:
    """The first of these providers that is blocked, under whatever name or as part of a group; None when none is."""
    ids = {id_ for name in blocked for id_ in names.blocked_ids(name)}
    keys = {alias_key(id_) for id_ in ids}
    vendors = [vendor for id_ in ids if id_.startswith(VENDOR) and (vendor := vendor_of_group(id_)) is not None]
    for name in preferred:
        id_ = names.id(name)
        if alias_key(id_) in keys or any(id_ in vendor.providers for vendor in vendors):
            return name
    return None


def check_providers(preferred: list[str], blocked: list[str], names: ProviderNames) -> None:
    """Raises InvalidInput when one provider is both preferred and blocked."""
    if overlap := in_both(preferred, blocked, names):
        raise InvalidInput(
            f"blockedProviders: {overlap} is preferred too; a provider is either preferred or blocked",
            ["input", "blockedProviders"],
        )
