"""The price list: which prices it has for a model at a time, under the many names that models are called by."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import ClassVar, Final, NamedTuple, Self

import genai_prices
from genai_prices import Usage, data_snapshot
from genai_prices.types import (
    ClauseEquals,
    ClauseOr,
    ModelInfo,
    ModelPrice,
    PriceVariant,
    Provider,
    TieredPrices,
    TimeOfDateConstraint,
)

from domain.price import AUDIO_IN, FREE, MEDIA_OF_WORDS, Price, Prices, Rates, ServiceTier, Step, TokenCounts
from domain.provider import folded, model_name, price_list_id, provider_id

PRICE_VERSION = f"genai-prices {genai_prices.__version__}"

_LOOKED_UP: Final = 8_192
_BEDROCK: Final = "aws"
_GOOGLE: Final = "google"
# What Google's APIs write before a model's name: `models/`, and `publishers/google/models/`.
_RESOURCE: Final = "models/"
_OPENROUTER: Final = "openrouter"
_FREE: Final = ":free"
# What OpenRouter and those who are like it write after a model's name: other prices than the plain model's.
_VARIANT: Final = re.compile(r":(batch|beta|exacto|extended|floor|free|nitro|online|thinking)$")
# What Bedrock writes before a model's name, and after it: `us.`, and `-20240620-v1:0`.
_EVERYWHERE: Final = "global."
_REGION: Final = re.compile(r"^(regional|apac|[a-z]{2}|us-gov)\.(?=[^.]+\.)")
_DATED: Final = re.compile(r"(-20\d{6})?(-v\d+(:\d+)?)?$")
_WORDS: Final = re.compile(r"[\W_]+")
# What makes vectors or scores, and no output that would have to be counted, although the list may have a price for it.
_EMBEDS: Final = re.compile(r"(?<![^\W_])(embed|embeddings?|rerank(er)?)(?![^\W_])")

_CONTEXTS: Final[Mapping[ServiceTier, Mapping[str, str]]] = {
    ServiceTier.BATCH: {"processing": "batch"},
    ServiceTier.FLEX: {"service_tier": "flex"},
    ServiceTier.PRIORITY: {"service_tier": "priority"},
}
_STANDARD: Final = (ServiceTier.STANDARD,)
_KEYS: Final = {
    "input_mtok": "input_price",
    "output_mtok": "output_price",
    "cache_read_mtok": "cached_price",
    "cache_write_mtok": "cache_write_price",
    "cache_write_5m_mtok": "cache_write_price",  # after the one that it is a part of
    "cache_write_1h_mtok": "cache_write_1h_price",
    "input_audio_mtok": "input_audio_price",
    "cache_audio_read_mtok": "cached_audio_price",
    "input_image_mtok": "input_image_price",
    "cache_image_read_mtok": "cached_image_price",
    "input_video_mtok": "input_video_price",
    "output_reasoning_mtok": "reasoning_price",
    "output_citation_mtok": "citation_price",
    "output_audio_mtok": "output_audio_price",
    "output_image_mtok": "output_image_price",
    "output_video_mtok": "output_video_price",
    "requests_kcount": "request_price",
}
# Of kinds that overlap and that no call tells the overlap of: where both are counted nothing is known anyway.
_OVERLAPS: Final = re.compile(r"cache_((audio|image|video)_write(_5m|_1h)?|video_read)_mtok")

ListedPrice = Decimal | TieredPrices


class _ByName:
    """A provider's models by what they match: the first that does, as the list is meant.

    Most match some names and nothing else. The list itself tries every model in turn, each time: to look for all of its
    models took a second.
    """

    def __init__(self, models: Sequence[ModelInfo]) -> None:
        self._models = models
        self._places: dict[str, int] = {}
        self._patterns: list[int] = []
        for place, model in enumerate(models):
            names = _names_alone(model.match)
            if names is None:
                self._patterns.append(place)
            for name in names or ():
                self._places.setdefault(name.lower(), place)

    def first(self, name: str) -> ModelInfo | None:
        """The first model that matches this name in lower case; None when none does."""
        place = self._places.get(name)
        before = self._patterns if place is None else self._patterns[: bisect_right(self._patterns, place)]
        found = next((pattern for pattern in before if self._models[pattern].is_match(name)), place)
        return None if found is None else self._models[found]


def _names_alone(match: object) -> list[str] | None:
    """The names that this matches; None when it matches more than them."""
    if isinstance(match, ClauseEquals):
        return [match.equals]
    if not isinstance(match, ClauseOr):
        return None
    parts = [_names_alone(part) for part in match.or_]
    return None if None in parts else [name for part in parts for name in part or ()]


class Found(NamedTuple):
    """A model of the list."""

    provider: Provider
    model: ModelInfo


class PriceList:
    """The list as it is now. Where it is refreshed while the process runs, each refresh is a list of its own."""

    _current: ClassVar[Self | None] = None

    def __init__(self, snapshot: data_snapshot.DataSnapshot) -> None:
        self.snapshot = snapshot
        # The list's own names. It would match `my-openai-proxy` to OpenAI too: somebody else's price.
        self._providers = {provider.id: provider for provider in snapshot.providers}
        self._by_name = {provider.id: _ByName(provider.models) for provider in snapshot.providers}
        self.version = PRICE_VERSION
        if snapshot.from_auto_update:
            self.version += f" of {snapshot.timestamp.astimezone(UTC):%Y-%m-%dT%H:%MZ}"
        self._turns = sorted({time(), *_times_of_day(snapshot)})
        # Most calls are of now, and one object that is asked for again is found faster than its equal.
        self._unchanged = (datetime.max.replace(tzinfo=UTC),) * 2
        self.find: Callable[[str, str, datetime], Found | None] = lru_cache(_LOOKED_UP)(self._find)
        self.rates: Callable[[str, str, ServiceTier, datetime], Rates | None] = lru_cache(_LOOKED_UP)(self._rates)

    @classmethod
    def current(cls) -> Self:
        """The list that holds now: the same object until there is a new one."""
        snapshot, current = data_snapshot.get_snapshot(), cls._current
        if current is None or current.snapshot is not snapshot:
            current = cls._current = cls(snapshot)
        return current

    def unchanged_since(self, at: datetime) -> datetime:
        """The last moment up to `at` at which a price may have changed: midnight in UTC, or a later time of that day."""
        since, until = self._unchanged
        if since <= at < until:
            return since
        at = at.astimezone(UTC)
        turn = bisect_right(self._turns, at.time())
        since = datetime.combine(at.date(), self._turns[turn - 1], UTC)
        until = (
            datetime.combine(at.date(), self._turns[turn], UTC)
            if turn < len(self._turns)
            else datetime.combine(at.date(), time.max, UTC)
        )
        self._unchanged = since, until
        return since

    def models(self) -> Iterator[tuple[str, str, Found]]:
        """Each model of the list, by provider and a name that finds it there: its id, or what else it is called."""
        for provider in self.snapshot.providers:
            for model in provider.models:
                names = (model.id, *_called(model))
                name = next((name for name in names if self._named(provider, provider.id, name) is model), None)
                if name is not None:
                    yield provider.id, name, Found(provider, model)

    def _rates(self, provider: str, model: str, tier: ServiceTier, at: datetime) -> Rates | None:
        """The rates of a model at a service tier and a time that `unchanged_since` returned; None when not known.

        (`rates` is the same, and remembers.)
        """
        if is_free(provider, model):
            return FREE
        found = self.find(provider, model, at)
        prices = None if found is None else prices_at(found, tier, at)
        if found is None or prices is None:
            return None
        return listed_rates(found, model, prices, steps_of(prices))

    def _find(self, provider: str, model: str, at: datetime) -> Found | None:
        """The model that the list knows by this name; None when there is none, or it could be several of unlike price."""
        id_ = provider_id(provider)
        listed = self._providers.get(price_list_id(id_) or "")
        if listed is None:
            return None
        found = self._named(listed, id_, model)
        if found is not None:
            return Found(listed, found)
        return _undated(listed, model_name(id_, model), at) if listed.id == _BEDROCK else None

    def _named(self, listed: Provider, id_: str, model: str) -> ModelInfo | None:
        """The model that the list has for a provider, by the provider's id here, under this name."""
        name = model_name(id_, model)
        resource = name.rpartition(_RESOURCE)[2] if listed.id == _GOOGLE else name
        # As it was sent first: the list has two prices for `sonar` and `perplexity/sonar`, which are one name.
        for called in dict.fromkeys((folded(model), name, f"{listed.id}/{name}", f"{id_}/{name}", resource)):
            found = self._matches(listed, called)
            if found is not None and (_is_plain(listed, called) or called in (found.id.lower(), *_called(found))):
                return found
        return None

    def _matches(self, provider: Provider, name: str) -> ModelInfo | None:
        found = self._by_name[provider.id].first(name.lower())
        if found is not None:
            return found
        # By a date written otherwise, or among another provider's models.
        try:
            return self.snapshot.find_provider_model(name, None, provider.id, None)[1]
        except LookupError:
            return None


