"""Builds and installs what a test needs besides Python packages, when the test asks for it.

That way `make test ARGS=…` installs no more than the named tests need.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.process import ROOT

STAMPS = {"clients": "tests/clients/node_modules/.installed", "web": "web/dist/.built"}
"""The targets of the Makefile, each with the file that marks it as up to date."""


def make(target: str, config: pytest.Config) -> None:
    """Run `make` for the target unless it is up to date. Only under `make test`: pytest by itself installs nothing.

    When make fails, it prints why. The tests that need the target are then skipped, or fail where `CI` is set.
    """
    command = os.environ.get("ROUTER_TEST_MAKE")
    if command is None:
        return
    with _exclusive():
        if subprocess.run(
            [command, "--question", STAMPS[target]], cwd=ROOT, capture_output=True, check=False
        ).returncode:
            # Show on the terminal why the tests wait.
            with config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
                sys.stderr.write(f"\nThese tests need what `make {target}` makes:\n")
                sys.stderr.flush()
                subprocess.run([command, "--no-print-directory", target], cwd=ROOT, stdout=sys.stderr, check=False)


@contextmanager
def _exclusive() -> Iterator[None]:
    """Hold a file lock, so that only one process of this test run installs at a time."""
    directory = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)
