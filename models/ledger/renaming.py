"""Renaming: moving calls and their sums to another provider id or model name, in one transaction.

Rows of sums that get the same key are added up. The columns are read from the database, so migrations can use this too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from models.types import UTCDateTime, first_id_at

Name = tuple[str, str]
"""(provider, model)."""
_SUMMED: Final = ("router_analytics_hourly", "router_analytics_daily", "router_latency_hourly", "router_latency_daily")
_UNPRICED: Final = "router_unpriced_models"
_AT_ONCE: Final = 200
_DAY: Final = timedelta(days=1)


def rename(connection: Connection, user_id: UUID, renamed: Mapping[Name, Name], day: datetime | None = None) -> None:
    """Rename the user's calls and sums from each old name to its new name; with `day`, only those of that UTC day.

    No new name may be an old name.
    """
    pairs = [(old, new) for old, new in sorted(renamed.items()) if old != new]
    inspector = sa.inspect(connection)
    for start in range(0, len(pairs), _AT_ONCE):
        renaming = _Renaming(connection, user_id, pairs[start : start + _AT_ONCE], day)
        renaming.calls()
        for table in _SUMMED:
            key = inspector.get_pk_constraint(table)["constrained_columns"]
            columns = [column["name"] for column in inspector.get_columns(table)]
            renaming.sums(table, key, [name for name in columns if name not in key])
        renaming.unpriced()


class _Renaming:
    def __init__(
        self, connection: Connection, user_id: UUID, pairs: Sequence[tuple[Name, Name]], day: datetime | None
    ) -> None:
        self._day = day
        self._connection = connection
        values = ", ".join(
            f"({', '.join(f'CAST(:n{4 * row + place} AS VARCHAR(200))' for place in range(4))})"
            for row in range(len(pairs))
        )
        self._names = f"WITH n(old_provider, old_model, new_provider, new_model) AS (VALUES {values})"
        flat = [name for old, new in pairs for name in (*old, *new)]
        self._given: dict[str, Any] = {f"n{place}": name for place, name in enumerate(flat)} | {"user_id": user_id}

    def calls(self) -> None:
        """Rename the calls. They keep the names that the client sent as reported names."""
        self._run(
            f"{self._names} UPDATE router_analytics SET "
            "reported_provider = CASE WHEN n.new_provider <> router_analytics.provider "
            "THEN coalesce(reported_provider, router_analytics.provider) ELSE reported_provider END, "
            "reported_model = CASE WHEN n.new_model <> router_analytics.model_used "
            "THEN coalesce(reported_model, router_analytics.model_used) ELSE reported_model END, "
            "provider = n.new_provider, model_used = n.new_model FROM n WHERE router_analytics.user_id = :user_id "
            "AND router_analytics.provider = n.old_provider AND router_analytics.model_used = n.old_model"
            + ("" if self._day is None else " AND router_analytics.id >= :first_id AND router_analytics.id < :end_id")
        )

    def sums(self, table: str, key: Sequence[str], sums: Sequence[str]) -> None:
        selected = [_RENAMED.get(name, f"t.{name}") for name in key]
        added = ", ".join(f"sum(t.{name})" for name in sums)
        self._run(
            f"{self._names} INSERT INTO {table} ({', '.join((*key, *sums))}) SELECT {', '.join(selected)}, {added} "
            f"FROM {table} t JOIN n ON n.old_provider = t.provider AND n.old_model = t.model_used "
            f"WHERE t.user_id = :user_id{self._of_day(key, 't')} GROUP BY {', '.join(selected)} "
            f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET "
            f"{', '.join(f'{name} = {table}.{name} + excluded.{name}' for name in sums)}"
        )
        self._delete(table, self._of_day(key, table))

    def _of_day(self, key: Sequence[str], table: str) -> str:
        """The SQL condition on the time of sums; empty unless only one day is renamed."""
        time = "hour" if "hour" in key else "day"
        return "" if self._day is None else f" AND {table}.{time} >= :day AND {table}.{time} < :next_day"

    def unpriced(self) -> None:
        self._run(
            f"{self._names} INSERT INTO {_UNPRICED} (user_id, provider, model_used, last_at) "
            "SELECT t.user_id, n.new_provider, n.new_model, max(t.last_at) "
            f"FROM {_UNPRICED} t JOIN n ON n.old_provider = t.provider AND n.old_model = t.model_used "
            "WHERE t.user_id = :user_id GROUP BY t.user_id, n.new_provider, n.new_model "
            "ON CONFLICT (user_id, provider, model_used) DO UPDATE SET last_at = "
            f"CASE WHEN excluded.last_at > {_UNPRICED}.last_at THEN excluded.last_at ELSE {_UNPRICED}.last_at END"
        )
        self._delete(_UNPRICED)

    def _delete(self, table: str, of_day: str = "") -> None:
        self._run(
            f"{self._names} DELETE FROM {table} WHERE user_id = :user_id{of_day} AND EXISTS (SELECT 1 FROM n "
            f"WHERE n.old_provider = {table}.provider AND n.old_model = {table}.model_used)"
        )

    def _run(self, statement: str) -> None:
        types: dict[str, Any] = {"user_id": sa.Uuid()}
        given = self._given
        if self._day is not None and ":first_id" in statement:
            types |= {"first_id": sa.Uuid(), "end_id": sa.Uuid()}
            given = given | {"first_id": first_id_at(self._day), "end_id": first_id_at(self._day + _DAY)}
        if self._day is not None and ":next_day" in statement:
            types |= {"day": UTCDateTime(), "next_day": UTCDateTime()}
            given = given | {"day": self._day, "next_day": self._day + _DAY}
        binds = [sa.bindparam(name, type_=type_) for name, type_ in types.items()]
        self._connection.execute(sa.text(statement).bindparams(*binds), given)


_RENAMED: Final = {"provider": "n.new_provider", "model_used": "n.new_model"}
