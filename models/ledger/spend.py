"""Spend per minute and in total: the statements that add to it, and the limit of the total."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from domain.error import InvalidInput
from domain.money import MAX_TOTAL, ZERO, plain
from models.database.bulk import add_rows, find, whole

ADD_MINUTES: Final = add_rows("router_spend_minutes", whole("router_spend_minutes"))
ADD_TOTALS: Final = add_rows("router_spend_totals", whole("router_spend_totals"))
FIND_TOTALS: Final = find("router_spend_totals", ("user_id",), ("user_id", "amount", "assumed"))


class Totals:
    """The total spend of users, while the calls of one commit are added. Amounts are in USD; the limit is MAX_TOTAL."""

    def __init__(self, found: Iterable[tuple[UUID, Decimal, Decimal]]) -> None:
        self._amounts: defaultdict[UUID, Decimal] = defaultdict(lambda: ZERO)
        self._assumed: defaultdict[UUID, Decimal] = defaultdict(lambda: ZERO)
        for user_id, amount, assumed in found:
            self._amounts[user_id], self._assumed[user_id] = amount, assumed

    def has_room(self, user_id: UUID, amount: Decimal, assumed: Decimal) -> bool:
        """Whether the user's totals stay within the limit after these additions."""
        return self._amounts[user_id] + amount <= MAX_TOTAL and self._assumed[user_id] + assumed <= MAX_TOTAL

    def add(self, user_id: UUID, amount: Decimal) -> None:
        """Add a known cost; a negative amount lowers it. Raises InvalidInput if an increase exceeds the limit."""
        _increase(
            self._amounts,
            user_id,
            amount,
            "your calls cost {total} USD in all, and must not cost more than {limit}; amend those that were reported wrong",
        )

    def assume(self, user_id: UUID, amount: Decimal) -> None:
        """Add assumed spend; a negative amount lowers it. Raises InvalidInput if an increase exceeds the limit."""
        _increase(
            self._assumed,
            user_id,
            amount,
            "calls of unknown cost are assumed to have cost {total} USD in all, and that must not be more than {limit}; "
            "amend them with their cost",
        )


def _increase(totals: dict[UUID, Decimal], user_id: UUID, amount: Decimal, message: str) -> None:
    """Add the amount to the user's total. Raises InvalidInput, with the message, if an increase exceeds the limit."""
    total = totals[user_id]
    if amount > ZERO and total + amount > MAX_TOTAL:
        raise InvalidInput("cost: " + message.format(total=plain(total), limit=MAX_TOTAL), ["cost"])
    totals[user_id] = total + amount


def total_rows(minutes: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows for ADD_TOTALS, in key order, that correspond to these rows for ADD_MINUTES."""
    totals: dict[UUID, dict[str, Any]] = {}
    for row in minutes:
        total = totals.setdefault(row["user_id"], {"user_id": row["user_id"], "amount": ZERO, "assumed": ZERO})
        total["amount"] += row["amount"]
        total["assumed"] += row["assumed"]
    return [totals[user_id] for user_id in sorted(totals)]


def minute_rows(
    spent: Iterable[tuple[UUID, datetime, Decimal]], assumed: Iterable[tuple[UUID, datetime, Decimal]]
) -> list[dict[str, Any]]:
    """The rows for ADD_MINUTES, in key order, for these changes of known and assumed spend: (user id, moment, USD)."""
    minutes: dict[tuple[UUID, datetime], dict[str, Any]] = {}
    for name, changes in (("amount", spent), ("assumed", assumed)):
        for user_id, at, change in changes:
            minute = at.replace(second=0, microsecond=0)
            row = minutes.get((user_id, minute))
            if row is None:
                row = {"user_id": user_id, "minute": minute, "amount": ZERO, "assumed": ZERO}
                minutes[user_id, minute] = row
            row[name] += change
    return [minutes[key] for key in sorted(minutes)]
