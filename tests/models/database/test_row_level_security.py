"""Row-level security in PostgreSQL: tested over a plain connection, and checked in the catalogue."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import httpx2
import pytest
from pydantic import SecretStr

from models.database.partition import PARTITIONED
from server.app import create_app
from server.settings import Settings
from server.token import make_token
from tests.conftest import SECRET
from tests.support.api import Api
from tests.support.load import SET_ALERT, SET_BUDGET, START_TEST, Outcomes, record, send
from tests.support.postgres import Cluster, cluster
from tests.support.process import DATABASE_OF, USER, ask, run, served, token_of

Connection: TypeAlias = "asyncpg.Connection[Any]"

ALICE, BOB = UUID(int=1), UUID(int=2)
BOTH = {ALICE: 2, BOB: 3}
"""The number of calls that each user logged."""

OWNED = """
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE a.attname = 'user_id' AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND c.relnamespace = 'public'::regnamespace
ORDER BY 1
"""
TABLES = {
    "router_ab_groups",
    "router_ab_tests",
    "router_amendments",
    "router_alert_events",
    "router_alert_sequences",
    "router_analytics",
    "router_analytics_daily",
    "router_analytics_hourly",
    "router_cost_alert_windows",
    "router_cost_alerts",
    "router_decisions",
    "router_earlier_users",
    "router_event_keys",
    "router_holds",
    "router_incomplete",
    "router_latency_daily",
    "router_latency_hourly",
    "router_models",
    "router_provider_aliases",
    "router_rolling_alerts",
    "router_routing_versions",
    "router_spend_minutes",
    "router_spend_totals",
    "router_unpriced_models",
    "user_router_preferences",
}

UNREAD = {"router_event_keys", "router_incomplete"}
"""The tables that no viewer may read."""

SET_ROLLING_ALERT = """
mutation { createCostAlert(input: {thresholdAmount: "1000", period: DAILY, mode: ROLLING}) { __typename } }
"""

UNPRICED = """
mutation {
  logAnalytics(input: {provider: "acme", modelUsed: "secret", taskType: "chat", success: true}) { __typename }
}
"""
AMEND = """
mutation($eventId: String!) {
  amendAnalytics(eventId: $eventId, input: {qualityScore: 1}) { ... on AmendedAnalytics { deduplicated } }
}
"""

ROUTE = """
mutation {
  routeRequest(input: {
    taskType: "chat", inputTokens: 1000, maxOutputTokens: 1000, candidates: {provider: "openai", model: "gpt-4o-mini"}
  }) { ... on RoutingDecision { heldAmount } }
}
"""


def plain(url: str) -> str:
    return url.replace("+asyncpg", "")


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(plain(url))
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def owner(postgres_url: str, tmp_path: Path) -> AsyncIterator[Connection]:
    """A connection exempt from all policies, to a database in which Alice and Bob have rows in every table."""
    settings = Settings(data_dir=tmp_path, database_url=postgres_url, jwt_secret=SecretStr(SECRET))
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://router") as client,
    ):
        for user, calls in BOTH.items():
            api = Api(client, make_token(settings, user, timedelta(hours=1)))
            test = await api.ask(START_TEST)
            await api.ask(SET_ALERT, threshold="0.001")
            await api.ask(SET_ROLLING_ALERT)
            await api.ask("mutation { savePreferences(input: {maxLatencyMs: 5}) { __typename } }")
            await api.ask('mutation { registerModel(input: {provider: "a", model: "b"}) { __typename } }')
            await api.ask(SET_BUDGET, threshold="1000")
            assert await api.ask(ROUTE) == {"heldAmount": "0.00075"}
            outcomes = Outcomes()
            # one of them of unknown cost, and one amended
            outcomes.acknowledged.add((await api.ask(UNPRICED))["__typename"])
            assert await send(api, [record(f"{user}:{n}", n, test["id"]) for n in range(1, calls)], outcomes)
            assert len(outcomes.acknowledged) == calls
            assert await api.ask(AMEND, eventId=f"{user}:1") == {"deduplicated": False}
            assert await api.ask(
                'mutation { registerProviderAlias(alias: "ours", provider: "openai") { __typename } }'
            ) == {"__typename": "ProviderAlias"}
    async with connected(postgres_url) as connection:
        # retention writes these rows
        await connection.execute("INSERT INTO router_incomplete SELECT DISTINCT user_id, user_id FROM router_analytics")
        # the migration of an older installation leaves these rows behind
        await connection.execute(
            "INSERT INTO router_earlier_users (user_id, external) VALUES ($1, false), ($2, false)", ALICE, BOB
        )
        await connection.execute("ANALYZE")
        yield connection


async def owned_tables(owner: Connection) -> list[str]:
    return [row[0] for row in await owner.fetch(OWNED)]


async def rows_of(owner: Connection, user: UUID) -> dict[str, list[str]]:
    """All rows of the user, by table."""
    return {
        table: [
            row[0] for row in await owner.fetch(f"SELECT t::text FROM {table} t WHERE user_id = $1 ORDER BY 1", user)
        ]
        for table in await owned_tables(owner)
    }


class Viewer:
    """A plain connection in the role of viewers, as this user or as no user. Its changes are rolled back."""

    def __init__(self, connection: Connection, user: UUID | None) -> None:
        self.connection = connection
        self._user = user

    @asynccontextmanager
    async def _acting(self) -> AsyncIterator[None]:
        transaction = self.connection.transaction()
        await transaction.start()
        try:
            await self.connection.execute("SET LOCAL ROLE router_viewer")
            if self._user is not None:
                await self.connection.execute(f"SET LOCAL app.user_id = '{self._user}'")
            yield
        finally:
            await transaction.rollback()

    async def rows(self, statement: str, *arguments: Any) -> list[Any] | None:
        """The rows that the statement returns, or None if it is not permitted."""
        try:
            async with self._acting():
                return [tuple(row) for row in await self.connection.fetch(statement, *arguments)]
        except asyncpg.InsufficientPrivilegeError:
            return None

    async def copied(self, statement: str) -> str | None:
        """The text that COPY of this statement or table sends, or None if it is not permitted."""
        out = io.BytesIO()
        try:
            async with self._acting():
                await self.connection.execute("SET LOCAL client_min_messages = error")
                if statement.startswith("SELECT"):
                    await self.connection.copy_from_query(statement, output=out)
                else:
                    await self.connection.copy_from_table(statement, output=out)
        except asyncpg.InsufficientPrivilegeError:
            return None
        return out.getvalue().decode()


@asynccontextmanager
async def viewer(url: str, user: UUID | None) -> AsyncIterator[Viewer]:
    async with connected(url) as connection:
        yield Viewer(connection, user)


async def test_every_owned_table_is_known_and_both_users_have_rows_in_each(owner: Connection) -> None:
    found = set(await owned_tables(owner))
    partitions, partitions_of_calls = (
        {name for name in found if re.fullmatch(rf"{table}_(\d{{4}}_\d\d|archive|default)", name)}
        for table in PARTITIONED
    )
    assert found - partitions - partitions_of_calls == TABLES
    # two months back, the current one, three months ahead, the archive and the default partition
    assert len(partitions) == len(partitions_of_calls) == 8
    for user, calls in BOTH.items():
        rows = await rows_of(owner, user)
        assert {name for name in TABLES if not rows[name]} == set()
        assert [len(rows[name]) for name in partitions if rows[name]] == [calls]


# Each statement finds as many rows as the viewer may see.
READS = {
    "all": "SELECT user_id FROM {table}",
    "by user": "SELECT user_id FROM {table} WHERE user_id = '{bob}' OR user_id = '{alice}'",
    "by ctid": "SELECT user_id FROM {table} WHERE ctid IS NOT NULL",
    "sampled": "SELECT user_id FROM {table} TABLESAMPLE SYSTEM (100)",
    "joined": "SELECT y.user_id FROM (VALUES (1)) x JOIN {table} y ON true",
    "with": "WITH x AS MATERIALIZED (SELECT * FROM {table}) SELECT user_id FROM x",
    "lateral": "SELECT y.user_id FROM (VALUES ('{alice}'::uuid), ('{bob}')) x(u), LATERAL "
    "(SELECT * FROM {table} z WHERE z.user_id = x.u) y",
    # It would fail on a row of Bob's, if a condition were evaluated before the policy.
    "by a condition that fails": "SELECT user_id FROM {table} WHERE 1 / (CASE user_id WHEN '{bob}' THEN 0 ELSE 1 END) = 1",
}
# Each statement finds nothing.
PROBES = {
    "another's": "SELECT user_id FROM {table} WHERE user_id = '{bob}'",
    "not one's own": "SELECT user_id FROM {table} WHERE user_id <> '{alice}'",
    "two users": "SELECT x.user_id FROM {table} x JOIN {table} y ON x.user_id <> y.user_id",
    "exists": "SELECT 1 WHERE EXISTS (SELECT FROM {table} WHERE user_id = '{bob}')",
    "to lock": "SELECT user_id FROM {table} WHERE user_id = '{bob}' FOR UPDATE",
    "update": "UPDATE {table} SET user_id = user_id WHERE user_id = '{bob}' RETURNING 1",
    "take": "UPDATE {table} SET user_id = '{alice}' WHERE user_id = '{bob}' RETURNING 1",
    "update from": "UPDATE {table} t SET user_id = t.user_id FROM {table} u WHERE u.user_id = '{bob}' RETURNING 1",
    "delete": "DELETE FROM {table} WHERE user_id = '{bob}' RETURNING 1",
    "delete using": "DELETE FROM {table} t USING {table} u WHERE u.user_id = '{bob}' RETURNING 1",
    "statistics": "SELECT most_common_vals::text FROM pg_stats WHERE tablename = '{table}'",
}
# Each statement is not permitted.
FORBIDDEN = {
    "give": "UPDATE {table} SET user_id = '{bob}' RETURNING 1",
    "truncate": "TRUNCATE {table} CASCADE",
    "switch off": "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
    "exempt the owner": "ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
    "open": "CREATE POLICY open ON {table} USING (true)",
    "ask around": "CREATE TRIGGER peep BEFORE UPDATE ON {table} EXECUTE FUNCTION suppress_redundant_updates_trigger()",
}


async def test_a_viewer_reads_their_own_rows_alone(owner: Connection, postgres_url: str) -> None:
    own = {table: len(rows) for table, rows in (await rows_of(owner, ALICE)).items()}
    found = {}
    async with viewer(postgres_url, ALICE) as alice:
        for table, count in own.items():
            for name, read in READS.items():
                rows = await alice.rows(read.format(table=table, alice=ALICE, bob=BOB))
                if rows is not None:
                    found[table, name] = rows
                    assert rows == [(ALICE,)] * count, (table, name)
            for statement in ("SELECT count(*) FROM {table}", "SELECT count(DISTINCT user_id) FROM {table}"):
                counted = await alice.rows(statement.format(table=table))
                assert counted in (None, [(1 if "DISTINCT" in statement else count,)]), (table, statement)
            for copy in (table, f"SELECT * FROM {table}"):
                text = await alice.copied(copy)
                # of a table with partitions and policies, COPY sends nothing
                expected = 0 if copy in PARTITIONED else count
                assert text is None or (str(BOB) not in text and text.count("\n") == expected), (table, copy)
    # and viewers can read all tables meant for them, and no partition directly
    assert {table for table, _ in found} == TABLES - UNREAD
    assert len(found) == len(TABLES - UNREAD) * len(READS)


async def test_a_viewer_can_neither_find_nor_change_nor_delete_rows_of_another(
    owner: Connection, postgres_url: str
) -> None:
    before = await rows_of(owner, BOB)
    answered = 0
    async with viewer(postgres_url, ALICE) as alice:
        for table in before:
            for name, probe in PROBES.items():
                rows = await alice.rows(probe.format(table=table, alice=ALICE, bob=BOB))
                assert rows in ([], None), (table, name)
                answered += rows is not None
            for name, statement in FORBIDDEN.items():
                assert await alice.rows(statement.format(table=table, bob=BOB)) is None, (table, name)
    assert answered > 9 * 5
    assert await rows_of(owner, BOB) == before


async def test_a_viewer_who_changes_or_deletes_everything_reaches_their_own_rows_alone(
    owner: Connection, postgres_url: str
) -> None:
    own = {table: len(rows) for table, rows in (await rows_of(owner, ALICE)).items()}
    async with viewer(postgres_url, ALICE) as alice:
        for table, count in own.items():
            changed = await alice.rows(f"UPDATE {table} SET user_id = user_id RETURNING user_id")
            assert changed in (None, [(ALICE,)] * count), table
            deleted = await alice.rows(f"DELETE FROM {table} RETURNING user_id")
            assert deleted in (None, [(ALICE,)] * count), table
            merged = await alice.rows(
                f"WITH gone AS (DELETE FROM {table} RETURNING user_id) SELECT user_id, count(*) FROM gone GROUP BY 1"
            )
            assert merged in (None, [(ALICE, count)]), table


CONFLICTS = ["", " ON CONFLICT DO NOTHING", " ON CONFLICT ({key}) DO UPDATE SET user_id = excluded.user_id"]


async def test_a_viewer_can_neither_write_rows_of_another_nor_learn_whether_they_exist(
    owner: Connection, postgres_url: str
) -> None:
    before = await rows_of(owner, BOB)
    async with viewer(postgres_url, ALICE) as alice:
        for table in before:
            key = await owner.fetchval(
                "SELECT string_agg(a.attname, ', ') FROM pg_index i JOIN pg_attribute a "
                "ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) WHERE i.indrelid = $1::regclass AND i.indisprimary",
                table,
            )
            there = await owner.fetchval(f"SELECT to_jsonb(t)::text FROM {table} t WHERE user_id = $1 LIMIT 1", BOB)
            own = await owner.fetchval(f"SELECT to_jsonb(t)::text FROM {table} t WHERE user_id = $1 LIMIT 1", ALICE)
            if there is None:  # a partition of another month
                continue
            # a row that Bob has and a row that he has not are rejected alike
            new = json.dumps(json.loads(own) | {"user_id": str(BOB)})
            for row in (there, new):
                for conflict in CONFLICTS:
                    statement = f"INSERT INTO {table} SELECT (jsonb_populate_record(null::{table}, $1::text::jsonb)).*"
                    assert await alice.rows(statement + conflict.format(key=key), row) is None, (table, conflict)
            # Alice cannot take Bob's row by inserting it as hers
            mine = json.dumps(json.loads(there) | {"user_id": str(ALICE)})
            with pytest.raises((asyncpg.FeatureNotSupportedError, asyncpg.InsufficientPrivilegeError)):
                async with alice._acting():
                    await alice.connection.copy_records_to_table(table, records=[(BOB,)], columns=["user_id"])
            assert mine != there
    assert await rows_of(owner, BOB) == before


async def test_an_alert_event_cannot_belong_to_another_users_alert(owner: Connection, postgres_url: str) -> None:
    bobs = await owner.fetchval("SELECT to_jsonb(e)::text FROM router_alert_events e WHERE user_id = $1 LIMIT 1", BOB)
    mine = json.dumps(json.loads(bobs) | {"user_id": str(ALICE), "sequence": 1_000})
    async with viewer(postgres_url, ALICE) as alice:
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await alice.rows(
                "INSERT INTO router_alert_events "
                "SELECT (jsonb_populate_record(null::router_alert_events, $1::text::jsonb)).*",
                mine,
            )


async def test_policies_cannot_be_switched_off(owner: Connection, postgres_url: str) -> None:
    async with viewer(postgres_url, ALICE) as alice:
        for table in await owned_tables(owner):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with alice._acting():
                    await alice.connection.execute("SET LOCAL row_security = off")
                    await alice.connection.fetch(f"SELECT * FROM {table}")


@pytest.mark.parametrize("user_id", [None, ""])
async def test_a_session_without_a_user_sees_no_rows(owner: Connection, postgres_url: str, user_id: str | None) -> None:
    async with viewer(postgres_url, None) as anonymous:
        if user_id is not None:
            await anonymous.connection.execute(f"SET app.user_id = '{user_id}'")
        for table in await owned_tables(owner):
            for read in (
                *READS.values(),
                "UPDATE {table} SET user_id = user_id RETURNING 1",
                "DELETE FROM {table} RETURNING 1",
            ):
                assert await anonymous.rows(read.format(table=table, alice=ALICE, bob=BOB)) in ([], None), (table, read)
            for text in (await anonymous.copied(table), await anonymous.copied(f"SELECT * FROM {table}")):
                assert text in ("", None), table
            row = await owner.fetchval(f"SELECT to_jsonb(t)::text FROM {table} t LIMIT 1")
            insert = f"INSERT INTO {table} SELECT (jsonb_populate_record(null::{table}, $1::text::jsonb)).*"
            assert row is None or await anonymous.rows(insert, row) is None, table


# The catalogue


async def test_every_owned_table_is_secured_even_against_its_owner(owner: Connection) -> None:
    unsecured = await owner.fetch(
        f"SELECT oid::regclass::text FROM pg_class WHERE oid::regclass::text IN ({OWNED.replace('ORDER BY 1', '')}) "
        "AND NOT (relrowsecurity AND relforcerowsecurity)"
    )
    assert unsecured == []
    policies = await owner.fetch(
        "SELECT polrelid::regclass::text AS name, polname, polroles::regrole[]::text[] AS roles, "
        "pg_get_expr(polqual, polrelid) AS sees, pg_get_expr(polwithcheck, polrelid) AS writes FROM pg_policy"
    )
    own = "(user_id = (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid)"
    assert {(row["name"], *row["roles"]) for row in policies} == {(name, "router_system") for name in TABLES} | {
        (name, "router_viewer") for name in TABLES - UNREAD
    }
    assert {(row["sees"], row["writes"]) for row in policies if row["roles"] == ["router_viewer"]} == {(own, own)}


async def test_the_roles_can_do_no_more_than_they_are_granted(owner: Connection) -> None:
    roles = await owner.fetch(
        "SELECT rolname, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication OR rolcanlogin AS strong "
        "FROM pg_roles WHERE rolname LIKE 'router\\_%' ORDER BY 1"
    )
    assert [tuple(row) for row in roles] == [("router_system", False), ("router_viewer", False)]
    memberships = "SELECT 1 FROM pg_auth_members WHERE member::regrole::text IN ('router_viewer', 'router_system')"
    assert await owner.fetch(memberships) == []
    # Of tables without users, a viewer reads only the start of the retained calls, and changes nothing.
    reachable = await owner.fetch(
        "SELECT oid::regclass::text, "
        "has_table_privilege('router_viewer', oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') "
        f"FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        f"AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND oid::regclass::text NOT IN ({OWNED.replace('ORDER BY 1', '')}) "
        "AND has_table_privilege('router_viewer', oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')"
    )
    assert [tuple(row) for row in reachable] == [("router_retention", False)]
    assert await owner.fetch("SELECT 1 FROM pg_proc WHERE pronamespace = 'public'::regnamespace") == []


async def test_the_user_leads_every_key(owner: Connection) -> None:
    """Each key starts with the user, so a cluster can distribute tables by user and keep every join on one machine."""
    keys = await owner.fetch(
        "SELECT i.indrelid::regclass::text AS name, i.indexrelid::regclass::text AS key, a.attname AS first "
        "FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid AND c.relnamespace = 'public'::regnamespace "
        "LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
    )
    owned = set(await owned_tables(owner))
    assert {row["key"] for row in keys if row["name"] in owned and row["first"] != "user_id"} == set()
    assert {row["name"] for row in keys} >= owned
    assert {row["name"] for row in keys} - owned == {"alembic_version", "router_retention"}
    references = await owner.fetch(
        "SELECT f.conname, f.confdeltype::text AS when_deleted, here.attname AS here, there.attname AS there "
        "FROM pg_constraint f JOIN pg_attribute here ON here.attrelid = f.conrelid AND here.attnum = f.conkey[1] "
        "JOIN pg_attribute there ON there.attrelid = f.confrelid AND there.attnum = f.confkey[1] WHERE f.contype = 'f'"
    )
    assert {(row["here"], row["there"]) for row in references} == {("user_id", "user_id")}
    # no foreign key has ON DELETE SET NULL or SET DEFAULT
    assert {row["when_deleted"] for row in references} <= {"a", "r", "c"}
    assert len(references) == 3


async def test_there_are_no_triggers_or_rules(owner: Connection) -> None:
    assert await owner.fetch("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal") == []
    rules = "SELECT rulename FROM pg_rules WHERE schemaname = 'public'"
    assert await owner.fetch(rules) == []


# An installation whose database user may not make roles


@pytest.fixture
def bare_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A PostgreSQL cluster without the router's roles, with a database `app` whose owner `app` may not create roles."""
    if request.config.getoption("--db") == "sqlite":
        pytest.skip("only SQLite is tested")
    with cluster() as bare:
        asyncio.run(administer(bare.url("postgres"), "CREATE ROLE app LOGIN", "CREATE DATABASE app OWNER app"))
        yield bare


