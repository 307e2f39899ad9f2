"""`router_earlier_users`: users whose id an earlier version made, by a rule that other subjects could meet.

The migration lists them. Each keeps its id, and belongs to one subject: that of the identity provider's issuer which the
migration names, or the first one of a token of this server's whose id it was. No other subject is given it.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Text, select, update
from sqlalchemy.orm import Mapped, mapped_column

from domain.subject import Subject, is_made_of_a_subject, is_never_stated
from domain.viewer import Viewer
from models.base import Base, Owned
from models.database import Database


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


async def user_of(database: Database, subject: Subject) -> UUID | None:
    """The id of the user whom the subject names; None when the UUID it states is that of another subject."""
    stated = subject.stated_id
    if stated is not None and not is_made_of_a_subject(stated):
        return stated
    if stated is None:
        earlier = subject.earlier_id
        kept = earlier is not None and await _belongs(database, earlier, subject)
        return earlier if kept else subject.mapped_id
    row = await _row(database, stated)
    if is_never_stated(stated):
        return stated if row is not None and row.is_of(subject) else subject.mapped_id
    return stated if row is None or row.subject is None or row.is_of(subject) else None


async def _belongs(database: Database, earlier: UUID, subject: Subject) -> bool:
    """Whether the earlier user is this subject's, and from now on nobody else's."""
    row = await _row(database, earlier)
    if row is not None and row.may_become(subject):
        async with database.system() as transaction:
            await transaction.connection.execute(
                update(EarlierUser)
                .where(EarlierUser.user_id == earlier, EarlierUser.subject.is_(None))
                .values(issuer=subject.issuer, subject=subject.name)
            )
        row = await _row(database, earlier)
    return row is not None and row.is_of(subject)


async def _row(database: Database, user_id: UUID) -> EarlierUser | None:
    async with database.viewer(Viewer(user_id)) as session:
        return await session.scalar(select(EarlierUser).where(EarlierUser.user_id == user_id))
