"""Prices per kind of token, and the computation of a cost from token counts and prices.

The computation is exact: rates are integers, and a cost is rounded to the nano-dollar once, at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import lcm
from operator import mul
from typing import Final, NamedTuple, Self

from domain.money import MAX_COST, NANO_DOLLAR, ZERO

OWN_PRICES: Final = "registered"
"""The price version of costs that were computed with the prices of a registered model."""

# Factors to nano-dollars from USD per million tokens, and from USD per request.
_NANO_DOLLARS_A_TOKEN: Final = 1_000
_NANO_DOLLARS_A_REQUEST: Final = 1_000_000_000
_MAX_NANO_DOLLARS: Final = int(MAX_COST.scaleb(9))
# An unknown rate. It exceeds every sum of known rates, so one comparison at the end finds it, twice as fast as tests for None.
_UNKNOWN: Final = 1 << 400


class ServiceTier(StrEnum):
    """The service tier of a request at a provider. Each tier has its own prices."""

    STANDARD = "STANDARD"
    BATCH = "BATCH"
    FLEX = "FLEX"
    PRIORITY = "PRIORITY"


class CostSource(StrEnum):
    """The source of the cost of a call."""

    RECORDED = "RECORDED"
    LIST_PRICE = "LIST_PRICE"
    REGISTERED_PRICE = "REGISTERED_PRICE"
    UNKNOWN = "UNKNOWN"


def cost_source(cost: Decimal | None, price_version: str | None) -> CostSource:
    """The source of a cost with this price version. A cost without a version was reported with the call."""
    if cost is None:
        return CostSource.UNKNOWN
    if price_version is None:
        return CostSource.RECORDED
    return CostSource.REGISTERED_PRICE if price_version.startswith(OWN_PRICES) else CostSource.LIST_PRICE


class Price(NamedTuple):
    """The cost of one call, and the prices that it was computed from."""

    amount: Decimal
    """USD, to the nano-dollar."""
    version: str
    """The version of the prices: a price list, registered prices, or both."""


class TokenCounts(NamedTuple):
    """The tokens of one call, by kind; None for a count that was not reported.

    The first two are totals, the others are parts of them. Kinds overlap: cached audio is both cached and audio.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    input_audio_tokens: int | None = None
    cached_audio_tokens: int | None = None
    input_image_tokens: int | None = None
    cached_image_tokens: int | None = None
    input_video_tokens: int | None = None
    reasoning_tokens: int | None = None
    citation_tokens: int | None = None
    output_audio_tokens: int | None = None
    output_image_tokens: int | None = None
    output_video_tokens: int | None = None


class Prices(NamedTuple):
    """Prices in USD per million tokens of each kind, in the order of `TokenCounts`, and per request; None when unknown.

    `cache_write_price` is for a cache lifetime of 5 minutes.
    """

    input_price: Decimal | None = None
    output_price: Decimal | None = None
    cached_price: Decimal | None = None
    cache_write_price: Decimal | None = None
    cache_write_1h_price: Decimal | None = None
    input_audio_price: Decimal | None = None
    cached_audio_price: Decimal | None = None
    input_image_price: Decimal | None = None
    cached_image_price: Decimal | None = None
    input_video_price: Decimal | None = None
    reasoning_price: Decimal | None = None
    citation_price: Decimal | None = None
    output_audio_price: Decimal | None = None
    output_image_price: Decimal | None = None
    output_video_price: Decimal | None = None
    request_price: Decimal | None = None


_INPUT, _OUTPUT = range(2)
_REQUEST: Final = len(TokenCounts._fields)
_INPUT_MEDIA: Final = tuple(
    map(TokenCounts._fields.index, ("input_audio_tokens", "input_image_tokens", "input_video_tokens"))
)
_OUTPUT_MEDIA: Final = tuple(
    map(TokenCounts._fields.index, ("output_audio_tokens", "output_image_tokens", "output_video_tokens"))
)
_REASONING: Final = tuple(map(TokenCounts._fields.index, ("reasoning_tokens", "citation_tokens")))
_AUDIO_IN: Final = _INPUT_MEDIA[0]


class Step(NamedTuple):
    """The prices of calls with more than `above` input tokens. The lowest step has `above` -1."""

    above: int
    prices: Prices
    own: frozenset[int] = frozenset()
    """The prices that the user registered, as indexes of `Prices`."""


class _StepRates(NamedTuple):
    """The rates of a step, in fractions of a nano-dollar: 1 / `Rates.parts`."""

    above: int
    of_kind: tuple[int, ...]
    """The rate per token, in the order of `TokenCounts`; `_UNKNOWN` for an unknown rate."""
    request: int
    dearest_input: int | None
    """The highest rate of an input token whose kind is not reported."""
    dearest_output: int | None
    """The highest rate of an output token whose kind is not reported."""
    own: frozenset[int]


