from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON
from strawberry.types.unset import UNSET

import domain.preference
import models
import resolvers.preference
from schema.enum import RoutingPriority, WeekDay
from schema.error import ExpectedErrorAsData, InvalidInput, Shielded


@strawberry.type(description="Matches when the request's metadata has this key with one of these values.")
class MetadataCondition:
    key: str = strawberry.field(description="The metadata key.")
    one_of: list[str] = strawberry.field(description="The values that match.")


@strawberry.type(description="A range of hours of the day in local time, from `from` (inclusive) to `to` (exclusive).")
class HourRange:
    from_: int = strawberry.field(name="from", description="The first hour of the range, 0 to 23.")
    to: int = strawberry.field(
        description="The end of the range (exclusive), 1 to 24. When it is less than `from`, the range ends on the next "
        "day."
    )


@strawberry.type(description="The condition of a rule. It matches when every condition that is set matches.")
class RuleCondition:
    task_type: str | None = strawberry.field(description="The task type of the request. Null: any.")
    priority: RoutingPriority | None = strawberry.field(
        description="The priority that the request is routed with. Null: any."
    )
    input_tokens_above: int | None = strawberry.field(
        description="Matches requests with more input tokens than this. Null: any."
    )
    input_tokens_below: int | None = strawberry.field(
        description="Matches requests with fewer input tokens than this. Null: any."
    )
    max_output_tokens_above: int | None = strawberry.field(
        description="Matches requests with a higher maximum of output tokens than this. Null: any."
    )
    max_output_tokens_below: int | None = strawberry.field(
        description="Matches requests with a lower maximum of output tokens than this. Null: any."
    )
    metadata: list[MetadataCondition] = strawberry.field(
        description="Conditions on the metadata of the request. All of them must match."
    )
    hours: HourRange | None = strawberry.field(
        description="The hours of the day at which the rule applies. Null: all hours."
    )
    weekdays: list[WeekDay] = strawberry.field(
        description="The days of the week on which the rule applies. Empty: all days."
    )
    time_zone: str = strawberry.field(description="The IANA time zone of `hours` and `weekdays`.")


@strawberry.type(description="A provider and one of its models.")
class RuleTarget:
    provider: str = strawberry.field(description="The provider.")
    model: str = strawberry.field(description="The model.")
    parameters: JSON | None = strawberry.field(
        description="Parameters to send to the model, such as a temperature. Null when none are configured."
    )


@strawberry.type(
    description="The action of a rule. When several rules apply, the first `use`, the first `priority` and the "
    "lowest `maxCost` take effect, and all `prefer` and `block` lists."
)
class RuleAction:
    use: RuleTarget | None = strawberry.field(
        description="The provider and model to use, unless a block or a limit excludes it or it is not a candidate. "
        "Null: not set."
    )
    prefer: list[str] = strawberry.field(
        description="Providers to prefer, before those that the preferences prefer. Those of earlier rules come first."
    )
    block: list[str] = strawberry.field(description="Providers to exclude.")
    max_cost: Decimal | None = strawberry.field(
        description="The maximum cost of the request, in USD. Null: not limited by this rule."
    )
    priority: RoutingPriority | None = strawberry.field(description="The priority to route with. Null: unchanged.")


@strawberry.type(
    description="A custom routing rule. Rules are evaluated in order; every rule whose condition matches applies, "
    "not only the first."
)
class RoutingRule:
    name: str = strawberry.field(description="The name of the rule. It is unique among your rules.")
    when: RuleCondition = strawberry.field(description="The condition under which the rule applies.")
    then: RuleAction = strawberry.field(description="What the rule does when it applies.")
    ab_test_id: strawberry.ID | None = strawberry.field(
        description="The id of the A/B test whose winner this rule makes the default. Null for any other rule. A later "
        "test of the same requests can test this rule's choice and replace it."
    )


def _rules(root: models.RouterPreferences) -> list[Any]:
    return [domain.preference.RoutingRule.model_validate(rule) for rule in root.custom_rules]


