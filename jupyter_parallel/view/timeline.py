"""The timeline: which worker was busy when, small enough to be sent however long the run was."""

from __future__ import annotations

import time
from array import array
from base64 import b64encode
from typing import Any

from ..engine.overview import Overview
from ..engine.spans import Span
from .format import one_line
from .source import RunSource

BARS = 1500
"""Chunks drawn one by one; of more, views get how busy each worker was by columns of time."""

COLUMNS = 512
"""Columns of time at most."""

LANES = 64
"""Workers drawn; those that came after them are counted."""

BUDGET = 0.05
"""Seconds one request may take to read chunks; the next request goes on."""

_PAGE = 500
"""Chunks read under the lock of the run at a time."""

_FINEST = 1e-3
"""Width of a column of a short run, in seconds."""


class Lane:
    """What one worker did: seconds by column, and all in all."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.busy = 0.0
        self.chunks = 0
        self.until = 0.0
        """Chunks are sent ahead: one starts when the one before it is done."""
        self.columns = array("d", bytes(8 * COLUMNS))

    def halve(self) -> None:
        """Make each column twice as wide."""
        pairs = [a + b for a, b in zip(self.columns[::2], self.columns[1::2], strict=True)]
        self.columns = array("d", [*pairs, *bytes(COLUMNS - len(pairs))])

    def add(self, begin: float, end: float, width: float) -> None:
        """Take in one busy stretch; it lies after all before it."""
        self.until, self.busy, self.chunks = end, self.busy + end - begin, self.chunks + 1
        first, last = int(begin / width), min(int(end / width), COLUMNS - 1)
        for column in range(first, last + 1):
            shared = min(end, (column + 1) * width) - max(begin, column * width)
            self.columns[column] += max(shared, 0.0)

    def packed(self, width: float, columns: int) -> str:
        """Return one byte a column, 255 for busy all the time, in base64."""
        parts = (min(round(255 * busy / width), 255) for busy in self.columns[:columns])
        return b64encode(bytes(parts)).decode("ascii")


class Timeline:
    """Reads the chunks of one run as they are done; each is read once and not kept.

    A million chunks on 64 workers take some 300 kB here and 45 kB in an answer.
    """

    def __init__(self) -> None:
        self._origin: float | None = None
        self._read = 0
        self._width = _FINEST
        self._lanes: dict[str, Lane] = {}
        self._bars: list[list[float]] | None = []
        self._others: set[str] = set()

    def answer(self, source: RunSource, known: int = 0) -> dict[str, Any]:
        """Return the timeline as of now; of the bars, those from number ``known`` on."""
        view = source.overview()
        if view.started is None:
            return self._drawn(view, 0.0, known, more=False)
        if self._origin is None:
            self._origin = view.started
        more = self._catch_up(source, self._origin)
        elapsed = (view.now if view.ended is None else view.ended) - self._origin
        return self._drawn(view, max(elapsed, 0.0), known, more)

    def _catch_up(self, source: RunSource, origin: float) -> bool:
        """Read for a bounded time; say whether there is more."""
        deadline = time.perf_counter() + BUDGET
        while True:
            spans = source.spans(self._read, _PAGE)
            for span in spans:
                self._take(span, origin)
            self._read += len(spans)
            if len(spans) < _PAGE:
                return False
            if time.perf_counter() > deadline:
                return True

    def _take(self, span: Span, origin: float) -> None:
        lane = self._lane(span.worker)
        if lane is None:
            return
        begin = max(span.sent - origin, lane.until, 0.0)
        end = max(span.done - origin, begin)
        while end >= self._width * COLUMNS:
            self._width *= 2
            for each in self._lanes.values():
                each.halve()
        lane.add(begin, end, self._width)
        if self._bars is not None:
            number = list(self._lanes).index(span.worker)
            self._bars.append([number, span.start, span.stop, round(begin, 6), round(end, 6)])
            if len(self._bars) > BARS:
                self._bars = None

    def _lane(self, worker: str) -> Lane | None:
        lane = self._lanes.get(worker)
        if lane is None and len(self._lanes) < LANES:
            lane = self._lanes[worker] = Lane(worker)
        if lane is None and len(self._others) < 10_000:
            self._others.add(worker)
        return lane

    def _drawn(self, view: Overview, elapsed: float, known: int, more: bool) -> dict[str, Any]:
        running = self._running(view, elapsed)
        lanes = list(self._lanes.values())
        bars, columns = self._bars, min(int(elapsed / self._width) + 1, COLUMNS)
        known = min(known, len(bars or ()))
        return {
            "elapsed": round(elapsed, 6),
            "workers": view.workers,
            "chunks": self._read,
            "more": more,
            "others": len(self._others),
            "lanes": [[one_line(lane.name, 40), round(lane.busy, 6), lane.chunks] for lane in lanes],
            "running": running,
            "first": known,
            "bars": [] if bars is None else bars[known:],
            "column": 0 if bars is not None else self._width,
            "grid": [] if bars is not None else [lane.packed(self._width, columns) for lane in lanes],
        }

    def _running(self, view: Overview, elapsed: float) -> list[list[float]]:
        """Return lane, item, and when its chunk was sent, of what runs now."""
        found = []
        for running in view.running:
            lane = self._lane(running.worker) if running.worker else None
            if lane is not None and self._origin is not None:
                number = list(self._lanes).index(running.worker)
                begin = max((running.sent or running.since) - self._origin, lane.until, 0.0)
                found.append([number, running.index, round(min(begin, elapsed), 6)])
        return found
