"""The base classes of all tables."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import MetaData, Uuid
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from models.types import JSONDocument, Money, UTCDateTime


class Base(DeclarativeBase):
    """The declarative base: names of constraints, and the column type of each Python type."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        Decimal: Money,
        datetime: UTCDateTime,
        dict[str, Any]: JSONDocument,
        list[str]: JSONDocument,
        list[dict[str, Any]]: JSONDocument,
    }


class Owned:
    """A table whose rows each belong to one user.

    `user_id` comes first in every key, so the rows of one user are stored together on disk and on one shard.
    """

    user_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, sort_order=-2)
