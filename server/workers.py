"""Worker processes that serve at one address. A worker that ends unexpectedly is replaced."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import Any, Final

from prometheus_client.multiprocess import mark_process_dead

from server.settings import StartupError

CANNOT_START: Final = 3
"""The exit code of a worker that cannot start, as uvicorn has it."""
_PAUSE_S: Final = 1
SPAWNING: Final = multiprocessing.get_context("spawn")

_log: Final = logging.getLogger(__name__)


class Workers:
    """Runs `work` in `count` processes. Each one is spawned, and shares only the arguments with this process."""

    def __init__(self, count: int, work: Callable[..., None], *arguments: Any) -> None:
        self._count = count
        self._work = work
        self._arguments = arguments
        self._running: list[SpawnProcess] = []
        self._stopping = False

    def run(self) -> None:
        """Run until SIGTERM or SIGINT. Raises StartupError when one of the first workers cannot start."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for _ in range(self._count):
            self._start()
        first = list(self._running)
        failed = False
        while self._running:
            wait([worker.sentinel for worker in self._running])
            for worker in [worker for worker in self._running if not worker.is_alive()]:
                self._running.remove(worker)
                mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
                if self._stopping:
                    continue
                if worker.exitcode == CANNOT_START and worker in first:
                    failed = True
                    self._stop()
                    continue
                _log.error("worker %d ended with exit code %d and is replaced", worker.pid, worker.exitcode)
                if worker not in first:
                    # Other workers serve, and the cause may be temporary, such as a database that is down: start again later.
                    time.sleep(_PAUSE_S)
                self._start()
        if failed:
            raise StartupError("a worker could not start: see its log lines for the reason")

    def _start(self) -> None:
        worker = SPAWNING.Process(target=self._work, args=self._arguments)
        worker.start()
        self._running.append(worker)
        if self._stopping:  # a signal arrived while the worker was being started
            worker.terminate()

    def _stop(self, _signal: int = signal.SIGTERM, _frame: FrameType | None = None) -> None:
        self._stopping = True
        for worker in self._running:
            worker.terminate()
