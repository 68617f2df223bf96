"""When waiting is not allowed: the kernel answers an inspection or completion request.

Such requests look at values (``len``, ``repr``, items). A live run would make them, and with them
the kernel, wait for its workers. Whoever answers them forbids waiting on that thread.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from ..errors import NotReady

_thread = threading.local()


@contextlib.contextmanager
def no_waiting() -> Iterator[None]:
    """Make every access that would wait raise ``NotReady``, on this thread."""
    before = getattr(_thread, "forbidden", False)
    _thread.forbidden = True
    try:
        yield
    finally:
        _thread.forbidden = before


def check_may_wait(what: str) -> None:
    """Raise ``NotReady`` when this thread must not wait."""
    if getattr(_thread, "forbidden", False):
        raise NotReady(f"{what} is not there yet; waiting for it would freeze the kernel")
