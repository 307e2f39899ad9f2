"""Routing: choose the provider and the model for a request, and state why each other candidate was rejected.

The functions are pure: every input of a routing decision is an argument. `rank` sorts the candidates that preferences,
rules and limits allow. `choose` then selects the first candidate whose estimated cost fits into every budget.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from itertools import chain, islice
from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import to_json

from domain.ab_test import Assignment, RunningTest, Variant, VariantConfig
from domain.bounds import Input, JSONObject, Name, Tokens, reject
from domain.catalog import CatalogModel, all_current, completed, listed, unlisted
from domain.money import MAX_COST, ZERO, plain
from domain.preference import DEFAULT_PRIORITY, RoutingPriority, RoutingRule, RuleTarget
from domain.price import ServiceTier
from domain.price_list import PriceList
from domain.provider import (
    KNOWN_NAMES,
    VENDOR,
    ProviderNames,
    Vendor,
    alias_key,
    model_name,
    price_list_id,
    vendor_of_group,
)

MAX_CANDIDATES: Final = 100
"""The most candidates that a request may name, and the most that a routing decision lists."""
MAX_CANDIDATES_BYTES: Final = 64 * 1024
"""The largest size of a request's candidates, as JSON."""
MAX_FALLBACKS: Final = 5
"""The most fallbacks of one routing decision."""
ASSUMED_TOKENS: Final = 1_000
"""Input tokens, and output tokens, assumed when neither the request nor the model's recent calls give a count."""

KNOWN_FROM: Final = 20
"""The fewest calls of a model at a task type for its figures at that task type to be used."""
_CALLS_OF_PRIOR: Final = 20
"""The weight of the prior in success rates and latencies, as a number of calls."""
_SCORES_OF_PRIOR: Final = 10
"""The weight of the prior in quality, as a number of feedback scores."""
_NEUTRAL_LATENCY_MS: Final = 1_000.0
_NEUTRAL_SUCCESS: Final = 0.95
_NEUTRAL_QUALITY: Final = 0.5
_UNKNOWN: Final = float("inf")


class RouteRequest(Input):
    """The input of `routeRequest`: a request that has not been sent to a provider yet."""

    task_type: Name
    priority: RoutingPriority | None = None
    input_tokens: Tokens | None = None
    max_output_tokens: Tokens | None = None
    service_tier: ServiceTier = ServiceTier.STANDARD
    unit_key: Name | None = None
    request_id: Name | None = None
    candidates: Annotated[list[VariantConfig], Field(min_length=1, max_length=MAX_CANDIDATES)] | None = None
    metadata: JSONObject = None

    @model_validator(mode="after")
    def _candidates_are_short(self) -> Self:
        if len(to_json(self.candidates)) > MAX_CANDIDATES_BYTES:
            reject(f"candidates must be at most {MAX_CANDIDATES_BYTES} bytes as JSON")
        return self


class Constraint(StrEnum):
    """The reasons for which a candidate is rejected, in the order in which they are checked."""

    CANDIDATES = "candidates"
    BLOCKED_PROVIDERS = "blockedProviders"
    CUSTOM_RULES = "customRules"
    CONTEXT_WINDOW = "contextWindow"
    MAX_COST_PER_REQUEST = "maxCostPerRequest"
    MAX_LATENCY_MS = "maxLatencyMs"
    BUDGET = "budget"


_CHECK_ORDER: Final = {constraint: index for index, constraint in enumerate(Constraint)}


@dataclass(frozen=True, slots=True)
class Observed:
    """Figures of one model, computed from the user's own calls."""

    calls: int = 0
    successes: int = 0
    # The number of calls whose latency is known. The two fields below are computed from these calls.
    timed: int = 0
    latency_sum_ms: int = 0
    p95_latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Recent:
    """Figures of one model, computed from the user's most recent calls: 95th percentiles of tokens, and feedback scores."""

    p95_input_tokens: int | None = None
    p95_output_tokens: int | None = None
    scores: int = 0
    score_sum: float = 0.0


Key = tuple[str, str]
"""(provider id, model name), normalized by `ProviderNames.key`."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Figures computed from the user's own calls, by model, and by model and task type."""

    by_model: Mapping[Key, Observed] = field(default_factory=dict)
    by_task: Mapping[tuple[Key, str], Observed] = field(default_factory=dict)
    """The figures of a model at one task type. Each model in here is in `by_model` too."""
    recent: Mapping[Key, Recent] = field(default_factory=dict)
    names: Mapping[Key, tuple[str, str]] = field(default_factory=dict)
    """The provider and the model as the user spells them."""
    overall: Observed = Observed()

    def of(self, key: Key, task_type: str) -> Observed:
        """The figures of a model at `task_type` if it has at least `KNOWN_FROM` calls there; else at all task types."""
        at_task = self.by_task.get((key, task_type))
        return at_task if at_task and at_task.calls >= KNOWN_FROM else self.by_model.get(key, _NOTHING)

    def timed(self, key: Key, task_type: str) -> Observed:
        """As `of`, but only calls of known latency count towards `KNOWN_FROM`."""
        at_task = self.by_task.get((key, task_type))
        return at_task if at_task and at_task.timed >= KNOWN_FROM else self.by_model.get(key, _NOTHING)


