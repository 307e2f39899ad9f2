"""What tokens cost: prices of each kind of token, and the one function that makes a cost of counts and prices.

Exact: rates are whole numbers, and a cost is rounded to the nano-dollar once, at its end.
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
"""The price version of what was priced as the user registered the model."""

# USD for a million tokens, and for one request, to nano-dollars.
_NANO_DOLLARS_A_TOKEN: Final = 1_000
_NANO_DOLLARS_A_REQUEST: Final = 1_000_000_000
_MAX_NANO_DOLLARS: Final = int(MAX_COST.scaleb(9))
# A rate that is not known: so large that no sum of others comes near it. That costs half of what looking for None does.
_UNKNOWN: Final = 1 << 400


class ServiceTier(StrEnum):
    """How fast a provider promises to serve a request: each has prices of its own."""

    STANDARD = "STANDARD"
    BATCH = "BATCH"
    FLEX = "FLEX"
    PRIORITY = "PRIORITY"


class CostSource(StrEnum):
    """Where the cost of a call comes from."""

    RECORDED = "RECORDED"
    LIST_PRICE = "LIST_PRICE"
    REGISTERED_PRICE = "REGISTERED_PRICE"
    UNKNOWN = "UNKNOWN"


def cost_source(cost: Decimal | None, price_version: str | None) -> CostSource:
    """Where a cost with this price version comes from. One without a version was reported with the call."""
    if cost is None:
        return CostSource.UNKNOWN
    if price_version is None:
        return CostSource.RECORDED
    return CostSource.REGISTERED_PRICE if price_version.startswith(OWN_PRICES) else CostSource.LIST_PRICE


class Price(NamedTuple):
    """What one call costs."""

    amount: Decimal
    """USD, to the nano-dollar."""
    version: str
    """The prices it was computed from: a price list, the user's own, or both."""


class TokenCounts(NamedTuple):
    """The tokens of one call, by kind; None where nobody said.

    The first two are wholes, and all others parts of them. Kinds overlap: cached audio is cached, and is audio.
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
    """USD for a million tokens of each kind, in the order of `TokenCounts`, and for a request; None where not known.

    That of cache writes is for 5 minutes.
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
_THOUGHT: Final = tuple(map(TokenCounts._fields.index, ("reasoning_tokens", "citation_tokens")))
_AUDIO_IN: Final = _INPUT_MEDIA[0]


class Step(NamedTuple):
    """The prices of calls with more input tokens than this; the lowest step, of -1, holds for all others."""

    above: int
    prices: Prices
    own: frozenset[int] = frozenset()
    """Which of them the user registered, by their place in `Prices`."""


class _Rates(NamedTuple):
    """The rates of a step, in parts of a nano-dollar."""

    above: int
    of_kind: tuple[int, ...]
    """In the order of `TokenCounts`; _UNKNOWN where not known."""
    request: int
    dearest_input: int | None
    """For an input token of a kind that nobody told."""
    dearest_output: int | None
    own: frozenset[int]