class Rates(NamedTuple):
    """The prices of one model at one service tier, as integers in units of 1 / `parts` nano-dollars."""

    parts: int
    steps: tuple[_StepRates, ...]
    """The steps, the highest first."""
    needs: frozenset[int]
    """The counts without which the cost is unknown, as indexes of `TokenCounts`."""
    reasoning_priced: bool
    """Whether reasoning or citations have their own price; else they have the output price."""
    free: bool

    @classmethod
    def of(cls, steps: Iterable[Step], *, media: Iterable[int] = (), whole: bool = True) -> Self | None:
        """The rates of these prices; None when no kind of token has a price.

        `media` are the kinds of audio, image and video tokens that the model has according to its name, priced or not.
        With `whole` a kind without a price does not occur, as in a price list; otherwise its price is unknown.
        """
        found = sorted(steps, key=lambda step: step.above, reverse=True)
        priced = {kind for step in found for kind, price in enumerate(step.prices) if price is not None}
        if not priced - {_REQUEST}:
            return None
        exact = [tuple(map(_nano_dollars, range(_REQUEST + 1), step.prices)) for step in found]
        parts = lcm(*(rate.denominator for rates in exact for rate in rates if rate is not None))
        scaled = [tuple(None if rate is None else int(rate * parts) for rate in rates) for rates in exact]
        needs = _needed(priced, frozenset(media))
        needs |= {kind for kind in (_INPUT, _OUTPUT) if any(rates[kind] for rates in scaled)}
        if len(found) > 1:
            needs |= {_INPUT}
        if not whole:
            # A count without a price must be reported: the cost is known only if it is 0.
            needs |= {_INPUT, _OUTPUT} - priced
        charged = {_INPUT, _OUTPUT} <= priced or whole
        return cls(
            parts,
            tuple(_step_rates(step, rates, needs) for step, rates in zip(found, scaled, strict=True)),
            frozenset(needs),
            not priced.isdisjoint(_REASONING),
            charged and not any(any(rates) for rates in scaled),
        )

    def without_output(self) -> Self:
        """The rates for a model whose output tokens need not be reported, such as an embedding model."""
        return self._replace(needs=self.needs - {_OUTPUT})

    def cost(self, counts: TokenCounts, beyond: Decimal | None = None) -> Decimal | None:
        """The cost of a call in USD, to the nano-dollar; None when it is unknown.

        A cost above the highest cost of a call is replaced by `beyond`, which is unknown by default.
        """
        if self.free:
            return ZERO
        for kind in self.needs:
            if counts[kind] is None:
                return None
        input_, output = counts[0], counts[1]
        fresh, text = input_ or 0, output or 0
        step = self._step(fresh)
        rates, amount = step.of_kind, step.request
        # Each token is charged once, at the rate of its most specific kind.
        if any(counts[2:10]):
            input_parts = _input_parts(*counts[2:10])
            if input_parts is None or min(input_parts) < 0:
                return None
            amount += sum(map(mul, input_parts, rates[2:10]))
            fresh -= 0 if input_ is None else sum(input_parts)
        if any(counts[10:15]):
            output_parts = self._output_parts(output, *counts[10:15])
            if output_parts is None:
                return None
            amount += sum(map(mul, output_parts, rates[10:15]))
            text -= 0 if output is None else sum(output_parts)
        amount += fresh * rates[0] + text * rates[1]
        return None if fresh < 0 or text < 0 or amount >= _UNKNOWN else self._rounded(amount, beyond)

    def estimate(self, input_tokens: int, output_tokens: int) -> Decimal | None:
        """The highest cost in USD of a call with these token counts, for any kinds of tokens; None when it is unknown."""
        if self.free:
            return ZERO
        step = self._step(input_tokens)
        if (step.dearest_input is None and input_tokens) or (step.dearest_output is None and output_tokens):
            return None
        amount = step.request + (step.dearest_input or 0) * input_tokens + (step.dearest_output or 0) * output_tokens
        return self._rounded(amount, None)

    def sources(self, counts: TokenCounts) -> tuple[bool, bool]:
        """Whether registered prices contribute to the known cost of a call, and whether prices of the list do."""
        step = self._step(counts.input_tokens or 0)
        used = [kind for kind, count in enumerate(counts) if count]
        if step.request:
            used.append(_REQUEST)
        own = sum(kind in step.own for kind in used)
        return own > 0 or not used, own < len(used)

    def _step(self, input_tokens: int) -> _StepRates:
        at = 0
        while input_tokens <= self.steps[at].above:
            at += 1
        return self.steps[at]

    def _output_parts(self, output: int | None, *kinds: int | None) -> Sequence[int] | None:
        """The output tokens of each kind with its own price; None when they exceed the output tokens."""
        reasoning, citations, *shown = [count or 0 for count in kinds]
        if output is not None and (reasoning + citations > output or sum(shown) > output):
            return None
        return (reasoning, citations, *shown) if self.reasoning_priced else (0, 0, *shown)

    def _rounded(self, amount: int, beyond: Decimal | None) -> Decimal | None:
        parts = self.parts
        if amount > _MAX_NANO_DOLLARS * parts:
            return beyond
        return NANO_DOLLAR * (amount if parts == 1 else _half_even(amount, parts))