def price(provider: str, model: str, counts: TokenCounts, tier: ServiceTier, at: datetime) -> Price | None:
    """The list price of one call at that time; None, never 0, when it is not known."""
    prices = PriceList.current()
    rates = prices.rates(provider, model, tier, prices.unchanged_since(at))
    cost = None if rates is None else rates.cost(counts)
    return None if cost is None else Price(cost, prices.version)


def is_free(provider: str, model: str) -> bool:
    """Whether this is one of OpenRouter's free models, which are free by their name, in the list or not."""
    return price_list_id(provider_id(provider)) == _OPENROUTER and folded(model).endswith(_FREE)


def listed_rates(found: Found, model: str, prices: ModelPrice, steps: Sequence[Step]) -> Rates | None:
    """The rates of a model of the list that has these prices and was asked for by this name; None when none is known."""
    if not _stored(prices) and folded(model).endswith(_FREE):
        return FREE
    rates = Rates.of(steps, media=media_of(found, model, prices))
    if rates is None or _EMBEDS.search(found.model.id.lower()) is None:
        return rates
    return rates.without_output()


def prices_at(found: Found, tier: ServiceTier, at: datetime) -> ModelPrice | None:
    """What the list says of a model at a service tier and a time; None where the list has no prices of this tier."""
    if tier is ServiceTier.STANDARD:
        return found.model.get_prices(at)
    if not any(_is_of(variant, tier) for variant in variants_at(found, at)):
        return None
    return found.model.get_prices(at, _CONTEXTS[tier])


