"""The user that a token's subject names: for new subjects, and for users of earlier versions."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

import jwt
import pytest
import sqlalchemy as sa
from alembic import command
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import create_async_engine

from domain.subject import Subject
from migrations import SettingNeeded, configuration, upgrade
from models.database import Database
from models.earlier_user import EarlierUser
from models.queries.earlier_user import user_of
from server.__main__ import LOCAL_USER
from server.auth import Authenticator, CannotVerify, Unauthenticated
from server.settings import Settings
from server.token import make_token
from tests.conftest import SECRET, publish_nothing
from tests.support.process import DATABASE_OF, run

BEFORE = "20261129_amendments"
ISSUER = "https://idp.test/"
UUID_7 = UUID("01941931-60b0-7000-9e50-21ab326a8ef5")
UUID_4 = UUID("0ef21ec5-5b6e-4f39-8f6f-6c4f6d4f7d30")
UUID_8 = UUID("0ef21ec5-5b6e-8f39-8f6f-6c4f6d4f7d30")


def provided(name: str, issuer: str | None = ISSUER) -> Subject:
    return Subject(name, issuer, external=True)


def own(name: str, issuer: str | None = None) -> Subject:
    return Subject(name, issuer, external=False)


def earlier_id(name: str, issuer: str = "") -> UUID:
    """The id that an earlier version derived from a subject that is not a UUID."""
    return uuid5(NAMESPACE_URL, f"{issuer}{name}")


async def test_each_subject_is_a_separate_user(database: Database) -> None:
    victim = await user_of(database, provided("alice"))
    other = await user_of(database, own("alice"))
    found = [
        await user_of(database, subject)
        for subject in (
            provided("alice"),
            provided(str(victim)),
            provided(str(victim).upper()),
            provided(str(earlier_id("alice", ISSUER))),
            provided("alice", "https://other.test/"),
            provided("alice", None),
            provided("alice", ""),
            provided("lice", f"{ISSUER}a"),
            provided(str(UUID_7)),
            provided(str(UUID_7).upper()),
            provided(f"{{{UUID_7}}}"),
            provided(UUID_7.hex),
            own("alice"),
            own("alice", ISSUER),
            own("lice", "a"),
            own(str(other)),
            own(str(UUID_7)),
        )
    ]
    # then each is a separate user, the same every time, and only in tokens of this server a UUID is the user's id
    assert len({*found}) == len(found)
    assert (found[0], found[12], found[16]) == (victim, other, UUID_7)


def users_of(url: str, *subjects: Subject) -> list[UUID | None]:
    """The users that these subjects name, in order."""

    async def found() -> list[UUID | None]:
        database = Database(url, publish_nothing)
        try:
            return [await user_of(database, subject) for subject in subjects]
        finally:
            await database.dispose()

    return asyncio.run(found())


def fill(url: str, *users: UUID) -> None:
    """Migrate the database to the previous schema, and insert rows of these users."""
    command.upgrade(configuration(url), BEFORE)

    async def insert() -> None:
        engine = create_async_engine(url)
        table = sa.table("router_routing_versions", sa.column("user_id", sa.Uuid()), sa.column("version"))
        async with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                await connection.execute(sa.text("SET LOCAL ROLE router_system"))
            await connection.execute(sa.insert(table), [{"user_id": user_id, "version": 1} for user_id in users])
        await engine.dispose()

    asyncio.run(insert())


def test_users_of_an_identity_provider_keep_their_ids_and_no_other_subject_gets_them(empty_database_url: str) -> None:
    # given users whose subject is a UUID, and one with another subject
    alice = earlier_id("alice", ISSUER)
    fill(empty_database_url, UUID_7, UUID_4, UUID_8, alice, LOCAL_USER)
    # when the database is migrated
    upgrade(empty_database_url, takes_provider_tokens=True, issuer=ISSUER)
    # then no other spelling, combination or issuer of a subject names one of them
    url = empty_database_url
    earlier = {UUID_7, UUID_4, UUID_8, alice, LOCAL_USER}
    attackers = [
        provided(str(alice)),
        provided(str(UUID_7), "https://other.test/"),
        provided(str(UUID_7), None),
        provided(str(UUID_7).upper()),
        provided(UUID_7.hex),
        provided(UUID_7.urn),
        provided("lice", f"{ISSUER}a"),
        provided(f"{ISSUER}alice", ""),
        provided(f"{ISSUER}alice", None),
        provided("enterprise-router:local", ""),
        own("alice", ISSUER),
        own(str(UUID_8)),
    ]
    assert earlier.isdisjoint(users_of(url, *attackers))
    # and each of them keeps the id, on every request
    migrated = [provided(str(UUID_7)), provided(str(UUID_4)), provided(str(UUID_8)), provided("alice")]
    assert users_of(url, *migrated, *migrated) == [UUID_7, UUID_4, UUID_8, alice] * 2
    assert earlier.isdisjoint(users_of(url, *attackers))
    # and new subjects have an id that is derived from issuer and subject
    new = UUID("7b7df3d2-97a3-4a2e-8c0b-5dd2f29b0f2f")
    assert users_of(url, provided("bob"), provided(str(new))) == [
        provided("bob").mapped_id,
        provided(str(new)).mapped_id,
    ]


def test_users_of_this_servers_tokens_keep_their_ids_and_no_other_subject_gets_them(empty_database_url: str) -> None:
    alice, bob = earlier_id("alice", "https://shop.test/"), earlier_id("bob")
    stated = uuid5(NAMESPACE_URL, "an id that the operator chose")
    url = empty_database_url
    fill(url, UUID_7, UUID_8, alice, bob, stated, LOCAL_USER)
    upgrade(url)
    # no subject of an identity provider names one of them
    for issuer in ("https://shop.test/", "", None):
        names = ("alice", "bob", str(UUID_7), str(UUID_8), str(alice), str(bob), str(stated), "enterprise-router:local")
        found = users_of(url, *(provided(name, issuer) for name in names))
        assert {UUID_7, UUID_8, alice, bob, stated, LOCAL_USER}.isdisjoint(found)
    # the user of an earlier id keeps it, and neither a subject whose parts join to the same text nor one that is that id gets it
    assert users_of(url, own("alice", "https://shop.test/"), own("bob")) == [alice, bob]
    assert users_of(url, own("lice", "https://shop.test/a"), own("ob", "b"), own("enterprise-router:local")) == [
        own("lice", "https://shop.test/a").mapped_id,
        own("ob", "b").mapped_id,
        own("enterprise-router:local").mapped_id,
    ]
    assert users_of(url, own(str(alice)), own(str(bob).upper())) == [None, None]
    # and UUIDs in tokens of this server are user ids as before
    ids = (UUID_7, UUID_8, stated, LOCAL_USER)
    assert users_of(url, *(own(str(id_)) for id_ in ids)) == list(ids)


def test_the_migration_needs_the_issuer_of_existing_users(tmp_path: Path, empty_database_url: str) -> None:
    fill(empty_database_url, UUID_7)
    directory = tmp_path / "data"
    DATABASE_OF[directory] = empty_database_url
    failed = run("migrate", data_dir=directory, ROUTER_JWKS_URL="https://idp.test/keys")
    assert (failed.returncode, failed.stdout, failed.stderr.count("\n")) == (2, "", 1)
    assert failed.stderr.startswith("error: ROUTER_JWT_ISSUER: set it to the issuer")
    with pytest.raises(SettingNeeded):
        upgrade(empty_database_url, takes_provider_tokens=True)
    done = run("migrate", data_dir=directory, ROUTER_JWKS_URL="https://idp.test/keys", ROUTER_JWT_ISSUER=ISSUER)
    assert (done.returncode, done.stderr) == (0, "")
    assert users_of(empty_database_url, provided(str(UUID_7))) == [UUID_7]


def test_without_users_the_migration_needs_no_issuer(empty_database_url: str) -> None:
    upgrade(empty_database_url, takes_provider_tokens=True)
    assert users_of(empty_database_url, provided(str(UUID_7), None)) == [provided(str(UUID_7), None).mapped_id]


async def test_of_two_concurrent_subjects_one_is_the_earlier_user(database: Database) -> None:
    # given an id that two subjects had, because their issuer and name join to the same text
    earlier = earlier_id("abc")
    async with database.system() as transaction:
        await transaction.connection.execute(sa.insert(EarlierUser).values(user_id=earlier, external=False))
    subjects = [own("abc", ""), own("bc", "a"), own("c", "ab"), own("abc", None)]
    found = await asyncio.gather(*(user_of(database, subject) for subject in subjects * 5))
    assert set(found[:4]) == set(found)
    assert [user_id for user_id in found[:4] if user_id == earlier] == [earlier]
    assert len(set(found)) == 4


def token(**claims: object) -> str:
    return jwt.encode({"exp": datetime.now(UTC) + timedelta(hours=1)} | claims, SECRET)


async def test_a_token_of_this_server_can_name_every_user(settings: Settings, database: Database) -> None:
    # given a user whose id no subject can be, and one whose id belongs to another subject
    authenticator = Authenticator(settings, database)
    mapped = (await authenticator.viewer(token(sub="alice"))).id
    taken = earlier_id("bob")
    async with database.system() as transaction:
        await transaction.connection.execute(sa.insert(EarlierUser).values(user_id=taken, external=False))
    assert (await authenticator.viewer(token(sub="bob"))).id == taken
    # then a subject with their id is another user, and the operator's token names them
    assert (await authenticator.viewer(token(sub=str(mapped)))).id not in {mapped, taken}
    with pytest.raises(Unauthenticated, match="another subject"):
        await authenticator.viewer(token(sub=str(taken)))
    for user_id in (mapped, taken, UUID_7, LOCAL_USER):
        token_text = make_token(settings, user_id, timedelta(hours=1))
        assert (await authenticator.viewer(token_text)).id == user_id


async def test_while_users_cannot_be_read_the_answer_is_to_try_again(tmp_path: Path) -> None:
    nowhere = Database("postgresql+asyncpg://nobody@127.0.0.1:9/nothing", publish_nothing)
    authenticator = Authenticator(Settings(data_dir=tmp_path, jwt_secret=SecretStr(SECRET)), nowhere)
    with pytest.raises(CannotVerify, match="database"):
        await authenticator.viewer(token(sub="alice"))
    # a UUID needs no lookup
    assert (await authenticator.viewer(token(sub=str(UUID_7)))).id == UUID_7
