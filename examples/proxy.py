"""`python -m examples.proxy`: an OpenAI-compatible proxy that sends each request to the provider that the router chooses.

It asks the router for a route and calls the named providers in order until one serves the request. It logs every attempt to
the router before it responds. A request that the router rejects is sent to no provider.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, NamedTuple
from uuid import uuid4

import httpx2
import typer
import uvicorn
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from examples.usage import reported, tokens_of

ROUTE: Final = """
mutation Route($input: RouteRequestInput!) {
  routeRequest(input: $input) {
    __typename
    ... on RoutingDecision { id provider model parameters fallbacks { provider model parameters } }
    ... on RouteRefused {
      constraint limit spent held resetsAt retryable candidates { provider model reason estimatedCost }
    }
    ... on Overloaded { retryAfterMs }
    ... on Error { code message path }
  }
}
"""
LOG: Final = """
mutation Log($input: LogAnalyticsInput!) {
  logAnalytics(input: $input) { __typename ... on Overloaded { retryAfterMs } ... on Error { code message path } }
}
"""
RELEASE: Final = "mutation Release($id: ID!) { releaseDecision(id: $id) { __typename } }"

ANY_MODEL: Final = "auto"
# Sent with every request, so that no request can cost more than the router's estimate.
DEFAULT_MAX_TOKENS: Final = 1024
_PAUSES_S: Final = (0.05, 0.2, 0.8, 3.2, 0.0)
_TIMEOUT_S: Final = 60
_ROLLING_S: Final = 60
ROUTER_URL: Final = "http://127.0.0.1:8000"
_log = logging.getLogger(__name__)


class ChatRequest(BaseModel):
    """The fields that the proxy reads. All other fields are sent to the provider unchanged."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(ANY_MODEL, pattern=r"^(auto|[^/]+/.+)$")
    messages: list[dict[str, Any]] = Field(min_length=1)
    max_tokens: int = Field(
        DEFAULT_MAX_TOKENS, ge=1, le=1_000_000_000, validation_alias=AliasChoices("max_tokens", "max_completion_tokens")
    )
    user: str | None = None
    metadata: dict[str, Any] | None = None
    # The proxy supports one choice per request, without streaming.
    n: Literal[1] = 1
    stream: Literal[False] = False

    def routing(self, request_id: str) -> dict[str, Any]:
        """The input of `routeRequest`. The token estimate is high, because JSON has more characters than the text in it."""
        characters = len(json.dumps(self.messages, ensure_ascii=False))
        route_input = {
            "taskType": self.task_type,
            "inputTokens": tokens_of(characters),
            "maxOutputTokens": self.max_tokens,
            "requestId": request_id,
            "unitKey": self.user,
            "metadata": self.metadata,
        }
        if self.model != ANY_MODEL:
            provider, _, model = self.model.partition("/")
            route_input["candidates"] = [{"provider": provider, "model": model}]
        return route_input

    @property
    def task_type(self) -> str:
        return str((self.metadata or {}).get("task_type", "chat"))

    def body(self, target: dict[str, Any]) -> dict[str, Any]:
        """The body for a provider, with the parameters that a rule or an A/B test sets."""
        fields = self.model_dump(exclude={"metadata"}, exclude_none=True)
        return fields | (target["parameters"] or {}) | {"model": target["model"]}


class RouterUnavailable(Exception):
    """The router did not answer, or answered with a GraphQL error."""


