"""`router_provider_aliases`: a user's own names for providers, in addition to the built-in names."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from domain.bounds import MAX_NAME_LENGTH
from models.base import Base, Owned
from models.types import new_id


class ProviderAlias(Owned, Base):
    """One alias and the id of the provider that it stands for."""

    __tablename__ = "router_provider_aliases"

    # `domain.provider.alias_key` of the alias: it ignores case and separators.
    alias_key: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH), primary_key=True)
    id: Mapped[UUID] = mapped_column(Uuid, default=new_id)
    alias: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    provider: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    created_at: Mapped[datetime]
