"""The state strip: the states of all items, in their order, as at most 2,000 bytes."""

from __future__ import annotations

import struct

from ..engine.overview import ItemState
from .source import RunSource

LIMIT = 2000
"""Cells of a strip at most: more than a notebook is wide in pixels."""

HEADER = struct.Struct("<II")
"""Items covered, items per cell; then one byte for each cell."""

FULL = 31
"""The value of a cell's upper five bits when all its items have ended."""

_NOTABLE = (ItemState.FAILURE, ItemState.RUNNING, ItemState.CANCELLED, ItemState.SKIPPED, ItemState.SUCCESS)
"""The first of these that occurs in a cell names it: one failure among 500 must not drown."""


_WINDOW = 32
"""Cells read in one go."""


def cell_size(items: int, *, growing: bool) -> int:
    """Return items per cell; a power of two while more items come, so that cells merge and never shift."""
    size = -(-items // LIMIT) or 1
    return 1 << (size - 1).bit_length() if growing else size


def cell_code(states: bytes, size: int) -> int:
    """Return one byte: the notable state in the lower three bits, the part that has ended above."""
    pending = size - len(states) + states.count(ItemState.PENDING)
    ended = size - pending - states.count(ItemState.RUNNING)
    fraction = FULL if ended == size else min(ended * FULL // size, FULL - 1)
    notable = next((state for state in _NOTABLE if state in states), ItemState.PENDING)
    return notable | fraction << 3


class Strip:
    """Keeps the strip of one run; an update looks only at cells that can still change.

    A million items at ten updates a second must not be felt: cells that have ended are never
    looked at again, and reading stops where the counts say that everything behind is pending.
    """

    def __init__(self) -> None:
        self._items = -1
        self._size = 1
        self._complete = 0
        self._cells = bytearray()
        self._first = 0
        """Cells before this one have ended."""

    def update(self, source: RunSource) -> bytes:
        """Return the strip as of now."""
        view = source.overview()
        growing = view.counts.total is None and not view.status.ended
        items = view.known if view.counts.total is None else view.counts.total
        if view.counts.complete < self._complete:
            self._items = -1  # Items run again: nothing remembered holds.
        self._complete = view.counts.complete
        self._fit(items, cell_size(items, growing=growing))
        self._look(source, view.known, view.counts.complete + view.counts.running)
        return HEADER.pack(min(items, 0xFFFFFFFF), self._size) + self._cells

    def _fit(self, items: int, size: int) -> None:
        if size != self._size or items < self._items or self._items < 0:
            self._cells.clear()
            self._first = 0
        elif items > self._items and self._items % size:
            # The last cell was short and may have looked complete.
            self._cells[-1] = 0
            self._first = min(self._first, len(self._cells) - 1)
        self._items, self._size = items, size
        self._cells.extend(bytes(-(-items // size) - len(self._cells)))

    def _look(self, source: RunSource, known: int, touched: int) -> None:
        """Read window after window until all ``touched`` items are found; the rest is pending."""
        cells, size = self._cells, self._size
        found, begin = self._first * size, self._first
        while begin < len(cells) and found < touched:
            end = min(begin + _WINDOW, len(cells))
            if any(cell >> 3 != FULL for cell in cells[begin:end]):
                found += self._read(source, begin, end, known)
            else:
                found += (end - begin) * size
            begin = end
        cells[begin:] = bytes(len(cells) - begin)
        while self._first < len(cells) and cells[self._first] >> 3 == FULL:
            self._first += 1

    def _read(self, source: RunSource, begin: int, end: int, known: int) -> int:
        """Bring a window of cells up to date; return how many of its items are not pending."""
        size = self._size
        states = source.item_states(begin * size, min(end * size, known))
        for number in range(begin, end):
            if self._cells[number] >> 3 != FULL:
                at = (number - begin) * size
                self._cells[number] = cell_code(
                    states[at : at + size], min(size, self._items - number * size)
                )
        return len(states) - states.count(ItemState.PENDING)
