"""Database access: engines, transactions scoped to one user, and the specifics of SQLite and PostgreSQL."""

from models.database.database import Database, ScopeError, raise_event

__all__ = ["Database", "ScopeError", "raise_event"]
