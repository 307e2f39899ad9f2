"""Money: exact decimal amounts in USD, rounded to the nano-dollar (1e-9 USD)."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

NANO_DOLLAR = Decimal("1E-9")
ZERO = Decimal(0)

# 60 digits are exact for every amount within the limits below and for percentages of it. The context of the thread is not used.
EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)

MAX_COST = Decimal(100_000)
"""The highest cost of one request, USD."""

MAX_TOTAL = Decimal(1_000_000_000)
"""The highest total cost of all calls of one user, USD: nine such sums fit into 64 bits of nano-dollars."""

MAX_BUDGET = Decimal(1_000_000_000)
"""The largest budget or threshold, USD."""

MAX_TOKEN_PRICE = Decimal(1_000_000)
"""The highest price of a million tokens, USD."""


MAX_NUMBER_LENGTH: Final = 100
"""The longest number sent as text, in characters. Numbers within the limits above need at most half of it."""

# The exponent has at most 3 digits: Decimal cannot calculate with much larger exponents.
_NUMBER: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", re.ASCII)


def number_of(text: str) -> Decimal | None:
    """The number that the text spells in ASCII digits; None when it is not a number, or too long."""
    return Decimal(text) if len(text) <= MAX_NUMBER_LENGTH and _NUMBER.fullmatch(text) else None


def to_nano_dollars(amount: Decimal) -> Decimal:
    """`amount` rounded half-even to 9 decimals. Amounts are rounded once, when they are read."""
    rounded = amount.quantize(NANO_DOLLAR, context=EXACT)
    return rounded or abs(rounded)  # minus zero becomes zero


def plain(amount: Decimal) -> str:
    """`amount` in plain notation without trailing zeros: `0.0001107`, never `1.107E-4`."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
