"""Scenarios of one user that could make other users wait: the worst load that is admitted. Each scenario is a function.

A scenario prepares what it needs, and then runs until it is cancelled; `Abuser.repeat` does that. The server may
reject its requests. Then nobody should wait for them either.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from benchmarks.abuser import Abuser

Scenario = Callable[[Abuser], Awaitable[None]]

_LOG: Final = "mutation($input: [LogAnalyticsInput!]!) { logAnalyticsBatch(input: $input) { accepted } }"
_SAVE: Final = "mutation($ms: Int!) { savePreferences(input: {maxLatencyMs: $ms}) { __typename } }"
_AMEND: Final = """mutation($id: String!, $input: AmendAnalyticsInput!) {
  amendAnalytics(eventId: $id, input: $input) { __typename } }"""
_ALERT: Final = "mutation($input: CreateCostAlertInput!) { createCostAlert(input: $input) { __typename } }"
_ROUTE: Final = """mutation { routeRequest(input: {taskType: "chat", inputTokens: 1000, maxOutputTokens: 1000}) {
  __typename } }"""
_ALERTS: Final = 200
_BATCH: Final = 1_000
_ALIASES: Final = 20


def _calls(number: int, count: int = _BATCH, **more: Any) -> list[dict[str, Any]]:
    known = {"provider": "openai", "modelUsed": "gpt-4o", "taskType": "chat", "success": True, "cost": "0.01"}
    return [
        known | {"eventId": f"abuse-{number}-{number_in_batch}", "latencyMs": number_in_batch} | more
        for number_in_batch in range(count)
    ]


def _many(field: str) -> str:
    """The most root fields that an operation may have."""
    return f"{{ {' '.join(f'a{number}: {field}' for number in range(_ALIASES))} }}"


async def nobody_else(abuser: Abuser) -> None:
    """The baseline: no abusive user."""
    abuser.begun()
    await asyncio.Event().wait()


# Documents and bodies


async def deep_fragments(abuser: Abuser) -> None:
    """Fragments of 17 levels, 33 of them in one selection: each pair is compared at every level."""
    fragments = " ".join(f"fragment f{n} on __Type {{ {'ofType { ' * 17} name {'} ' * 17} }}" for n in range(33))
    spread = " ".join(f"...f{n}" for n in range(33))
    await _documents(abuser, lambda number: f'{{ a{number}: __type(name: "Query") {{ {spread} }} }} {fragments}')


async def fragments_of_fragments(abuser: Abuser) -> None:
    """48 fragments, each of which spreads all later ones."""
    fragments = " ".join(
        f"fragment f{n} on __Type {{ name name {' '.join(f'...f{later}' for later in range(n + 1, 48))} }}"
        for n in range(47)
    )
    end = f"{fragments} fragment f47 on __Type {{ name }}"
    await _documents(abuser, lambda number: f'{{ a{number}: __type(name: "Query") {{ ...f0 }} }} {end}')


async def unknown_names(abuser: Abuser) -> None:
    """4,900 unknown names: for each, validation searches for similar names."""
    await _documents(
        abuser, lambda number: f"{{ viewer {{ {' '.join(f'abcdefgh{number}x{n}' for n in range(4_900))} }} }}"
    )


async def many_tokens(abuser: Abuser) -> None:
    """Documents of 9,000 tokens."""
    await _documents(abuser, lambda number: f"{{ a{number}: viewer {{ {'id ' * 9_000} }} }}")


async def doubling_fragments(abuser: Abuser) -> None:
    """Fragments that spread the next one twice at each level."""
    fragments = " ".join(
        f"fragment f{n} on __Type {{ a: ofType {{ ...f{n + 1} }} b: ofType {{ ...f{n + 1} }} }}" for n in range(48)
    )
    end = f"{fragments} fragment f48 on __Type {{ name }}"
    await _documents(abuser, lambda number: f'{{ a{number}: __type(name: "Query") {{ ...f0 }} }} {end}')


async def small_values(abuser: Abuser) -> None:
    """Bodies of 1 MiB of small values."""
    body = b'{"query": "{ viewer { id } }", "variables": {"a": [' + b"1," * 524_000 + b"1]}}"
    await abuser.repeat(8, lambda _: abuser.send("/graphql", body))


async def admitted_values(abuser: Abuser) -> None:
    """Bodies with the most values that are admitted."""
    body = b'{"query": "{ viewer { id } }", "variables": {"a": [' + b"1," * 99_990 + b"1]}}"
    await abuser.repeat(8, lambda _: abuser.send("/graphql", body))


async def brackets(abuser: Abuser) -> None:
    """Bodies of 1 MiB of brackets."""
    await abuser.repeat(8, lambda _: abuser.send("/graphql", b"[" * 1_048_576))


async def _documents(abuser: Abuser, write: Callable[[int], str], connections: int = 8) -> None:
    await abuser.repeat(connections, lambda number: abuser.ask(write(number)))


# Many months


async def months(abuser: Abuser) -> None:
    """Batches of calls of 672 different months each."""

    def calls(number: int) -> list[dict[str, Any]]:
        last = datetime.now(UTC) - timedelta(days=1)
        moments = [last - timedelta(days=30.44 * month, minutes=number) for month in range(672)]
        return [
            call | {"occurredAt": at.isoformat()}
            for call, at in zip(_calls(number, len(moments)), moments, strict=True)
        ]

    await abuser.repeat(4, lambda number: abuser.ask(_LOG, input=calls(number)))


# Clients that hang up


async def abandoned_summaries(abuser: Abuser) -> None:
    """20 summaries over hours of a half-hour zone, whose client hangs up after 50 ms."""
    await _log_history(abuser)
    asked = {"query": _many('analyticsSummary(grain: HOUR, timeZone: "Asia/Kolkata", groupBy: [MODEL]) { calls }')}
    await abuser.repeat(16, lambda _: abuser.send("/graphql", asked, hang_up_after_s=0.05))


async def abandoned_pages(abuser: Abuser) -> None:
    """20 pages of 500 calls, whose client hangs up after 50 ms."""
    await _log_history(abuser)
    asked = {"query": _many("analytics(first: 500) { nodes { id cost provider } }")}
    await abuser.repeat(16, lambda _: abuser.send("/graphql", asked, hang_up_after_s=0.05))


async def _log_history(abuser: Abuser, batches: int = 10, **more: Any) -> None:
    """Calls of the last weeks."""
    for number in range(batches):
        at = datetime.now(UTC) - timedelta(hours=37 * number)
        await abuser.ask(_LOG, input=_calls(-number - 1, occurredAt=at.isoformat(), **more))


# Large answers


async def large_numbers(abuser: Abuser) -> None:
    """Pages of 500 calls whose metadata is 16 KiB of large numbers."""
    await _log_metadata(abuser, [1e308] * 2_300)
    page = "{ analytics(first: 500) { nodes { id metadata } } }"
    await abuser.repeat(4, lambda _: abuser.ask(page))


async def lists_in_pages(abuser: Abuser) -> None:
    """Pages of 500 routing decisions with all their lists."""
    route = """mutation { routeRequest(input: {taskType: "chat", inputTokens: 1000, maxOutputTokens: 1000}) { __typename } }"""
    for _ in range(25):
        await asyncio.gather(*(abuser.ask(route) for _ in range(20)))
    page = """{ decisions(first: 500) { nodes {
      id candidates { provider model reason } fallbacks { provider model } records { id metadata } } } }"""
    await abuser.repeat(4, lambda _: abuser.ask(page))


async def exports(abuser: Abuser) -> None:
    """Exports of calls whose metadata is 16 KiB of large numbers."""
    await _log_metadata(abuser, [1e308] * 2_300)
    await abuser.repeat(4, lambda _: abuser.get("/export/analytics"))


async def _log_metadata(abuser: Abuser, values: list[float]) -> None:
    for number in range(10):
        await abuser.ask(_LOG, input=_calls(-number - 1, 50, metadata={"values": values}))


# Decompression


async def unpacked_lines(abuser: Abuser) -> None:
    """20 KB of gzip that are 10 million empty lines."""
    body = gzip.compress(b"\n" * 10_000_000)
    await abuser.repeat(4, lambda _: abuser.send("/ingest/decisions", body, _GZIP))


async def unpacked_errors(abuser: Abuser) -> None:
    """500 KB of gzip that are invalid lines."""
    body = gzip.compress(b'{"provider":1}\n' * 4_000_000)
    await abuser.repeat(12, lambda _: abuser.send("/ingest/decisions", body, _GZIP))


async def unpacked_and_abandoned(abuser: Abuser) -> None:
    """Invalid lines as in the scenario before, whose client hangs up after 50 ms."""
    body = gzip.compress(b'{"provider":1}\n' * 4_000_000)
    await abuser.repeat(12, lambda _: abuser.send("/ingest/decisions", body, _GZIP, hang_up_after_s=0.05))


_GZIP: Final = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}


# Queues


async def queue_of_documents(abuser: Abuser) -> None:
    """100 long documents at a time, each new and valid."""
    fields = "id eventId provider taskType modelUsed success latencyMs cost occurredAt inputTokens outputTokens " * 4
    await _documents(
        abuser,
        lambda number: (
            _many(f"analytics(first: 1) {{ nodes {{ {fields} }} edges {{ node {{ {fields} }} }} }}") + f" # {number}"
        ),
        connections=100,
    )


async def queue_of_connections(abuser: Abuser) -> None:
    """40 operations at a time of 20 pages of 500 calls."""
    await _log_history(abuser)
    await abuser.repeat(40, lambda _: abuser.ask(_many("analytics(first: 500) { nodes { id cost provider } }")))


async def queue_of_large_pages(abuser: Abuser) -> None:
    """40 pages of 500 calls at a time, with every field of a call."""
    await _log_history(abuser)
    fields = (
        "id eventId provider taskType modelUsed success latencyMs cost occurredAt inputTokens outputTokens metadata"
    )
    await abuser.repeat(40, lambda _: abuser.ask(f"{{ analytics(first: 500) {{ nodes {{ {fields} }} }} }}"))


async def queue_of_writes(abuser: Abuser) -> None:
    """200 saved preferences at a time."""
    await abuser.repeat(200, lambda number: abuser.ask(_SAVE, ms=number % 100_000 + 1))


async def queue_of_summaries(abuser: Abuser) -> None:
    """40 operations at a time of 20 summaries, with percentiles."""
    await _log_history(abuser)
    asked = _many('heatMap(timeZone: "Asia/Kolkata") { calls latencyP95Ms }')
    await abuser.repeat(40, lambda _: abuser.ask(asked))


async def queue_of_opportunities(abuser: Abuser) -> None:
    """40 operations at a time that compute opportunities."""
    await _log_history(abuser)
    await abuser.repeat(40, lambda _: abuser.ask("{ opportunities { id } }"))


async def queue_of_commits(abuser: Abuser) -> None:
    """16 batches of 1,000 calls at a time."""
    await abuser.repeat(16, lambda number: abuser.ask(_LOG, input=_calls(number)))


async def alerts_times_calls(abuser: Abuser) -> None:
    """Batches of 1,000 calls, 10 at a time, under 200 alerts of all calendars."""
    await _set_alerts(abuser)
    await abuser.repeat(10, lambda number: abuser.ask(_LOG, input=_calls(number)))


async def _set_alerts(abuser: Abuser, *, enforced: bool = False) -> None:
    zones = ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York")
    for number in range(_ALERTS):
        alert: dict[str, Any] = {
            "thresholdAmount": str(1_000_000 + number),
            "period": ("HOURLY", "DAILY", "WEEKLY", "MONTHLY")[number % 4],
            "enforced": enforced,
        }
        alert |= {"mode": "ROLLING"} if number % 3 == 2 else {"timeZone": zones[number // 4 % 4]}
        await abuser.ask(_ALERT, input=alert)


async def commits_of_many_hours(abuser: Abuser) -> None:
    """Batches with calls of hundreds of hours and models, so that each call updates a different rollup."""
    now = datetime.now(UTC)

    def calls(number: int) -> list[dict[str, Any]]:
        return [
            call
            | {
                "occurredAt": (now - timedelta(hours=number_in_batch % 500)).isoformat(),
                "modelUsed": f"m{number_in_batch}",
            }
            for number_in_batch, call in enumerate(_calls(number))
        ]

    await abuser.repeat(10, lambda number: abuser.ask(_LOG, input=calls(number)))


async def commits_beyond_the_limit(abuser: Abuser) -> None:
    """Calls beyond the total cost limit of a user: each is rejected."""
    dear = {"cost": "100000"}
    await abuser.repeat(10, lambda number: abuser.ask(_LOG, input=[call | dear for call in _calls(number)]))


async def queue_of_amendments(abuser: Abuser) -> None:
    """50 clients of a user with 200 alerts amend one call repeatedly, and others."""
    await _set_alerts(abuser)
    await abuser.ask(_LOG, input=_calls(0))

    def amend(number: int) -> Awaitable[object]:
        return abuser.ask(_AMEND, id=f"abuse-0-{number % 1000}", input={"cost": f"0.{number % 1000:03}"})

    await abuser.repeat(50, amend)


async def decisions_under_budgets(abuser: Abuser) -> None:
    """50 clients route requests under 200 budgets."""
    await _set_alerts(abuser, enforced=True)
    await abuser.repeat(50, lambda _: abuser.ask(_ROUTE))


async def commits_and_preferences(abuser: Abuser) -> None:
    """Preferences are saved under the user's lock, while batches wait for that lock."""

    def request(number: int) -> Awaitable[object]:
        return abuser.ask(_SAVE, ms=number) if number % 2 else abuser.ask(_LOG, input=_calls(number))

    await abuser.repeat(20, request)