_NOTHING: Final = Observed()
_NOTHING_RECENT: Final = Recent()


@dataclass(frozen=True, slots=True)
class RoutingPreferences:
    """The preferences that apply to every request of the user. Costs are in USD."""

    priority: RoutingPriority = DEFAULT_PRIORITY
    max_cost: Decimal | None = None
    max_latency_ms: int | None = None
    preferred: Sequence[str] = ()
    blocked: Sequence[str] = ()
    rules: Sequence[RoutingRule] = ()


@dataclass(frozen=True, slots=True)
class RoutingContext:
    """A user's preferences, registered models, call history and running A/B tests, as routing reads them.

    Budgets are not part of it: they change with every call.
    """

    version: int = 0
    """The version of the preferences, registered models and alerts; see `models.routing_version`."""
    budgeted: bool = False
    """Whether the user has an enforced alert."""
    preferences: RoutingPreferences = RoutingPreferences()
    names: ProviderNames = KNOWN_NAMES
    own: Sequence[CatalogModel] = ()
    statistics: Statistics = Statistics()
    tests: Mapping[str | None, RunningTest] = field(default_factory=dict)
    """The running A/B tests by task type. The test under None takes the requests that no other test takes."""
    _completed: dict[tuple[PriceList, datetime], Mapping[Key, CatalogModel]] = field(
        init=False, default_factory=dict, repr=False, compare=False
    )

    def own_at(self, at: datetime) -> Mapping[Key, CatalogModel]:
        """The registered models. Prices and context windows that the user left out are the price list's at that time."""
        prices = PriceList.current()
        key = prices, prices.unchanged_since(at)
        found = self._completed.get(key)
        if found is None:
            # The price list has provider ids; it does not have the user's aliases.
            found = {
                (id_ := self.names.key(own.provider, own.model)): replace(
                    completed(replace(own, provider=id_[0]), at), provider=own.provider
                )
                for own in self.own
            }
            self._completed.clear()
            self._completed[key] = found
        return found

    def test_of(self, task_type: str) -> RunningTest | None:
        """The A/B test that a request of this task type takes part in; None when there is none."""
        return self.tests.get(task_type) or self.tests.get(None)


@dataclass(slots=True)
class Candidate:
    """A provider and model, and the verdict on it for one request.

    The class is not frozen: creating frozen instances would double the time of a routing decision.
    """

    model: CatalogModel
    key: Key
    parameters: dict[str, Any] | None
    estimate: Decimal | None
    """The estimated cost in USD; None when the price is not known."""
    free: bool
    """Whether the price of every token is known to be 0."""
    expected_latency_ms: float | None
    measure: float
    """The value that the priority minimizes: candidates are sorted by it, the lowest first."""
    reason: str
    constraint: Constraint | None
    """The constraint that rejects the candidate; None for an eligible candidate."""
    score: float | None = None
    """The best measure divided by this one, 0..1; None for a candidate that is rejected before budgets are checked."""

    @property
    def eligible(self) -> bool:
        return self.constraint is None


@dataclass(frozen=True, slots=True)
class Trial:
    """The A/B test that a request takes part in, and the variant that was assigned to it."""

    test: RunningTest
    assignment: Assignment
    joined: Collection[Key]
    """The candidates that were added because they are variants of the test."""
    keys: Mapping[Variant, Key]
    """The key of each variant's model."""

    @property
    def propensity(self) -> float:
        """The probability with which the assigned variant is assigned."""
        return self.test.split if self.assignment.variant is Variant.A else 1 - self.test.split


@dataclass(frozen=True, slots=True)
class Ranking:
    """The candidates of a request: the eligible ones, best first, and the rejected ones.

    Rejected candidates are sorted by the constraint that rejects them: the one that was checked last comes first.
    """

    asked: RouteRequest
    priority: RoutingPriority
    eligible: Sequence[Candidate]
    others: Sequence[Candidate]
    rules: Sequence[str]
    """The names of the rules that applied."""
    notes: Sequence[str]
    max_cost: Decimal | None
    trial: Trial | None = None
    # The fields below are derived here, so that the budgets are locked for a shorter time.
    keys: frozenset[Key] = field(init=False, repr=False)
    """The keys of the eligible candidates."""
    priced: Sequence[Candidate] = field(init=False, repr=False)
    """The eligible candidates that are free or have an estimate."""
    unpriced: Sequence[Candidate] = field(init=False, repr=False)
    """The eligible candidates that are not in `priced`."""
    dearest: Decimal = field(init=False, repr=False)
    """The highest estimate of an eligible candidate, USD."""

    def __post_init__(self) -> None:
        unpriced = [verdict for verdict in self.eligible if verdict.estimate is None]
        priced = [verdict for verdict in self.eligible if verdict.estimate is not None] if unpriced else self.eligible
        object.__setattr__(self, "keys", frozenset([verdict.key for verdict in self.eligible]))
        object.__setattr__(self, "priced", priced)
        object.__setattr__(self, "unpriced", unpriced)
        object.__setattr__(self, "dearest", max((each.estimate or ZERO for each in priced), default=ZERO))


