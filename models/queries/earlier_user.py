"""Finding the user of a token's subject."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select, update

from domain.subject import Subject, is_derived, is_never_stated
from domain.viewer import Viewer
from models.database import Database
from models.earlier_user import EarlierUser


async def user_of(database: Database, subject: Subject) -> UUID | None:
    """The id of the subject's user; None if the subject is a UUID that belongs to another subject."""
    stated = subject.stated_id
    if stated is not None and not is_derived(stated):
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
    """Whether the earlier user belongs to this subject. An earlier user without a subject is assigned to this one."""
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
