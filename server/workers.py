"""Several processes that serve at one address: one that ends by itself is replaced, and all end with the first."""

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
"""The exit code of a worker that cannot start: uvicorn's. Of one of the first, others could not either."""
_PAUSE_S: Final = 1
SPAWNING: Final = multiprocessing.get_context("spawn")

_log: Final = logging.getLogger(__name__)


class Workers:
    """Runs `work` in so many processes. It is imported there anew: nothing is shared but the arguments."""

    def __init__(self, count: int, work: Callable[..., None], *arguments: Any) -> None:
        self._count = count
        self._work = work
        self._arguments = arguments
        self._running: list[SpawnProcess] = []
        self._stopping = False

    def run(self) -> None:
        """Until this process is told to stop, by SIGTERM or SIGINT. Raises StartupError when a worker cannot start."""
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
                _log.error("worker %d ended with %d: another takes its place", worker.pid, worker.exitcode)
                if worker not in first:
                    # Others serve, and what keeps this one from it may pass: the database is away, say.
                    time.sleep(_PAUSE_S)
                self._start()
        if failed:
            raise StartupError("a worker could not start: what it logged says why")

    def _start(self) -> None:
        worker = SPAWNING.Process(target=self._work, args=self._arguments)
        worker.start()
        self._running.append(worker)
        if self._stopping:  # told so meanwhile
            worker.terminate()

    def _stop(self, _signal: int = signal.SIGTERM, _frame: FrameType | None = None) -> None:
        self._stopping = True
        for worker in self._running:
            worker.terminate()