@dataclass(frozen=True, slots=True)
class Budget:
    """An enforced alert in its current window. Routing rejects what could exceed its limit. Amounts are in USD."""

    alert_id: UUID
    name: str
    limit: Decimal
    spent: Decimal
    held: Decimal
    resets_at: datetime | None
    assumed: Decimal = ZERO
    """Charged for routing decisions with calls of unknown cost."""
    unpriced: Collection[Key] = frozenset()
    """The models that the budget rejects: the window has a call to the model with no known cost and no hold."""

    @property
    def available(self) -> Decimal:
        """USD that are not spent, not assumed to be spent and not held. Negative when the budget is overspent."""
        return self.limit - self.spent - self.assumed - self.held


def decisive(budgets: Sequence[Budget]) -> list[Budget]:
    """The budgets whose verdict equals that of all `budgets`, in their order.

    These are the one with the least available, the one with the lowest limit, and every one that rejects a model. A hold
    counts in every budget by the same amount, so later holds do not change the selection.
    """
    if not budgets:
        return []
    tightest, smallest = _tightest(budgets), min(budgets, key=lambda budget: budget.limit)
    return [budget for budget in budgets if budget is tightest or budget is smallest or budget.unpriced]


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen candidate, its fallbacks, and the amount to hold, in USD."""

    ranking: Ranking
    chosen: Candidate
    fallbacks: Sequence[Candidate]
    held: Decimal
    budgeted: bool
    """Whether the user has a budget, even if the held amount is 0."""
    candidates: Sequence[Candidate]
    notes: Sequence[str]
    trial: Trial | None

    @property
    def propensity(self) -> float:
        """The probability of this choice. It is 1 outside of A/B tests, as only their variants are drawn at random."""
        return self.trial.propensity if self.trial else 1.0


@dataclass(frozen=True, slots=True)
class RouteRefused:
    """No candidate can serve the request.

    `constraint` is the one that rejects the closest candidate: the candidate that passed the most checks. `retryable` is
    whether the same request may succeed later. Amounts are in USD, and None when no budget or cost limit rejects it.
    """

    message: str
    constraint: Constraint
    retryable: bool
    candidates: Sequence[Candidate]
    limit: Decimal | None = None
    spent: Decimal | None = None
    held: Decimal | None = None
    assumed: Decimal | None = None
    resets_at: datetime | None = None
    alert_id: UUID | None = None


class DecisionState(StrEnum):
    OPEN = "OPEN"
    SETTLED = "SETTLED"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"


def is_settled(attempts: int, successes: int, fallbacks: int) -> bool:
    """Whether a routing decision needs no hold any more: an attempt succeeded, or every fallback was tried."""
    return successes > 0 or attempts > fallbacks


def decision_state(*, settled: bool, released: bool, expired: bool) -> DecisionState:
    """The state of a routing decision: settled takes precedence over released, and released over expired."""
    if settled:
        return DecisionState.SETTLED
    if released:
        return DecisionState.RELEASED
    return DecisionState.EXPIRED if expired else DecisionState.OPEN


@dataclass(frozen=True, slots=True)
class _Steering:
    """The preferences for one request, after the applicable rules have changed them."""

    priority: RoutingPriority
    max_cost: Decimal | None
    max_latency_ms: int | None
    preferred: Mapping[str, int]
    blocked: Mapping[str, tuple[Constraint, str]]
    """The blocking constraint and its reason, by `alias_key` of the provider id."""
    vendors: Sequence[tuple[Vendor, tuple[Constraint, str]]]
    """The vendors whose models are blocked at every provider."""
    use: RuleTarget | None
    used: Key | None
    # Whether `use` is the winner of an earlier A/B test, and the task type of that test. A later test may test it again.
    use_is_tested: bool
    use_is_for: str | None
    rules: Sequence[str]


def rank(asked: RouteRequest, routing_context: RoutingContext, at: datetime, unit: str | None = None) -> Ranking:
    """Rank the candidates of a request. Equal input gives equal output.

    `unit` is who or what keeps one variant of an A/B test. Without a unit the request takes part in no test.

    The sort order is: the model of a rule's `use`; with priority PRIVACY local models; preferred providers in their order;
    then the measure of the priority. SPEED and PRIVACY minimize the expected latency per success, COST the expected cost
    per success. QUALITY maximizes the expected quality times the success rate.
    """
    key_of = routing_context.names.key
    steering = _steered(asked, routing_context.preferences, routing_context.names, at)
    own = routing_context.own_at(at)
    judged = _judge(asked, routing_context, steering)
    candidates = _candidates(asked, routing_context, own, steering, at)
    found = {key: judged(key, model, parameters) for key, model, parameters in candidates}
    test, trial, outside = routing_context.test_of(asked.task_type), None, None
    if test is not None and unit is not None:
        keys = {variant: key_of(config.provider, config.model) for variant, config in test.variants.items()}
        variants = {keys[variant]: config for variant, config in test.variants.items()}
        missing = {} if asked.candidates else {key: variants[key] for key in variants if key not in found}
        with_variants = found | {
            key: judged(key, own.get(key) or _known(key, config.provider, config.model, at), config.parameters)
            for key, config in missing.items()
        }
        outside = _outside(test, with_variants, steering, asked, routing_context.names)
        if outside is None:
            found, trial = with_variants, Trial(test, test.assign(unit), missing.keys(), keys)
    private = steering.priority is RoutingPriority.PRIVACY
    used, tested = steering.used, steering.use_is_tested
    preferred, last_preferred = steering.preferred, len(steering.preferred)

    def order(verdict: Candidate) -> tuple[Any, ...]:
        key, estimate = verdict.key, verdict.estimate
        elsewhere, remote = key != used, private and not verdict.model.local
        return (
            # The winner of an A/B test comes after local models, as the test did not require a local model. The model of a
            # rule that the user wrote comes before all.
            remote if tested else elsewhere,
            elsewhere if tested else remote,
            preferred.get(key[0], last_preferred),
            verdict.measure,
            _UNKNOWN if estimate is None else estimate,
            key,
        )

    ranked = sorted((verdict for verdict in found.values() if verdict.constraint is None), key=order)
    best = min((verdict.measure for verdict in ranked), default=_UNKNOWN)
    for verdict in ranked:
        verdict.score = _score(verdict.measure, best)
    notes = [*_notes(asked, steering, ranked), *([outside] if outside else [])]
    return Ranking(
        asked=asked,
        priority=steering.priority,
        eligible=ranked,
        others=sorted((verdict for verdict in found.values() if verdict.constraint), key=_distance),
        rules=steering.rules,
        notes=notes,
        max_cost=steering.max_cost,
        trial=trial,
    )


def choose(ranking: Ranking, budgets: Sequence[Budget]) -> Choice | RouteRefused:
    """Choose the first eligible candidate that fits into every budget. The next ones are its fallbacks.

    A free model fits into every budget. The hold is the estimated cost, or 0 when the user has no budget.
    """
    limits = _Limits.of(budgets)
    affordable, beyond = limits.parted(ranking) if limits else (ranking.eligible, ())
    trial, notes = ranking.trial, ranking.notes
    if trial is not None and (outside := _unaffordable(trial, affordable)):
        affordable, beyond = (
            [verdict for verdict in verdicts if verdict.key not in trial.joined] for verdicts in (affordable, beyond)
        )
        trial, notes = None, [*notes, outside]
    if not affordable:
        return _refused(ranking, limits, beyond)
    chosen, *others = affordable
    reason = f"ranked first by {ranking.priority} (eligible candidates: {len(affordable)})"
    if trial is not None:
        variant = trial.assignment.variant
        config = trial.test.variants[variant]
        key = trial.keys[variant]
        chosen = replace(next(verdict for verdict in affordable if verdict.key == key), parameters=config.parameters)
        others = [verdict for verdict in affordable if verdict.key != key]
        reason = f'variant {variant} of the A/B test "{trial.test.name}" was assigned'
    fallbacks = others[:MAX_FALLBACKS]
    verdicts = chain(
        [replace(chosen, reason=f"chosen: {reason}")],
        (replace(verdict, reason=f"fallback {number}") for number, verdict in enumerate(fallbacks, 1)),
        others[MAX_FALLBACKS:],
        limits.explained(beyond, ranking.asked.service_tier) if limits else (),
        ranking.others,
    )
    held = chosen.estimate if limits is not None and chosen.estimate is not None else ZERO
    listed_verdicts = list(islice(verdicts, MAX_CANDIDATES))
    return Choice(ranking, chosen, fallbacks, held, limits is not None, listed_verdicts, notes, trial)


def _outside(
    test: RunningTest,
    candidates: Mapping[Key, Candidate],
    steering: _Steering,
    asked: RouteRequest,
    names: ProviderNames,
) -> str | None:
    """Why the request takes no part in the test; None when both variants may serve it, and so it does."""
    tested_again = steering.use_is_tested and steering.use_is_for in (None, test.task_type)
    if steering.use is not None and not tested_again:
        return _served_outside(test, "a rule names the model to use")
    # The parameters that the request itself gives. Those that a rule adds for an earlier winner do not keep the request out
    # of the test. Of candidates with the same key the first one counts.
    given = {names.key(each.provider, each.model): each.parameters for each in reversed(asked.candidates or ())}
    local: list[bool] = []
    for variant, config in test.variants.items():
        key = names.key(config.provider, config.model)
        verdict = candidates.get(key)
        if verdict is None or given.get(key) not in (None, config.parameters):
            return _served_outside(test, f"variant {variant} is not a candidate of the request")
        if not verdict.eligible:
            return _served_outside(test, f"variant {variant} cannot serve the request: {verdict.reason}")
        local.append(verdict.model.local)
    private = steering.priority is RoutingPriority.PRIVACY and not all(local)
    if private and any(verdict.model.local and verdict.eligible for verdict in candidates.values()):
        return _served_outside(test, "the priority is PRIVACY, and a local model can serve the request")
    return None


def _unaffordable(trial: Trial, affordable: Sequence[Candidate]) -> str | None:
    keys = {verdict.key for verdict in affordable}
    for variant, key in trial.keys.items():
        if key not in keys:
            return _served_outside(trial.test, f"a budget cannot cover variant {variant}")
    return None


def _served_outside(test: RunningTest, reason: str) -> str:
    return f'Served outside the A/B test "{test.name}": {reason}.'


def _steered(asked: RouteRequest, preferences: RoutingPreferences, names: ProviderNames, at: datetime) -> _Steering:
    wanted = asked.priority or preferences.priority
    applying = [
        rule
        for rule in preferences.rules
        if rule.when.matches(
            task_type=asked.task_type,
            priority=wanted,
            input_tokens=asked.input_tokens,
            max_output_tokens=asked.max_output_tokens,
            metadata=asked.metadata or {},
            at=at,
        )
    ]
    blocks = [(name, (Constraint.BLOCKED_PROVIDERS, "its provider is blocked")) for name in preferences.blocked]
    blocks += [
        (name, (Constraint.CUSTOM_RULES, f'the rule "{rule.name}" blocks its provider'))
        for rule in applying
        for name in rule.then.block
    ]
    blocked: dict[str, tuple[Constraint, str]] = {}
    vendors: list[tuple[Vendor, tuple[Constraint, str]]] = []
    for name, reason in blocks:
        for id_ in names.blocked_ids(name):
            if vendor := vendor_of_group(id_) if id_.startswith(VENDOR) else None:
                vendors.append((vendor, reason))
            # Separators do not count in the names of unknown providers either: `my-proxy` blocks `my_proxy`.
            blocked.setdefault(alias_key(id_), reason)
    preferred: dict[str, int] = {}
    for name in (*(name for rule in applying for name in rule.then.prefer), *preferences.preferred):
        preferred.setdefault(names.id(name), len(preferred))
    using = next((rule for rule in applying if rule.then.use), None)
    limits = [preferences.max_cost, *(rule.then.max_cost for rule in applying)]
    return _Steering(
        priority=next((rule.then.priority for rule in applying if rule.then.priority), wanted),
        max_cost=min((limit for limit in limits if limit is not None), default=None),
        max_latency_ms=preferences.max_latency_ms,
        preferred=preferred,
        blocked=blocked,
        vendors=vendors,
        use=using.then.use if using else None,
        used=names.key(using.then.use.provider, using.then.use.model) if using and using.then.use else None,
        use_is_tested=using is not None and using.ab_test_id is not None,
        use_is_for=using.when.task_type if using else None,
        rules=[rule.name for rule in applying],
    )


def _candidates(
    asked: RouteRequest,
    routing_context: RoutingContext,
    own: Mapping[Key, CatalogModel],
    steering: _Steering,
    at: datetime,
) -> Iterator[tuple[Key, CatalogModel, dict[str, Any] | None]]:
    """The models to consider, with the parameters to call them with.

    These are the candidates that the request names; else the user's models (`_models_of_user`); else all current models
    of the price list.
    """
    found: dict[Key, tuple[CatalogModel, dict[str, Any] | None]] = {}
    use, used = steering.use, steering.used
    key_of = routing_context.names.key
    if asked.candidates:
        for config in asked.candidates:
            key = key_of(config.provider, config.model)
            parameters = use.parameters if use and key == used and config.parameters is None else config.parameters
            found.setdefault(key, (own.get(key) or _known(key, config.provider, config.model, at), parameters))
    else:
        found = _models_of_user(routing_context, own, steering, at)
    for model, parameters in found.values():
        yield key_of(model.provider, model.model), model, parameters
    if not found:
        for key, model in all_current(at).items():
            yield key_of(*key) if routing_context.names.own else key, model, None


def _models_of_user(
    routing_context: RoutingContext, own: Mapping[Key, CatalogModel], steering: _Steering, at: datetime
) -> dict[Key, tuple[CatalogModel, dict[str, Any] | None]]:
    """The registered models, the models of earlier calls and the model that a rule says to use.

    A preferred provider that has none of these adds all its models in the price list, unless it is blocked.
    """
    found: dict[Key, tuple[CatalogModel, dict[str, Any] | None]] = {}
    use, used = steering.use, steering.used
    for key, model in own.items():
        found[key] = (model, None)
    statistics = routing_context.statistics
    for key in statistics.by_model:
        if key not in found:
            found[key] = (_known(key, *statistics.names.get(key, key), at), None)
    if use is not None and used is not None:
        model, _ = found.get(used) or (_known(used, use.provider, use.model, at), None)
        found[used] = (model, use.parameters)
    missing = steering.preferred.keys() - {provider for provider, _ in found}
    missing = {provider for provider in missing if alias_key(provider) not in steering.blocked}
    if missing:
        found |= _all_of(missing, at)
    return found


def _all_of(providers: Collection[str], at: datetime) -> dict[Key, tuple[CatalogModel, dict[str, Any] | None]]:
    """The models of these providers in the price list."""
    # The price list has the models of some providers, such as Vertex AI, under the id of another provider.
    return {
        (provider, model_name(provider, model.model)): (
            model if model.provider == provider else replace(model, provider=provider),
            None,
        )
        for provider in sorted(providers)
        for model in all_current(at).values()
        if model.provider == price_list_id(provider)
    }


def _known(key: Key, provider: str, model: str, at: datetime) -> CatalogModel:
    """The price list's model with this key, under the names `provider` and `model`; without prices if it is not listed."""
    # The price list does not have the user's aliases: look the model up without a prefix too.
    found = listed(key[0], model, at) or listed(*key, at)
    if found is not None:
        same = (found.provider, found.model) == (provider, model)
        return found if same else replace(found, provider=provider, model=model)
    return unlisted(provider, model)


