"""Which worker was busy with which chunk, and when: what a timeline draws."""

from __future__ import annotations

from array import array
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A chunk on a worker, from being sent to being done. Times are monotonic seconds."""

    worker: str
    start: int
    stop: int
    sent: float
    done: float


class Spans:
    """All spans of a run, in the order in which they were done; a few numbers each."""

    def __init__(self) -> None:
        self._workers: dict[str, int] = {}
        self._worker = array("l")
        self._items = array("l")
        self._times = array("d")

    def __len__(self) -> int:
        return len(self._worker)

    def __getitem__(self, number: int) -> Span:
        names = list(self._workers)
        start, stop = self._items[2 * number : 2 * number + 2]
        sent, done = self._times[2 * number : 2 * number + 2]
        return Span(names[self._worker[number]], start, stop, sent, done)

    def add(self, span: Span) -> None:
        self._worker.append(self._workers.setdefault(span.worker, len(self._workers)))
        self._items.extend((span.start, span.stop))
        self._times.extend((span.sent, span.done))

    def since(self, number: int, limit: int) -> list[Span]:
        """Return at most ``limit`` spans from ``number`` on."""
        return [self[position] for position in range(number, min(len(self), number + limit))]
