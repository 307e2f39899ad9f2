"""Routing: which provider and model serves a request, and why not the others.

Pure: everything that a decision depends on is handed in. `rank` orders the candidates that preferences, rules and limits
let through; `choose` then takes the first one that all budgets can pay for.
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
from domain.bounds import Input, JSONObject, Name, Tokens, refuse
from domain.catalog import CatalogModel, all_current, completed, listed
from domain.money import MAX_COST, ZERO, plain
from domain.preference import DEFAULT_PRIORITY, RoutingPriority, RoutingRule, RuleTarget
from domain.price import Prices, ServiceTier
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
"""That a request may name, and that a decision tells of."""
MAX_CANDIDATES_BYTES: Final = 64 * 1024
MAX_FALLBACKS: Final = 5
ASSUMED_TOKENS: Final = 1_000
"""In and out, for a request that does not say and a model of which nothing is known."""

KNOWN_FROM: Final = 20
"""Calls from which on a model's own figures are taken to be known."""
_CALLS_OF_PRIOR: Final = 20
_SCORES_OF_PRIOR: Final = 10
_NEUTRAL_LATENCY_MS: Final = 1_000.0
_NEUTRAL_SUCCESS: Final = 0.95
_NEUTRAL_QUALITY: Final = 0.5
_UNKNOWN: Final = float("inf")


class RouteRequest(Input):
    """A request that waits to be sent somewhere."""

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
            refuse(f"candidates must be at most {MAX_CANDIDATES_BYTES} bytes as JSON")
        return self


class Constraint(StrEnum):
    """What can keep a candidate from serving a request, in the order in which it is looked at."""

    CANDIDATES = "candidates"
    BLOCKED_PROVIDERS = "blockedProviders"
    CUSTOM_RULES = "customRules"
    CONTEXT_WINDOW = "contextWindow"
    MAX_COST_PER_REQUEST = "maxCostPerRequest"
    MAX_LATENCY_MS = "maxLatencyMs"
    BUDGET = "budget"


_REACHED: Final = {constraint: place for place, constraint in enumerate(Constraint)}


@dataclass(frozen=True, slots=True)
class Observed:
    """What a user's own decisions say of a model."""

    calls: int = 0
    successes: int = 0
    # Calls of known latency, and over them:
    timed: int = 0
    latency_sum_ms: int = 0
    p95_latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Recent:
    """What the user's latest decisions say of a model: the tokens of a large request, and feedback."""

    p95_input_tokens: int | None = None
    p95_output_tokens: int | None = None
    scores: int = 0
    score_sum: float = 0.0


Key = tuple[str, str]
"""(provider's id, model)."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """The user's own figures, by model and by task type."""

    by_model: Mapping[Key, Observed] = field(default_factory=dict)
    by_task: Mapping[tuple[Key, str], Observed] = field(default_factory=dict)
    """Of models that are in `by_model`."""
    recent: Mapping[Key, Recent] = field(default_factory=dict)
    names: Mapping[Key, tuple[str, str]] = field(default_factory=dict)
    """How the user spells the provider and the name of a model."""
    overall: Observed = Observed()

    def of(self, key: Key, task_type: str) -> Observed:
        """The figures of a model at this task, where there are enough; else of the model at any."""
        at_task = self.by_task.get((key, task_type))
        return at_task if at_task and at_task.calls >= KNOWN_FROM else self.by_model.get(key, _NOTHING)

    def timed(self, key: Key, task_type: str) -> Observed:
        """The same, where enough of the calls are of known latency."""
        at_task = self.by_task.get((key, task_type))
        return at_task if at_task and at_task.timed >= KNOWN_FROM else self.by_model.get(key, _NOTHING)


_NOTHING: Final = Observed()
_NOTHING_RECENT: Final = Recent()


@dataclass(frozen=True, slots=True)
class RoutingPreferences:
    """What the user asks of every decision."""

    priority: RoutingPriority = DEFAULT_PRIORITY
    max_cost: Decimal | None = None
    max_latency_ms: int | None = None
    preferred: Sequence[str] = ()
    blocked: Sequence[str] = ()
    rules: Sequence[RoutingRule] = ()