def _judge(
    asked: RouteRequest, routing_context: RoutingContext, steering: _Steering
) -> Callable[[Key, CatalogModel, dict[str, Any] | None], Candidate]:
    """The function that makes a `Candidate` of each model. There may be thousands, so it shares what is equal for all."""
    statistics = routing_context.statistics
    by_model, recent_of, overall = statistics.by_model, statistics.recent, statistics.overall
    task_type, tier, priority = asked.task_type, asked.service_tier, steering.priority
    usual_latency_ms, usual_success = _expected_latency_ms(_NOTHING, overall), _expected_success(_NOTHING, overall)
    usual_tokens = _tokens(asked, _NOTHING_RECENT)

    def judged(key: Key, model: CatalogModel, parameters: dict[str, Any] | None) -> Candidate:
        timed, latency_ms, success = _NOTHING, usual_latency_ms, usual_success
        if key in by_model:
            timed = statistics.timed(key, task_type)
            latency_ms = _expected_latency_ms(timed, overall)
            success = _expected_success(statistics.of(key, task_type), overall)
        recent, tokens = _NOTHING_RECENT, usual_tokens
        if key in recent_of:
            recent = recent_of[key]
            tokens = _tokens(asked, recent)
        rates = model.rates.get(tier)
        estimate = None if rates is None else rates.estimate(*tokens)
        reason, constraint = _objection(model, key, estimate, timed, asked, steering) or _ELIGIBLE
        return Candidate(
            model,
            key,
            parameters,
            estimate,
            rates is not None and rates.free,
            latency_ms,
            _measure(priority, estimate, latency_ms, success, model.quality_rating, recent),
            reason,
            constraint,
        )

    return judged


