"""Installs what a test needs when the test asks for it, so that `make test ARGS=…` installs no more than that."""

from __future__ import annotations

import fcntl
import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import pytest

from tests.support.process import ROOT

STAMPS = {
    "clients": "tests/clients/node_modules/.installed",
    "integration": ".venv/.installed-integration",
    "web": "web/dist/.built",
}
"""The targets of the Makefile, each with the file that exists when it is made."""


def make(target: str, config: pytest.Config | None = None) -> None:
    """Make the target unless it is made. Only under `make test`: pytest by itself installs nothing.

    Without a configuration, pytest may capture the output. When the target fails, the tests that need it are skipped,
    or fail where `CI` is set.
    """
    command = os.environ.get("ROUTER_TEST_MAKE")
    if command is None:
        return
    with _exclusive():
        if subprocess.run(
            [command, "--question", STAMPS[target]], cwd=ROOT, capture_output=True, check=False
        ).returncode:
            with _shown(config):
                sys.stderr.write(f"\nThese tests need what `make {target}` makes:\n")
                sys.stderr.flush()
                subprocess.run([command, "--no-print-directory", target], cwd=ROOT, stdout=sys.stderr, check=False)
            importlib.invalidate_caches()


def _shown(config: pytest.Config | None) -> AbstractContextManager[None]:
    """Show the output of a long installation at once."""
    if config is None:
        return nullcontext()
    disabled: AbstractContextManager[None] = config.pluginmanager.getplugin(
        "capturemanager"
    ).global_and_fixture_disabled()
    return disabled


@contextmanager
def _exclusive() -> Iterator[None]:
    """Hold a file lock, so that only one process of this test run installs at a time."""
    directory = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)
