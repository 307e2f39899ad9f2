"""The price list (genai-prices): the prices of a model at a time, found by any of the model's names."""

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
# The prefix of model names in Google's APIs: `models/`, or `publishers/google/models/`.
_RESOURCE: Final = "models/"
_OPENROUTER: Final = "openrouter"
_FREE: Final = ":free"
# Suffixes of model names at OpenRouter and similar providers. Such variants have other prices than the plain model.
_VARIANT: Final = re.compile(r":(batch|beta|exacto|extended|floor|free|nitro|online|thinking)$")
# Prefixes and suffixes of model names at Bedrock: `us.`, and `-20240620-v1:0`.
_EVERYWHERE: Final = "global."
_REGION: Final = re.compile(r"^(regional|apac|[a-z]{2}|us-gov)\.(?=[^.]+\.)")
_DATED: Final = re.compile(r"(-20\d{6})?(-v\d+(:\d+)?)?$")
_WORDS: Final = re.compile(r"[\W_]+")
# Models that return vectors or scores. Their output tokens need not be reported, even if the price list has a price for them.
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
    "cache_write_5m_mtok": "cache_write_price",  # overrides the entry above
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
# Prices of overlapping kinds whose overlap calls do not report. The cost is unknown anyway when both are counted.
_OVERLAPS: Final = re.compile(r"cache_((audio|image|video)_write(_5m|_1h)?|video_read)_mtok")

ListedPrice = Decimal | TieredPrices


class _ByName:
    """The models of a provider by name. As in genai-prices, the first model that matches a name is the result.

    Most models match a set of exact names, which is a dictionary here. genai-prices itself tries every model for each
    lookup, which took a second for all models.
    """

    def __init__(self, models: Sequence[ModelInfo]) -> None:
        self._models = models
        self._index_of: dict[str, int] = {}
        self._patterns: list[int] = []
        for index, model in enumerate(models):
            names = _exact_names(model.match)
            if names is None:
                self._patterns.append(index)
            for name in names or ():
                self._index_of.setdefault(name.lower(), index)

    def first(self, name: str) -> ModelInfo | None:
        """The first model that matches this lower-case name; None when no model matches."""
        index = self._index_of.get(name)
        before = self._patterns if index is None else self._patterns[: bisect_right(self._patterns, index)]
        found = next((pattern for pattern in before if self._models[pattern].is_match(name)), index)
        return None if found is None else self._models[found]


def _exact_names(match: object) -> list[str] | None:
    """The names that a clause matches; None when it matches other names too."""
    if isinstance(match, ClauseEquals):
        return [match.equals]
    if not isinstance(match, ClauseOr):
        return None
    parts = [_exact_names(part) for part in match.or_]
    return None if None in parts else [name for part in parts for name in part or ()]


class Found(NamedTuple):
    """A model of the price list, and its provider there."""

    provider: Provider
    model: ModelInfo