def _tokens(asked: RouteRequest, recent: Recent) -> tuple[int, int]:
    """The input tokens and the output tokens that a cost is estimated for."""
    return (
        _first_known(asked.input_tokens, recent.p95_input_tokens, ASSUMED_TOKENS),
        _first_known(asked.max_output_tokens, recent.p95_output_tokens, ASSUMED_TOKENS),
    )


_ELIGIBLE: Final = ("eligible", None)
# Reading a member of an enum takes as long as five comparisons of candidates.
_COST, _QUALITY = RoutingPriority.COST, RoutingPriority.QUALITY


def _objection(
    model: CatalogModel,
    key: Key,
    estimate: Decimal | None,
    observed: Observed,
    asked: RouteRequest,
    steering: _Steering,
) -> tuple[str, Constraint] | None:
    """Why this model cannot serve the request, and the constraint; None when it can."""
    if block := _block(key, steering):
        return block
    window = model.context_window
    if window is not None and asked.input_tokens is not None and asked.input_tokens > window:
        return f"its context window is {window} tokens, less than inputTokens", Constraint.CONTEXT_WINDOW
    limit = steering.max_cost
    if limit is not None and estimate is None:
        return (
            f"{_unpriced(model, asked.service_tier)}, and the cost limit is {plain(limit)} USD",
            Constraint.MAX_COST_PER_REQUEST,
        )
    if limit is not None and estimate is not None and estimate > limit:
        return (
            f"its estimated cost is {plain(estimate)} USD, above the limit of {plain(limit)} USD",
            Constraint.MAX_COST_PER_REQUEST,
        )
    p95, longest = observed.p95_latency_ms, steering.max_latency_ms
    if longest is not None and p95 is not None and p95 > longest:
        return f"its p95 latency is {p95:.0f} ms, above the limit of {longest} ms", Constraint.MAX_LATENCY_MS
    return None


