"""Loky's semaphores: seven files in shared memory for each worker, none of which may stay behind."""

from __future__ import annotations

import contextlib
import os
import re
from typing import Any

_LEFTOVER = re.compile(r"sem\.loky-(\d+)-")
_SHARED_MEMORY = "/dev/shm"


def unlink_semaphores(executor: Any, process: Any) -> None:
    """Take the names of the executor's semaphores away as soon as its only worker has them open.

    They go on working without a name, and nothing of them stays in shared memory however this process ends.
    (After ``kill -9`` of the whole process group nobody would be left to remove them.)
    """
    from multiprocessing import util

    locks = [executor._processes_management_lock, getattr(process, "_worker_exit_lock", None)]
    for pipe in (executor._call_queue, executor._result_queue):
        locks += [getattr(pipe, name, None) for name in ("_rlock", "_wlock", "_sem")]
    names = {lock._semlock.name for lock in locks if lock is not None}
    for finalizer in list(util._finalizer_registry.values()):  # type: ignore[attr-defined]
        arguments = getattr(finalizer, "_args", None)
        if arguments and len(arguments) == 1 and arguments[0] in names:
            finalizer()


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
