"""The command line in real processes."""

from __future__ import annotations

import csv
import gzip
import re
import socket
import stat
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import jwt
import pytest

from domain.provider import provider_id
from migrations import upgrade
from tests.support.postgres import free_port
from tests.support.process import DATABASE_OF, ROOT, USER, ask, environment, run, served, token_of

SAMPLE = ROOT / "tests/data/aider_usage_sample.csv"


@pytest.fixture
def data_dir(tmp_path: Path, database_url: str) -> Path:
    directory = tmp_path / "data"
    directory.mkdir()
    if database_url.startswith("postgresql"):
        DATABASE_OF[directory] = database_url
    else:
        (tmp_path / "router.db").rename(directory / "router.db")
    return directory


@pytest.fixture
def sqlite_dir(sqlite_url: str, tmp_path: Path) -> Path:
    """A data directory with a migrated SQLite file, for commands that do not depend on the database."""
    assert sqlite_url.endswith(f"{tmp_path}/router.db")
    return tmp_path


def sample_rows() -> list[dict[str, str]]:
    with SAMPLE.open(newline="") as file:
        return list(csv.DictReader(file))


def everything(address: str, token: str) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = []
    after = None
    while True:
        page = ask(
            address,
            token,
            """query($after: String) { analytics(first: 500, after: $after) {
                 nodes { provider taskType modelUsed cost latencyMs metadata occurredAt }
                 pageInfo { hasNextPage endCursor } } }""",
            after=after,
        )
        nodes += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return nodes
        after = page["pageInfo"]["endCursor"]


def test_the_first_start_creates_a_secret_that_later_starts_use(data_dir: Path) -> None:
    with served(data_dir) as (address, printed):
        secret = data_dir / "secret"
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        user = re.search(r"user\s+(\S+)", printed)
        assert user is not None
        token = run("token", "--user", user[1], data_dir=data_dir).stdout.strip()
        assert ask(address, token, "{ viewer { id } }") == {"id": user[1]}
    before = secret.read_text()
    with served(data_dir) as (address, _):
        assert secret.read_text() == before
        assert ask(address, token, "{ viewer { id } }") == {"id": user[1]}


def test_a_secret_from_the_settings_is_used_and_not_printed(data_dir: Path) -> None:
    secret = "a secret that the operator chose for us"
    with served(data_dir, ROUTER_JWT_SECRET=secret) as (address, printed):
        assert "token" not in printed
        token = jwt.encode({"sub": USER, "exp": datetime.now(UTC) + timedelta(hours=1)}, secret)
        assert ask(address, token, "{ viewer { id } }") == {"id": USER}
    assert not (data_dir / "secret").exists()


@pytest.mark.parametrize(("secret", "mode"), [("", 0o600), ("short", 0o600), ("x" * 43, 0o644)])
def test_an_invalid_secret_is_one_line_and_exit_code_2(tmp_path: Path, secret: str, mode: int) -> None:
    (tmp_path / "secret").write_text(secret)
    (tmp_path / "secret").chmod(mode)
    failed = run("token", "--user", USER, data_dir=tmp_path)
    assert (failed.returncode, failed.stdout, failed.stderr.count("\n")) == (2, "", 1)


