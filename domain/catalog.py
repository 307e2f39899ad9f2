"""The models to route to: those of the price list, and those that users register; and what each is likely to cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import lcm
from typing import Annotated, Any, Final, NamedTuple, Self

from genai_prices import Usage
from genai_prices.types import ClauseEquals, ClauseOr, ModelInfo, ModelPrice, Provider, TieredPrices
from pydantic import Field, model_validator

from domain.bounds import Input, Name, Share, TokenPrice, refuse
from domain.error import InvalidInput
from domain.money import MAX_COST
from domain.price import PriceList
from domain.provider import price_list_id, provider_id

MAX_MODELS: Final = 500
MAX_CONTEXT_WINDOW: Final = 1_000_000_000
_LOOKED_UP: Final = 4_096
_STATES_OF_A_LIST: Final = 4
_MAX_NANO_DOLLARS: Final = int(MAX_COST.scaleb(9))
# USD for a million tokens, or a thousand requests, to nano-dollars for one.
_OF_A_MILLION: Final = 1_000
_OF_A_THOUSAND: Final = 1_000_000
_HALF_A_PRICE: Final = "inputPrice and outputPrice must both be known, or neither"

ListedPrice = Decimal | TieredPrices | None


class _Step(NamedTuple):
    """The rates of requests with more input tokens than this, in parts of a nano-dollar; None where not known."""

    above: int
    input: int | None
    output: int | None
    request: int


class Rates(NamedTuple):
    """What tokens cost, as whole numbers: so many parts make a nano-dollar. The highest step comes first."""

    parts: int
    steps: tuple[_Step, ...]

    @classmethod
    def of(cls, in_: ListedPrice, out: ListedPrice, requests: ListedPrice = None) -> Self | None:
        """The rates of these prices: USD for a million tokens, and for a thousand requests. None when there are none."""
        if in_ is None and out is None:
            return None
        starts = {
            tier.start for price in (in_, out, requests) if isinstance(price, TieredPrices) for tier in price.tiers
        }
        exact = [
            (
                above,
                _for_one(in_, above, _OF_A_MILLION),
                _for_one(out, above, _OF_A_MILLION),
                _for_one(requests, above, _OF_A_THOUSAND) or Fraction(0),
            )
            for above in sorted({-1, *starts}, reverse=True)
        ]
        parts = lcm(*(rate.denominator for _, *rates in exact for rate in rates if rate is not None))
        steps = [
            _Step(above, _whole(parts, in_rate), _whole(parts, out_rate), int(request_rate * parts))
            for above, in_rate, out_rate, request_rate in exact
        ]
        return cls(parts, tuple(steps))

    def cost(self, input_tokens: int, output_tokens: int) -> Decimal | None:
        """What a request costs, USD to the nano-dollar; None where a rate is not known, or above the most one may cost."""
        parts, steps = self
        at = 0
        while input_tokens <= steps[at].above:
            at += 1
        _, in_rate, out_rate, amount = steps[at]
        # Where a rate is not known, no tokens still cost nothing.
        if (in_rate is None and input_tokens) or (out_rate is None and output_tokens):
            return None
        amount += (in_rate or 0) * input_tokens + (out_rate or 0) * output_tokens
        if amount > _MAX_NANO_DOLLARS * parts:
            return None
        return Decimal(amount if parts == 1 else _half_even(amount, parts)).scaleb(-9)


def _whole(parts: int, rate: Fraction | None) -> int | None:
    return None if rate is None else int(rate * parts)


def _half_even(amount: int, parts: int) -> int:
    whole, rest = divmod(amount, parts)
    return whole + (2 * rest > parts or (2 * rest == parts and whole % 2 == 1))


def _for_one(price: ListedPrice, above: int, factor: int) -> Fraction | None:
    """Nano-dollars for one token or request, where the input is larger than `above`."""
    if isinstance(price, TieredPrices):
        reached = [tier.price for tier in price.tiers if tier.start <= above]
        price = reached[-1] if reached else price.base
    return None if price is None else Fraction(price) * factor


@dataclass(frozen=True, slots=True)
class CatalogModel:
    """A model of a provider. Prices are USD for a million tokens; where there are tiers, those of the lowest one."""

    id: str
    provider: str
    model: str
    name: str
    # Whether the user registered it; else it is of the price list.
    own: bool
    # Whether it runs on the user's own machines.
    local: bool
    context_window: int | None
    input_price: Decimal | None
    output_price: Decimal | None
    quality_rating: float | None
    deprecated: bool
    created_at: datetime | None = None
    rates: Rates | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.rates is None:
            object.__setattr__(self, "rates", Rates.of(self.input_price, self.output_price))

    def estimate(self, input_tokens: int, output_tokens: int) -> Decimal | None:
        """What a request costs, USD to the nano-dollar; None, never 0, when it is not known.

        The same, for a model of the price list, as `domain.price.price`: more than a request can cost is unknown, too.
        """
        return None if self.rates is None else self.rates.cost(input_tokens, output_tokens)

    @property
    def free(self) -> bool:
        """Whether its tokens are known to cost nothing, however many they are."""
        return self.rates is not None and not any(
            step.input is None or step.output is None or step.input or step.output or step.request
            for step in self.rates.steps
        )

    @property
    def place(self) -> str:
        """Where it stands in the catalogue: one's own models first, then by provider and model."""
        return f"{0 if self.own else 1}\0{provider_id(self.provider)}\0{self.model}"


def listed(provider: str, model: str, at: datetime) -> CatalogModel | None:
    """What the price list knows of this model at that time, under any name the list knows it by; None when nothing.

    Provider and model keep the names that were asked for.
    """
    prices = PriceList.current()
    return _listing(prices).model(provider, model, prices.unchanged_since(at))


