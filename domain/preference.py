"""Routing preferences: defaults, limits, preferred and blocked providers, and custom rules of a user."""

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
    BudgetAmount,
    Cost,
    Input,
    JSONObject,
    Milliseconds,
    Name,
    Names,
    TimeZone,
    Tokens,
    reject,
    to_camel,
)
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
from domain.window import WeekDay

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
        reject(f"{group} is a vendor group: it can be blocked, but not preferred")
    first_of: dict[str, str] = {}
    for name in names:
        first_of.setdefault(provider_id(name), name)
    return list(first_of.values())


def _known_groups(names: list[str]) -> list[str]:
    for name in names:
        if folded(name).startswith(VENDOR) and vendor_of_group(name) is None:
            reject(f"{name} is not a known group: use one of {', '.join(f'{VENDOR}{id_}' for id_ in VENDORS)}")
    return names


Providers = Annotated[Names, AfterValidator(_each_provider_once)]
"""Names of providers, without duplicates."""
Blocks = Annotated[Names, AfterValidator(_known_groups)]
"""Names of providers, and of vendor groups such as `vendor:anthropic`."""


class MetadataCondition(Input):
    """Matches when the metadata of the request has `key` with one of the values `oneOf`."""

    key: Name
    one_of: Annotated[list[Name], Field(min_length=1, max_length=100)]


class HourRange(Input):
    """Hours of the day in local time, [from, to). The range may cross midnight: from 22 to 6."""

    from_: Annotated[int, Field(ge=0, le=23, alias="from")]
    to: Annotated[int, Field(ge=1, le=24)]

    @model_validator(mode="after")
    def _is_not_empty(self) -> Self:
        if self.from_ == self.to:
            reject("from must differ from to; use 0 to 24 for the whole day")
        return self

    def __contains__(self, hour: int) -> bool:
        if self.from_ < self.to:
            return self.from_ <= hour < self.to
        return hour >= self.from_ or hour < self.to


class RuleCondition(Input):
    """When a rule applies: a request must match every condition that is given."""

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
    def _ranges_are_not_empty(self) -> Self:
        for tokens in ("input_tokens", "max_output_tokens"):
            above, below = getattr(self, f"{tokens}_above"), getattr(self, f"{tokens}_below")
            if above is not None and below is not None and above + 1 >= below:
                name = to_camel(tokens)
                reject(f"{name}Below must be at least {name}Above + 2: no count matches otherwise")
        return self

    def matches(
        self,
        *,
        task_type: str,
        priority: RoutingPriority,
        input_tokens: int | None,
        max_output_tokens: int | None,
        metadata: Mapping[str, Any],
        at: datetime,
    ) -> bool:
        """Whether a request with these values matches at the time `at`. A condition on an unknown value does not match."""
        return (
            (self.task_type is None or self.task_type == task_type)
            and (self.priority is None or self.priority is priority)
            and _between(self.input_tokens_above, input_tokens, self.input_tokens_below)
            and _between(self.max_output_tokens_above, max_output_tokens, self.max_output_tokens_below)
            and all(_text_of(metadata.get(each.key)) in each.one_of for each in self.metadata)
            and (
                (self.hours is None and not self.weekdays)
                or self._matches_time(at.astimezone(ZoneInfo(self.time_zone)))
            )
        )

    def _matches_time(self, local: datetime) -> bool:
        return (self.hours is None or local.hour in self.hours) and (
            not self.weekdays or _WEEK[local.weekday()] in self.weekdays
        )


_WEEK: Final = tuple(WeekDay)


def _between(above: int | None, count: int | None, below: int | None) -> bool:
    if above is None and below is None:
        return True
    return count is not None and (above is None or count > above) and (below is None or count < below)


def _text_of(value: Any) -> str | None:
    """The text to compare a metadata value by: numbers and booleans as JSON. None for other types, which match nothing."""
    if isinstance(value, str):
        return value
    return to_json(value).decode() if isinstance(value, bool | int | float) else None


class RuleTarget(Input):
    provider: Name
    model: Name
    parameters: JSONObject = None


class RuleAction(Input):
    """The effect of a rule. At least one field must be given."""

    use: RuleTarget | None = None
    prefer: Providers = []
    block: Blocks = []
    max_cost: Cost | None = None
    priority: RoutingPriority | None = None

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not any((self.use, self.prefer, self.block, self.max_cost is not None, self.priority)):
            reject("must have at least one of use, prefer, block, maxCost, priority")
        wanted = [*self.prefer, *([self.use.provider] if self.use else [])]
        if overlap := in_both(wanted, self.block, KNOWN_NAMES):
            reject(f"must not both prefer and block {overlap}")
        return self