class Router:
    """A client of the router for one user."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def route(self, route_input: dict[str, Any]) -> dict[str, Any]:
        return await self._execute(ROUTE, input=route_input)

    async def log(self, record: dict[str, Any]) -> None:
        """Log a call and return once it is committed. A retry does not record it twice, because of its `eventId`."""
        for pause_s in _PAUSES_S:
            try:
                outcome = await self._execute(LOG, input=record)
            except RouterUnavailable as error:
                outcome = {"message": str(error)}
            else:
                if outcome["__typename"] in {"LoggedAnalytics", "DroppedAnalytics"}:
                    return
                if outcome["__typename"] != "Overloaded":
                    break
            await asyncio.sleep(max(pause_s, outcome.get("retryAfterMs", 0) / 1000))
        # The money is spent all the same. The log line contains the record as `POST /ingest/decisions` accepts it.
        _log.error("not recorded, %s: %s", outcome["message"], json.dumps(record))

    async def release(self, decision_id: str) -> None:
        try:
            await self._execute(RELEASE, id=decision_id)
        except RouterUnavailable as error:
            _log.warning("%s: the hold of %s expires by itself", error, decision_id)

    async def _execute(self, query: str, **variables: Any) -> dict[str, Any]:
        """Execute an operation and return the value of its one field. Raises RouterUnavailable."""
        try:
            response = await self._client.post("/graphql", json={"query": query, "variables": variables})
            answer = response.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise RouterUnavailable(f"the router did not answer: {error!r}") from None
        if errors := answer.get("errors"):
            raise RouterUnavailable(f"the router failed: {errors[0]['message']}")
        value: dict[str, Any] = next(iter(answer["data"].values()))
        return value


# The known usage of an attempt, as fields of `logAnalytics`. If it is unknown whether the request was served, so is its cost.
NOT_SERVED: Final[Mapping[str, Any]] = {"cost": "0"}
PERHAPS_SERVED: Final[Mapping[str, Any]] = {}


class Attempt(NamedTuple):
    """The outcome of one provider: a response for the client, or None when the next provider should be tried."""

    answer: httpx2.Response | None
    usage: Mapping[str, Any]

    @property
    def success(self) -> bool:
        return self.answer is not None and self.answer.is_success


async def attempt(provider: httpx2.AsyncClient | None, body: dict[str, Any]) -> Attempt:
    """Send the request to one provider. `provider` is None if the proxy does not know it."""
    if provider is None:
        return Attempt(None, NOT_SERVED)
    try:
        answer = await provider.post("chat/completions", json=body)
        if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS or answer.is_server_error:
            return Attempt(None, NOT_SERVED)
        if not answer.is_success:
            return Attempt(answer, NOT_SERVED)
        return Attempt(answer, reported(answer.content, body))
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout):
        return Attempt(None, NOT_SERVED)
    except (httpx2.HTTPError, ValueError, RecursionError):
        return Attempt(None, PERHAPS_SERVED)


class Proxy:
    """The application. Each HTTP client has the base URL of the router or of the named provider."""

    def __init__(self, router: httpx2.AsyncClient, providers: Mapping[str, httpx2.AsyncClient]) -> None:
        self._router = Router(router)
        self._providers = providers
        self.app = Starlette(routes=[Route("/v1/chat/completions", self._complete, methods=["POST"])])

    async def _complete(self, request: Request) -> Response:
        try:
            chat = ChatRequest.model_validate_json(await request.body())
        except ValidationError as error:
            return _error(400, {"message": str(error), "code": "INVALID_INPUT"})
        request_id = str(uuid4())
        try:
            outcome = await self._router.route(chat.routing(request_id))
        except RouterUnavailable as error:
            return _error(503, {"message": str(error)}, retry_after_s=1)
        if outcome["__typename"] == "RoutingDecision":
            return await self._send(chat, request_id, outcome)
        return _router_error(outcome)

    async def _send(self, chat: ChatRequest, request_id: str, decision: dict[str, Any]) -> Response:
        """Try the providers in order. Each attempt is logged before the client gets a response."""
        for number, target in enumerate([decision, *decision["fallbacks"]], start=1):
            started = time.monotonic()
            outcome = await attempt(self._providers.get(target["provider"]), chat.body(target))
            latency_s = time.monotonic() - started
            record = {
                "eventId": f"{request_id}:{number}",
                "decisionId": decision["id"],
                "taskType": chat.task_type,
                "provider": target["provider"],
                "modelUsed": target["model"],
                "success": outcome.success,
                "fallbackUsed": number > 1,
                "latencyMs": round(latency_s * 1000),
                **outcome.usage,
            }
            await self._router.log(record)
            if outcome.answer is not None:
                break
        if not outcome.success:
            await self._router.release(decision["id"])
        if outcome.answer is None:
            return _error(502, {"message": "no provider served this request", "decisionId": decision["id"]})
        headers = {"X-Request-ID": request_id, "X-Router-Decision": decision["id"], "X-Provider": target["provider"]}
        return Response(outcome.answer.content, outcome.answer.status_code, headers, "application/json")


def _router_error(outcome: dict[str, Any]) -> Response:
    """The response to the client for an expected error of the router."""
    match outcome["__typename"]:
        case "InvalidInput":
            return _error(400, outcome)
        case "Overloaded":
            return _error(503, outcome, math.ceil(outcome["retryAfterMs"] / 1000))
        case _ if outcome["retryable"]:
            return _error(429, outcome, _seconds_until(outcome))
        case _:
            return _error(403, outcome)


def _seconds_until(error: dict[str, Any]) -> int:
    """The seconds until a retry: 1 while other requests hold a part of the budget, otherwise until its next window."""
    if Decimal(error["held"] or 0):
        return 1
    if error["resetsAt"] is None:
        return _ROLLING_S
    left = datetime.fromisoformat(error["resetsAt"]) - datetime.now(UTC)
    return max(math.ceil(left.total_seconds()), 1)


def _error(status: int, error: dict[str, Any], retry_after_s: int | None = None) -> Response:
    headers = None if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return JSONResponse({"error": error}, status, headers)


async def serve(router: httpx2.AsyncClient, providers: Mapping[str, httpx2.AsyncClient], port: int) -> None:
    """Serve the proxy on 127.0.0.1 until interrupted."""
    async with AsyncExitStack() as clients:
        for client in (router, *providers.values()):
            await clients.enter_async_context(client)
        await uvicorn.Server(uvicorn.Config(Proxy(router, providers).app, port=port, log_level="warning")).serve()


def main(
    token: Annotated[str, typer.Option(envvar="PROXY_ROUTER_TOKEN", help="A user's token for the router.")],
    provider: Annotated[
        list[str], typer.Option(help="A provider as name=base URL; repeatable. Its key: <NAME>_API_KEY.")
    ],
    router: Annotated[str, typer.Option(envvar="PROXY_ROUTER_URL", help="The base URL of the router.")] = ROUTER_URL,
    port: Annotated[int, typer.Option(help="The port to listen on, at 127.0.0.1.")] = 8080,
) -> None:
    """Serve POST /v1/chat/completions. The router chooses the provider of each request."""
    providers = dict(each.split("=", 1) for each in provider)
    keys = {name: os.environ.get(f"{name.upper()}_API_KEY") for name in providers}
    asyncio.run(
        serve(
            httpx2.AsyncClient(base_url=router, headers=_bearer(token), timeout=_TIMEOUT_S),
            {
                name: httpx2.AsyncClient(base_url=url, headers=_bearer(keys[name]), timeout=_TIMEOUT_S)
                for name, url in providers.items()
            },
            port,
        )
    )


def _bearer(secret: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"} if secret else {}


if __name__ == "__main__":
    typer.run(main)