def _input_parts(
    cached: int | None,
    write: int | None,
    write_1h: int | None,
    audio: int | None,
    cached_audio: int | None,
    image: int | None,
    cached_image: int | None,
    video: int | None,
) -> tuple[int, ...] | None:
    """The input tokens of each kind, each token in one kind only. Negative when the counts contradict each other.

    None when kinds may overlap by an unreported count.
    """
    cached, write, write_1h = cached or 0, write or 0, write_1h or 0
    if not (audio or cached_audio or image or cached_image or video):
        return cached, write - write_1h, write_1h
    # The overlap is reported for cached audio and for cached images, but not for cache writes and video.
    if (
        write
        or write_1h
        or (cached and (video or (audio and cached_audio is None) or (image and cached_image is None)))
    ):
        return None
    audio, image, cached_audio, cached_image = audio or 0, image or 0, cached_audio or 0, cached_image or 0
    text = cached - cached_audio - cached_image
    return text, 0, 0, audio - cached_audio, cached_audio, image - cached_image, cached_image, video or 0


def _needed(priced: set[int], media: frozenset[int]) -> set[int]:
    """The kinds whose counts must be reported, because they cannot be inferred.

    For a model with audio, image or video output, or with such input according to its name, these are the kinds that have
    prices; if none has a price, all `media` of the model. A chat model with a price for audio input only is assumed to
    receive no audio.
    """
    output = priced & {*_OUTPUT_MEDIA, *_REASONING}
    input_ = priced & {*_INPUT_MEDIA}
    for_media = media or output & {*_OUTPUT_MEDIA} or input_ - {_AUDIO_IN} or _OUTPUT not in priced
    if not (output | input_) - {*_REASONING}:
        return output | media
    return output | input_ if for_media else output


def _step_rates(step: Step, rates: tuple[int | None, ...], needs: Iterable[int]) -> _StepRates:
    input_, output = rates[_INPUT], rates[_OUTPUT]
    of_kind = [output if rate is None and kind in _REASONING else rate for kind, rate in enumerate(rates[:_REQUEST])]
    unreported = set(needs) - {_INPUT, _OUTPUT}
    return _StepRates(
        step.above,
        tuple(_UNKNOWN if rate is None else rate for rate in of_kind),
        rates[_REQUEST] or 0,
        _dearest([input_, *(of_kind[kind] for kind in unreported & {*_INPUT_MEDIA})]),
        _dearest([output, *(of_kind[kind] for kind in unreported & {*_OUTPUT_MEDIA, *_REASONING})]),
        # A kind with the output price has the source of the output price.
        step.own | {kind for kind in _REASONING if rates[kind] is None and _OUTPUT in step.own},
    )


def _dearest(rates: Sequence[int | None]) -> int | None:
    known = [rate for rate in rates if rate is not None]
    return max(known) if len(known) == len(rates) else None


def _nano_dollars(kind: int, price: Decimal | None) -> Fraction | None:
    factor = _NANO_DOLLARS_A_REQUEST if kind == _REQUEST else _NANO_DOLLARS_A_TOKEN
    return None if price is None else Fraction(price) * factor


def _half_even(amount: int, parts: int) -> int:
    whole, rest = divmod(amount, parts)
    return whole + (2 * rest > parts or (2 * rest == parts and whole % 2 == 1))


_AUDIO: Final = ("input_audio_tokens", "output_audio_tokens")
_IMAGE: Final = ("input_image_tokens", "output_image_tokens")
_VIDEO: Final = ("input_video_tokens", "output_video_tokens")
MEDIA_OF_WORDS: Final = {
    word: frozenset(map(TokenCounts._fields.index, kinds))
    for word, kinds in {
        **dict.fromkeys(("audio", "live", "realtime", "sonic", "speech", "voice"), _AUDIO),
        **dict.fromkeys(("transcribe", "transcription"), _AUDIO[:1]),
        **dict.fromkeys(("image", "images"), _IMAGE),
        "video": _VIDEO,
        "omni": (*_AUDIO, *_IMAGE, *_VIDEO),
    }.items()
}
"""The kinds of tokens of a model whose name contains the word, as indexes of `TokenCounts`."""
AUDIO_IN: Final = frozenset({_AUDIO_IN})
FREE: Final = Rates(1, (), frozenset(), reasoning_priced=False, free=True)
