"""Adds prices of every kind of token to registered models, and a key by which their names are compared.

Two models of a user may now have the same key, such as `Llama-3.3` and `llama-3.3`. Both are kept. The one that was updated
last gets the key; each other one gets a space and its id. No name begins with a space, so that no call matches such a model.
It is listed and can be deleted as before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from domain.provider import KNOWN_NAMES
from migrations.protection import SYSTEM_ROLE

revision = "20261129_model_prices"
down_revision = "20261129_tokens"
branch_labels = None
depends_on = None

JSON_DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
MODELS = sa.table(
    "router_models",
    sa.column("user_id", sa.Uuid()),
    sa.column("id", sa.Uuid()),
    sa.column("provider", sa.String()),
    sa.column("model", sa.String()),
    sa.column("provider_key", sa.String()),
    sa.column("model_key", sa.String()),
    sa.column("updated_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    op.add_column("router_models", sa.Column("prices", JSON_DOCUMENT, nullable=True))
    op.add_column("router_models", sa.Column("model_key", sa.String(length=200), nullable=True))
    with op.batch_alter_table("router_models") as table:
        table.drop_constraint("uq_router_models_model", type_="unique")
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    if on_postgresql:
        op.execute(f"SET LOCAL ROLE {SYSTEM_ROLE}")  # only this role sees the rows of all users
    name_models()
    if on_postgresql:
        op.execute("RESET ROLE")
    with op.batch_alter_table("router_models") as table:
        table.alter_column("model_key", existing_type=sa.String(length=200), nullable=False)
        table.create_unique_constraint("uq_router_models_model", ["user_id", "provider_key", "model_key"])


def name_models() -> None:
    """Set the keys of all models. If several models have the same key, the one that was updated last gets it."""
    taken = set()
    latest_first = sa.select(MODELS).order_by(MODELS.c.updated_at.desc(), MODELS.c.id.desc())
    for model in op.get_bind().execute(latest_first).all():
        provider_key, model_key = KNOWN_NAMES.key(model.provider, model.model)
        if (model.user_id, provider_key, model_key) in taken:
            model_key = f" {model.id}"
        taken.add((model.user_id, provider_key, model_key))
        op.execute(
            sa.update(MODELS)
            .where(MODELS.c.user_id == model.user_id, MODELS.c.id == model.id)
            .values(provider_key=provider_key, model_key=model_key)
        )


def downgrade() -> None:
    with op.batch_alter_table("router_models") as table:
        table.drop_constraint("uq_router_models_model", type_="unique")
        table.create_unique_constraint("uq_router_models_model", ["user_id", "provider_key", "model"])
    op.drop_column("router_models", "model_key")
    op.drop_column("router_models", "prices")