async def queue_of_decisions(abuser: Abuser) -> None:
    """64 concurrent requests to be routed."""
    route = """mutation { routeRequest(input: {taskType: "chat", inputTokens: 1000, maxOutputTokens: 1000}) { __typename } }"""
    await abuser.repeat(64, lambda _: abuser.ask(route))


async def queue_of_requests(abuser: Abuser) -> None:
    """500 concurrent operations of the smallest size."""
    body = json.dumps({"query": _many("viewer { id }")}).encode()
    await abuser.repeat(500, lambda _: abuser.send("/graphql", body))


async def subscribers_to_preferences(abuser: Abuser) -> None:
    """500 subscribers who all receive each change of preferences."""
    await _subscribers(abuser, "preferencesChanged { maxLatencyMs preferredProviders }", _save)


async def subscribers_to_calls(abuser: Abuser) -> None:
    """500 subscribers who all receive each call of batches of 100."""
    await _subscribers(
        abuser,
        "analyticsLogged { id cost provider modelUsed }",
        lambda abuser, number: abuser.ask(_LOG, input=_calls(number, 100)),
    )


async def subscribers_to_a_test(abuser: Abuser) -> None:
    """500 subscribers to an A/B test whose figures change all the time."""
    test_id = str(abuser.user.test_id)
    await _subscribers(
        abuser,
        f'abTestUpdated(id: "{test_id}") {{ variantA {{ calls totalCost }} inference {{ __typename }} }}',
        lambda abuser, number: abuser.ask(_LOG, input=_calls(number, 10, abTestId=test_id, abVariant="A")),
    )


