"""The thread that starts worker processes.

One thread for the life of this process does it, for two reasons. A child inherits the signal mask of the
thread that starts it: here SIGINT is blocked, so that an interrupt cannot kill a worker that is starting.
And Linux sends a worker its parent-death signal when the *thread* that started it ends.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import threading
from collections.abc import Callable

_LEFTOVER = re.compile(r"sem\.loky-(\d+)-")
_SHARED_MEMORY = "/dev/shm"


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


def sweep_leftovers() -> None:
    """Remove loky's semaphores of processes that were killed before they could."""
    try:
        names = os.listdir(_SHARED_MEMORY)
    except OSError:
        return
    for name in names:
        found = _LEFTOVER.match(name)
        if found and not _alive(int(found[1])):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(_SHARED_MEMORY, name))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
