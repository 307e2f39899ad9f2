"""Holds: the money that is set aside for a routing decision, and the spend that is charged for its calls.

While a call of the decision has no known cost, the unused rest of the hold is charged as *assumed* spend. The known and
the assumed spend together are then at least the hold, in whatever order outcomes arrive. A cost that becomes known later
replaces the assumed spend.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Self

from domain.money import ZERO


@dataclass(frozen=True, slots=True)
class Account:
    """The hold of one routing decision and the spend charged for it, in USD."""

    held_amount: Decimal
    """The amount reserved with the routing decision."""
    known_cost: Decimal = ZERO
    """The sum of the known costs of the decision's calls."""
    unknown_calls: int = 0
    """The number of the decision's calls whose cost is unknown."""
    open: bool = True
    """Whether more calls are expected and the hold was not released."""
    assumes: bool = True
    """False for a routing decision older than assumed spend: such a decision charges known costs only."""

    @property
    def _rest(self) -> Decimal:
        return max(self.held_amount - self.known_cost, ZERO)

    @property
    def assumed(self) -> Decimal:
        """The assumed spend: what is charged for calls of unknown cost."""
        return self._rest if self.unknown_calls and self.assumes else ZERO

    @property
    def held(self) -> Decimal:
        """The amount still held if the hold has not expired."""
        return self._rest if self.open and not (self.unknown_calls and self.assumes) else ZERO

    def with_calls(self, costs: list[Decimal | None], *, closes: bool) -> Self:
        """The account after calls with these costs, None for an unknown cost. `closes` ends the hold."""
        known = [cost for cost in costs if cost is not None]
        return replace(
            self,
            known_cost=sum(known, self.known_cost),
            unknown_calls=self.unknown_calls + len(costs) - len(known),
            open=self.open and not closes,
        )

    def amended(self, before: list[Decimal | None], after: list[Decimal | None], *, closes: bool) -> Self:
        """The account after the costs of some calls were amended from `before` to `after`. `closes` ends the hold."""
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
    """The spend charged in excess of holds, in USD: known and assumed."""

    known: Decimal = ZERO
    assumed: Decimal = ZERO

    def add(self, before: Account, after: Account, *, expired: bool) -> None:
        """Add the spend that the change from `before` to `after` charges in excess of the hold."""
        held = ZERO if expired else before.held
        left = ZERO if expired else after.held
        growth = after.assumed - before.assumed
        beyond = max(after.known_cost - before.known_cost + growth + left - held, ZERO)
        assumed = min(max(growth, ZERO), beyond)
        self.assumed += assumed
        self.known += beyond - assumed
