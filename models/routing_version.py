"""`router_routing_versions`: how often a user changed what routing follows."""

from __future__ import annotations

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Owned


class RoutingVersion(Owned, Base):
    """Raised by each change of preferences, models or alerts: what was read for one version holds until the next."""

    __tablename__ = "router_routing_versions"

    version: Mapped[int] = mapped_column(BigInteger)
