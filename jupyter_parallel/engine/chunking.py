"""How many items go into a chunk, and in which order ranges of items are handed out."""

from __future__ import annotations

from collections import deque

TARGET = 0.1
"""Seconds a chunk should take: long beside the cost of sending one, short beside a human."""
GROWTH = 8
"""A chunk may be this many times larger than the one before: estimates are wrong on real data."""
HEAVIEST = 8 * 1024 * 1024
"""Bytes in an automatic chunk: what is on its way to a worker is held twice."""
LARGEST = 65_536
"""Items in an automatic chunk, so that the look-ahead stays bounded."""


class ChunkSizer:
    """Chooses chunk sizes that aim at a duration.

    Parameters
    ----------
    workers
        How many chunks run at the same time.
    fixed
        Items per chunk, or None for automatic sizes.
    """

    def __init__(self, workers: int, fixed: int | None = None) -> None:
        self._workers = workers
        self._fixed = fixed
        self._last = 0
        self._items = 0.0
        self._seconds = 0.0
        self._bytes_per_item = 0.0

    @property
    def fixed(self) -> bool:
        return self._fixed is not None

    def look_ahead(self) -> int:
        """Return how many items may be pulled and not finished: two chunks a worker."""
        ahead = self._fixed or min(LARGEST, max(1, self._last) * GROWTH)
        return 2 * self._workers * ahead

    def observe(self, items: int, seconds: float) -> None:
        """Learn from ``items`` consecutive items that took ``seconds`` together."""
        # Forgetting by work done, not by record: one slow item among thousands of fast ones must
        # not make every following chunk tiny, a cliff must be noticed within a few slow items.
        keep = 0.5 ** (seconds / TARGET)
        self._items = self._items * keep + items
        self._seconds = self._seconds * keep + max(seconds, 1e-9)

    def observe_running(self, seconds: float) -> None:
        """Learn that one item has been running for ``seconds`` and is not done."""
        if seconds * self._items > self._seconds:
            self._items, self._seconds = 1.0, max(seconds, 1e-9)

    def observe_bytes(self, items: int, nbytes: int) -> None:
        """Learn that ``items`` items were sent in ``nbytes`` bytes."""
        self._bytes_per_item = max(self._bytes_per_item / 2, nbytes / items)

    def next_size(self, remaining: int | None) -> int:
        """Return the size of the next chunk when ``remaining`` items wait (None: nobody knows)."""
        if self._fixed is not None:
            return self._fixed
        if not self._items:
            return 1
        size = min(int(TARGET * self._items / self._seconds), max(1, self._last) * GROWTH, LARGEST)
        if self._bytes_per_item:
            size = min(size, int(HEAVIEST / self._bytes_per_item))
        if remaining is not None:
            # The last chunks shrink, so that all workers end together.
            size = min(size, -(-remaining // (2 * self._workers)))
        self._last = max(1, size)
        return self._last


class RangeQueue:
    """Items that wait to be sent: what came back goes first, new items follow in order.

    A range that came back whole (a chunk of ``map_chunks``, a single suspect) is never regrouped.
    """

    def __init__(self) -> None:
        self._back: deque[tuple[int, int, bool]] = deque()
        self._new: deque[tuple[int, int]] = deque()

    def __len__(self) -> int:
        back = sum(stop - start for start, stop, _ in self._back)
        return back + sum(stop - start for start, stop in self._new)

    def ready(self, size: int) -> bool:
        """Whether the next new items fill a group, or never will: items beside them have a value already."""
        if not self._new:
            return False
        start, stop = self._new[0]
        return stop - start >= size or len(self._new) > 1

    @property
    def came_back(self) -> bool:
        return bool(self._back)

    def add(self, start: int, stop: int) -> None:
        """Append new items."""
        if self._new and self._new[-1][1] == start:
            start = self._new.pop()[0]
        if start < stop:
            self._new.append((start, stop))

    @property
    def next_new(self) -> int | None:
        """The first new item, where it is next."""
        return self._new[0][0] if self._new and not self._back else None

    def put_back(self, start: int, stop: int, *, whole: bool = False) -> None:
        """Return a range to the front."""
        if start < stop:
            self._back.appendleft((start, stop, whole))

    def take(self, size: int) -> tuple[int, int]:
        """Take a range of at most ``size`` items; a whole range comes as it is."""
        if self._back:
            start, stop, whole = self._back.popleft()
            if not whole and stop - start > size:
                self._back.appendleft((start + size, stop, False))
                stop = start + size
            return start, stop
        if not self._new:
            return 0, 0
        start, end = self._new.popleft()
        stop = min(end, start + size)
        if stop < end:
            self._new.appendleft((stop, end))
        return start, stop

    def clear(self) -> list[tuple[int, int]]:
        """Empty the queue; return the ranges it held."""
        ranges = [(start, stop) for start, stop, _ in self._back] + list(self._new)
        self._back.clear()
        self._new.clear()
        return ranges
