"""Ordered slots: which record holds the value of which item, decoded only when somebody looks."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import ResultUndecodable, ValueNotKept
from .ports import Failed, Output, Values

OUTPUT_LIMIT = 32 * 1024 * 1024
"""Characters of printed text kept per run; the newest stay visible through the tail."""
TAIL = 20
"""Printed lines that views show while a run is live."""


@dataclass(frozen=True, slots=True)
class Line:
    """One printed line: ``number`` counts all lines of the run."""

    number: int
    index: int
    stream: str
    text: str


class Results:
    """Values, failures and printed text of all items, by index."""

    def __init__(self) -> None:
        self._slots = (0, array("l"))
        """First item that was not dropped, and who owns the items from it on; replaced as one."""
        self._segments: dict[int, tuple[Values, str]] = {}
        self._late: dict[int, int] = {}
        self._last = 0
        self.nbytes = 0
        """About how many bytes of memory the values take."""
        self._failed: dict[int, tuple[Failed, str]] = {}
        self._output: dict[int, list[Output]] = {}
        self._output_size = 0
        self.tail: deque[Line] = deque(maxlen=TAIL)
        self.lines = 0

    def extend(self, count: int) -> None:
        """Make room for ``count`` more items."""
        owner = self._slots[1]
        owner.frombytes(bytes(owner.itemsize * count))

    def truncate(self, length: int) -> None:
        """Forget the items from ``length`` on."""
        base, owner = self._slots
        del owner[max(0, length - base) :]

    def drop(self, before: int) -> None:
        """Let go of the values of items before ``before``: they are kept elsewhere."""
        base, owner = self._slots
        if before <= base:
            return
        self._slots = before, owner[before - base :]
        late = set(self._late.values())
        for number, (values, _) in list(self._segments.items()):
            if values.stop <= before and number not in late:
                self.nbytes -= values.store.nbytes
                del self._segments[number]

    def dropped(self, index: int) -> bool:
        """Whether an item's value was let go of."""
        return index < self._slots[0] and index not in self._late

    def put_values(self, values: Values, worker: str, ranges: list[tuple[int, int]]) -> None:
        """Store the values of the index ranges that were accepted."""
        if not ranges:
            return
        self._last += 1
        self._segments[self._last] = (values, worker)
        self.nbytes += values.store.nbytes
        base, owner = self._slots
        mine = array("l", [self._last])
        for start, stop in ranges:
            if start < base:
                # Tried again after its neighbours were let go of.
                self._late.update(dict.fromkeys(range(start, stop), self._last))
            else:
                owner[start - base : stop - base] = mine * (stop - start)

    def put_failure(self, failed: Failed, worker: str) -> None:
        self._failed[failed.index] = (failed, worker)

    def forget(self, index: int) -> None:
        """Drop what is known of an item that is going to run again."""
        self._failed.pop(index, None)
        base, owner = self._slots
        if index >= base:
            owner[index - base] = 0

    def put_output(self, output: Output) -> None:
        if self._output_size < OUTPUT_LIMIT:
            self._output.setdefault(output.index, []).append(output)
            self._output_size += len(output.text)
        lines = output.text.splitlines()
        self.lines += len(lines)
        for number, text in enumerate(lines[-TAIL:], self.lines - min(len(lines), TAIL)):
            self.tail.append(Line(number, output.index, output.stream, text))

    def output(self, index: int) -> list[Output]:
        return list(self._output.get(index, ()))

    def failed(self, index: int) -> Failed | None:
        entry = self._failed.get(index)
        return entry[0] if entry else None

    @property
    def first_failed(self) -> Failed | None:
        """The failure that was known first."""
        return next((failed for failed, _ in self._failed.values()), None)

    def failures(self) -> list[Failed]:
        """Return all failures in item order."""
        return sorted((failed for failed, _ in list(self._failed.values())), key=lambda failed: failed.index)

    @property
    def failed_indices(self) -> list[int]:
        return sorted(self._failed)

    def segment(self, index: int) -> tuple[Values, int] | None:
        """Return the record that holds an item's value and the position in it, if there is one."""
        entry = self._segments.get(self._owner(index))
        return (entry[0], index - entry[0].start) if entry else None

    def _owner(self, index: int) -> int:
        base, owner = self._slots
        return owner[index - base] if index >= base else self._late.get(index, 0)

    def worker(self, index: int) -> str:
        entry = self._segments.get(self._owner(index))
        if entry:
            return entry[1]
        return self._failed[index][1] if index in self._failed else ""

    def times(self, index: int) -> tuple[float, float] | None:
        """Return start and end of the item (monotonic seconds)."""
        found = self.segment(index)
        if found:
            values, position = found
            return values.stamps[position], values.stamps[position + 1]
        failed = self.failed(index)
        return (failed.started, failed.ended) if failed else None

    def value(self, index: int) -> Any:
        """Return the value of an item that succeeded.

        Raises
        ------
        ResultUndecodable
            The bytes cannot be turned into an object in this process.
        """
        found = self.segment(index)
        if found is None:
            raise self._absent(index)
        values, position = found
        try:
            return values.store.get(position)
        except Exception as error:
            raise ResultUndecodable(
                f"the value of item {index} arrived but cannot be decoded here: "
                f"{type(error).__name__}: {error}",
                index,
            ) from error

    def values(self, start: int, stop: int) -> Iterator[Any]:
        """Yield the values of consecutive items that all succeeded, whole records at a time."""
        while start < stop:
            found = self.segment(start)
            if found is None:
                raise self._absent(start)
            end = self._owned_until(start, min(stop, found[0].stop))
            yield from self._decoded(*found, end - start)
            start = end

    def _decoded(self, values: Values, position: int, count: int) -> list[Any]:
        try:
            return values.store.all()[position : position + count]
        except Exception:
            # One of them cannot be decoded: say which.
            first = values.start + position
            return [self.value(index) for index in range(first, first + count)]

    def _absent(self, index: int) -> Exception:
        if self.dropped(index):
            return ValueNotKept(f"the value of item {index} was saved and not kept: keep=False", index)
        return LookupError(f"item {index} has no value")

    def _owned_until(self, start: int, limit: int) -> int:
        base, slots = self._slots
        start, limit = start - base, limit - base
        owner = slots[start]
        if slots[limit - 1] == owner and limit - start == slots[start:limit].count(owner):
            return base + limit
        end = start + 1
        while end < limit and slots[end] == owner:
            end += 1
        return base + end