@dataclass(frozen=True, slots=True)
class RoutingContext:
    """All that a user's decisions depend on, but for the budgets."""

    version: int = 0
    """Of the preferences, own models and alerts; see `models.routing_version`."""
    budgeted: bool = False
    preferences: RoutingPreferences = RoutingPreferences()
    names: ProviderNames = KNOWN_NAMES
    own: Sequence[CatalogModel] = ()
    statistics: Statistics = Statistics()
    tests: Mapping[str | None, RunningTest] = field(default_factory=dict)
    """The tests that run, by task type; None is the test of all requests that no other is for."""
    _completed: dict[tuple[PriceList, datetime], Mapping[Key, CatalogModel]] = field(
        init=False, default_factory=dict, repr=False, compare=False
    )

    def own_at(self, at: datetime) -> Mapping[Key, CatalogModel]:
        """The user's own models, with what the price list knows of them at that time."""
        prices = PriceList.current()
        key = prices, prices.unchanged_since(at)
        found = self._completed.get(key)
        if found is None:
            # The list knows a provider by its id, and not by a name of the user's own.
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
        """The test that a request of this type takes part in."""
        return self.tests.get(task_type) or self.tests.get(None)


@dataclass(slots=True)
class Candidate:
    """Whether a candidate may serve the request, and why. Not frozen, as that would double what a decision costs."""

    model: CatalogModel
    key: Key
    parameters: dict[str, Any] | None
    estimate: Decimal | None
    """USD; None when the price is not known."""
    free: bool
    """Whether its tokens are known to cost nothing, however many they are."""
    expected_latency_ms: float | None
    measure: float
    """What the priority makes least."""
    reason: str
    constraint: Constraint | None
    """What keeps it from serving; None for one that is eligible."""
    score: float | None = None

    @property
    def eligible(self) -> bool:
        return self.constraint is None


@dataclass(frozen=True, slots=True)
class Trial:
    """The A/B test that a request takes part in: either variant may serve it, and chance has said which one does."""

    test: RunningTest
    assignment: Assignment
    joined: Collection[Key]
    """What is a candidate for the test alone."""
    keys: Mapping[Variant, Key]
    """Of the models of its variants."""

    @property
    def propensity(self) -> float:
        """How likely the variant was to be assigned."""
        return self.test.split if self.assignment.variant is Variant.A else 1 - self.test.split


@dataclass(frozen=True, slots=True)
class Ranking:
    """The candidates of a request: those that are eligible in the order to be taken, and the others, nearest first."""

    asked: RouteRequest
    priority: RoutingPriority
    eligible: Sequence[Candidate]
    others: Sequence[Candidate]
    rules: Sequence[str]
    """The names of the rules that applied."""
    notes: Sequence[str]
    max_cost: Decimal | None
    trial: Trial | None = None
    # What the budgets are compared with, found out before they are read.
    keys: frozenset[Key] = field(init=False, repr=False)
    """Of the eligible candidates."""
    priced: Sequence[Candidate] = field(init=False, repr=False)
    """The eligible candidates that are free or have an estimate."""
    unpriced: Sequence[Candidate] = field(init=False, repr=False)
    """The other ones."""
    dearest: Decimal = field(init=False, repr=False)
    """The highest estimate."""

    def __post_init__(self) -> None:
        unpriced = [verdict for verdict in self.eligible if verdict.estimate is None]
        priced = [verdict for verdict in self.eligible if verdict.estimate is not None] if unpriced else self.eligible
        object.__setattr__(self, "keys", frozenset([verdict.key for verdict in self.eligible]))
        object.__setattr__(self, "priced", priced)
        object.__setattr__(self, "unpriced", unpriced)
        object.__setattr__(self, "dearest", max((each.estimate or ZERO for each in priced), default=ZERO))