def _block(key: Key, steering: _Steering) -> tuple[str, Constraint] | None:
    """Why the provider, or the vendor of the model, is blocked, and the constraint; None when neither is blocked."""
    if steering.blocked and (block := steering.blocked.get(alias_key(key[0]))):
        constraint, reason = block
        return reason, constraint
    for vendor, (constraint, reason) in steering.vendors:
        if vendor.makes(*key):
            return reason.replace("provider", "vendor"), constraint
    return None


def _expected_latency_ms(observed: Observed, overall: Observed) -> float | None:
    """The mean latency in ms, shrunk towards the mean of all the user's calls; None when no call has a known latency."""
    if not overall.timed:
        return None
    prior = overall.latency_sum_ms / overall.timed
    return (observed.latency_sum_ms + _CALLS_OF_PRIOR * prior) / (observed.timed + _CALLS_OF_PRIOR)


def _expected_success(observed: Observed, overall: Observed) -> float:
    """The success rate, shrunk towards the rate of all the user's calls, which itself is shrunk towards 0.95."""
    prior = (overall.successes + _CALLS_OF_PRIOR * _NEUTRAL_SUCCESS) / (overall.calls + _CALLS_OF_PRIOR)
    return (observed.successes + _CALLS_OF_PRIOR * prior) / (observed.calls + _CALLS_OF_PRIOR)


