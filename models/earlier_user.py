"""`router_earlier_users`: users whose id comes from an earlier rule, under which two subjects could share an id.

The migration lists them. Each user keeps the id and belongs to one subject: the subject of the issuer that the migration
names, or, for tokens of this server, the first subject that signs in with that id. No other subject receives the id.
"""

from __future__ import annotations

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from domain.subject import Subject
from models.base import Base, Owned


class EarlierUser(Owned, Base):
    """One such user, and the subject to which it belongs."""

    __tablename__ = "router_earlier_users"

    # True when the user's tokens come from an identity provider; false when this server issues them.
    external: Mapped[bool]
    issuer: Mapped[str | None] = mapped_column(Text)
    # Null until the subject is first seen.
    subject: Mapped[str | None] = mapped_column(Text)

    def is_of(self, subject: Subject) -> bool:
        """Whether the user belongs to this subject."""
        return (self.external, self.issuer, self.subject) == (subject.external, subject.issuer, subject.name)

    def may_become(self, subject: Subject) -> bool:
        """Whether the user belongs to no subject yet and this subject had the id under the earlier rule."""
        if self.subject is not None or self.external != subject.external:
            return False
        return not self.external or self.issuer == subject.issuer
