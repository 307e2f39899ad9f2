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
from schema.error import ExpectedErrorAsData, InvalidInput, Uninterrupted


@strawberry.type(description="Holds when the request's metadata has this key with one of these values.")
class MetadataCondition:
    key: str = strawberry.field(description="The key in the request's metadata.")
    one_of: list[str] = strawberry.field(description="The values that pass.")


@strawberry.type(
    description="Hours of the day by the clock on the wall: from the first up to the last, which is left out."
)
class HourRange:
    from_: int = strawberry.field(name="from", description="The first hour, 0 to 23.")
    to: int = strawberry.field(description="The hour it ends at, 1 to 24; before the first, it ends on the next day.")


@strawberry.type(description="When a rule applies: every condition that is set must hold.")
class RuleCondition:
    task_type: str | None = strawberry.field(description="The request's task type.")
    priority: RoutingPriority | None = strawberry.field(description="The priority the request is routed with.")
    input_tokens_above: int | None = strawberry.field(description="Holds for more input tokens than this.")
    input_tokens_below: int | None = strawberry.field(description="Holds for fewer input tokens than this.")
    max_output_tokens_above: int | None = strawberry.field(description="Holds for more output tokens than this.")
    max_output_tokens_below: int | None = strawberry.field(description="Holds for fewer output tokens than this.")
    metadata: list[MetadataCondition] = strawberry.field(description="Conditions on the request's metadata.")
    hours: HourRange | None = strawberry.field(description="The hours of the day at which it holds; null for all.")
    weekdays: list[WeekDay] = strawberry.field(description="The days of the week on which it holds; empty for all.")
    time_zone: str = strawberry.field(description="The IANA time zone that hours and weekdays are of.")


@strawberry.type(description="A provider and one of its models.")
class RuleTarget:
    provider: str = strawberry.field(description="The provider.")
    model: str = strawberry.field(description="The model.")
    parameters: JSON | None = strawberry.field(description="Parameters for the model, such as a temperature.")


@strawberry.type(
    description="What a rule does when it applies. Of several that apply, the first `use` and the first `priority` hold, the "
    "least `maxCost`, and all of `prefer` and `block`."
)
class RuleAction:
    use: RuleTarget | None = strawberry.field(
        description="Send the request there, where no block and no limit forbids it and the request may go there."
    )
    prefer: list[str] = strawberry.field(
        description="Providers to put first, before those that the preferences prefer; those of earlier rules come first."
    )
    block: list[str] = strawberry.field(description="Providers not to use.")
    max_cost: Decimal | None = strawberry.field(description="The most the request may cost, in USD.")
    priority: RoutingPriority | None = strawberry.field(description="The priority to route with.")


@strawberry.type(
    description="A rule of the user's own. Rules apply in their order: each whose condition holds, not the first alone."
)
class RoutingRule:
    name: str = strawberry.field(description="What the user calls it; no two rules share a name.")
    when: RuleCondition = strawberry.field(description="When it applies.")
    then: RuleAction = strawberry.field(description="What it does.")
    ab_test_id: strawberry.ID | None = strawberry.field(
        description="The A/B test whose winner it makes the default, if it does. A later test of the same requests may put it "
        "to the test, and its winner in its place."
    )


def _rules(root: models.RouterPreferences) -> list[Any]:
    return [domain.preference.RoutingRule.model_validate(rule) for rule in root.custom_rules]


@strawberry.type(description="What a user asks of every routing decision. Defaults, until something is saved.")
class RouterPreferences:
    id: strawberry.ID = strawberry.field(description="The user's id: there is one set of preferences a user.")
    default_priority: RoutingPriority = strawberry.field(description="What routing optimises for by default.")
    max_cost_per_request: Decimal | None = strawberry.field(description="The most one request may cost, in USD.")
    max_latency_ms: int | None = strawberry.field(description="The longest a request may take, in milliseconds.")
    preferred_providers: list[str] = strawberry.field(description="Providers to prefer, the best first.")
    blocked_providers: list[str] = strawberry.field(description="Providers never to use.")
    custom_rules: list[RoutingRule] = strawberry.field(
        resolver=_rules, graphql_type=list[RoutingRule], description="The user's own rules, in the order they apply."
    )
    cost_alert_threshold: Decimal | None = strawberry.field(
        description="Spend a day, in USD and UTC days, above which an alert fires."
    )
    created_at: dt.datetime | None = strawberry.field(description="When they were first saved; null before that.")
    updated_at: dt.datetime | None = strawberry.field(description="When they were last saved; null before that.")

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, models.RouterPreferences)


@strawberry.input(
    description="Hours of the day by the clock on the wall: from the first up to the last, which is left out."
)
class HourRangeInput:
    from_: int = strawberry.field(name="from", description="The first hour: 0 to 23.")
    to: int = strawberry.field(
        description="The hour it ends at: 1 to 24, not the first one; before that, it ends on the next day."
    )


@strawberry.input(description="Holds when the request's metadata has this key with one of these values.")
class MetadataConditionInput:
    key: str = strawberry.field(description="The key in the request's metadata: 1 to 200 characters.")
    one_of: list[str] = strawberry.field(
        description="The values that pass: 1 to 100 of them. Numbers, true and false of the metadata are compared as text."
    )


