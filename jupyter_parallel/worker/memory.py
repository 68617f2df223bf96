"""A limit for the memory of a worker: over it an item fails with ``MemoryError``, and the worker lives.

The operating system keeps it (``RLIMIT_DATA`` of Linux counts what a process may write to), so nothing has
to be measured while items run, and an allocation that would go too far is refused before it harms anybody.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

SUPPORTED = sys.platform == "linux"

_EVERYTHING = -1


@contextlib.contextmanager
def limited(nbytes: int | None) -> Iterator[None]:
    """Let this process have at most ``nbytes`` bytes, all it has already included; ``None`` is no limit."""
    if nbytes is None:
        yield
        return
    before = _set(nbytes)
    try:
        yield
    finally:
        _set(before)


@contextlib.contextmanager
def headroom() -> Iterator[None]:
    """Lift the limit for a moment: writing down that memory is short needs some."""
    before = _set(_EVERYTHING)
    try:
        yield
    finally:
        _set(before)


def _set(nbytes: int) -> int:
    """Set the limit and return the one before."""
    if not SUPPORTED:
        return _EVERYTHING
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if nbytes == _EVERYTHING or (hard != _EVERYTHING and nbytes > hard):
        nbytes = hard
    if nbytes != soft:
        resource.setrlimit(resource.RLIMIT_DATA, (nbytes, hard))
    return soft