@dataclass(frozen=True, slots=True)
class Budget:
    """How an enforced alert stands: no decision is made that could take it over its limit."""

    alert_id: UUID
    name: str
    limit: Decimal
    spent: Decimal
    held: Decimal
    resets_at: datetime | None
    assumed: Decimal = ZERO
    """Charged to decisions whose outcome has no known cost."""
    unpriced: Collection[Key] = frozenset()
    """Models that it refuses: a call of theirs in its window has no known cost, and no decision held for it."""

    @property
    def available(self) -> Decimal:
        """USD that are neither spent, nor assumed to be spent, nor held; below 0 for a budget that was overspent."""
        return self.limit - self.spent - self.assumed - self.held


def decisive(budgets: Sequence[Budget]) -> list[Budget]:
    """Those of a user's budgets that decide for all, in their order: the tightest, the smallest, and who refuses a model.

    That stays so however much is held, as every hold counts in each of them.
    """
    if not budgets:
        return []
    tightest, smallest = _tightest(budgets), min(budgets, key=lambda budget: budget.limit)
    return [budget for budget in budgets if budget is tightest or budget is smallest or budget.unpriced]


@dataclass(frozen=True, slots=True)
class Choice:
    """Where to send the request, where to send it if that fails, and what to hold of the budgets meanwhile."""

    ranking: Ranking
    chosen: Candidate
    fallbacks: Sequence[Candidate]
    held: Decimal
    budgeted: bool
    """Whether there is a budget, be it that nothing had to be held of it."""
    candidates: Sequence[Candidate]
    notes: Sequence[str]
    trial: Trial | None

    @property
    def propensity(self) -> float:
        """How likely the choice was: nothing is left to chance but the variant of an A/B test."""
        return self.trial.propensity if self.trial else 1.0


@dataclass(frozen=True, slots=True)
class RouteRefused:
    """No candidate can serve the request: the constraint that the nearest one failed."""

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
    """Whether a decision with so many fallbacks needs its hold no more: an attempt succeeded, or none is left."""
    return successes > 0 or attempts > fallbacks


def state_of(*, settled: bool, released: bool, expired: bool) -> DecisionState:
    """The state of a decision."""
    if settled:
        return DecisionState.SETTLED
    if released:
        return DecisionState.RELEASED
    return DecisionState.EXPIRED if expired else DecisionState.OPEN


@dataclass(frozen=True, slots=True)
class _Steering:
    """The preferences as the rules that apply have changed them."""

    priority: RoutingPriority
    max_cost: Decimal | None
    max_latency_ms: int | None
    preferred: Mapping[str, int]
    blocked: Mapping[str, tuple[Constraint, str]]
    """By `alias_key` of the provider's id."""
    vendors: Sequence[tuple[Vendor, tuple[Constraint, str]]]
    """Whose models are blocked wherever they are served."""
    use: RuleTarget | None
    used: Key | None
    # Whether that is the winner of an earlier A/B test, and of which task type: another one may put it to the test again.
    use_is_tested: bool
    use_is_for: str | None
    rules: Sequence[str]


def rank(asked: RouteRequest, routing_context: RoutingContext, at: datetime, unit: str | None = None) -> Ranking:
    """The candidates in order. Equal input gives equal output.

    `unit` is who or what keeps one variant of an A/B test; None takes part in no test.

    A rule's `use` comes first; under PRIVACY local models come next; then preferred providers in their order; then what
    the priority puts first: SPEED the least expected latency, COST the least expected cost, each for a request that
    succeeds; QUALITY the best quality times success; PRIVACY the least latency.
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
            # A test's winner won where no local model was to go first; what the user's own rule says goes before all.
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
    """The first eligible candidate that every budget can pay for, and the next ones as its fallbacks.

    A model whose tokens cost nothing always passes. The hold is the estimate; there is none where there is no budget.
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
    reason = f"the first by {ranking.priority} among {len(affordable)} eligible"
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
        (replace(verdict, reason=f"fallback {place}") for place, verdict in enumerate(fallbacks, 1)),
        others[MAX_FALLBACKS:],
        limits.explained(beyond, ranking.asked.service_tier) if limits else (),
        ranking.others,
    )
    held = chosen.estimate if limits is not None and chosen.estimate is not None else ZERO
    told = list(islice(verdicts, MAX_CANDIDATES))
    return Choice(ranking, chosen, fallbacks, held, limits is not None, told, notes, trial)


