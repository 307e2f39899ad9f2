"""Calendar months in UTC, and how far back a call may be logged live."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

LIVE_MONTHS_BACK: Final = 2
"""Whole months before the current one: enough for outages and late feedback."""


@dataclass(frozen=True, order=True, slots=True)
class Month:
    year: int
    month: int

    @classmethod
    def of(cls, moment: datetime) -> Month:
        """The month that holds this moment."""
        utc = moment.astimezone(UTC)
        return cls(utc.year, utc.month)

    @property
    def start(self) -> datetime:
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    def later(self, months: int) -> Month:
        """The month so many months later; earlier for a negative number."""
        year, month = divmod(self.year * 12 + self.month - 1 + months, 12)
        return Month(year, month + 1)

    def to(self, last: Month) -> list[Month]:
        """This month and those after it, the last included."""
        count = (last.year - self.year) * 12 + last.month - self.month + 1
        return [self.later(number) for number in range(count)]


def first_live(now: datetime) -> datetime:
    """The earliest moment at which a call that is logged live may have occurred. Older ones are imported."""
    return Month.of(now).later(-LIVE_MONTHS_BACK).start