def _measure(
    priority: RoutingPriority,
    estimate: Decimal | None,
    latency_ms: float | None,
    success: float,
    rating: float | None,
    recent: Recent,
) -> float:
    """The value that the priority minimizes: ms per success, USD per success, or 1 minus quality times success rate."""
    if priority is _COST:
        return _UNKNOWN if estimate is None else float(estimate) / success
    if priority is _QUALITY:
        assumed = _NEUTRAL_QUALITY if rating is None else rating
        quality = (recent.score_sum + _SCORES_OF_PRIOR * assumed) / (recent.scores + _SCORES_OF_PRIOR)
        return 1.0 - quality * success
    return (_NEUTRAL_LATENCY_MS if latency_ms is None else latency_ms) / success


def _score(measure: float, best: float) -> float:
    """The best measure divided by this one: 1 for the best candidate, 0 for an unknown measure."""
    return 1.0 if measure == best else best / measure


def _distance(verdict: Candidate) -> tuple[int, Key]:
    """The sort key of rejected candidates: the constraint that was checked last comes first, then by key."""
    return -_CHECK_ORDER[verdict.constraint or Constraint.CANDIDATES], verdict.key


def _notes(asked: RouteRequest, steering: _Steering, ranked: Sequence[Candidate]) -> Iterator[str]:
    """The notes on a routing decision that belong to no single candidate."""
    if steering.priority is RoutingPriority.PRIVACY and not any(verdict.model.local for verdict in ranked):
        yield "No local model can serve this request: every candidate sends it to an external provider."
    use = steering.use
    if use is not None and not any(verdict.key == steering.used for verdict in ranked):
        yield f"A rule requires {use.provider} {use.model}, which cannot serve this request."
    for name, value in (("inputTokens", asked.input_tokens), ("maxOutputTokens", asked.max_output_tokens)):
        if value is None:
            yield (
                f"{name} is missing: cost estimates use the 95th percentile of the model's recent calls, "
                f"or {ASSUMED_TOKENS} tokens if there are too few calls."
            )


