"""The snapshot: one small JSON-able dictionary that header, text and HTML are all drawn from."""

from __future__ import annotations

from collections import deque
from typing import Any

from ..engine.overview import Counts, FirstFailure, Overview, RunStatus
from . import brief
from .format import clock, count, cut, duration, one_line, plain, plural, rate
from .source import RunSource

_ALWAYS = ("success",)
_STATES = ("success", "failure", "running", "pending", "cancelled", "skipped")
LINES = 20
"""Printed lines shown at most."""


class Pace:
    """Items per second over the last seconds, and what that means for the rest.

    The window is long enough to hold some completions even when items are slow, and short
    enough to follow a change; a pause starts it again.
    """

    WINDOW = 5.0
    """Seconds the window covers at least."""
    ENOUGH = 8
    """Completions the window holds at least, where there were as many."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def observe(self, view: Overview) -> None:
        """Take note of how far the run is."""
        if view.status is RunStatus.PAUSED:
            self._samples.clear()
            return
        if not self._samples and view.started is not None:
            first = (view.started, 0) if _ran(view) == 0 or view.elapsed < 1 else None
            self._samples.append(first or (view.now, _ran(view)))
        self._samples.append((view.now, _ran(view)))
        while len(self._samples) > 2 and self._covers(view, self._samples[1]):
            self._samples.popleft()

    def _covers(self, view: Overview, sample: tuple[float, int]) -> bool:
        then, complete = sample
        return view.now - then >= self.WINDOW and _ran(view) - complete >= self.ENOUGH

    def per_second(self, view: Overview) -> float | None:
        """Return the pace now, or over all when the run has ended; ``None`` while nobody can know."""
        if view.status.ended:
            ran = view.counts.success + view.counts.failure - view.counts.restored
            return ran / view.elapsed if ran and view.elapsed > 0 else None
        if view.status is not RunStatus.RUNNING or not self._samples:
            return None
        then, complete = self._samples[0]
        done, seconds = _ran(view) - complete, view.now - then
        return done / seconds if done > 0 and seconds > 0.2 else None

    def remaining(self, view: Overview) -> float | None:
        """Return seconds to go, when the number of items and the pace are known."""
        pace = self.per_second(view)
        if view.status is not RunStatus.RUNNING or view.counts.total is None or pace is None:
            return None
        return (view.counts.total - view.counts.complete) / pace


def _ran(view: Overview) -> int:
    """Return how many items have ended here; those from a checkpoint tell nothing of the pace."""
    return view.counts.complete - view.counts.restored


class Snapshots:
    """Makes the snapshots of one run; remembers its pace, its first gap and its first failure."""

    PATIENCE = 1.0
    """Seconds the finished prefix may stand still before people are told what it waits for."""

    def __init__(self, source: RunSource) -> None:
        self._targets = source.targets
        self._pace = Pace()
        self._prefix = (-1, 0.0)
        self._failure: tuple[FirstFailure, dict[str, Any]] | None = None

    def take(self, source: RunSource) -> dict[str, Any]:
        """Return the state of the run now. Everything foreign in it is short, visible text."""
        view = source.overview()
        self._pace.observe(view)
        pace, remaining = self._pace.per_second(view), self._pace.remaining(view)
        return {
            "id": view.id,
            "name": one_line(view.name, 80),
            "status": view.status.value,
            "ended": view.status.ended,
            "backend": f"{one_line(view.backend, 40)} · {plural(view.workers, 'worker')}",
            "counts": [*shown_counts(view.counts), *_kept(view)],
            "complete": view.counts.complete,
            "total": view.counts.total,
            "known": view.known,
            "prefix": view.prefix,
            "rate": "" if pace is None else rate(pace),
            "elapsed": duration(view.elapsed) if view.status.ended else clock(view.elapsed),
            "remaining": "" if remaining is None else f"{clock(remaining)} left",
            "gap": gap(view) if self._stands_still(view) else "",
            "failure": self._first_failure(source, view.first_failure),
            "note": one_line(view.note, 300),
            "can": commands(view),
            "round": view.round,
        }

    def _stands_still(self, view: Overview) -> bool:
        if view.prefix != self._prefix[0]:
            self._prefix = view.prefix, view.now
        return view.now - self._prefix[1] >= self.PATIENCE

    def _first_failure(self, source: RunSource, first: FirstFailure | None) -> dict[str, Any] | None:
        if first is None:
            return None
        if self._failure is None or self._failure[0] != first:
            self._failure = first, self._describe(source, first)
        return self._failure[1]

    def _describe(self, source: RunSource, first: FirstFailure) -> dict[str, Any]:
        texts = brief.columns(source.glance(first.index).item, self._targets)
        named = zip(self._targets, texts, strict=False)
        return {
            "index": first.index,
            "item": one_line(", ".join(f"{name}={text}" for name, text in named if text)),
            "error": one_line(f"{first.type}: {first.message}" if first.message else first.type),
            "where": one_line(first.where, 120),
        }


def shown_counts(counts: Counts) -> list[list[Any]]:
    """Return ``[state, number]`` for the states that occur; success is there from the start."""
    numbers = ((state, getattr(counts, state)) for state in _STATES)
    return [[state, number] for state, number in numbers if number or state in _ALWAYS]


def _kept(view: Overview) -> list[list[Any]]:
    """Return how many of the successes came from a checkpoint, and how many results are in it now."""
    kept = (("restored", view.counts.restored), ("saved", view.saved or 0))
    return [[word, number] for word, number in kept if number]


def gap(view: Overview) -> str:
    """Say what the table waits for, when later items are done already; empty otherwise."""
    behind = view.counts.complete - view.prefix
    if behind <= 0 or view.status.ended:
        return ""
    done = f"{plural(behind, 'later item')} {'is' if behind == 1 else 'are'} done"
    since = next((item.since for item in view.running if item.index == view.prefix), None)
    if since is None:
        return f"item {count(view.prefix)} is waiting; {done}"
    return f"item {count(view.prefix)} running for {duration(view.now - since)}; {done}"


def commands(view: Overview) -> list[str]:
    """Return the commands that make sense now."""
    if view.status.ended:
        return [*(["continue"] if _stopped_early(view) else []), *(["retry"] if view.counts.failure else [])]
    toggle = "resume" if view.status is RunStatus.PAUSED else "pause"
    return [toggle, "cancel", *(["detach"] if view.waiting else [])]


def _stopped_early(view: Overview) -> bool:
    """Whether items never came to their end: cancelled, skipped, or not even taken from the iterable."""
    counts = view.counts
    untaken = counts.total is None or view.known < counts.total
    stopped = view.status in (RunStatus.CANCELLED, RunStatus.INTERRUPTED)
    return counts.cancelled + counts.skipped > 0 or (stopped and untaken)


def printed_lines(source: RunSource) -> dict[str, Any]:
    """Return the last lines that items printed, and how many there were in all."""
    lines = [
        {"n": number, "index": index, "stream": stream, "text": cut(plain(line[:2000]), 500)}
        for number, index, stream, line in source.printed(-1)[-LINES:]
    ]
    return {"total": source.printed_total, "lines": lines}