async def administer(url: str, *statements: str) -> None:
    async with connected(url) as connection:
        for statement in statements:
            await connection.execute(statement)


LOG = """
mutation {
  logAnalytics(input: {provider: "openai", modelUsed: "a", taskType: "chat", success: true, cost: "1"}) { __typename }
}
"""


@pytest.fixture
def data_dir(bare_cluster: Cluster, tmp_path: Path) -> Path:
    """The data directory of an installation that signs in to PostgreSQL as `app`."""
    directory = tmp_path / "data"
    DATABASE_OF[directory] = bare_cluster.url("app").replace("//router@", "//app@")
    return directory


def test_a_database_user_who_cannot_create_roles_gets_the_statements_to_run(
    bare_cluster: Cluster, data_dir: Path
) -> None:
    # when the database is migrated, then the command fails with one line and the SQL to run
    failed = run("migrate", data_dir=data_dir)
    assert (failed.returncode, failed.stdout, failed.stderr.count("\n")) == (2, "", 1)
    assert failed.stderr.startswith("error: ")
    explained, _, sql = failed.stderr.partition("let a superuser run: ")
    assert "app may not create the roles that row-level security needs" in explained
    assert sql == (
        "CREATE ROLE router_viewer NOLOGIN; CREATE ROLE router_system NOLOGIN; "
        "GRANT router_viewer, router_system TO app;\n"
    )
    # and when a superuser has run it, migration and server work
    asyncio.run(administer(bare_cluster.url("app"), sql))
    done = run("migrate", data_dir=data_dir)
    assert (done.returncode, done.stderr) == (0, "")
    with served(data_dir) as (address, _):
        token = token_of(data_dir)
        assert ask(address, token, LOG) == {"__typename": "LoggedAnalytics"}
        assert ask(address, token, "{ analytics { nodes { cost } } }") == {"nodes": [{"cost": "1"}]}
    assert run("verify", "--user", USER, data_dir=data_dir).stdout == "0 differences\n"
    assert run("retention", "--keep", "30d", data_dir=data_dir).returncode == 0


def test_the_owner_of_the_tables_sees_no_row_unless_it_takes_a_role(bare_cluster: Cluster, data_dir: Path) -> None:
    # given an installation whose database user owns the tables, and a row
    asyncio.run(
        administer(
            bare_cluster.url("app"),
            "CREATE ROLE router_viewer NOLOGIN",
            "CREATE ROLE router_system NOLOGIN",
            "GRANT router_viewer, router_system TO app",
        )
    )
    assert run("migrate", data_dir=data_dir).returncode == 0
    with served(data_dir) as (address, _):
        assert ask(address, token_of(data_dir), LOG) == {"__typename": "LoggedAnalytics"}

    # when that user asks without taking a role
    async def seen() -> list[int]:
        async with connected(DATABASE_OF[data_dir]) as connection:
            return [
                await connection.fetchval(f"SELECT count(*) FROM {table}")
                for table in ("router_analytics", "router_analytics_hourly", "router_event_keys")
            ]

    # then it finds nothing: a statement that bypasses the roles reads nobody's rows
    assert asyncio.run(seen()) == [0, 0, 0]
