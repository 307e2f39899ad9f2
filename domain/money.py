"""Money: US dollars, exact, to the nano-dollar."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

NANO_DOLLAR = Decimal("1E-9")
ZERO = Decimal(0)

# Wide enough to be exact for every amount within the bounds below, and a percentage of it; never the thread's own.
EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)

MAX_COST = Decimal(100_000)
"""The most one request may have cost, USD."""

MAX_TOTAL = Decimal(1_000_000_000)
"""The most that all calls of one user may cost together, USD: nine such sums fit into 64 bits of nano-dollars."""

MAX_BUDGET = Decimal(1_000_000_000)
"""The largest budget or threshold, USD."""

MAX_TOKEN_PRICE = Decimal(1_000_000)
"""The highest price of a million tokens, USD."""


MAX_NUMBER_LENGTH: Final = 100
"""Characters of a number that is sent as text: twice as many as any within the bounds above has with good reason."""

# With an exponent that any amount has room for: Python reads larger ones as numbers that it cannot work with, or not at all.
_NUMBER: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", re.ASCII)


def number_of(text: str) -> Decimal | None:
    """The number that the text spells, in ASCII digits; None where it spells none, or one that is absurd."""
    return Decimal(text) if len(text) <= MAX_NUMBER_LENGTH and _NUMBER.fullmatch(text) else None


def to_nano_dollars(amount: Decimal) -> Decimal:
    """`amount` rounded half-even to 9 decimals: once, on the way in."""
    rounded = amount.quantize(NANO_DOLLAR, context=EXACT)
    return rounded or abs(rounded)  # and not minus zero


def plain(amount: Decimal) -> str:
    """`amount` in plain notation without trailing zeros: `0.0001107`, never `1.107E-4`."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