@strawberry.type(
    description="The routing preferences of a user: priority, limits, providers and rules. Defaults apply until "
    "preferences are saved."
)
class RouterPreferences:
    id: strawberry.ID = strawberry.field(description="The id of the user. Each user has one set of preferences.")
    default_priority: RoutingPriority = strawberry.field(
        description="What routing optimises for, unless a request or a rule says otherwise."
    )
    max_cost_per_request: Decimal | None = strawberry.field(
        description="The maximum cost of one request, in USD. Null: not limited."
    )
    max_latency_ms: int | None = strawberry.field(
        description="The maximum latency of one request, in milliseconds. Null: not limited."
    )
    preferred_providers: list[str] = strawberry.field(description="Preferred providers, most preferred first.")
    blocked_providers: list[str] = strawberry.field(description="Excluded providers. No request is routed to them.")
    custom_rules: list[RoutingRule] = strawberry.field(
        resolver=_rules, graphql_type=list[RoutingRule], description="Your routing rules, in order of evaluation."
    )
    cost_alert_threshold: Decimal | None = strawberry.field(
        description="The spend per UTC day at which an alert triggers, in USD. Null: no such alert."
    )
    created_at: dt.datetime | None = strawberry.field(
        description="When preferences were first saved, in UTC. Null when they were never saved."
    )
    updated_at: dt.datetime | None = strawberry.field(
        description="When preferences were last saved, in UTC. Null when they were never saved."
    )

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, models.RouterPreferences)


@strawberry.input(description="A range of hours of the day in local time, from `from` (inclusive) to `to` (exclusive).")
class HourRangeInput:
    from_: int = strawberry.field(name="from", description="The first hour of the range: 0 to 23.")
    to: int = strawberry.field(
        description="The end of the range (exclusive): 1 to 24, not equal to `from`. When it is less than `from`, the "
        "range ends on the next day."
    )


@strawberry.input(description="Matches when the request's metadata has this key with one of these values.")
class MetadataConditionInput:
    key: str = strawberry.field(description="The metadata key: 1 to 200 characters.")
    one_of: list[str] = strawberry.field(
        description="The values that match: 1 to 100. Numbers and booleans in the metadata are compared as text."
    )


@strawberry.input(
    description="The condition of a rule. It matches when every given condition matches; without any, it always "
    "matches."
)
class RuleConditionInput:
    task_type: str | None = strawberry.field(
        default=UNSET, description="The task type of the request. Omitted or null: any."
    )
    priority: RoutingPriority | None = strawberry.field(
        default=UNSET, description="The priority that the request is routed with. Omitted or null: any."
    )
    input_tokens_above: int | None = strawberry.field(
        default=UNSET,
        description="Matches requests with more input tokens than this: 0 to 1,000,000,000. Omitted or null: any.",
    )
    input_tokens_below: int | None = strawberry.field(
        default=UNSET,
        description="Matches requests with fewer input tokens than this: 0 to 1,000,000,000. Omitted or null: any.",
    )
    max_output_tokens_above: int | None = strawberry.field(
        default=UNSET,
        description="Matches requests with a higher maximum of output tokens than this: 0 to 1,000,000,000. Omitted or "
        "null: any.",
    )
    max_output_tokens_below: int | None = strawberry.field(
        default=UNSET,
        description="Matches requests with a lower maximum of output tokens than this: 0 to 1,000,000,000. Omitted or "
        "null: any.",
    )
    metadata: list[MetadataConditionInput] = strawberry.field(
        default_factory=list,
        description="Conditions on the metadata of the request: at most 20. All of them must match.",
    )
    hours: HourRangeInput | None = strawberry.field(
        default=UNSET, description="The hours of the day at which the rule applies. Omitted or null: all hours."
    )
    weekdays: list[WeekDay] = strawberry.field(
        default_factory=list, description="The days of the week on which the rule applies: at most 7. Empty: all days."
    )
    time_zone: str = strawberry.field(default="UTC", description="The IANA time zone of `hours` and `weekdays`.")