def _outside(
    test: RunningTest,
    candidates: Mapping[Key, Candidate],
    steering: _Steering,
    asked: RouteRequest,
    names: ProviderNames,
) -> str | None:
    """Why the request takes no part in the test; None if it does: either variant is as free to serve it as the other."""
    tested_again = steering.use_is_tested and steering.use_is_for in (None, test.task_type)
    if steering.use is not None and not tested_again:
        return _served_outside(test, "a rule says where to send it")
    # As the request has them: what a rule fills in for an earlier winner is no reason not to test that again. Of candidates
    # with one key the first counts.
    given = {names.key(each.provider, each.model): each.parameters for each in reversed(asked.candidates or ())}
    local: list[bool] = []
    for variant, config in test.variants.items():
        key = names.key(config.provider, config.model)
        verdict = candidates.get(key)
        if verdict is None or given.get(key) not in (None, config.parameters):
            return _served_outside(test, f"variant {variant} is none of its candidates")
        if not verdict.eligible:
            return _served_outside(test, f"variant {variant} cannot serve it, as {verdict.reason}")
        local.append(verdict.model.local)
    private = steering.priority is RoutingPriority.PRIVACY and not all(local)
    if private and any(verdict.model.local and verdict.eligible for verdict in candidates.values()):
        return _served_outside(test, "its priority is PRIVACY, and a local model can serve it")
    return None


def _unaffordable(trial: Trial, affordable: Sequence[Candidate]) -> str | None:
    keys = {verdict.key for verdict in affordable}
    for variant, key in trial.keys.items():
        if key not in keys:
            return _served_outside(trial.test, f"the budget cannot pay for variant {variant}")
    return None


def _served_outside(test: RunningTest, reason: str) -> str:
    return f'Served outside the A/B test "{test.name}": {reason}.'


