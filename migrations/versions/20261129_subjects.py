"""Subjects of tokens: users of before keep their ids, which later subjects are not given.

Up to here a UUID in `sub` was the user's id whoever had signed the token, and any other subject was the UUIDv5 of issuer and
subject, written together. Which rule made an id, its version tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import sqlalchemy as sa
from alembic import context, op

from migrations import SettingNeeded
from migrations.protection import SYSTEM_ROLE, protect

revision = "20261129_subjects"
down_revision = "20261129_json_as_sent"
branch_labels = None
depends_on = None

VIEWER_MAY = {"router_earlier_users": "SELECT"}
MAPPED, NEVER_STATED_NOW = 5, 8
# Whoever starts a server without an identity provider is this user, by a token that states it.
LOCAL_USER = uuid5(NAMESPACE_URL, "enterprise-router:local")


def upgrade() -> None:
    table = op.create_table(
        "router_earlier_users",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("external", sa.Boolean(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("user_id", name="pk_router_earlier_users"),
    )
    protect(VIEWER_MAY)
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    if on_postgresql:
        op.execute(f"SET LOCAL ROLE {SYSTEM_ROLE}")  # the rows show themselves to this role alone
    if rows := list(_rows(_users() - {LOCAL_USER})):
        op.get_bind().execute(sa.insert(table), rows)
    if on_postgresql:
        op.execute("RESET ROLE")


def _rows(users: set[UUID]) -> Iterator[dict[str, Any]]:
    if not context.config.attributes.get("takes_provider_tokens", False):
        for user_id in sorted(users):
            if user_id.version in {MAPPED, NEVER_STATED_NOW}:
                subject = None if user_id.version == MAPPED else str(user_id)
                yield {"user_id": user_id, "external": False, "issuer": None, "subject": subject}
        return
    issuer = context.config.attributes.get("issuer")
    if users and issuer is None:
        raise SettingNeeded(
            f"ROUTER_JWT_ISSUER: set it to the issuer of your identity provider, and migrate again: {len(users)} users are "
            "known so far by their subject alone, and subjects of no other issuer may be taken for them"
        )
    for user_id in sorted(users):
        subject = None if user_id.version == MAPPED else str(user_id)
        yield {"user_id": user_id, "external": True, "issuer": issuer, "subject": subject}


def _users() -> set[UUID]:
    """Everybody who has a row."""
    connection = op.get_bind()
    found: set[UUID] = set()
    for name in TABLES:
        table = sa.table(name, sa.column("user_id", sa.Uuid()))
        found.update(connection.scalars(sa.select(table.c.user_id).distinct()))
    return found


def downgrade() -> None:
    op.drop_table("router_earlier_users")


# A call has its sums too, and these are far fewer.
TABLES = [
    "router_ab_tests",
    "router_alert_sequences",
    "router_analytics_hourly",
    "router_cost_alerts",
    "router_decisions",
    "router_models",
    "router_provider_aliases",
    "router_routing_versions",
    "router_unpriced_models",
    "user_router_preferences",
]