def test_token_prints_a_token_and_nothing_else(data_dir: Path) -> None:
    issued = run("token", "--user", USER, "--expires", "2h", data_dir=data_dir)
    assert (issued.returncode, issued.stderr, issued.stdout.count("\n")) == (0, "", 1)
    claims = jwt.decode(issued.stdout.strip(), (data_dir / "secret").read_text(), algorithms=["HS256"])
    assert claims["sub"] == USER
    assert claims["exp"] - claims["iat"] == 7200
    assert run("token", "--user", "nobody", data_dir=data_dir).returncode == 2
    assert run("token", "--user", USER, "--expires", "soon", data_dir=data_dir).returncode == 2


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"ROUTER_PORT": "99999"}, "ROUTER_PORT"),
        ({"ROUTER_PORT": "http"}, "ROUTER_PORT"),
        ({"ROUTER_JWT_SECRET": "short"}, "ROUTER_JWT_SECRET"),
        ({"ROUTER_JWKS_URL": "not a url"}, "ROUTER_JWKS_URL"),
        ({"ROUTER_DATABASE_URL": "mysql://localhost/router"}, "ROUTER_DATABASE_URL"),
        ({"ROUTER_DATABASE_URL": "nonsense"}, "ROUTER_DATABASE_URL"),
        ({"ROUTER_DATABASE_URL": "sqlite+aiosqlite:////no/such/directory/router.db"}, "ROUTER_DATABASE_URL"),
        ({"ROUTER_DATABASE_URL": "sqlite+aiosqlite://"}, "ROUTER_DATABASE_URL"),
        ({"ROUTER_HOST": "h" * 300}, "ROUTER_HOST"),
        ({"ROUTER_DATA_DIR": "/proc/router"}, "ROUTER_DATA_DIR"),
        ({"ROUTER_HOST": "no.such.host.invalid"}, "ROUTER_HOST"),
    ],
)
def test_an_error_at_the_start_is_one_line_and_exit_code_2(
    sqlite_dir: Path, settings: dict[str, str], named: str
) -> None:
    failed = run("serve", data_dir=sqlite_dir, **settings)
    assert failed.returncode == 2
    assert failed.stdout == ""
    assert failed.stderr.count("\n") == 1
    assert failed.stderr.startswith("error: ")
    assert named in failed.stderr
    for value in settings.values():
        assert named != "ROUTER_JWT_SECRET" or value not in failed.stderr