@strawberry.input(
    description="When a rule applies: every condition that is given must hold; none given, it always does."
)
class RuleConditionInput:
    task_type: str | None = strawberry.field(default=UNSET, description="The request's task type.")
    priority: RoutingPriority | None = strawberry.field(
        default=UNSET, description="The priority the request is routed with."
    )
    input_tokens_above: int | None = strawberry.field(
        default=UNSET, description="Holds for more input tokens than this: 0 to 1,000,000,000."
    )
    input_tokens_below: int | None = strawberry.field(
        default=UNSET, description="Holds for fewer input tokens than this: 0 to 1,000,000,000."
    )
    max_output_tokens_above: int | None = strawberry.field(
        default=UNSET, description="Holds for more output tokens than this: 0 to 1,000,000,000."
    )
    max_output_tokens_below: int | None = strawberry.field(
        default=UNSET, description="Holds for fewer output tokens than this: 0 to 1,000,000,000."
    )
    metadata: list[MetadataConditionInput] = strawberry.field(
        default_factory=list, description="Conditions on the request's metadata: at most 20."
    )
    hours: HourRangeInput | None = strawberry.field(
        default=UNSET, description="The hours of the day at which it holds; all when left out."
    )
    weekdays: list[WeekDay] = strawberry.field(
        default_factory=list, description="The days of the week on which it holds: at most 7; all when empty."
    )
    time_zone: str = strawberry.field(default="UTC", description="The IANA time zone that hours and weekdays are of.")


@strawberry.input(description="A provider and one of its models.")
class RuleTargetInput:
    provider: str = strawberry.field(description="The provider: 1 to 200 characters.")
    model: str = strawberry.field(description="The model: 1 to 200 characters.")
    parameters: JSON | None = strawberry.field(
        default=UNSET, description="Parameters for the model: a JSON object of at most 16 KiB, nested at most 20 deep."
    )


@strawberry.input(description="What a rule does when it applies: at least one of these.")
class RuleActionInput:
    use: RuleTargetInput | None = strawberry.field(default=UNSET, description="Send the request there.")
    prefer: list[str] = strawberry.field(default_factory=list, description="Providers to put first: at most 100.")
    block: list[str] = strawberry.field(default_factory=list, description="Providers not to use: at most 100.")
    max_cost: Decimal | None = strawberry.field(
        default=UNSET, description="The most the request may cost, in USD: 0 to 100,000."
    )
    priority: RoutingPriority | None = strawberry.field(default=UNSET, description="The priority to route with.")


@strawberry.input(description="A rule of the user's own.")
class RoutingRuleInput:
    name: str = strawberry.field(description="What to call it: 1 to 200 characters, unlike the other rules' names.")
    when: RuleConditionInput = strawberry.field(description="When it applies.")
    then: RuleActionInput = strawberry.field(description="What it does.")
    ab_test_id: strawberry.ID | None = strawberry.field(
        default=UNSET,
        description="The A/B test whose winner it makes the default: a UUID, as it was read; left out for any other rule.",
    )


@strawberry.input(description="Changes to preferences. A field left out stays as it is; null clears it.")
class SavePreferencesInput:
    default_priority: RoutingPriority | None = strawberry.field(
        default=UNSET, description="What routing optimises for by default."
    )
    max_cost_per_request: Decimal | None = strawberry.field(
        default=UNSET, description="The most one request may cost, in USD: 0 to 100,000."
    )
    max_latency_ms: int | None = strawberry.field(
        default=UNSET, description="The longest a request may take, in milliseconds: 1 to 86,400,000."
    )
    preferred_providers: list[str] | None = strawberry.field(
        default=UNSET, description="Providers to prefer, the best first: at most 100, none of them blocked."
    )
    blocked_providers: list[str] | None = strawberry.field(
        default=UNSET, description="Providers never to use: at most 100, none of them preferred."
    )
    custom_rules: list[RoutingRuleInput] | None = strawberry.field(
        default=UNSET, description="The user's own rules, in the order they apply: at most 50."
    )
    cost_alert_threshold: Decimal | None = strawberry.field(
        default=UNSET,
        description="Spend a day, in USD and UTC days, above which an alert fires: more than 0, at most 1,000,000,000. "
        "A daily alert is kept in step with it.",
    )


SavePreferencesResult = Annotated[
    RouterPreferences | InvalidInput,
    strawberry.union("SavePreferencesResult", description="The preferences as they are now, or what was wrong."),
]


@strawberry.type
class PreferenceQuery:
    preferences = strawberry.field(
        resolver=resolvers.preference.preferences,
        graphql_type=RouterPreferences,
        description="Your routing preferences; the defaults before any were saved.",
    )


@strawberry.type
class PreferenceMutation:
    save_preferences = strawberry.mutation(
        resolver=resolvers.preference.save_preferences,
        graphql_type=SavePreferencesResult,
        extensions=[ExpectedErrorAsData(), Uninterrupted()],
        description="Save preferences. Only the fields that are given change.",
    )


@strawberry.type
class PreferenceSubscription:
    preferences_changed = strawberry.subscription(
        resolver=resolvers.preference.preferences_changed,
        graphql_type=RouterPreferences,
        description="Your preferences, each time they were saved, from any client.",
    )
