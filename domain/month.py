"""Calendar months in UTC, and the earliest month of a call that is logged live."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

LIVE_MONTHS_BACK: Final = 2
"""How many whole months before the current one a call may have occurred: enough for outages and late feedback."""


@dataclass(frozen=True, order=True, slots=True)
class Month:
    year: int
    month: int

    @classmethod
    def of(cls, moment: datetime) -> Month:
        """The month that contains this moment."""
        utc = moment.astimezone(UTC)
        return cls(utc.year, utc.month)

    @property
    def start(self) -> datetime:
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    def later(self, months: int) -> Month:
        """The month `months` after this one; a negative number gives an earlier month."""
        year, month = divmod(self.year * 12 + self.month - 1 + months, 12)
        return Month(year, month + 1)

    def to(self, last: Month) -> list[Month]:
        """The months from this one to `last`, both included."""
        count = (last.year - self.year) * 12 + last.month - self.month + 1
        return [self.later(number) for number in range(count)]


def first_live(now: datetime) -> datetime:
    """The earliest time (UTC) of a call that is logged live. Older calls must be imported."""
    return Month.of(now).later(-LIVE_MONTHS_BACK).start
