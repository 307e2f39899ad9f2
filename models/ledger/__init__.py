"""The ledger: the only writer of calls, and of everything that is computed from them."""

from models.ledger.ledger import Ledger, now_utc

__all__ = ["Ledger", "now_utc"]
