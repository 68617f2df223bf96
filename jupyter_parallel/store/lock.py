"""One writer for each checkpoint: in this process by a registry, among processes by a lock file.

The lock file is opened by nothing but this module, and by a process only after the registry said that this
process does not hold it: POSIX gives a lock up as soon as its owner closes *any* descriptor of the file.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import time
from pathlib import Path

from ..errors import CheckpointBusy

_held: dict[str, Lock] = {}
_freed = threading.Condition()
MOMENT = 1.0
"""Seconds to wait for another run of this process."""


class Lock:
    """The right to write one checkpoint, until ``release`` or the death of the process."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = str(path)
        self.name = name
        self.since = time.time()
        self._descriptor: int | None = None
        with _freed:
            # A run that has just ended may still be letting go.
            _freed.wait_for(lambda: self._path not in _held, MOMENT)
            other = _held.get(self._path)
            if other is not None:
                raise CheckpointBusy(_busy(name, "another run of this kernel", other.since))
            self._acquire()
            _held[self._path] = self

    def _acquire(self) -> None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = _read(descriptor)
            os.close(descriptor)
            who = f"process {holder['pid']} on {holder['host']}" if holder else "another process"
            raise CheckpointBusy(_busy(self.name, who, holder["since"] if holder else None)) from None
        told = {"pid": os.getpid(), "host": os.uname().nodename, "since": self.since}
        # Who holds the lock is only for people: a full disk must not be in the way.
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(told).encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Let others write. Idempotent."""
        with _freed:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None
                _held.pop(self._path, None)
                _freed.notify_all()


def held_here(path: Path) -> bool:
    """Whether a run of this process writes the checkpoint of this lock file."""
    with _freed:
        return str(path) in _held


def _read(descriptor: int) -> dict[str, float]:
    try:
        found = json.loads(os.pread(descriptor, 1000, 0))
        return {"pid": int(found["pid"]), "host": found["host"], "since": float(found["since"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _busy(name: str, who: str, since: float | None) -> str:
    told = "" if since is None else time.strftime(" since %H:%M:%S on %Y-%m-%d", time.localtime(since))
    return (
        f"the checkpoint {name!r} is being written by {who}{told}; wait for it or end it, "
        "or give this run another --checkpoint name"
    )


def _after_fork() -> None:
    """A forked child holds no locks, and must not free its parent's by closing our descriptors."""
    global _freed
    _freed = threading.Condition()
    _held.clear()


os.register_at_fork(after_in_child=_after_fork)
