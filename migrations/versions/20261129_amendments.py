"""Adds amendments: facts about calls that became known after they were logged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import protect

revision = "20261129_amendments"
down_revision = "20261129_names"
branch_labels = None
depends_on = None

JSON_DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
VIEWER_MAY = {"router_amendments": "SELECT"}


def upgrade() -> None:
    op.create_table(
        "router_amendments",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("amendment_id", sa.String(200), nullable=False),
        sa.Column("analytics_id", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.String(32), nullable=False),
        sa.Column("amended_by", sa.Uuid(), nullable=False),
        sa.Column("before", JSON_DOCUMENT, nullable=False),
        sa.Column("after", JSON_DOCUMENT, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_router_amendments"),
        sa.UniqueConstraint("user_id", "amendment_id", name="uq_router_amendments_user_id_amendment_id"),
    )
    op.create_index("ix_router_amendments_call", "router_amendments", ["user_id", "analytics_id", "id"])
    protect(VIEWER_MAY)


def downgrade() -> None:
    op.drop_table("router_amendments")
