"""Changes how subjects of tokens map to users. Existing users keep their ids, and no other subject gets one of these.

Before, a UUID in `sub` was the user's id, whoever signed the token. Any other subject mapped to the UUIDv5 of the issuer and
the subject. The version of a UUID says which rule made it.
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
# The user of a server without an identity provider. The tokens of this user state the id.
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
        op.execute(f"SET LOCAL ROLE {SYSTEM_ROLE}")  # only this role sees the rows of all users
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
            "stored by their subject alone, and the issuer keeps subjects of other issuers apart from them"
        )
    for user_id in sorted(users):
        subject = None if user_id.version == MAPPED else str(user_id)
        yield {"user_id": user_id, "external": True, "issuer": issuer, "subject": subject}


def _users() -> set[UUID]:
    """The ids of all users who have a row."""
    connection = op.get_bind()
    found: set[UUID] = set()
    for name in TABLES:
        table = sa.table(name, sa.column("user_id", sa.Uuid()))
        found.update(connection.scalars(sa.select(table.c.user_id).distinct()))
    return found


def downgrade() -> None:
    op.drop_table("router_earlier_users")


# Every call is contained in a rollup, and there are far fewer rollups than calls.
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