class PriceList:
    """One state of the price list. A refresh while the process runs creates a new instance."""

    _current: ClassVar[Self | None] = None

    def __init__(self, snapshot: data_snapshot.DataSnapshot) -> None:
        self.snapshot = snapshot
        # Providers are found by id. The matching of genai-prices would give `my-openai-proxy` the prices of OpenAI.
        self._providers = {provider.id: provider for provider in snapshot.providers}
        self._by_name = {provider.id: _ByName(provider.models) for provider in snapshot.providers}
        self.version = PRICE_VERSION
        if snapshot.from_auto_update:
            self.version += f" of {snapshot.timestamp.astimezone(UTC):%Y-%m-%dT%H:%MZ}"
        self._change_times = sorted({time(), *_times_of_day(snapshot)})
        # Most calls occur now. A cached datetime object is found in caches faster than an equal one.
        self._unchanged = (datetime.max.replace(tzinfo=UTC),) * 2
        self.find: Callable[[str, str, datetime], Found | None] = lru_cache(_LOOKED_UP)(self._find)
        self.rates: Callable[[str, str, ServiceTier, datetime], Rates | None] = lru_cache(_LOOKED_UP)(self._rates)

    @classmethod
    def current(cls) -> Self:
        """The current price list. The object stays the same until a refresh."""
        snapshot, current = data_snapshot.get_snapshot(), cls._current
        if current is None or current.snapshot is not snapshot:
            current = cls._current = cls(snapshot)
        return current

    def unchanged_since(self, at: datetime) -> datetime:
        """The last time not after `at` at which a price may have changed: 00:00 UTC or a later time of that day."""
        since, until = self._unchanged
        if since <= at < until:
            return since
        at = at.astimezone(UTC)
        following = bisect_right(self._change_times, at.time())
        since = datetime.combine(at.date(), self._change_times[following - 1], UTC)
        until = (
            datetime.combine(at.date(), self._change_times[following], UTC)
            if following < len(self._change_times)
            else datetime.combine(at.date(), time.max, UTC)
        )
        self._unchanged = since, until
        return since

    def models(self) -> Iterator[tuple[str, str, Found]]:
        """Every model that can be found by a name: (provider id, name, model). The name is its id or another exact name."""
        for provider in self.snapshot.providers:
            for model in provider.models:
                names = (model.id, *_called(model))
                name = next((name for name in names if self._named(provider, provider.id, name) is model), None)
                if name is not None:
                    yield provider.id, name, Found(provider, model)

    def _rates(self, provider: str, model: str, tier: ServiceTier, at: datetime) -> Rates | None:
        """The rates of a model at a service tier and a time that `unchanged_since` returned; None when unknown.

        `rates` is this method with a cache.
        """
        if is_free(provider, model):
            return FREE
        found = self.find(provider, model, at)
        prices = None if found is None else prices_at(found, tier, at)
        if found is None or prices is None:
            return None
        return listed_rates(found, model, prices, steps_of(prices))

    def _find(self, provider: str, model: str, at: datetime) -> Found | None:
        """The model with this name; None when there is none, or when several with different prices match."""
        id_ = provider_id(provider)
        listed = self._providers.get(price_list_id(id_) or "")
        if listed is None:
            return None
        found = self._named(listed, id_, model)
        if found is not None:
            return Found(listed, found)
        return _undated(listed, model_name(id_, model), at) if listed.id == _BEDROCK else None

    def _named(self, listed: Provider, id_: str, model: str) -> ModelInfo | None:
        """The model of a listed provider with this name; None when there is none. `id_` is the provider id of `provider_id`."""
        name = model_name(id_, model)
        resource = name.rpartition(_RESOURCE)[2] if listed.id == _GOOGLE else name
        # The name as it was sent comes first: `sonar` and `perplexity/sonar` have the same model name but different prices.
        for called in dict.fromkeys((folded(model), name, f"{listed.id}/{name}", f"{id_}/{name}", resource)):
            found = self._matches(listed, called)
            if found is not None and (_is_plain(listed, called) or called in (found.id.lower(), *_called(found))):
                return found
        return None

    def _matches(self, provider: Provider, name: str) -> ModelInfo | None:
        found = self._by_name[provider.id].first(name.lower())
        if found is not None:
            return found
        # genai-prices also finds dates in another format, and models of another provider.
        try:
            return self.snapshot.find_provider_model(name, None, provider.id, None)[1]
        except LookupError:
            return None


def price(provider: str, model: str, counts: TokenCounts, tier: ServiceTier, at: datetime) -> Price | None:
    """The list price of one call at the time `at`; None when it is unknown."""
    prices = PriceList.current()
    rates = prices.rates(provider, model, tier, prices.unchanged_since(at))
    cost = None if rates is None else rates.cost(counts)
    return None if cost is None else Price(cost, prices.version)


def is_free(provider: str, model: str) -> bool:
    """Whether this is a free model of OpenRouter. The name ends in `:free`; the price list need not have it."""
    return price_list_id(provider_id(provider)) == _OPENROUTER and folded(model).endswith(_FREE)