def _steered(asked: RouteRequest, preferences: RoutingPreferences, names: ProviderNames, at: datetime) -> _Steering:
    wanted = asked.priority or preferences.priority
    applying = [
        rule
        for rule in preferences.rules
        if rule.when.holds(
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
            # Separators do not count in names that nobody knows either: `my-proxy` blocks `my_proxy`.
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
    """What could serve the request: what it names; else what the user has; else what there is.

    A user has the models that are registered, those that served before, and those that a rule names. Of a preferred
    provider that none of these is of, all listed models are considered, unless it is blocked.
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
        found = _had(routing_context, own, steering, at)
    for model, parameters in found.values():
        yield key_of(model.provider, model.model), model, parameters
    if not found:
        for key, model in all_current(at).items():
            yield key_of(*key) if routing_context.names.own else key, model, None


def _had(
    routing_context: RoutingContext, own: Mapping[Key, CatalogModel], steering: _Steering, at: datetime
) -> dict[Key, tuple[CatalogModel, dict[str, Any] | None]]:
    """What the user has."""
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
    """The listed models of these providers."""
    # The list has the models of some providers under another's id: those of Vertex AI, say.
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
    """The model with this key, as it is listed, under the names that were asked for."""
    # A prefix of an alias of the user's own is nothing that the list knows.
    found = listed(key[0], model, at) or listed(*key, at)
    if found is not None:
        same = (found.provider, found.model) == (provider, model)
        return found if same else replace(found, provider=provider, model=model)
    return CatalogModel(
        id=f"{provider}:{model}",
        provider=provider,
        model=model,
        name=model,
        own=False,
        local=False,
        context_window=None,
        prices=Prices(),
        quality_rating=None,
        deprecated=False,
    )


def _judge(
    asked: RouteRequest, routing_context: RoutingContext, steering: _Steering
) -> Callable[[Key, CatalogModel, dict[str, Any] | None], Candidate]:
    """What judges each of the candidates. There may be thousands: what is the same for all is found out once."""
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
    """The tokens that an estimate is of, in and out."""
    return (
        _first_known(asked.input_tokens, recent.p95_input_tokens, ASSUMED_TOKENS),
        _first_known(asked.max_output_tokens, recent.p95_output_tokens, ASSUMED_TOKENS),
    )


_ELIGIBLE: Final = ("eligible", None)
# To name a member of an enum takes as long as to compare a candidate with five others.
_COST, _QUALITY = RoutingPriority.COST, RoutingPriority.QUALITY


def _objection(
    model: CatalogModel,
    key: Key,
    estimate: Decimal | None,
    observed: Observed,
    asked: RouteRequest,
    steering: _Steering,
) -> tuple[str, Constraint] | None:
    """Why this model may not serve the request; None when it may."""
    if block := _block(key, steering):
        return block
    window = model.context_window
    if window is not None and asked.input_tokens is not None and asked.input_tokens > window:
        return f"its context window holds {window} tokens", Constraint.CONTEXT_WINDOW
    limit = steering.max_cost
    if limit is not None and estimate is None:
        return (
            f"{_unpriced(model, asked.service_tier)}, and the limit is {plain(limit)} USD",
            Constraint.MAX_COST_PER_REQUEST,
        )
    if limit is not None and estimate is not None and estimate > limit:
        return f"it would cost {plain(estimate)} USD, above {plain(limit)} USD", Constraint.MAX_COST_PER_REQUEST
    p95, longest = observed.p95_latency_ms, steering.max_latency_ms
    if longest is not None and p95 is not None and p95 > longest:
        return f"its p95 latency is {p95:.0f} ms, above {longest} ms", Constraint.MAX_LATENCY_MS
    return None


def _block(key: Key, steering: _Steering) -> tuple[str, Constraint] | None:
    """Why its provider, or the vendor of the model, is blocked; None when neither is."""
    if steering.blocked and (block := steering.blocked.get(alias_key(key[0]))):
        constraint, reason = block
        return reason, constraint
    for vendor, (constraint, reason) in steering.vendors:
        if vendor.makes(*key):
            return reason.replace("provider", "vendor"), constraint
    return None


def _expected_latency_ms(observed: Observed, overall: Observed) -> float | None:
    """The mean latency, shrunk towards that of all the user's calls while few are timed; None when none are."""
    if not overall.timed:
        return None
    prior = overall.latency_sum_ms / overall.timed
    return (observed.latency_sum_ms + _CALLS_OF_PRIOR * prior) / (observed.timed + _CALLS_OF_PRIOR)


def _expected_success(observed: Observed, overall: Observed) -> float:
    """The share of calls that succeed, shrunk towards that of all the user's calls, and that towards 0.95."""
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
    """What the priority makes least: a latency or a cost for each success, or how much quality is missing."""
    if priority is _COST:
        return _UNKNOWN if estimate is None else float(estimate) / success
    if priority is _QUALITY:
        assumed = _NEUTRAL_QUALITY if rating is None else rating
        quality = (recent.score_sum + _SCORES_OF_PRIOR * assumed) / (recent.scores + _SCORES_OF_PRIOR)
        return 1.0 - quality * success
    return (_NEUTRAL_LATENCY_MS if latency_ms is None else latency_ms) / success


def _score(measure: float, best: float) -> float:
    """How near a measure comes to the best one: 1 for the best itself, 0 for one that is not known."""
    return 1.0 if measure == best else best / measure


def _distance(verdict: Candidate) -> tuple[int, Key]:
    """How far a candidate is from serving, and its name where others are as far."""
    return -_REACHED[verdict.constraint or Constraint.CANDIDATES], verdict.key


def _notes(asked: RouteRequest, steering: _Steering, ranked: Sequence[Candidate]) -> Iterator[str]:
    """What the user should know of a decision beside its reasons."""
    if steering.priority is RoutingPriority.PRIVACY and not any(verdict.model.local for verdict in ranked):
        yield "No local model can serve this request: it leaves your premises, whatever is chosen."
    use = steering.use
    if use is not None and not any(verdict.key == steering.used for verdict in ranked):
        yield f"A rule says to use {use.provider} {use.model}, which cannot serve this request."
    for name, value in (("inputTokens", asked.input_tokens), ("maxOutputTokens", asked.max_output_tokens)):
        if value is None:
            yield (
                f"{name} was not given: estimates take the 95th percentile of the model's latest calls, "
                f"or {ASSUMED_TOKENS} where there are too few."
            )


@dataclass(frozen=True, slots=True)
class _Limits:
    """What all budgets together let through."""

    tightest: Budget
    available: Decimal
    least: Decimal
    """The limit of the smallest budget."""
    refusing: Mapping[Key, Budget]
    """The first budget that refuses a model, as the price of its calls is unknown."""

    @classmethod
    def of(cls, budgets: Sequence[Budget]) -> Self | None:
        """None where there is no budget."""
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
        """The eligible candidates that all budgets can pay for, and those that one cannot."""
        available, refusing = self.available, self.refusing
        if not refusing and ranking.dearest <= available:
            return ranking.priced, ranking.unpriced
        affordable: list[Candidate] = []
        beyond: list[Candidate] = []
        for verdict in ranking.eligible:
            within = verdict.estimate is not None and verdict.estimate <= available and verdict.key not in refusing
            (affordable if within or verdict.free else beyond).append(verdict)
        return affordable, beyond

    def explained(self, beyond: Iterable[Candidate], tier: ServiceTier) -> Iterator[Candidate]:
        """The verdicts on these eligible candidates, which a budget cannot pay for."""
        left = f"the budget {self.tightest.name} has {plain(max(self.available, ZERO))} USD left"
        for verdict in beyond:
            if refusing := self.refusing.get(verdict.key):
                reason = (
                    f"price unknown: a call of it in the window of the budget {refusing.name} has no known cost; amend "
                    "that call, or let the budget allow unknown costs"
                )
            elif verdict.estimate is None:
                reason = f"{_unpriced(verdict.model, tier)}, and {left}"
            else:
                reason = f"it would cost {plain(verdict.estimate)} USD, and {left}"
            yield replace(verdict, reason=reason, constraint=Constraint.BUDGET)


def _tightest(budgets: Sequence[Budget]) -> Budget:
    return min(budgets, key=lambda budget: budget.available)


def _refused(ranking: Ranking, limits: _Limits | None, beyond: Sequence[Candidate]) -> RouteRefused:
    if limits is not None and beyond:
        return _refused_by_a_budget(ranking, limits, beyond)
    # Of the candidates, the one that came nearest to serving.
    nearest = next(iter(ranking.others), None)
    constraint = nearest.constraint if nearest and nearest.constraint else Constraint.CANDIDATES
    return RouteRefused(
        message=f"No candidate can serve this request; the nearest, {nearest.model.provider} {nearest.model.model}: "
        f"{nearest.reason}"
        if nearest
        else "There is no candidate for this request: name some, or register a model",
        constraint=constraint,
        retryable=False,
        candidates=ranking.others[:MAX_CANDIDATES],
        limit=ranking.max_cost if constraint is Constraint.MAX_COST_PER_REQUEST else None,
    )


def _refused_by_a_budget(ranking: Ranking, limits: _Limits, beyond: Sequence[Candidate]) -> RouteRefused:
    """No constraint is looked at after the budgets: these candidates came nearest to serving."""
    tier = ranking.asked.service_tier
    [nearest] = limits.explained([min(beyond, key=lambda verdict: verdict.key)], tier)
    if budget := limits.refusing.get(nearest.key):
        message = f"The budget {budget.name} refuses {nearest.model.provider} {nearest.model.model}: {nearest.reason}"
        retryable = True
    else:
        budget = limits.tightest
        message = f"The budget {budget.name} cannot pay for this request: of {plain(budget.limit)} USD, {_used(budget)}"
        # When what is held is freed, or with the next window; never what is dearer than all of the budget.
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
    """What of the budget is gone, in words."""
    assumed = f", {plain(budget.assumed)} are assumed to be spent" if budget.assumed else ""
    return f"{plain(budget.spent)} are spent{assumed} and {plain(budget.held)} held"


def _unpriced(model: CatalogModel, tier: ServiceTier) -> str:
    return f"it would cost more than {MAX_COST} USD" if tier in model.rates else "its price is not known"


def _first_known(said: int | None, observed: int | None, assumed: int) -> int:
    return said if said is not None else observed if observed is not None else assumed