@strawberry.input(description="A provider and one of its models.")
class RuleTargetInput:
    provider: str = strawberry.field(description="The provider: 1 to 200 characters.")
    model: str = strawberry.field(description="The model: 1 to 200 characters.")
    parameters: JSON | None = strawberry.field(
        default=UNSET,
        description="Parameters to send to the model: a JSON object of at most 16 KiB, nested at most 20 levels. Omitted "
        "or null: none.",
    )


@strawberry.input(description="The action of a rule. At least one field is required.")
class RuleActionInput:
    use: RuleTargetInput | None = strawberry.field(
        default=UNSET,
        description="The provider and model to use, unless a block or a limit excludes it or it is not a candidate.",
    )
    prefer: list[str] = strawberry.field(
        default_factory=list, description="Providers to prefer, before those that the preferences prefer: at most 100."
    )
    block: list[str] = strawberry.field(default_factory=list, description="Providers to exclude: at most 100.")
    max_cost: Decimal | None = strawberry.field(
        default=UNSET, description="The maximum cost of the request, in USD: 0 to 100,000."
    )
    priority: RoutingPriority | None = strawberry.field(default=UNSET, description="The priority to route with.")


@strawberry.input(description="A custom routing rule.")
class RoutingRuleInput:
    name: str = strawberry.field(description="The name of the rule: 1 to 200 characters, unique among your rules.")
    when: RuleConditionInput = strawberry.field(description="The condition under which the rule applies.")
    then: RuleActionInput = strawberry.field(description="What the rule does when it applies.")
    ab_test_id: strawberry.ID | None = strawberry.field(
        default=UNSET,
        description="The id of the A/B test whose winner this rule makes the default: a UUID. When you save a rule of an "
        "A/B test again, send the id that `customRules` returned; omit it for any other rule.",
    )


@strawberry.input(description="Changes to preferences. An omitted field stays as it is; null clears it.")
class SavePreferencesInput:
    default_priority: RoutingPriority | None = strawberry.field(
        default=UNSET, description="What routing optimises for, unless a request or a rule says otherwise."
    )
    max_cost_per_request: Decimal | None = strawberry.field(
        default=UNSET, description="The maximum cost of one request, in USD: 0 to 100,000. Null: not limited."
    )
    max_latency_ms: int | None = strawberry.field(
        default=UNSET,
        description="The maximum latency of one request, in milliseconds: 1 to 86,400,000. Null: not limited.",
    )
    preferred_providers: list[str] | None = strawberry.field(
        default=UNSET, description="Preferred providers, most preferred first: at most 100, none of them blocked."
    )
    blocked_providers: list[str] | None = strawberry.field(
        default=UNSET, description="Excluded providers: at most 100, none of them preferred."
    )
    custom_rules: list[RoutingRuleInput] | None = strawberry.field(
        default=UNSET,
        description="Your routing rules, in order of evaluation: at most 50. The list replaces the stored one.",
    )
    cost_alert_threshold: Decimal | None = strawberry.field(
        default=UNSET,
        description="The spend per UTC day at which an alert triggers, in USD: more than 0, at most 1,000,000,000. The "
        "server maintains a daily cost alert with this threshold. Null: no such alert.",
    )


SavePreferencesResult = Annotated[
    RouterPreferences | InvalidInput,
    strawberry.union(
        "SavePreferencesResult", description="The saved preferences, or the reason why they were not saved."
    ),
]


@strawberry.type
class PreferenceQuery:
    preferences = strawberry.field(
        resolver=resolvers.preference.preferences,
        graphql_type=RouterPreferences,
        description="Your routing preferences. Defaults when none were saved.",
    )


@strawberry.type
class PreferenceMutation:
    save_preferences = strawberry.mutation(
        resolver=resolvers.preference.save_preferences,
        graphql_type=SavePreferencesResult,
        extensions=[ExpectedErrorAsData(), Shielded()],
        description="Save preferences. Only the given fields change.",
    )


@strawberry.type
class PreferenceSubscription:
    preferences_changed = strawberry.subscription(
        resolver=resolvers.preference.preferences_changed,
        graphql_type=RouterPreferences,
        description="Sends your preferences each time a client saves them.",
    )