class RoutingRule(Input):
    name: Name
    when: RuleCondition
    then: RuleAction
    # The A/B test whose winner this rule makes the default. A later test of the same requests replaces the rule.
    ab_test_id: UUID | None = None


class SavePreferences(Input):
    """Changes to preferences. A field that is not given stays unchanged; None resets it to its default."""

    default_priority: RoutingPriority | None = None
    max_cost_per_request: Cost | None = None
    max_latency_ms: Annotated[Milliseconds, Field(ge=1)] | None = None
    preferred_providers: Providers | None = None
    blocked_providers: Blocks | None = None
    custom_rules: Annotated[list[RoutingRule], Field(max_length=MAX_RULES)] | None = None
    cost_alert_threshold: BudgetAmount | None = None

    @model_validator(mode="after")
    def _rules_have_distinct_names(self) -> Self:
        names = [rule.name for rule in self.custom_rules or []]
        if len(set(names)) < len(names):
            reject("customRules must have distinct names")
        if too_long(self.custom_rules or []):
            reject(f"customRules must be at most {MAX_RULES_BYTES} bytes as JSON")
        return self

    def changes(self) -> dict[str, Any]:
        """The columns to set, by name. Fields given as None have their default."""
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
    """The rules as the database stores them."""
    return [rule.model_dump(mode="json", exclude_defaults=True) for rule in rules]


def too_long(rules: Sequence[RoutingRule]) -> bool:
    """Whether the rules exceed the size limit `MAX_RULES_BYTES`."""
    return len(to_json(rules)) > MAX_RULES_BYTES


def with_winner(
    rules: Sequence[RoutingRule], *, ab_test_id: UUID, test_name: str, task_type: str | None, winner: RuleTarget
) -> list[RoutingRule]:
    """The rules with one more, which makes the winner of a test the default for the requests of the test.

    It replaces the rules of earlier tests of the same requests. It comes last, but before the first rule of a test of all
    task types. Raises Conflict when the rules would exceed `MAX_RULES` or `MAX_RULES_BYTES`.
    """
    when = RuleCondition(task_type=task_type)
    others = [rule for rule in rules if rule.ab_test_id is None or rule.when != when]
    name = f"Winner of {test_name}"
    if len(name) > MAX_NAME_LENGTH or any(rule.name == name for rule in others):
        name = f"Winner of {test_name[: MAX_NAME_LENGTH // 2]} ({ab_test_id})"
    rule = RoutingRule(name=name, when=when, then=RuleAction(use=winner), ab_test_id=ab_test_id)
    of_all = (index for index, other in enumerate(others) if other.ab_test_id and other.when.task_type is None)
    index = len(others) if task_type is None else next(of_all, len(others))
    changed = [*others[:index], rule, *others[index:]]
    if len(changed) > MAX_RULES or too_long(changed):
        raise Conflict(
            f"winner: your preferences cannot store the rule that makes the winner the default: the limit is {MAX_RULES} "
            f"rules and {MAX_RULES_BYTES} bytes; delete a rule, or end the test without a winner",
            ["winner"],
        )
    return changed


def in_both(preferred: Iterable[str], blocked: Iterable[str], names: ProviderNames) -> str | None:
    """The first preferred name whose provider is blocked, by any of its names or by a group; None when there is none."""
    ids = {id_ for name in blocked for id_ in names.blocked_ids(name)}
    keys = {alias_key(id_) for id_ in ids}
    vendors = [vendor for id_ in ids if id_.startswith(VENDOR) and (vendor := vendor_of_group(id_)) is not None]
    for name in preferred:
        id_ = names.id(name)
        if alias_key(id_) in keys or any(id_ in vendor.providers for vendor in vendors):
            return name
    return None


def check_providers(preferred: list[str], blocked: list[str], names: ProviderNames) -> None:
    """Check that no provider is both preferred and blocked. Raises InvalidInput."""
    if overlap := in_both(preferred, blocked, names):
        raise InvalidInput(
            f"blockedProviders: {overlap} is also in preferredProviders; remove it from one of the two",
            ["input", "blockedProviders"],
        )
