"""Tools that read schema/schema.graphql: compilers of operations, generators of types and clients, and a linter."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.clients.conftest import HERE, ROOT, TOOLS, Run


@pytest.fixture
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of the named directory with the schema, for tools that write into the directory they read."""
    project = tmp_path / "project"
    shutil.copytree(HERE / request.param, project)
    shutil.copy(ROOT / "schema" / "schema.graphql", project)
    (project / "node_modules").symlink_to(HERE / "node_modules")
    return project


@pytest.mark.parametrize("project", ["relay"], indirect=True)
async def test_relay_compiles_connections_and_refetchable_fragments(project: Path, run: Run) -> None:
    (project / "__generated__").mkdir()
    printed = await run("node_modules/.bin/relay-compiler", "relay.config.json", cwd=project)
    assert "ERROR" not in printed
    assert "WARN" not in printed
    generated = {each.name for each in (project / "__generated__").iterdir()}
    assert {"pageQuery.graphql.ts", "pageTestsQuery.graphql.ts", "pageAlertSubscription.graphql.ts"} <= generated


@pytest.mark.parametrize("project", ["codegen"], indirect=True)
async def test_generated_types_for_typescript_are_strict_and_correct(project: Path, run: Run) -> None:
    printed = await run("node_modules/.bin/graphql-codegen", "--config", "codegen.mjs", cwd=project)
    assert "warn" not in printed.lower()
    assert not await run("node_modules/.bin/tsc", "--strict", "--project", ".", cwd=project)


@pytest.mark.parametrize("project", ["eslint"], indirect=True)
async def test_the_schema_follows_the_rules_of_graphql_eslint(project: Path, run: Run) -> None:
    assert not await run("node_modules/.bin/eslint", "--max-warnings", "0", "schema.graphql", cwd=project)


@pytest.mark.parametrize("project", ["ariadne"], indirect=True)
async def test_a_client_in_python_is_generated_and_works(project: Path, run: Run, url: str, token: str) -> None:
    printed = await run(TOOLS / "ariadne-codegen", cwd=project)
    assert "warn" not in printed.lower()
    assert not await run(TOOLS / "python", "use_client.py", cwd=project, ROUTER_URL=url, ROUTER_TOKEN=token)
