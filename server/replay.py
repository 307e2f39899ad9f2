"""`python -m server replay`: logs past calls through the API of a running server, as if they occurred now."""

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
    """The number of logged rows, and the rejected rows."""

    logged: int = 0
    bad_rows: list[BadRow] = field(default_factory=list)


class Replay:
    """Logs the rows of a file with their original intervals divided by `speed`, dated now."""

    def __init__(self, client: Client, speed: float, ab_test_id: UUID | None = None) -> None:
        self._client = client
        self._speed = speed
        self._ab_test_id = ab_test_id
        # Each replay is new traffic and has new event ids.
        self._run_id = uuid4().hex

    async def run(self, file: UsageFile, progress: Callable[[int], None]) -> ReplayResult:
        """Log every valid row. `progress` is called with the number of the last line that is done. Raises ServerError."""
        result = ReplayResult()
        variants = await self._variants()
        waiting: list[tuple[UsageRow, datetime]] = []
        began, first_row_at, row_at = datetime.now(UTC), None, None
        for row in file:
            if isinstance(row, BadRow):
                result.bad_rows.append(row)
                continue
            # A row without a time occurs right after the row before it.
            row_at = row.call.occurred_at or row_at or began
            first_row_at = first_row_at or row_at
            try:
                due = began + max(row_at - first_row_at, timedelta()) / self._speed
            except OverflowError:
                result.bad_rows.append(
                    BadRow(row.line, "occurred_at: at this speed, the call would occur after the year 9999")
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
        fields |= {"eventId": f"replay:{self._run_id}:{row.line}", "occurredAt": due.isoformat()}
        if (row.call.provider, row.call.model_used) in variants:
            fields["abTestId"] = str(self._ab_test_id)
        return fields

    async def _variants(self) -> set[tuple[str, str]]:
        """The provider and model of each variant of the A/B test. Empty without a test. Raises ServerError."""
        if self._ab_test_id is None:
            return set()
        test = (await self._client.ask(_VARIANTS, {"id": str(self._ab_test_id)}))["abTest"]
        if test is None:
            raise ServerError(f"there is no A/B test {self._ab_test_id}")
        configs = [test[variant]["config"] for variant in ("variantA", "variantB")]
        return {(config["provider"], config["model"]) for config in configs}
