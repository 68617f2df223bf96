"""The state of every item: one byte each, counted, with a table of what may follow what."""

from __future__ import annotations

from collections.abc import Iterator

from .overview import Counts, ItemState

ENDED = frozenset({ItemState.SUCCESS, ItemState.FAILURE, ItemState.CANCELLED, ItemState.SKIPPED})

_OPEN = bytes(int(state not in ENDED) for state in ItemState)
_TRANSLATE = _OPEN + bytes(256 - len(_OPEN))

TRANSITIONS = {
    ItemState.PENDING: frozenset(ItemState) - {ItemState.PENDING},
    # A chunk whose worker died, or a retry, puts a started item back in the queue.
    ItemState.RUNNING: frozenset(ItemState) - {ItemState.RUNNING, ItemState.SKIPPED},
}


class Ledger:
    """Item states in item order, their counts and the finished prefix.

    The invariant: the counts add up to the number of items, and an item that has ended keeps its
    state. Whoever reports second is told so and changes nothing.
    """

    def __init__(self) -> None:
        self._states = bytearray()
        self._counts = [0] * len(ItemState)
        self._prefix = 0
        self.restored = 0
        """How many of the successes came from a checkpoint."""

    def __len__(self) -> int:
        return len(self._states)

    def __getitem__(self, index: int) -> ItemState:
        return ItemState(self._states[index])

    def codes(self, start: int, stop: int) -> bytes:
        """Return the state codes of a range, one byte an item."""
        return bytes(self._states[start:stop])

    def ended(self, index: int) -> bool:
        return self._states[index] >= ItemState.SUCCESS

    @property
    def open(self) -> int:
        """How many items have not ended."""
        return self._counts[ItemState.PENDING] + self._counts[ItemState.RUNNING]

    @property
    def prefix(self) -> int:
        """Items 0 … prefix-1 have all ended."""
        return self._prefix

    def counts(self, total: int | None) -> Counts:
        pending, running, success, failure, cancelled, skipped = self._counts
        return Counts(pending, running, success, failure, cancelled, skipped, total, self.restored)

    def extend(self, count: int, state: ItemState = ItemState.PENDING) -> None:
        """Add items at the end."""
        self._states += bytes([state]) * count
        self._counts[state] += count
        self._advance()

    def set(self, index: int, state: ItemState) -> bool:
        """Move one item; return whether it moved."""
        before = ItemState(self._states[index])
        if state not in TRANSITIONS.get(before, ()):
            return False
        self._states[index] = state
        self._counts[before] -= 1
        self._counts[state] += 1
        if index == self._prefix:
            self._advance()
        return True

    def end(self, start: int, stop: int, state: ItemState) -> list[tuple[int, int]]:
        """End all open items of a range; return the sub-ranges that were open."""
        moved = list(self.open_ranges(start, stop))
        for first, last in moved:
            running = self._states.count(ItemState.RUNNING, first, last)
            self._counts[ItemState.RUNNING] -= running
            self._counts[ItemState.PENDING] -= last - first - running
            self._counts[state] += last - first
            self._states[first:last] = bytes([state]) * (last - first)
        if start <= self._prefix < stop:
            self._advance()
        return moved

    def rest(self, start: int, stop: int) -> None:
        """Put the running items of a range back to pending: they are going to start again."""
        index = self._states.find(ItemState.RUNNING, start, stop)
        while index >= 0:
            self.set(index, ItemState.PENDING)
            index = self._states.find(ItemState.RUNNING, index + 1, stop)

    def first_without_outcome(self, start: int, stop: int) -> int:
        """Return the first item of a range that was cancelled or skipped, or ``stop``."""
        found = [self._states.find(state, start, stop) for state in (ItemState.CANCELLED, ItemState.SKIPPED)]
        return min((index for index in found if index >= 0), default=stop)

    def open_ranges(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Yield the maximal ranges inside ``start … stop-1`` whose items have not ended."""
        is_open = self._states[start:stop].translate(_TRANSLATE)
        at = is_open.find(1)
        while at >= 0:
            end = is_open.find(0, at)
            end = len(is_open) if end < 0 else end
            yield start + at, start + end
            at = is_open.find(1, end)

    def reopen(self, index: int) -> None:
        """Put an item that has ended back to pending, for a retry."""
        self._counts[self._states[index]] -= 1
        self._counts[ItemState.PENDING] += 1
        self._states[index] = ItemState.PENDING
        self._prefix = min(self._prefix, index)

    def truncate(self, length: int) -> None:
        """Forget the items from ``length`` on."""
        for state in ItemState:
            self._counts[state] -= self._states.count(state, length)
        del self._states[length:]
        self._prefix = min(self._prefix, length)

    def _advance(self) -> None:
        at = self._states[self._prefix : self._prefix + 4096].translate(_TRANSLATE)
        while at and at.find(1) < 0:
            self._prefix += len(at)
            at = self._states[self._prefix : self._prefix + 65536].translate(_TRANSLATE)
        if at:
            self._prefix += at.find(1)
