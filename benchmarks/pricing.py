"""`python -m benchmarks.pricing`: measures how fast a call is priced, and checks the price.

It prices one call of every listed model, at the standard service tier and at each other tier with a price, with
tokens of every kind that has a price, and compares it with genai-prices, called directly with the same counts. If the two differ by
one nano-USD, it names the models and fails.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, NamedTuple

import typer
from genai_prices import Usage

from benchmarks.report import heading, print_machine
from domain.money import to_nano_dollars
from domain.price import ServiceTier, TokenCounts
from domain.price_list import Found, PriceList, price, steps_of, tiers_at

_AIM_US: Final = 10
_CONTEXTS: Final = {
    ServiceTier.STANDARD: None,
    ServiceTier.BATCH: {"processing": "batch"},
    ServiceTier.FLEX: {"service_tier": "flex"},
    ServiceTier.PRIORITY: {"service_tier": "priority"},
}
_USAGE: Final = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cached_tokens": "cache_read_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "cache_write_1h_tokens": "cache_write_1h_tokens",
    "input_audio_tokens": "input_audio_tokens",
    "cached_audio_tokens": "cache_audio_read_tokens",
    "input_image_tokens": "input_image_tokens",
    "cached_image_tokens": "cache_image_read_tokens",
    "input_video_tokens": "input_video_tokens",
    "reasoning_tokens": "output_reasoning_tokens",
    "citation_tokens": "output_citation_tokens",
    "output_audio_tokens": "output_audio_tokens",
    "output_image_tokens": "output_image_tokens",
    "output_video_tokens": "output_video_tokens",
}


class Call(NamedTuple):
    """A call to price."""

    provider: str
    model: str
    tier: ServiceTier
    counts: TokenCounts


class Priced(NamedTuple):
    """A listed model at a service tier, and the kinds of tokens that have a price, as `TokenCounts` names them."""

    provider: str
    model: str
    tier: ServiceTier
    kinds: frozenset[str]


def priced_models(at: datetime) -> Iterator[Priced]:
    """Every listed model that is priced by the token, at each service tier with a price."""
    for provider, model, found in PriceList.current().models():
        for tier, kinds in _kinds(found, at):
            yield Priced(provider, model, tier, kinds)


def _kinds(found: Found, at: datetime) -> Iterator[tuple[ServiceTier, frozenset[str]]]:
    for tier, prices in tiers_at(found, at).items():
        priced = {name for step in steps_of(prices) for name, each in step.prices._asdict().items() if each is not None}
        kinds = priced - {"request_price"}
        if kinds:
            yield tier, frozenset(name.replace("_price", "_tokens") for name in kinds)


def counts_of(kinds: frozenset[str], tokens: Sequence[int]) -> TokenCounts:
    """Token counts with this many tokens of each kind that are in no more specific kind, and none of other kinds."""
    each = {kind: count if kind in kinds else 0 for kind, count in zip(TokenCounts._fields, tokens, strict=True)}

    def sum_of(*names: str) -> int:
        return sum(each[name] for name in names)

    cached = sum_of("cached_tokens", "cached_audio_tokens", "cached_image_tokens")
    written = sum_of("cache_write_tokens", "cache_write_1h_tokens")
    audio, image = (sum_of(f"input_{what}_tokens", f"cached_{what}_tokens") for what in ("audio", "image"))
    taken = sum_of("input_tokens", "cached_tokens", "input_video_tokens") + written + audio + image
    output = sum_of(*(name for name in TokenCounts._fields if name in _OUTPUT_KINDS))
    wholes = {
        "input_tokens": taken,
        "output_tokens": output,
        "cached_tokens": cached,
        "cache_write_tokens": written,
        "input_audio_tokens": audio,
        "input_image_tokens": image,
    }
    return TokenCounts(**each | wholes)


_OUTPUT_KINDS: Final = frozenset(TokenCounts._fields[10:]) | {"output_tokens"}


def genai_cost(call: Call, at: datetime) -> Decimal:
    """The cost of the call according to genai-prices, in USD, rounded to the nano-USD."""
    usage = Usage(**{_USAGE[kind]: count for kind, count in call.counts._asdict().items() if count is not None})
    found = PriceList.current().snapshot.calc(usage, call.model, call.provider, None, at, _CONTEXTS[call.tier])
    return to_nano_dollars(found.total_price)


def _our_cost(call: Call, at: datetime) -> Decimal | None:
    found = price(call.provider, call.model, call.counts, call.tier, at)
    return None if found is None else found.amount


def _us_each(calls: Sequence[tuple[Any, ...]], cost: Callable[..., object]) -> float:
    # Processor time, which does not depend on other load of the machine.
    started = time.process_time()
    for call in calls:
        cost(*call)
    return 1e6 * (time.process_time() - started) / len(calls)


def main(rounds: Annotated[int, typer.Option(help="Times each side prices all calls.")] = 5) -> None:
    """Price one call of every model with every kind of token, and compare with genai-prices."""
    print_machine()
    at = datetime.now(UTC)
    tokens = [1_001 + 97 * number for number in range(len(TokenCounts._fields))]
    calls = [Call(*model[:3], counts_of(model.kinds, tokens)) for model in priced_models(at)]
    heading("One call of every model, with every kind of token that it prices")
    differing = [call for call in calls if _our_cost(call, at) != genai_cost(call, at)]
    kinds = sum(bool(count) for call in calls for count in call.counts)
    models = len({call[:2] for call in calls})
    print(
        f"  {len(calls):,} calls of {models:,} models, {kinds:,} counts of tokens: {len(calls) - len(differing):,} equal"
    )
    for call in differing:
        print(f"  {' '.join(call[:3])}: {_our_cost(call, at)}, not {genai_cost(call, at)}")
    prepare = [(call.provider, call.model, call.counts, call.tier, at) for call in calls]
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(_us_each(prepare, price))
        theirs.append(_us_each([(call, at) for call in calls], genai_cost))
    median = statistics.median(ours)
    verdict = "reached" if max(ours) <= _AIM_US else "NOT REACHED"
    print(f"  ours, warm          {median:>8.1f} us a price   aim at most {_AIM_US}: {verdict}")
    print(f"  genai-prices, warm  {statistics.median(theirs):>8.1f} us a price")
    if differing:
        sys.exit(1)


if __name__ == "__main__":
    typer.run(main)
