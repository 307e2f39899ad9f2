"""`python -m examples.fake_provider`: simulated LLM providers on this machine, for tests and demonstrations.

Each has an OpenAI-compatible API at `/{provider}/v1/chat/completions`. Responses have a realistic latency; some are errors or
rate limits. `/books` returns the exact number and cost of the calls that each provider served.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Any, Final

import typer
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

NANO_DOLLAR: Final = Decimal("1E-9")
_DEFAULT_MAX_TOKENS: Final = 256
_CHARACTERS_OF_A_TOKEN: Final = 4


@dataclass(frozen=True, slots=True)
class Price:
    """A price in USD per million tokens."""

    input: Decimal
    output: Decimal

    def of(self, input_tokens: int, output_tokens: int) -> Decimal:
        """The cost of a call in USD, rounded half-even to nano-USD."""
        exact = (self.input * input_tokens + self.output * output_tokens).scaleb(-6)
        return exact.quantize(NANO_DOLLAR, ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class Provider:
    """The behaviour of one provider. `errors` and `rate_limits` are the shares of calls answered with 500 and 429."""

    name: str
    models: Mapping[str, Price]
    errors: float = 0.0
    rate_limits: float = 0.0
    # The latency has a log-normal distribution: a few calls take several times the median.
    median_latency_s: float = 0.5
    latency_sigma: float = 0.5
    # Whether responses state their cost, as `usage.cost`.
    states_cost: bool = False
    # Fields that replace or extend those of a response, such as `usage` or `service_tier`.
    says: Mapping[str, Any] = field(default_factory=dict)


Model = tuple[str, str]
"""(provider, model)."""


@dataclass(slots=True)
class Books:
    """The received, failed and served calls, and their cost."""

    asked: Counter[str] = field(default_factory=Counter)
    """All calls by provider."""
    failed: Counter[tuple[str, int]] = field(default_factory=Counter)
    """Calls that were not served, by provider and status."""
    served: Counter[Model] = field(default_factory=Counter)
    spent: defaultdict[Model, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """The cost of the served calls in USD."""

    @property
    def total(self) -> Decimal:
        """The cost of all served calls in USD."""
        return sum(self.spent.values(), Decimal(0))

    def spent_at(self, provider: str) -> Decimal:
        return sum((amount for (name, _), amount in self.spent.items() if name == provider), Decimal(0))

    def as_json(self) -> dict[str, Any]:
        return {
            "total": format(self.total, "f"),
            "served": [
                {"provider": provider, "model": model, "calls": calls, "usd": format(self.spent[provider, model], "f")}
                for (provider, model), calls in sorted(self.served.items())
            ],
            "failed": [
                {"provider": provider, "status": status, "calls": calls}
                for (provider, status), calls in sorted(self.failed.items())
            ],
        }


class Fakes:
    """The application with all simulated providers, and their books. With the same seed, they behave the same."""

    def __init__(self, providers: Sequence[Provider], seed: int = 0) -> None:
        self.books = Books()
        self._providers = {provider.name: provider for provider in providers}
        # Each provider has a generator of its own, so that they do not influence each other.
        self._chance = {name: random.Random(f"{seed} {name}") for name in self._providers}
        self.app = Starlette(
            routes=[
                Route("/{provider}/v1/chat/completions", self._complete, methods=["POST"]),
                Route("/books", self._show_books),
            ]
        )

    async def _complete(self, request: Request) -> Response:
        provider = self._providers.get(request.path_params["provider"])
        if provider is None:
            return _error(404, "there is no such provider")
        self.books.asked[provider.name] += 1
        chance = self._chance[provider.name]
        status = chance.choices(
            [500, 429, 200], [provider.errors, provider.rate_limits, 1 - provider.errors - provider.rate_limits]
        )[0]
        latency_s = chance.lognormvariate(math.log(provider.median_latency_s), provider.latency_sigma)
        body = await request.json()
        if status == 200 and body["model"] not in provider.models:
            status = 404
        if status != 200:
            self.books.failed[provider.name, status] += 1
            return _error(status, f"{provider.name} did not serve this")
        await asyncio.sleep(latency_s)
        return self._serve(provider, body, chance)

    def _serve(self, provider: Provider, body: Mapping[str, Any], chance: random.Random) -> Response:
        text = "".join(str(message.get("content", "")) for message in body["messages"])
        input_tokens = -(-len(text) // _CHARACTERS_OF_A_TOKEN)
        output_tokens = chance.randint(1, body.get("max_tokens") or _DEFAULT_MAX_TOKENS)
        cost = provider.models[body["model"]].of(input_tokens, output_tokens)
        self.books.served[provider.name, body["model"]] += 1
        self.books.spent[provider.name, body["model"]] += cost
        usage: dict[str, Any] = {
            "prompt_tokens": input_tokens,
            "completion_tokens": output_tokens,
            "total_tokens": input_tokens + output_tokens,
        }
        if provider.states_cost:
            usage["cost"] = float(cost)
        answer = {"role": "assistant", "content": f"{provider.name} would say {output_tokens} tokens here."}
        return JSONResponse(
            {
                "id": f"chatcmpl-{self.books.served.total()}",
                "object": "chat.completion",
                "model": body["model"],
                "choices": [{"index": 0, "message": answer, "finish_reason": "stop"}],
                "usage": usage,
                **provider.says,
            }
        )

    async def _show_books(self, _request: Request) -> Response:
        return Response(json.dumps(self.books.as_json(), indent=2) + "\n", media_type="application/json")


def _error(status: int, message: str) -> Response:
    headers = {"Retry-After": "1"} if status == 429 else None
    return JSONResponse({"error": {"message": message, "code": status}}, status, headers)


SHOWN: Final = [
    Provider("thrifty", {"small": Price(Decimal("0.05"), Decimal("0.2"))}, errors=0.2, states_cost=True),
    Provider("swift", {"small": Price(Decimal("0.1"), Decimal("0.4"))}, rate_limits=0.3, median_latency_s=0.1),
    Provider("steady", {"large": Price(Decimal("2.5"), Decimal(10))}, median_latency_s=0.9),
]


def main(
    port: Annotated[int, typer.Option(help="The port to listen on, at 127.0.0.1.")] = 9000,
    seed: Annotated[int, typer.Option(help="The seed of latencies and errors.")] = 0,
) -> None:
    """Serve three providers: thrifty (20% of its calls fail), swift (30% are rate-limited) and steady (expensive)."""
    uvicorn.run(Fakes(SHOWN, seed).app, port=port, log_level="warning")


if __name__ == "__main__":
    typer.run(main)
