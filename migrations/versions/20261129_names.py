"""Adds provider aliases, and merges the calls and sums of a provider that were stored under several names.

The migration is one transaction. If it is interrupted, nothing has changed and it can be run again.
"""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

import sqlalchemy as sa
from alembic import op

from domain.provider import KNOWN_NAMES
from migrations.protection import SYSTEM_ROLE, protect
from models.ledger.renaming import Name, rename

revision = "20261129_names"
down_revision = "20261129_assumed_spend"
branch_labels = None
depends_on = None

VIEWER_MAY = {"router_provider_aliases": "SELECT, DELETE"}


def upgrade() -> None:
    op.create_table(
        "router_provider_aliases",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("alias_key", sa.String(200), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("alias", sa.String(200), nullable=False),
        sa.Column("provider", sa.String(200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "alias_key", name="pk_router_provider_aliases"),
    )
    protect(VIEWER_MAY)
    connection = op.get_bind()
    on_postgresql = connection.dialect.name == "postgresql"
    if on_postgresql:
        op.execute(f"SET LOCAL ROLE {SYSTEM_ROLE}")  # only this role sees the rows of all users
    hourly = sa.table(
        "router_analytics_hourly", sa.column("user_id", sa.Uuid()), sa.column("provider"), sa.column("model_used")
    )
    renamed: defaultdict[UUID, dict[Name, Name]] = defaultdict(dict)
    for user_id, provider, model in connection.execute(sa.select(hourly).distinct()):
        if (provider, model) != (new := KNOWN_NAMES.key(provider, model)):
            renamed[user_id][provider, model] = new
    for user_id, names in renamed.items():
        rename(connection, user_id, names)
    if on_postgresql:
        op.execute("RESET ROLE")


def downgrade() -> None:
    op.drop_table("router_provider_aliases")
