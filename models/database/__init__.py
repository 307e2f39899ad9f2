"""The database: the engine, transactions scoped to one user, and what differs between SQLite and PostgreSQL."""

from models.database.database import Database, ScopeError, raise_event

__all__ = ["Database", "ScopeError", "raise_event"]
