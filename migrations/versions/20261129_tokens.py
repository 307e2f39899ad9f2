"""Adds the tokens of each kind, the service tier, and the provider and model as sent to calls."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "20261129_tokens"
down_revision = "20261125_daily_rollups"
branch_labels = None
depends_on = None

COUNTS = (
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "input_audio_tokens",
    "cached_audio_tokens",
    "input_image_tokens",
    "cached_image_tokens",
    "input_video_tokens",
    "reasoning_tokens",
    "citation_tokens",
    "output_audio_tokens",
    "output_image_tokens",
    "output_video_tokens",
)


def upgrade() -> None:
    columns: tuple[sa.Column[Any], ...] = (
        sa.Column("reported_provider", sa.String(200), nullable=True),
        sa.Column("reported_model", sa.String(200), nullable=True),
        *(sa.Column(name, sa.Integer(), nullable=True) for name in COUNTS),
        sa.Column("service_tier", sa.String(32), nullable=False, server_default="STANDARD"),
        sa.Column("time_to_first_token_ms", sa.Integer(), nullable=True),
        sa.Column("metadata_truncated", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("amended_at", sa.DateTime(timezone=True), nullable=True),
    )
    for column in columns:
        op.add_column("router_analytics", column)


def downgrade() -> None:
    for name in ("amended_at", "metadata_truncated", "time_to_first_token_ms", "service_tier", *reversed(COUNTS)):
        op.drop_column("router_analytics", name)
    op.drop_column("router_analytics", "reported_model")
    op.drop_column("router_analytics", "reported_provider")
