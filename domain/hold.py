"""Holds: what a budget sets aside for a decision, and what it is charged once an outcome is known, or is not.

A decision of which any call has no known cost is charged what it held: as *assumed* spend, beside what is known. So the
total is never less than the hold while anything is unknown, in whatever order outcomes arrive, and a cost that becomes
known later takes the place of the assumption.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Self

from domain.money import ZERO


@dataclass(frozen=True, slots=True)
class Account:
    """What one decision holds and is charged, in USD."""

    held_amount: Decimal
    """What was set aside when the decision was made."""
    known_cost: Decimal = ZERO
    """The sum of the known costs of its calls."""
    unknown_calls: int = 0
    """How many of its calls have no known cost."""
    open: bool = True
    """Whether further calls are expected, and it was not released."""
    assumes: bool = True
    """False for a decision that was made before assumptions were kept."""

    @property
    def _rest(self) -> Decimal:
        return max(self.held_amount - self.known_cost, ZERO)

    @property
    def assumed(self) -> Decimal:
        """What is charged for calls of unknown cost."""
        return self._rest if self.unknown_calls and self.assumes else ZERO

    @property
    def held(self) -> Decimal:
        """What is still set aside, unless it has expired."""
        return self._rest if self.open and not (self.unknown_calls and self.assumes) else ZERO

    def with_calls(self, costs: list[Decimal | None], *, closes: bool) -> Self:
        """The account after further calls of these costs, None for an unknown one."""
        known = [cost for cost in costs if cost is not None]
        return replace(
            self,
            known_cost=sum(known, self.known_cost),
            unknown_calls=self.unknown_calls + len(costs) - len(known),
            open=self.open and not closes,
        )

    def amended(self, before: list[Decimal | None], after: list[Decimal | None], *, closes: bool) -> Self:
        """The account after calls that cost `before` are known to have cost `after`."""
        known_before = [cost for cost in before if cost is not None]
        known_after = [cost for cost in after if cost is not None]
        return replace(
            self,
            known_cost=self.known_cost + sum(known_after, ZERO) - sum(known_before, ZERO),
            unknown_calls=self.unknown_calls + len(known_before) - len(known_after),
            open=self.open and not closes,
        )


@dataclass(slots=True)
class Overshoot:
    """USD that were charged beyond what was held: of known cost, and assumed."""

    known: Decimal = ZERO
    assumed: Decimal = ZERO

    def add(self, before: Account, after: Account, *, expired: bool) -> None:
        """Count what a change of an account charges beyond what it held."""
        held = ZERO if expired else before.held
        left = ZERO if expired else after.held
        growth = after.assumed - before.assumed
        beyond = max(after.known_cost - before.known_cost + growth + left - held, ZERO)
        assumed = min(max(growth, ZERO), beyond)
        self.assumed += assumed
        self.known += beyond - assumed
