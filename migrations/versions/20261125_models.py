"""The models that users register, and how often they changed what routing follows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261125_models"
down_revision = "20261125_rolling_alerts"
branch_labels = None
depends_on = None

VIEWER_ROLE = "router_viewer"
SYSTEM_ROLE = "router_system"
TABLES = ["router_models", "router_routing_versions"]
# As in `row_level_security`.
AS_SYSTEM = f"CASE (SELECT current_user) WHEN '{SYSTEM_ROLE}' THEN true ELSE false END"
OWN_ROWS = "user_id = nullif(current_setting('app.user_id', true), '')::uuid"


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
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {SYSTEM_ROLE}")
        op.execute(f"CREATE POLICY system ON {table} TO {SYSTEM_ROLE} USING ({AS_SYSTEM}) WITH CHECK ({AS_SYSTEM})")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {VIEWER_ROLE}")
        op.execute(f"CREATE POLICY own_rows ON {table} TO {VIEWER_ROLE} USING ({OWN_ROWS}) WITH CHECK ({OWN_ROWS})")


def downgrade() -> None:
    op.drop_table("router_routing_versions")
    op.drop_table("router_models")
