"""`router_routing_versions`: the version of each user's routing configuration."""

from __future__ import annotations

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Owned


class RoutingVersion(Owned, Base):
    """A counter that each change of preferences, models, tests or alerts raises.

    A routing context is valid as long as its version is the current one.
    """

    __tablename__ = "router_routing_versions"

    version: Mapped[int] = mapped_column(BigInteger)