@dataclass(frozen=True, slots=True)
class _Limits:
    """The combined limits of all budgets of a user."""

    tightest: Budget
    available: Decimal
    least: Decimal
    """The lowest limit of all budgets, USD."""
    rejecting: Mapping[Key, Budget]
    """The first budget that rejects a model because the cost of a call to it is unknown, by the model's key."""

    @classmethod
    def of(cls, budgets: Sequence[Budget]) -> Self | None:
        """The limits of these budgets; None when there is no budget."""
        if not budgets:
            return None
        tightest = _tightest(budgets)
        return cls(
            tightest,
            tightest.available,
            min(budget.limit for budget in budgets),
            {key: budget for budget in reversed(budgets) for key in budget.unpriced},
        )

    def parted(self, ranking: Ranking) -> tuple[Sequence[Candidate], Sequence[Candidate]]:
        """The eligible candidates that fit into every budget, and the other eligible candidates."""
        available, rejecting = self.available, self.rejecting
        if not rejecting and ranking.dearest <= available:
            return ranking.priced, ranking.unpriced
        affordable: list[Candidate] = []
        beyond: list[Candidate] = []
        for verdict in ranking.eligible:
            within = verdict.estimate is not None and verdict.estimate <= available and verdict.key not in rejecting
            (affordable if within or verdict.free else beyond).append(verdict)
        return affordable, beyond

    def explained(self, beyond: Iterable[Candidate], tier: ServiceTier) -> Iterator[Candidate]:
        """These candidates, which do not fit into a budget, with the reason and the constraint BUDGET."""
        left = f"the budget {self.tightest.name} has {plain(max(self.available, ZERO))} USD left"
        for verdict in beyond:
            if rejecting := self.rejecting.get(verdict.key):
                reason = (
                    f"price unknown: a call to this model in the current window of the budget {rejecting.name} has no known "
                    "cost; amend that call with its cost, or set unknownCost of the budget to ALLOW"
                )
            elif verdict.estimate is None:
                reason = f"{_unpriced(verdict.model, tier)}, and {left}"
            else:
                reason = f"its estimated cost is {plain(verdict.estimate)} USD, and {left}"
            yield replace(verdict, reason=reason, constraint=Constraint.BUDGET)


def _tightest(budgets: Sequence[Budget]) -> Budget:
    return min(budgets, key=lambda budget: budget.available)


def _refused(ranking: Ranking, limits: _Limits | None, beyond: Sequence[Candidate]) -> RouteRefused:
    if limits is not None and beyond:
        return _refused_by_budget(ranking, limits, beyond)
    # The candidate that passed the most checks.
    nearest = next(iter(ranking.others), None)
    constraint = nearest.constraint if nearest and nearest.constraint else Constraint.CANDIDATES
    return RouteRefused(
        message=f"No candidate can serve this request. The closest is {nearest.model.provider} {nearest.model.model}: "
        f"{nearest.reason}"
        if nearest
        else "There is no candidate for this request: set candidates, or register a model",
        constraint=constraint,
        retryable=False,
        candidates=ranking.others[:MAX_CANDIDATES],
        limit=ranking.max_cost if constraint is Constraint.MAX_COST_PER_REQUEST else None,
    )


def _refused_by_budget(ranking: Ranking, limits: _Limits, beyond: Sequence[Candidate]) -> RouteRefused:
    """The error of a request that only budgets reject. Budgets are checked last: these candidates passed all other checks."""
    tier = ranking.asked.service_tier
    [nearest] = limits.explained([min(beyond, key=lambda verdict: verdict.key)], tier)
    if budget := limits.rejecting.get(nearest.key):
        message = f"The budget {budget.name} rejects {nearest.model.provider} {nearest.model.model}: {nearest.reason}"
        retryable = True
    else:
        budget = limits.tightest
        message = f"The budget {budget.name} cannot cover this request: of {plain(budget.limit)} USD, {_used(budget)}"
        # A retry may succeed once a hold is released or the next window starts, unless the estimate exceeds the whole limit.
        retryable = any(verdict.estimate is not None and verdict.estimate <= limits.least for verdict in beyond)
    return RouteRefused(
        message=message,
        constraint=Constraint.BUDGET,
        retryable=retryable,
        candidates=list(islice(chain(limits.explained(beyond, tier), ranking.others), MAX_CANDIDATES)),
        limit=budget.limit,
        spent=budget.spent,
        assumed=budget.assumed,
        held=budget.held,
        resets_at=budget.resets_at,
        alert_id=budget.alert_id,
    )


def _used(budget: Budget) -> str:
    """The used amounts of the budget as text."""
    assumed = f", {plain(budget.assumed)} are assumed to be spent" if budget.assumed else ""
    return f"{plain(budget.spent)} are spent{assumed} and {plain(budget.held)} are held"


def _unpriced(model: CatalogModel, tier: ServiceTier) -> str:
    return f"its estimated cost is above {MAX_COST} USD" if tier in model.rates else "its price is unknown"


def _first_known(given: int | None, observed: int | None, assumed: int) -> int:
    return given if given is not None else observed if observed is not None else assumed