def tiers_at(found: Found, at: datetime) -> dict[ServiceTier, ModelPrice]:
    """What the list says of a model at each service tier that it has prices of at that time."""
    prices = {tier: prices_at(found, tier, at) for tier in (ServiceTier if found.model.price_variants else _STANDARD)}
    return {tier: each for tier, each in prices.items() if each is not None}


def variants_at(found: Found, at: datetime) -> Sequence[PriceVariant]:
    """The prices that the list has at that time for other ways to be served."""
    # Of another provider's model the list does not say that this provider has these ways.
    if not any(found.model is model for model in found.provider.models):
        return ()
    variants = found.model.price_variants or ()
    return [variant for variant in variants if variant.constraint is None or variant.constraint.active(at)]


def _is_of(variant: PriceVariant, tier: ServiceTier) -> bool:
    return variant.when.items() <= _CONTEXTS[tier].items()


def steps_of(prices: ModelPrice) -> tuple[Step, ...]:
    """The prices by how much input there is; none where the list's own rules refuse them, or a kind is none of ours."""
    stored = _stored(prices)
    if not _is_accepted(prices) or any(_is_foreign(key) for key in stored):
        return ()
    tiers = [price for price in stored.values() if isinstance(price, TieredPrices)]
    starts = {tier.start for price in tiers for tier in price.tiers}
    ours = {ours: stored[key] for key, ours in _KEYS.items() if key in stored}
    return tuple(
        Step(above, Prices(**{name: _reached(name, price, above) for name, price in ours.items()}))
        for above in sorted({-1, *starts})
    )


