"""The model catalogue: models of the price list and registered models, with their prices and cost estimates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Final, NamedTuple, Self

from pydantic import AfterValidator, Field, model_validator

from domain.bounds import Cost, Input, Name, Share, TokenPrice, Tokens, reject
from domain.money import MAX_COST, ZERO
from domain.price import FREE, OWN_PRICES, Price, Prices, Rates, ServiceTier, Step, TokenCounts
from domain.price_list import (
    Found,
    PriceList,
    is_free,
    listed_rates,
    media_of,
    steps_of,
    tiers_at,
    variants_at,
)
from domain.provider import model_name, provider_id

MAX_MODELS: Final = 500
"""The most registered models of one user."""
MAX_TIERS: Final = 20
MAX_CONTEXT_WINDOW: Final = 1_000_000_000
_LOOKED_UP: Final = 4_096
_STATES_OF_A_LIST: Final = 4
_NO_COST: Final = Prices(ZERO, ZERO)

RatesByTier = Mapping[ServiceTier, Rates]


class PriceTier(NamedTuple):
    """The prices of calls at a service tier with more than `above_input_tokens`. None inherits the price of a lower tier."""

    service_tier: ServiceTier
    above_input_tokens: int
    prices: Prices


class OwnPrices(NamedTuple):
    """The prices that a user registered for a model. A price that is None is taken from the price list."""

    prices: Prices = Prices()
    tiers: tuple[PriceTier, ...] = ()

    def __bool__(self) -> bool:
        return any(
            price is not None for prices in (self.prices, *(each.prices for each in self.tiers)) for price in prices
        )


@dataclass(frozen=True, slots=True)
class CatalogModel:
    """A model of a provider. `prices` are those of the lowest step of the STANDARD service tier, USD."""

    id: str
    provider: str
    model: str
    name: str
    # Whether the user registered the model; else it is from the price list.
    own: bool
    # Whether the model runs on machines of the user.
    local: bool
    context_window: int | None
    prices: Prices
    quality_rating: float | None
    deprecated: bool
    tiers: tuple[PriceTier, ...] = ()
    created_at: datetime | None = None
    rates: RatesByTier = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.rates:
            object.__setattr__(self, "rates", _unlisted(OwnPrices(self.prices, self.tiers)))

    def estimate(
        self, input_tokens: int, max_output_tokens: int, tier: ServiceTier = ServiceTier.STANDARD
    ) -> Decimal | None:
        """The highest cost of a request in USD, to the nano-dollar; None when it is unknown or above `MAX_COST`.

        It equals the price of a call with these counts and no others. When that price depends on other kinds of tokens,
        such as images, every token has the highest rate of these kinds, so that a hold of this amount is sufficient.
        """
        rates = self.rates.get(tier)
        return None if rates is None else rates.estimate(input_tokens, max_output_tokens)

    def is_free(self, tier: ServiceTier = ServiceTier.STANDARD) -> bool:
        """Whether the price of every token is known to be 0."""
        rates = self.rates.get(tier)
        return rates is not None and rates.free

    @property
    def sort_key(self) -> str:
        """The sort key in the catalogue: registered models first, then by provider and model."""
        return f"{0 if self.own else 1}\0{provider_id(self.provider)}\0{self.model}"


def listed(provider: str, model: str, at: datetime) -> CatalogModel | None:
    """The model of the price list with this name at the time `at`; None when there is none.

    The result has the names `provider` and `model` as they were given.
    """
    prices = PriceList.current()
    return _listing(prices).model(provider, model, prices.unchanged_since(at))


def unlisted(provider: str, model: str) -> CatalogModel:
    """A model of which nothing but its name is known."""
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


def completed(model: CatalogModel, at: datetime) -> CatalogModel:
    """The registered model. Missing prices and a missing context window are taken from the price list."""
    prices = PriceList.current()
    since = prices.unchanged_since(at)
    known = _listing(prices).model(model.provider, model.model, since)
    if known is None:
        return model
    own = OwnPrices(model.prices, model.tiers)
    rates = _listing(prices).own(model.provider, model.model, own, since) if own else known.rates
    both = Prices(*(known_ if own_ is None else own_ for own_, known_ in zip(model.prices, known.prices, strict=True)))
    return replace(model, prices=both, rates=rates, context_window=model.context_window or known.context_window)


def own_price(
    provider: str, model: str, own: OwnPrices, counts: TokenCounts, tier: ServiceTier, at: datetime
) -> Price | None:
    """The price of one call to a model registered with these prices; None when it is unknown.

    Missing prices are taken from the price list. With registered prices, a cost above `MAX_COST` is `MAX_COST`.
    """
    prices = PriceList.current()
    rates = _listing(prices).own(provider, model, own, prices.unchanged_since(at)).get(tier)
    cost = None if rates is None else rates.cost(counts, beyond=MAX_COST)
    if rates is None or cost is None:
        return None
    is_own, is_listed = rates.sources(counts)
    if not is_own:
        cost = rates.cost(counts)
        return None if cost is None else Price(cost, prices.version)
    return Price(cost, f"{OWN_PRICES}, {prices.version}" if is_listed else OWN_PRICES)


def all_listed(at: datetime) -> Sequence[CatalogModel]:
    """Every model of the price list with a price for input and output tokens at the time `at`, by provider and model."""
    prices = PriceList.current()
    return _listing(prices).models(prices.unchanged_since(at))


def all_current(at: datetime) -> Mapping[tuple[str, str], CatalogModel]:
    """The models of `all_listed` that are not deprecated, by provider and `model_name`."""
    prices = PriceList.current()
    return _listing(prices).current(prices.unchanged_since(at))


@lru_cache(maxsize=1)
def _listing(prices: PriceList) -> _Listing:
    return _Listing(prices)


class _Listing:
    """A cache of lookups in one price list. Callers pass times of `unchanged_since`, between which no price changes."""

    def __init__(self, prices: PriceList) -> None:
        self._prices = prices
        self._names = sorted(prices.models(), key=lambda found: found[:2])
        self._known: dict[tuple[str, str, int, tuple[int, ...]], CatalogModel] = {}
        self.model: Callable[[str, str, datetime], CatalogModel | None] = lru_cache(_LOOKED_UP)(self._model)
        self.models: Callable[[datetime], Sequence[CatalogModel]] = lru_cache(_STATES_OF_A_LIST)(self._models)
        self.current: Callable[[datetime], Mapping[tuple[str, str], CatalogModel]] = lru_cache(_STATES_OF_A_LIST)(
            self._current
        )
        self.own: Callable[[str, str, OwnPrices, datetime], RatesByTier] = lru_cache(_LOOKED_UP)(self._own)

    def _model(self, provider: str, model: str, at: datetime) -> CatalogModel | None:
        found = self._prices.find(provider, model, at)
        if found is not None:
            return _catalog_model(provider, model, found, at)
        return _free_model(provider, model) if is_free(provider, model) else None

    def _models(self, at: datetime) -> Sequence[CatalogModel]:
        found = [self._cached(provider, model, found, at) for provider, model, found in self._names]
        return tuple(
            model
            for model in found
            if model.prices.input_price is not None
            and model.prices.output_price is not None
            and model.rates.get(ServiceTier.STANDARD) is not FREE
        )

    def _current(self, at: datetime) -> Mapping[tuple[str, str], CatalogModel]:
        models = [model for model in self.models(at) if not model.deprecated]
        return {(model.provider, model_name(model.provider, model.model)): model for model in models}

    def _cached(self, provider: str, model: str, found: Found, at: datetime) -> CatalogModel:
        # Most prices are the same all day. The price list keeps every price object, so that their ids are unique.
        key = provider, model, id(found.model.get_prices(at)), tuple(map(id, variants_at(found, at)))
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = _catalog_model(provider, model, found, at)
        return known

    def _own(self, provider: str, model: str, own: OwnPrices, at: datetime) -> RatesByTier:
        found = self._prices.find(provider, model, at)
        if found is None:
            return _unlisted(own)
        tiers = tiers_at(found, at)
        media = media_of(found, model, tiers[ServiceTier.STANDARD])
        return _rates_by_tier(own, {tier: steps_of(prices) for tier, prices in tiers.items()}, media)


def _catalog_model(provider: str, model: str, found: Found, at: datetime) -> CatalogModel:
    info, rows = found.model, []
    rates: dict[ServiceTier, Rates | None] = {}
    for tier, prices in tiers_at(found, at).items():
        steps = steps_of(prices)
        rates[tier] = listed_rates(found, model, prices, steps)
        rows += [PriceTier(tier, max(step.above, 0), step.prices) for step in steps]
    if is_free(provider, model):
        rates = dict.fromkeys(ServiceTier, FREE)
    base = rows.pop(0).prices if rows and rows[0].service_tier is ServiceTier.STANDARD else Prices()
    return CatalogModel(
        id=f"{provider}:{model}",
        provider=provider,
        model=model,
        name=info.name or model,
        own=False,
        local=False,
        context_window=info.context_window,
        prices=_NO_COST if rates[ServiceTier.STANDARD] is FREE else base,
        quality_rating=None,
        deprecated=bool(info.deprecated),
        tiers=tuple(rows),
        rates={tier: each for tier, each in rates.items() if each is not None},
    )


def _free_model(provider: str, model: str) -> CatalogModel:
    """A model that is free according to its name and not in the price list."""
    return replace(unlisted(provider, model), prices=_NO_COST, rates=dict.fromkeys(ServiceTier, FREE))


def _rates_by_tier(
    own: OwnPrices, listed_steps: Mapping[ServiceTier, tuple[Step, ...]], media: frozenset[int]
) -> RatesByTier:
    """The rates at each service tier: registered prices, and prices of the list where the user registered none."""
    rates: dict[ServiceTier, Rates] = {}
    for tier in ServiceTier:
        rows = {each.above_input_tokens or -1: each.prices for each in own.tiers if each.service_tier is tier}
        if tier is ServiceTier.STANDARD:
            rows[-1] = own.prices
        steps = _merged({above: _free_whole(prices) for above, prices in rows.items()}, listed_steps.get(tier, ()))
        # A registered input price of a model with audio or images, without a price for these, applies to all input tokens.
        is_priced = any(step.prices[kind] is not None for step in steps for kind in media)
        for_media = media if is_priced or not any(0 in step.own for step in steps) else frozenset()
        tier_rates = Rates.of(steps, media=for_media, whole=bool(listed_steps))
        if tier_rates is not None:
            rates[tier] = tier_rates
    return rates


@lru_cache(_LOOKED_UP)
def _unlisted(own: OwnPrices) -> RatesByTier:
    return _rates_by_tier(own, {}, frozenset())


def _free_whole(prices: Prices) -> Prices:
    """The prices. If both input and output have the price 0, missing prices of their parts become 0."""
    if prices.input_price is None or prices.output_price is None or prices.input_price or prices.output_price:
        return prices
    return Prices(*(ZERO if price is None else price for price in prices))


def _merged(rows: Mapping[int, Prices], listed_steps: Sequence[Step]) -> list[Step]:
    """The registered prices by number of input tokens. Each missing price is taken from the list."""
    known = {step.above: step.prices for step in listed_steps}
    steps = []
    for above in {-1, *rows, *known}:
        own, others = _reached(rows, above), _reached(known, above)
        steps.append(
            Step(
                above,
                Prices(*(other if mine is None else mine for mine, other in zip(own, others, strict=True))),
                frozenset(kind for kind, price in enumerate(own) if price is not None),
            )
        )
    return steps


def _reached(rows: Mapping[int, Prices], above: int) -> Prices:
    """The price of each kind at the step `above`: that of the highest step up to it that has one."""
    reached = [rows[start] for start in sorted(rows, reverse=True) if start <= above]
    return Prices(*map(_first, zip(*reached, strict=True))) if reached else Prices()


def _first(prices: Iterable[Decimal | None]) -> Decimal | None:
    return next((price for price in prices if price is not None), None)


ContextWindow = Annotated[int, Field(ge=1, le=MAX_CONTEXT_WINDOW)]


class _PriceInput(Input):
    input_price: TokenPrice | None = None
    output_price: TokenPrice | None = None
    cached_price: TokenPrice | None = None
    cache_write_price: TokenPrice | None = None
    cache_write_1h_price: TokenPrice | None = None
    input_audio_price: TokenPrice | None = None
    cached_audio_price: TokenPrice | None = None
    input_image_price: TokenPrice | None = None
    cached_image_price: TokenPrice | None = None
    input_video_price: TokenPrice | None = None
    reasoning_price: TokenPrice | None = None
    citation_price: TokenPrice | None = None
    output_audio_price: TokenPrice | None = None
    output_image_price: TokenPrice | None = None
    output_video_price: TokenPrice | None = None
    request_price: Cost | None = None

    @property
    def prices(self) -> Prices:
        return Prices(*(getattr(self, name) for name in Prices._fields))


class TierInput(_PriceInput):
    """Prices of a service tier, of large requests, or of both."""

    service_tier: ServiceTier = ServiceTier.STANDARD
    above_input_tokens: Tokens = 0

    @model_validator(mode="before")
    @classmethod
    def _nulls_are_left_out(cls, sent: Any) -> Any:
        return {name: value for name, value in sent.items() if value is not None} if isinstance(sent, Mapping) else sent

    @model_validator(mode="after")
    def _is_a_tier(self) -> Self:
        if self.service_tier is ServiceTier.STANDARD and not self.above_input_tokens:
            reject(
                "a tier must have aboveInputTokens or a serviceTier other than STANDARD; set other prices on the model itself"
            )
        return self

    @property
    def tier(self) -> PriceTier:
        return PriceTier(self.service_tier, self.above_input_tokens, self.prices)


def _without_repeats(tiers: list[TierInput]) -> list[TierInput]:
    if len({each.tier[:2] for each in tiers}) < len(tiers):
        reject("must contain each combination of serviceTier and aboveInputTokens once")
    return tiers


Tiers = Annotated[list[TierInput], Field(max_length=MAX_TIERS), AfterValidator(_without_repeats)]


class RegisterModel(_PriceInput):
    provider: Name
    model: Name
    name: Name | None = None
    tiers: Tiers = []
    local: bool = False
    context_window: ContextWindow | None = None
    quality_rating: Share | None = None

    @property
    def own_prices(self) -> OwnPrices:
        """The prices that are to be registered."""
        return OwnPrices(self.prices, tuple(each.tier for each in self.tiers))


class UpdateModel(_PriceInput):
    """Changes to a registered model. A field that is not given stays unchanged; null clears it, except `local`."""

    name: Name | None = None
    tiers: Tiers | None = None
    local: bool = False
    context_window: ContextWindow | None = None
    quality_rating: Share | None = None

    def changes(self) -> dict[str, Any]:
        """The given fields by name, without prices and tiers."""
        return {name: getattr(self, name) for name in self.model_fields_set - {"tiers", *Prices._fields}}

    def repriced(self, own: OwnPrices) -> OwnPrices:
        """The registered prices after the changes."""
        given = self.model_fields_set
        return OwnPrices(
            own.prices._replace(**{name: getattr(self, name) for name in given & {*Prices._fields}}),
            tuple(each.tier for each in self.tiers or ()) if "tiers" in given else own.tiers,
        )
