"""`python -m server replay`: past usage through a running server's API, as if it happened now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from server.client import Client, ServerError
from server.usage_file import BadRow, UsageFile, UsageRow

MAX_AT_ONCE: Final = 100

_LOG_BATCH: Final = """
mutation Replay($input: [LogAnalyticsInput!]!) {
  logAnalyticsBatch(input: $input) { accepted deduplicated rejected { index error { message } } }
}
"""
_VARIANTS: Final = """
query Variants($id: ID!) {
  abTest(id: $id) { variantA { config { provider model } } variantB { config { provider model } } }
}
"""


@dataclass(slots=True)
class ReplayResult:
    logged: int = 0
    bad_rows: list[BadRow] = field(default_factory=list)


class Replay:
    """Logs a file's rows at the pace they happened, `speed` times as fast, dated now."""

    def __init__(self, client: Client, speed: float, ab_test_id: UUID | None = None) -> None:
        self._client = client
        self._speed = speed
        self._ab_test_id = ab_test_id
        # A replay is new traffic each time: its own event ids.
        self._run = uuid4().hex

    async def run(self, file: UsageFile, progress: Callable[[int], None]) -> ReplayResult:
        """Log every good row; `progress` hears how many lines are done. Raises ServerError when the server refuses."""
        result = ReplayResult()
        variants = await self._variants()
        waiting: list[tuple[UsageRow, datetime]] = []
        began, first_row_at, row_at = datetime.now(UTC), None, None
        for row in file:
            if isinstance(row, BadRow):
                result.bad_rows.append(row)
                continue
            # A row without a time happens right after the one before it.
            row_at = row.call.occurred_at or row_at or began
            first_row_at = first_row_at or row_at
            try:
                due = began + max(row_at - first_row_at, timedelta()) / self._speed
            except OverflowError:
                result.bad_rows.append(
                    BadRow(row.line, "occurred_at: at this speed it would happen after the year 9999")
                )
                continue
            if waiting and (len(waiting) >= MAX_AT_ONCE or due > datetime.now(UTC)):
                await self._send(waiting, variants, result)
                progress(waiting[-1][0].line)
                waiting = []
            await asyncio.sleep((due - datetime.now(UTC)).total_seconds())
            waiting.append((row, due))
        if waiting:
            await self._send(waiting, variants, result)
            progress(waiting[-1][0].line)
        return result

    async def _send(
        self, rows: list[tuple[UsageRow, datetime]], variants: set[tuple[str, str]], result: ReplayResult
    ) -> None:
        data = await self._client.ask(_LOG_BATCH, {"input": [self._input(row, due, variants) for row, due in rows]})
        answer = data["logAnalyticsBatch"]
        result.logged += answer["accepted"]
        for rejected in answer["rejected"]:
            result.bad_rows.append(BadRow(rows[rejected["index"]][0].line, rejected["error"]["message"]))

    def _input(self, row: UsageRow, due: datetime, variants: set[tuple[str, str]]) -> dict[str, Any]:
        fields = row.call.model_dump(mode="json", by_alias=True, exclude_none=True)
        fields |= {"eventId": f"replay:{self._run}:{row.line}", "occurredAt": due.isoformat()}
        if (row.call.provider, row.call.model_used) in variants:
            fields["abTestId"] = str(self._ab_test_id)
        return fields

    async def _variants(self) -> set[tuple[str, str]]:
        """What serves the two variants of the test that rows are to be counted for."""
        if self._ab_test_id is None:
            return set()
        test = (await self._client.ask(_VARIANTS, {"id": str(self._ab_test_id)}))["abTest"]
        if test is None:
            raise ServerError(f"there is no A/B test {self._ab_test_id}")
        configs = [test[variant]["config"] for variant in ("variantA", "variantB")]
        return {(config["provider"], config["model"]) for config in configs}