def completed(model: CatalogModel, at: datetime) -> CatalogModel:
    """The user's own model, with the list's price and context window where the user named none."""
    if model.rates and model.context_window:
        return model
    known = listed(model.provider, model.model, at)
    if known is None:
        return model
    if model.context_window is None:
        model = replace(model, context_window=known.context_window)
    if model.rates is None:
        model = replace(model, input_price=known.input_price, output_price=known.output_price, rates=known.rates)
    return model


def all_listed(at: datetime) -> Sequence[CatalogModel]:
    """Every model whose text tokens the price list prices at that time, in and out, by provider and model."""
    prices = PriceList.current()
    return _listing(prices).models(prices.unchanged_since(at))


@lru_cache(maxsize=1)
def _listing(prices: PriceList) -> _Listing:
    return _Listing(prices)


class _Listing:
    """What was looked up in one price list. Its prices do not change between the moments that it is asked for."""

    def __init__(self, prices: PriceList) -> None:
        self._prices = prices
        self._names = sorted(_names(prices), key=lambda found: found[:2])
        self._known: dict[tuple[str, str, int], CatalogModel] = {}
        self.model: Callable[[str, str, datetime], CatalogModel | None] = lru_cache(_LOOKED_UP)(self._model)
        self.models: Callable[[datetime], Sequence[CatalogModel]] = lru_cache(_STATES_OF_A_LIST)(self._models)

    def _model(self, provider: str, model: str, at: datetime) -> CatalogModel | None:
        listed_provider = price_list_id(provider_id(provider))
        if listed_provider not in self._prices.providers:
            return None
        try:
            _, found = self._prices.snapshot.find_provider_model(model, None, listed_provider, None)
        except LookupError:
            return None
        return _catalog_model(provider, model, found, found.get_prices(at))

    def _models(self, at: datetime) -> Sequence[CatalogModel]:
        found = [self._made(provider, model, info, info.get_prices(at)) for provider, model, info in self._names]
        return tuple(model for model in found if model.input_price is not None and model.output_price is not None)

    def _made(self, provider: str, model: str, info: ModelInfo, prices: ModelPrice) -> CatalogModel:
        # Most prices are the same all day. The list holds on to each: no two of them have one id.
        key = provider, model, id(prices)
        made = self._known.get(key)
        if made is None:
            made = self._known[key] = _catalog_model(provider, model, info, prices)
        return made


def _names(prices: PriceList) -> Iterator[tuple[str, str, ModelInfo]]:
    """Each model of the list, under a name that finds it there: its id, or what else it is called."""
    for provider in prices.snapshot.providers:
        for model in provider.models:
            name = next((name for name in (model.id, *_called(model)) if _finds(prices, provider, name, model)), None)
            if name is not None:
                yield provider.id, name, model


def _called(model: ModelInfo) -> Iterator[str]:
    clauses = model.match.or_ if isinstance(model.match, ClauseOr) else [model.match]
    return (clause.equals for clause in clauses if isinstance(clause, ClauseEquals))


def _finds(prices: PriceList, provider: Provider, name: str, model: ModelInfo) -> bool:
    try:
        return prices.snapshot.find_provider_model(name, None, provider.id, None)[1] is model
    except LookupError:
        return False


def _catalog_model(provider: str, model: str, found: ModelInfo, prices: ModelPrice) -> CatalogModel:
    usable = _is_usable(prices)
    input_price, output_price = (prices.input_mtok, prices.output_mtok) if usable else (None, None)
    return CatalogModel(
        id=f"{provider}:{model}",
        provider=provider,
        model=model,
        name=found.name or model,
        own=False,
        local=False,
        context_window=found.context_window,
        input_price=_lowest(input_price),
        output_price=_lowest(output_price),
        quality_rating=None,
        deprecated=bool(found.deprecated),
        rates=Rates.of(input_price, output_price, prices.requests_kcount),
    )


def _is_usable(prices: ModelPrice) -> bool:
    """Whether the list's own rules accept these prices."""
    try:
        prices.calc_price(Usage(input_tokens=1, output_tokens=1))
    except ValueError:
        return False
    return True


def _lowest(price: ListedPrice) -> Decimal | None:
    return price.base if isinstance(price, TieredPrices) else price


ContextWindow = Annotated[int, Field(ge=1, le=MAX_CONTEXT_WINDOW)]


class RegisterModel(Input):
    provider: Name
    model: Name
    name: Name | None = None
    input_price: TokenPrice | None = None
    output_price: TokenPrice | None = None
    local: bool = False
    context_window: ContextWindow | None = None
    quality_rating: Share | None = None

    @model_validator(mode="after")
    def _prices_agree(self) -> Self:
        if (self.input_price is None) != (self.output_price is None):
            refuse(_HALF_A_PRICE)
        return self


class UpdateModel(Input):
    """Changes to a registered model. A field that was not given stays as it is; null clears it, but for `local`."""

    name: Name | None = None
    input_price: TokenPrice | None = None
    output_price: TokenPrice | None = None
    local: bool = False
    context_window: ContextWindow | None = None
    quality_rating: Share | None = None

    def changes(self) -> dict[str, Any]:
        """What was given, by field."""
        return {name: getattr(self, name) for name in self.model_fields_set}


def check_prices(input_price: Decimal | None, output_price: Decimal | None) -> None:
    """Raises InvalidInput when one price is known and the other is not."""
    if (input_price is None) != (output_price is None):
        raise InvalidInput(_HALF_A_PRICE, ["input"])
