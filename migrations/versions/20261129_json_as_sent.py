"""Stores JSON as the text that was sent, on PostgreSQL. JSONB writes 1e308 as 309 digits.

Existing documents that JSONB made longer than the limit are shortened. On SQLite nothing changes.
"""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from pydantic_core import from_json, to_json

from migrations.protection import SYSTEM_ROLE

revision = "20261129_json_as_sent"
down_revision = "20261129_spend_totals"
branch_labels = None
depends_on = None

COLUMNS: Final = {
    "router_ab_tests": ("variant_a_config", "variant_b_config", "guardrails", "evidence"),
    "router_amendments": ("before", "after"),
    "router_analytics": ("metadata",),
    "router_cost_alerts": ("custom",),
    "router_decisions": ("request", "fallbacks", "candidates", "rules", "notes", "parameters"),
    "router_models": ("prices",),
    "user_router_preferences": ("preferred_providers", "blocked_providers", "custom_rules"),
}
LONG_BYTES: Final = 16 * 1024
LARGE: Final = 10**16  # doubles from this value on are written with an exponent
_DEFAULTS: Final = {("router_ab_tests", "guardrails"): '["LATENCY", "COST"]'}


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    _alter("json")
    op.execute(f"SET LOCAL ROLE {SYSTEM_ROLE}")  # only this role sees the rows of all users
    for table, columns in COLUMNS.items():
        key = sa.inspect(connection).get_pk_constraint(table)["constrained_columns"]
        for column in columns:
            _shorten(connection, table, key, column)
    op.execute("RESET ROLE")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _alter("jsonb")


def _alter(type_: str) -> None:
    # All columns of a table in one statement, since it rewrites all rows of the table and its partitions.
    for table, columns in COLUMNS.items():
        actions: list[str] = []
        for column in columns:
            default = _DEFAULTS.get((table, column))
            if default is not None:
                actions.append(f'ALTER COLUMN "{column}" DROP DEFAULT')
            actions.append(f'ALTER COLUMN "{column}" TYPE {type_} USING "{column}"::text::{type_}')
            if default is not None:
                actions.append(f"ALTER COLUMN \"{column}\" SET DEFAULT '{default}'")
        op.execute(f"ALTER TABLE {table} {', '.join(actions)}")


def _shorten(connection: sa.Connection, table: str, key: list[str], column: str) -> None:
    long = connection.execute(
        sa.text(f'SELECT {", ".join(key)} FROM {table} WHERE octet_length("{column}"::text) > {LONG_BYTES}')  # noqa: S608
    ).all()
    where = " AND ".join(f"{name} = :{name}" for name in key)
    read = sa.text(f'SELECT "{column}"::text FROM {table} WHERE {where}')  # noqa: S608
    write = sa.text(f'UPDATE {table} SET "{column}" = CAST(:document AS json) WHERE {where}')  # noqa: S608
    for row in long:
        keys = dict(zip(key, row, strict=True))
        document = shortened(from_json(connection.execute(read, keys).scalar_one()))
        connection.execute(write, keys | {"document": document})


def shortened(value: Any) -> str:
    """The JSON of the value. Large integers are written with an exponent where that is exact, such as `1e+300`."""
    return to_json(_short(value)).decode()


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _short(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_short(each) for each in value]
    if isinstance(value, int) and LARGE <= abs(value) <= sys.float_info.max:
        return float(value) if Decimal(repr(float(value))) == value else value
    return value
