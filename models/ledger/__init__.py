"""The ledger: the one writer of calls, and of everything that is summed from them."""

from models.ledger.ledger import Ledger, now_utc

__all__ = ["Ledger", "now_utc"]
