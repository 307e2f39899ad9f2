"""Adds to A/B tests the split, the metrics and the groups for inference, and whether the router assigned a call its variant."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import protect

revision = "20261125_inference"
down_revision = "20261125_routing"
branch_labels = None
depends_on = None

JSON_DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
VIEWER_MAY = {"router_ab_groups": "SELECT, DELETE"}


def upgrade() -> None:
    op.create_table(
        "router_ab_groups",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("ab_test_id", sa.Uuid(), nullable=False),
        sa.Column("ab_variant", sa.String(32), nullable=False),
        sa.Column("unit_group", sa.Integer(), nullable=False),
        sa.Column("assigned", sa.BigInteger(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("successes", sa.BigInteger(), nullable=False),
        sa.Column("timed", sa.BigInteger(), nullable=False),
        sa.Column("log_latency_sum", sa.Double(), nullable=False),
        sa.Column("log_latency_squares", sa.Double(), nullable=False),
        sa.Column("priced", sa.BigInteger(), nullable=False),
        sa.Column("capped_cost_sum", sa.Double(), nullable=False),
        sa.Column("capped_cost_squares", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "ab_test_id", "ab_variant", "unit_group", name="pk_router_ab_groups"),
        sqlite_with_rowid=False,
    )
    # Existing tests continue. Their calls have no group, so inference starts with the calls that follow.
    for column in (
        sa.Column("primary_metric", sa.String(32), nullable=False, server_default="SUCCESS_RATE"),
        sa.Column("guardrails", JSON_DOCUMENT, nullable=False, server_default='["LATENCY", "COST"]'),
        sa.Column("split", sa.Double(), nullable=False, server_default="0.5"),
        sa.Column("minimum_run_hours", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("cost_cap", sa.BigInteger(), nullable=True),
        sa.Column("evidence", JSON_DOCUMENT, nullable=True),
    ):
        op.add_column("router_ab_tests", column)
    op.add_column("router_analytics", sa.Column("unit_group", sa.Integer(), nullable=True))
    op.add_column("router_analytics", sa.Column("ab_assigned", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("router_decisions", sa.Column("parameters", JSON_DOCUMENT, nullable=True))
    op.add_column("router_decisions", sa.Column("unit_group", sa.Integer(), nullable=True))
    protect(VIEWER_MAY)


def downgrade() -> None:
    op.drop_column("router_decisions", "unit_group")
    op.drop_column("router_decisions", "parameters")
    op.drop_column("router_analytics", "ab_assigned")
    op.drop_column("router_analytics", "unit_group")
    for name in ("evidence", "cost_cap", "minimum_run_hours", "split", "guardrails", "primary_metric"):
        op.drop_column("router_ab_tests", name)
    op.drop_table("router_ab_groups")
