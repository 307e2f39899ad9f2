"""`router_provider_aliases`: names of providers that a user added to those that everybody has."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from domain.bounds import MAX_NAME_LENGTH
from models.base import Base, Owned
from models.types import new_id


class ProviderAlias(Owned, Base):
    """One name, and the id of the provider that it means."""

    __tablename__ = "router_provider_aliases"

    # `domain.provider.alias_key` of the alias: case and separators do not count.
    alias_key: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH), primary_key=True)
    id: Mapped[UUID] = mapped_column(Uuid, default=new_id)
    alias: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    provider: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    created_at: Mapped[datetime]