class Rates(NamedTuple):
    """The prices of one model at one service tier, as whole numbers: so many parts make a nano-dollar."""

    parts: int
    steps: tuple[_Rates, ...]
    """The highest comes first."""
    needs: frozenset[int]
    """The counts without which nothing is known, by their place in `TokenCounts`."""
    thought_apart: bool
    """Whether reasoning or citations have a price of their own; else they cost what output costs."""
    free: bool

    @classmethod
    def of(cls, steps: Iterable[Step], *, media: Iterable[int] = (), whole: bool = True) -> Self | None:
        """The rates of these prices, None where no token has one.

        `media` are the kinds of sound and pictures that the model takes or makes by its name, priced or not. `whole` is
        whether a kind without a price cannot be had, as in a price list, rather than being unknown.
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
            # Without a price, no count is as good as any.
            needs |= {_INPUT, _OUTPUT} - priced
        charged = {_INPUT, _OUTPUT} <= priced or whole
        return cls(
            parts,
            tuple(_rates(step, rates, needs) for step, rates in zip(found, scaled, strict=True)),
            frozenset(needs),
            not priced.isdisjoint(_THOUGHT),
            charged and not any(any(rates) for rates in scaled),
        )

    def without_output(self) -> Self:
        """The same rates, for a model whose output need not be counted."""
        return self._replace(needs=self.needs - {_OUTPUT})

    def cost(self, counts: TokenCounts, beyond: Decimal | None = None) -> Decimal | None:
        """What a call costs, USD to the nano-dollar; None where that is not known.

        `beyond` is what to take for more than a call may cost: unknown, when left out.
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
        # Each token is counted once, as the most particular of what it is.
        if any(counts[2:10]):
            taken = _taken(*counts[2:10])
            if taken is None or min(taken) < 0:
                return None
            amount += sum(map(mul, taken, rates[2:10]))
            fresh -= 0 if input_ is None else sum(taken)
        if any(counts[10:15]):
            made = self._made(output, *counts[10:15])
            if made is None:
                return None
            amount += sum(map(mul, made, rates[10:15]))
            text -= 0 if output is None else sum(made)
        amount += fresh * rates[0] + text * rates[1]
        return None if fresh < 0 or text < 0 or amount >= _UNKNOWN else self._rounded(amount, beyond)

    def estimate(self, input_tokens: int, output_tokens: int) -> Decimal | None:
        """What a call with so many tokens costs at most, of whatever kinds they are that nobody told."""
        if self.free:
            return ZERO
        step = self._step(input_tokens)
        if (step.dearest_input is None and input_tokens) or (step.dearest_output is None and output_tokens):
            return None
        amount = step.request + (step.dearest_input or 0) * input_tokens + (step.dearest_output or 0) * output_tokens
        return self._rounded(amount, None)

    def sources(self, counts: TokenCounts) -> tuple[bool, bool]:
        """Whether the user's own prices make up the cost of a call, which is known, and whether others do."""
        step = self._step(counts.input_tokens or 0)
        used = [kind for kind, count in enumerate(counts) if count]
        if step.request:
            used.append(_REQUEST)
        own = sum(kind in step.own for kind in used)
        return own > 0 or not used, own < len(used)

    def _step(self, input_tokens: int) -> _Rates:
        at = 0
        while input_tokens <= self.steps[at].above:
            at += 1
        return self.steps[at]

    def _made(self, output: int | None, *kinds: int | None) -> Sequence[int] | None:
        """The parts of the output that are priced apart from it; None where they are more than there is."""
        reasoning, citations, *shown = [count or 0 for count in kinds]
        if output is not None and (reasoning + citations > output or sum(shown) > output):
            return None
        return (reasoning, citations, *shown) if self.thought_apart else (0, 0, *shown)

    def _rounded(self, amount: int, beyond: Decimal | None) -> Decimal | None:
        parts = self.parts
        if amount > _MAX_NANO_DOLLARS * parts:
            return beyond
        return NANO_DOLLAR * (amount if parts == 1 else _half_even(amount, parts))


def _taken(
    cached: int | None,
    write: int | None,
    write_1h: int | None,
    audio: int | None,
    cached_audio: int | None,
    image: int | None,
    cached_image: int | None,
    video: int | None,
) -> tuple[int, ...] | None:
    """The parts of the input, without what is part of another one too: below 0 where they contradict each other.

    None where kinds may overlap, and nobody told how many tokens are both.
    """
    cached, write, write_1h = cached or 0, write or 0, write_1h or 0
    if not (audio or cached_audio or image or cached_image or video):
        return cached, write - write_1h, write_1h
    # That is told for what was read from the cache and is sound or a picture, and for no others.
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
    """The kinds whose counts must be given, as no one can tell how many there are.

    A model that makes sound or pictures, or takes them by its name, must be told the kinds that have prices. One that has
    none for any must be told all that it is for. A chat model with a price for sound alone is taken to be sent none.
    """
    made = priced & {*_OUTPUT_MEDIA, *_THOUGHT}
    taken = priced & {*_INPUT_MEDIA}
    for_media = media or made & {*_OUTPUT_MEDIA} or taken - {_AUDIO_IN} or _OUTPUT not in priced
    if not (made | taken) - {*_THOUGHT}:
        return made | media
    return made | taken if for_media else made


def _rates(step: Step, rates: tuple[int | None, ...], needs: Iterable[int]) -> _Rates:
    input_, output = rates[_INPUT], rates[_OUTPUT]
    of_kind = [output if rate is None and kind in _THOUGHT else rate for kind, rate in enumerate(rates[:_REQUEST])]
    unsaid = set(needs) - {_INPUT, _OUTPUT}
    return _Rates(
        step.above,
        tuple(_UNKNOWN if rate is None else rate for rate in of_kind),
        rates[_REQUEST] or 0,
        _dearest([input_, *(of_kind[kind] for kind in unsaid & {*_INPUT_MEDIA})]),
        _dearest([output, *(of_kind[kind] for kind in unsaid & {*_OUTPUT_MEDIA, *_THOUGHT})]),
        # What costs what output costs is from where that price is from.
        step.own | {kind for kind in _THOUGHT if rates[kind] is None and _OUTPUT in step.own},
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
"""What a model takes and makes whose name has this word in it, by places in `TokenCounts`."""
AUDIO_IN: Final = frozenset({_AUDIO_IN})
FREE: Final = Rates(1, (), frozenset(), thought_apart=False, free=True)
