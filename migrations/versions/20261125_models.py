"""Adds registered models, and versions of what routing reads of each user."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.protection import protect

revision = "20261125_models"
down_revision = "20261125_rolling_alerts"
branch_labels = None
depends_on = None

VIEWER_MAY = dict.fromkeys(["router_models", "router_routing_versions"], "SELECT, INSERT, UPDATE, DELETE")


def upgrade() -> None:
    op.create_table(
        "router_models",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(length=200), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("provider_key", sa.String(length=600), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("input_price", sa.BigInteger(), nullable=True),
        sa.Column("output_price", sa.BigInteger(), nullable=True),
        sa.Column("local", sa.Boolean(), nullable=False),
        sa.Column("context_window", sa.Integer(), nullable=True),
        sa.Column("quality_rating", sa.Float(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_router_models"),
        sa.UniqueConstraint("user_id", "provider_key", "model", name="uq_router_models_model"),
    )
    op.create_table(
        "router_routing_versions",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_router_routing_versions"),
    )
    protect(VIEWER_MAY)


def downgrade() -> None:
    op.drop_table("router_routing_versions")
    op.drop_table("router_models")