def listed_rates(found: Found, model: str, prices: ModelPrice, steps: Sequence[Step]) -> Rates | None:
    """The rates of a listed model with these prices; None when unknown. `model` is the name that it was looked up by."""
    if not _stored(prices) and folded(model).endswith(_FREE):
        return FREE
    rates = Rates.of(steps, media=media_of(found, model, prices))
    if rates is None or _EMBEDS.search(found.model.id.lower()) is None:
        return rates
    return rates.without_output()


def prices_at(found: Found, tier: ServiceTier, at: datetime) -> ModelPrice | None:
    """The listed prices of a model at a service tier and a time; None when the list has no prices of this tier."""
    if tier is ServiceTier.STANDARD:
        return found.model.get_prices(at)
    if not any(_is_of(variant, tier) for variant in variants_at(found, at)):
        return None
    return found.model.get_prices(at, _CONTEXTS[tier])


def tiers_at(found: Found, at: datetime) -> dict[ServiceTier, ModelPrice]:
    """The listed prices of a model at the time `at`, by service tier."""
    prices = {tier: prices_at(found, tier, at) for tier in (ServiceTier if found.model.price_variants else _STANDARD)}
    return {tier: each for tier, each in prices.items() if each is not None}


def variants_at(found: Found, at: datetime) -> Sequence[PriceVariant]:
    """The price variants of a model that are active at the time `at`, such as batch processing."""
    # A model that was found at another provider: its variants may not exist at this provider.
    if not any(found.model is model for model in found.provider.models):
        return ()
    variants = found.model.price_variants or ()
    return [variant for variant in variants if variant.constraint is None or variant.constraint.active(at)]


def _is_of(variant: PriceVariant, tier: ServiceTier) -> bool:
    return variant.when.items() <= _CONTEXTS[tier].items()


def steps_of(prices: ModelPrice) -> tuple[Step, ...]:
    """The prices by number of input tokens; empty when genai-prices rejects them or calls do not report a kind of token."""
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
    """The kinds of audio, image and video tokens of a model, according to its name or a price per hour of audio."""
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
    """Whether this is the price of a kind of token that calls do not report, such as text only or tools."""
    return key.endswith("_mtok") and key not in _KEYS and _OVERLAPS.fullmatch(key) is None


def _reached(name: str, price: ListedPrice, above: int) -> Decimal:
    if isinstance(price, TieredPrices):
        price = next((tier.price for tier in reversed(price.tiers) if tier.start <= above), price.base)
    return price.scaleb(-3) if name == "request_price" else price


def _is_plain(provider: Provider, name: str) -> bool:
    """Whether the name has no variant suffix. A name such as `gpt-4o:nitro` must be in the price list exactly."""
    return _VARIANT.search(name) is None and not (provider.id == _OPENROUTER and ":" in name)


def _called(model: ModelInfo) -> Iterator[str]:
    clauses = model.match.or_ if isinstance(model.match, ClauseOr) else [model.match]
    return (clause.equals for clause in clauses if isinstance(clause, ClauseEquals))


def _undated(provider: Provider, name: str, at: datetime) -> Found | None:
    """The Bedrock model with this name without vendor, region or date; None unless all matching models cost the same."""
    found = [
        Found(provider, model)
        for model in provider.models
        if not model.id.startswith(_EVERYWHERE) and name in _without_date(_REGION.sub("", model.id.lower()))
    ]
    prices = [tiers_at(each, at) for each in found]
    return found[0] if found and all(each == prices[0] for each in prices) else None


def _without_date(id_: str) -> Iterable[str]:
    """The shorter names of a Bedrock model id: without date and version, with and without the vendor."""
    for called in (id_, id_.partition(".")[2]):
        dated = _DATED.search(called)
        without_version = re.sub(r"(-v\d+)?(:\d+)?$", "", called)
        yield from {called, without_version, called if dated is None else called[: dated.start()]} - {""}


def _times_of_day(snapshot: data_snapshot.DataSnapshot) -> set[time]:
    """The times of day (UTC) at which prices for certain hours of the day start and end."""
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
