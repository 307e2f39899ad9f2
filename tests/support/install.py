"""What a test needs beside the Python packages, made when the test asks for it: `make test ARGS=…` installs no more than that."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.process import ROOT

MADE_BY = {"clients": "tests/clients/node_modules/.installed", "web": "web/dist/.built"}
"""The targets of the Makefile, each with the file that says that it is made."""


def make(target: str, config: pytest.Config) -> None:
    """Make the target unless it is made. Only under `make test`: pytest by itself installs nothing.

    One that fails has said why. The tests that need it are skipped then, or fail where `CI` is set.
    """
    command = os.environ.get("ROUTER_TEST_MAKE")
    if command is None:
        return
    with _one_at_a_time():
        if subprocess.run(
            [command, "--question", MADE_BY[target]], cwd=ROOT, capture_output=True, check=False
        ).returncode:
            # Whoever waits for it sees what for.
            with config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
                sys.stderr.write(f"\nThese tests need what `make {target}` makes:\n")
                sys.stderr.flush()
                subprocess.run([command, "--no-print-directory", target], cwd=ROOT, stdout=sys.stderr, check=False)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Wait for the other processes of this run."""
    directory = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)