def media_of(found: Found, model: str, prices: ModelPrice) -> frozenset[int]:
    """The kinds of sound and pictures that a model takes or makes by its name, or as it is priced by the hour of them."""
    words = {*_WORDS.split(folded(model)), *_WORDS.split(found.model.id.lower())}
    by_the_hour = any(key.endswith("audio_hours") for key in _stored(prices))
    return frozenset().union(
        *(MEDIA_OF_WORDS[word] for word in words & MEDIA_OF_WORDS.keys()), AUDIO_IN if by_the_hour else ()
    )


def _stored(prices: ModelPrice) -> dict[str, ListedPrice]:
    return {key: price for key, price in prices.__dict__.items() if price is not None}


def _is_accepted(prices: ModelPrice) -> bool:
    try:
        prices.calc_price(Usage(input_tokens=1, output_tokens=1))
    except ValueError:
        return False
    return True


def _is_foreign(key: str) -> bool:
    """Whether this is a price of a kind of token that calls do not tell: text for itself, say, or tools."""
    return key.endswith("_mtok") and key not in _KEYS and _OVERLAPS.fullmatch(key) is None


def _reached(name: str, price: ListedPrice, above: int) -> Decimal:
    if isinstance(price, TieredPrices):
        price = next((tier.price for tier in reversed(price.tiers) if tier.start <= above), price.base)
    return price.scaleb(-3) if name == "request_price" else price


def _is_plain(provider: Provider, name: str) -> bool:
    """Whether this is a model's plain name. What others are called, such as `gpt-4o:nitro`, must be listed as it is."""
    return _VARIANT.search(name) is None and not (provider.id == _OPENROUTER and ":" in name)


def _called(model: ModelInfo) -> Iterator[str]:
    clauses = model.match.or_ if isinstance(model.match, ClauseOr) else [model.match]
    return (clause.equals for clause in clauses if isinstance(clause, ClauseEquals))


def _undated(provider: Provider, name: str, at: datetime) -> Found | None:
    """The model that this is a Bedrock name of, without who made it and its date, where all such cost the same."""
    found = [
        Found(provider, model)
        for model in provider.models
        if not model.id.startswith(_EVERYWHERE) and name in _without_date(_REGION.sub("", model.id.lower()))
    ]
    prices = [tiers_at(each, at) for each in found]
    return found[0] if found and all(each == prices[0] for each in prices) else None


def _without_date(id_: str) -> Iterable[str]:
    """What the model of this id may be called: `anthropic.claude-3-5-sonnet`, or without who made it."""
    for called in (id_, id_.partition(".")[2]):
        dated = _DATED.search(called)
        without_version = re.sub(r"(-v\d+)?(:\d+)?$", "", called)
        yield from {called, without_version, called if dated is None else called[: dated.start()]} - {""}


def _times_of_day(snapshot: data_snapshot.DataSnapshot) -> set[time]:
    """When prices begin and end that hold for some hours of each day, in UTC."""
    constraints = [
        priced.constraint
        for provider in snapshot.providers
        for model in provider.models
        for priced in (*(model.prices if isinstance(model.prices, list) else ()), *(model.price_variants or ()))
    ]
    limits = [
        limit if limit.tzinfo is not None else limit.replace(tzinfo=UTC)
        for constraint in constraints
        if isinstance(constraint, TimeOfDateConstraint)
        for limit in (constraint.start_time, constraint.end_time)
    ]
    return {datetime.combine(date(1970, 1, 2), limit).astimezone(UTC).time() for limit in limits}
