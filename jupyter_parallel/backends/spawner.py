"""The thread that starts worker processes.

One thread for the life of this process does it, for two reasons. A child inherits the signal mask of the
thread that starts it: here SIGINT is blocked, so that an interrupt cannot kill a worker that is starting.
And Linux sends a worker its parent-death signal when the *thread* that started it ends.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Callable

from .semaphores import sweep_leftovers


class Spawner:
    """Runs calls one after the other in its thread."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.pid = os.getpid()
        threading.Thread(target=self._work, name="jupyter-parallel-spawner", daemon=True).start()

    def call(self, call: Callable[[], None]) -> None:
        self._calls.put(call)

    def _work(self) -> None:
        sweep_leftovers()
        while True:
            self._calls.get()()


def block_interrupts() -> None:
    """Keep SIGINT from the processes that this thread starts next.

    The standard library's resource tracker, which loky starts with its first worker, unblocks SIGINT in
    the thread that starts it: it must be there already.
    """
    from multiprocessing import resource_tracker

    if hasattr(signal, "pthread_sigmask"):
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


_lock = threading.Lock()
_spawner: Spawner | None = None


def spawner() -> Spawner:
    """Return this process' spawner; a forked child gets one of its own."""
    global _spawner
    with _lock:
        if _spawner is None or _spawner.pid != os.getpid():
            _spawner = Spawner()
        return _spawner