async def _save(abuser: Abuser, number: int) -> object:
    return await abuser.ask(_SAVE, ms=number % 100_000 + 1)


async def _subscribers(abuser: Abuser, field: str, cause: Callable[[Abuser, int], Awaitable[object]]) -> None:
    """Open 500 subscriptions of `field` on 50 sockets, then cause events endlessly, two at a time."""

    async def subscribed() -> None:
        async with abuser.socket() as socket:
            for number in range(10):
                await abuser.subscribe(socket, str(number), f"subscription {{ {field} }}")
            ready.release()
            async for _ in socket:
                pass

    ready = asyncio.Semaphore(0)
    async with asyncio.TaskGroup() as group:
        for _ in range(50):
            group.create_task(subscribed())
            await ready.acquire()
        group.create_task(abuser.repeat(2, lambda number: cause(abuser, number)))


SCENARIOS: Final[Mapping[str, Scenario]] = {
    scenario.__name__: scenario
    for scenario in (
        nobody_else,
        deep_fragments,
        fragments_of_fragments,
        unknown_names,
        many_tokens,
        doubling_fragments,
        small_values,
        admitted_values,
        brackets,
        months,
        abandoned_summaries,
        abandoned_pages,
        large_numbers,
        lists_in_pages,
        exports,
        unpacked_lines,
        unpacked_errors,
        unpacked_and_abandoned,
        queue_of_documents,
        queue_of_connections,
        queue_of_large_pages,
        queue_of_writes,
        queue_of_summaries,
        queue_of_opportunities,
        queue_of_commits,
        alerts_times_calls,
        commits_of_many_hours,
        commits_beyond_the_limit,
        commits_and_preferences,
        queue_of_amendments,
        decisions_under_budgets,
        queue_of_decisions,
        queue_of_requests,
        subscribers_to_preferences,
        subscribers_to_calls,
        subscribers_to_a_test,
    )
}
"""All scenarios by name. A new scenario must be added here."""
