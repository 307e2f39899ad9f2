"""`router_earlier_users`: users whose id an earlier version made, by a rule that other subjects could meet.

The migration lists them. Each keeps its id, and belongs to one subject: that of the identity provider's issuer which the
migration names, or the first one of a token of this server's whose id it was. No other subject is given it.
"""

from __future__ import annotations

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from domain.subject import Subject
from models.base import Base, Owned


class EarlierUser(Owned, Base):
    __tablename__ = "router_earlier_users"

    # Whether an identity provider's tokens name this user, and not this server's own.
    external: Mapped[bool]
    issuer: Mapped[str | None] = mapped_column(Text)
    # Null until the subject is first seen.
    subject: Mapped[str | None] = mapped_column(Text)

    def is_of(self, subject: Subject) -> bool:
        return (self.external, self.issuer, self.subject) == (subject.external, subject.issuer, subject.name)

    def may_become(self, subject: Subject) -> bool:
        """Whether it belongs to nobody yet, and this subject had the id."""
        if self.subject is not None or self.external != subject.external:
            return False
        return not self.external or self.issuer == subject.issuer