def test_a_port_in_use_is_one_line_and_exit_code_2(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        failed = run("serve", data_dir=data_dir, ROUTER_PORT=str(taken.getsockname()[1]))
    assert (failed.returncode, failed.stderr.count("\n")) == (2, 1)
    assert "ROUTER_PORT" in failed.stderr


def test_a_database_that_is_not_migrated_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    for command in (["serve"], ["import", str(SAMPLE), "--user", USER]):
        failed = run(*command, data_dir=tmp_path)
        assert failed.returncode == 2
        assert failed.stderr.splitlines()[-1].startswith("error: ")
        assert "make migrate" in failed.stderr


def test_a_file_that_is_imported_twice_is_stored_once_and_its_costs_add_up(data_dir: Path, tmp_path: Path) -> None:
    # given the sample, plain and compressed
    packed = tmp_path / "sample.csv.gz"
    packed.write_bytes(gzip.compress(SAMPLE.read_bytes()))
    rows = sample_rows()
    nano_dollar = Decimal("1E-9")
    cost = sum(Decimal(row["cost"]).quantize(nano_dollar, ROUND_HALF_EVEN) for row in rows if row["cost"])

    # when one is imported while the server runs, and then the other
    with served(data_dir) as (address, _):
        first = run("import", str(SAMPLE), "--user", USER, data_dir=data_dir)
        second = run("import", str(packed), "--user", USER, data_dir=data_dir)
        stored = everything(address, token_of(data_dir))
        events = ask(address, token_of(data_dir), "{ alertEvents { nodes { id } } }")["nodes"]

    # then every row is stored once, as it is in the file
    assert (first.returncode, first.stdout) == (0, f"{len(rows)} imported, 0 already present, 0 rejected\n")
    assert (second.returncode, second.stdout) == (0, f"0 imported, {len(rows)} already present, 0 rejected\n")
    assert sum(Decimal(node["cost"]) for node in stored if node["cost"]) == cost
    assert Counter(node["provider"] for node in stored) == Counter(
        provider_id(row["provider"] or "unknown") for row in rows
    )
    assert Counter(node["taskType"] for node in stored) == Counter(row["task_type"] or "unknown" for row in rows)
    assert sum(node["cost"] is None for node in stored) == sum(not row["cost"] for row in rows)
    assert sum(node["latencyMs"] is None for node in stored) == sum(not row["latency_ms"] for row in rows)
    assert Counter(node["metadata"].get("outcome") for node in stored) == Counter(row["outcome"] for row in rows)
    assert events == []


def test_bad_lines_are_named_and_good_ones_stored(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "usage.csv"
    file.write_text(
        "created_at,provider,model_used,success,cost\n"
        "2025-01-01T00:00:00Z,openai,gpt-4o,1,0.5\n"
        "2025-01-01T00:00:00Z,openai,gpt-4o,1,-1\n"
        "2025-01-01T00:00:00Z,openai,gpt-4o\n"
        "yesterday,openai,gpt-4o,1,1\n"
        "2125-01-01T00:00:00Z,openai,gpt-4o,1,1\n"
        "2025-01-01T00:00:00Z,openai,gpt-4o,0,\n"
    )
    done = run("import", str(file), "--user", USER, data_dir=data_dir)
    assert (done.returncode, done.stdout) == (1, "2 imported, 0 already present, 4 rejected\n")
    rejected = [line for line in done.stderr.splitlines() if line.startswith("line ")]
    assert [line.partition(":")[0] for line in rejected] == ["line 3", "line 4", "line 5", "line 6"]
    assert "cost" in rejected[0]
    assert "3 fields" in rejected[1]


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\x1f\x8bnot gzip"])
def test_a_file_without_usage_is_one_line_and_exit_code_2(sqlite_dir: Path, content: bytes) -> None:
    file = sqlite_dir / "usage.csv"
    file.write_bytes(content)
    failed = run("import", str(file), "--user", USER, data_dir=sqlite_dir)
    assert failed.returncode == 2
    assert failed.stderr.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in failed.stderr
    assert run("import", str(sqlite_dir / "none.csv"), "--user", USER, data_dir=sqlite_dir).returncode == 2


def test_a_killed_import_can_be_run_again(data_dir: Path, tmp_path: Path) -> None:
    # given a file of 20,000 rows, and an import that was killed after its first commits
    file = tmp_path / "usage.csv"
    lines = [f"2025-01-01T00:00:{n % 60:02}Z,openai,gpt-4o,1,0.000000001\n" for n in range(20_000)]
    file.write_text("created_at,provider,model_used,success,cost\n" + "".join(lines))
    with served(data_dir) as (address, _):
        token = token_of(data_dir)
        process = subprocess.Popen(
            [sys.executable, "-m", "server", "import", str(file), "--user", USER], cwd=ROOT, env=environment(data_dir)
        )
        while not ask(address, token, "{ analytics(first: 1) { nodes { id } } }")["nodes"]:
            assert process.poll() is None
        process.kill()
        process.wait()
        # when it is run again
        done = run("import", str(file), "--user", USER, data_dir=data_dir)
        # then every row is stored once
        counted = re.fullmatch(r"(\d+) imported, (\d+) already present, 0 rejected\n", done.stdout)
        assert counted is not None
        assert int(counted[1]) + int(counted[2]) == 20_000
        assert int(counted[2]) > 0
        assert len(everything(address, token)) == 20_000


def test_a_replay_logs_through_the_server_with_the_current_time(data_dir: Path) -> None:
    with served(data_dir) as (address, _):
        token = token_of(data_dir)
        rows = sample_rows()
        test = ask(
            address,
            token,
            """mutation { createABTest(input: {testName: "t",
                 variantA: {provider: "anthropic", model: "claude-3-5-sonnet-20241022"},
                 variantB: {provider: "deepseek", model: "deepseek-chat"}}) { ... on ABTest { id } } }""",
        )
        ask(
            address,
            token,
            'mutation { createCostAlert(input: {thresholdAmount: "0.01", period: MONTHLY}) { __typename } }',
        )
        done = run(
            "replay", str(SAMPLE), "--user", USER, "--speed", "1e9", "--url", address, "--ab-test", test["id"],
            data_dir=data_dir,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (0, f"{len(rows)} logged, 0 rejected\n")
        stored = everything(address, token)
        levels = ask(address, token, "{ alertEvents { nodes { level } } }")["nodes"]
        counted = ask(
            address,
            token,
            "query($id: ID!) { abTest(id: $id) { variantA { calls } variantB { calls } } }",
            id=test["id"],
        )
    assert len(stored) == len(rows)
    assert {"level": "TRIGGERED"} in levels
    served_by = Counter((row["provider"], row["model_used"]) for row in rows)
    assert counted == {
        "variantA": {"calls": served_by["anthropic", "claude-3-5-sonnet-20241022"]},
        "variantB": {"calls": served_by["deepseek", "deepseek-chat"]},
    }


def test_a_replay_without_a_server_is_one_line_and_exit_code_2(data_dir: Path) -> None:
    failed = run("replay", str(SAMPLE), "--user", USER, "--url", "http://127.0.0.1:9", data_dir=data_dir)
    assert failed.returncode == 2
    assert failed.stderr.splitlines()[-1].startswith("error: the server at")


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'router.db'}"
    upgrade(url)
    before = (tmp_path / "router.db").read_bytes()
    upgrade(url)
    assert (tmp_path / "router.db").read_bytes() == before


def test_no_dependency_has_a_package_with_the_name_of_ours() -> None:
    code = "import schema, resolvers, domain, models, migrations, server; print(schema.__file__, server.__file__)"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.split() == [str(ROOT / "schema/__init__.py"), str(ROOT / "server/__init__.py")]
    names = "schema resolvers domain models migrations server"
    code = f"import importlib.util as u; print([name for name in {names.split()} if u.find_spec(name)])"
    outside = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "docs", capture_output=True, text=True, check=True
    )
    assert outside.stdout.strip() == "[]"


def test_a_second_server_on_one_file_is_rejected(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    assert run("migrate", data_dir=directory).returncode == 0
    with served(directory):
        failed = run("serve", data_dir=directory)
        assert (failed.returncode, failed.stderr.count("\n")) == (2, 1)
        assert "another server" in failed.stderr
    with served(directory) as (address, _):
        assert ask(address, token_of(directory), "{ viewer { id } }") == {"id": USER}


def test_verify_finds_no_difference_after_an_import(data_dir: Path) -> None:
    run("import", str(SAMPLE), "--user", USER, data_dir=data_dir)
    done = run("verify", data_dir=data_dir)
    assert (done.returncode, done.stdout) == (0, "0 differences\n")


def test_a_command_applies_retention(data_dir: Path) -> None:
    run("import", str(SAMPLE), "--user", USER, data_dir=data_dir)
    done = run("retention", "--keep", "30d", data_dir=data_dir)
    assert re.fullmatch(r"kept from \d{4}-\d\d-01 on\n", done.stdout)
    assert run("verify", data_dir=data_dir).stdout == "0 differences\n"
    with served(data_dir) as (address, _):
        assert everything(address, token_of(data_dir)) == []
    assert run("retention", "--keep", "much", data_dir=data_dir).returncode == 2


IMPORTED = """
import runpy, sys
try:
    runpy.run_module("server", run_name="__main__", alter_sys=True)
finally:
    print(*sorted({name.split(".")[0] for name in sys.modules}))
"""
DATABASE = {"sqlalchemy", "aiosqlite", "asyncpg", "alembic", "models", "migrations"}
APPLICATION = {"graphql", "strawberry", "schema", "resolvers", "starlette", "uvicorn", "opentelemetry", "genai_prices"}


@pytest.mark.parametrize(
    ("arguments", "exit_code", "used"),
    [
        (["--help"], 0, set()),
        (["token", "--help"], 0, set()),
        (["token", "--user", USER], 0, {"jwt"}),
        (["token", "--user", "nobody"], 2, set()),
        (["query", "{ viewer { id } }", "--user", USER], 2, {"jwt", "httpx2"}),
        (["watch", "--user", USER], 2, {"jwt", "httpx2", "websockets"}),
        (["export", "-", "--user", USER], 2, {"jwt", "httpx2"}),
    ],
)
def test_a_command_imports_only_the_modules_it_uses(
    tmp_path: Path, arguments: list[str], exit_code: int, used: set[str]
) -> None:
    # given a directory without a database, and without a server
    ended = subprocess.run(
        [sys.executable, "-c", IMPORTED, *arguments],
        cwd=ROOT,
        env=environment(tmp_path, ROUTER_PORT=str(free_port())),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    # when a command that needs neither the database nor the application has ended, then it has not imported them
    assert ended.returncode == exit_code, ended.stderr
    imported = set(ended.stdout.splitlines()[-1].split())
    assert not imported & (DATABASE | APPLICATION)
    assert used <= imported
