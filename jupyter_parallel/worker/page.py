"""The page: what a worker is doing, and when it should stop, shared with the kernel.

Eight 64-bit fields in memory that both sides map: no messages, no system calls. Integer fields are
read through ``fields``, the one time through ``times``; both are views of the same slots, so no slot
is used through both. A worker inside the kernel's process uses plain lists instead.

Each field has one writer: the worker writes ``CURRENT``, ``SINCE``, ``COMMITTED`` and ``PID``, the kernel
the others. While a worker is idle, the kernel may write all of them.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import MutableSequence
from typing import Any

CHUNK = 0
"""Id of the chunk the fields speak of."""
CURRENT = 1
"""Index of the item that runs, or was the last to run; -1 before the first."""
SINCE = 2
"""When the current item started, in seconds of ``perf_counter`` (through ``times``)."""
COMMITTED = 3
"""Bytes of the spool that hold whole records."""
STOP = 4
"""Index of the first item that must not be started."""
ASK = 5
"""Index of the item that is asked to stop by itself, -1 for none."""
STRIKE = 6
"""Index of the item that the interrupt signal is meant for, -1 for none."""
PID = 7
"""Process id of the worker."""

_SLOTS = 8
SIZE = 8 * _SLOTS


class Page:
    """The fields, either mapped from a file both processes have open or plain lists.

    Parameters
    ----------
    descriptor
        An open file of at least ``SIZE`` bytes; ``None`` for a page inside one process.
    """

    fields: MutableSequence[int]
    times: MutableSequence[float]

    def __init__(self, descriptor: int | None = None) -> None:
        self._views: list[memoryview[Any]] = []
        if descriptor is None:
            self.fields = [0] * _SLOTS
            self.times = [0.0] * _SLOTS
            return
        mapping = memoryview(mmap.mmap(descriptor, SIZE))
        fields = mapping.cast("q")
        times = mapping.cast("d")
        self._views = [fields, times, mapping]
        self.fields = fields  # type: ignore[assignment]
        self.times = times  # type: ignore[assignment]

    def begin(self, chunk: int, start: int, stop: int) -> None:
        """Prepare the page for a chunk; only while the worker is idle."""
        fields = self.fields
        fields[CHUNK] = chunk
        fields[CURRENT] = -1
        fields[COMMITTED] = 0
        fields[STOP] = stop
        fields[ASK] = -1
        fields[STRIKE] = -1

    def release(self) -> None:
        """Let go of the mapping: any later access raises ``ValueError`` and reaches nobody."""
        for view in self._views:
            view.release()
        self._views = []


def open_page(address: str) -> Page:
    """Map the page that the kernel made at ``address``."""
    descriptor = os.open(address, os.O_RDWR)
    try:
        return Page(descriptor)
    finally:
        os.close(descriptor)
