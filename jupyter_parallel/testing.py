"""Fakes that this package ships for tests: its own, and those of whoever writes a backend.

They make a run deterministic: nothing sleeps, no thread runs, time is moved by hand.
"""

from __future__ import annotations

import pickle
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from .engine.ports import (
    BackendBase,
    Capabilities,
    Chunk,
    ChunkEnd,
    Failed,
    Failure,
    Force,
    Pieces,
    Progress,
    Record,
    Values,
    WorkerLost,
)


class ManualClock:
    """A clock that stands still until it is moved. Times are in seconds."""

    def __init__(self, start: float = 0.0) -> None:
        self._now = start

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds


class Objects:
    """A ``ValueStore`` of plain objects."""

    def __init__(self, values: Sequence[Any]) -> None:
        self._values = list(values)

    def __len__(self) -> int:
        return len(self._values)

    def get(self, position: int) -> Any:
        return self._values[position]

    def all(self) -> list[Any]:
        return self._values

    def brief(self, position: int) -> str | dict[str, str]:
        return repr(self._values[position])

    def pieces(self, first: int, last: int) -> Pieces:
        return [pickle.dumps(self._values[first:last], 5)], []

    @property
    def nbytes(self) -> int:
        return 0


def values(start: int, objects: Sequence[Any], *, seconds: float = 0.0, at: float = 0.0) -> Values:
    """Return a record of consecutive values that took ``seconds`` each, from time ``at`` on."""
    stamps = array("d", [at + seconds * step for step in range(len(objects) + 1)])
    return Values(start, stamps, Objects(objects))


def failed(index: int, type: str = "ValueError", message: str = "no", *, cancelled: bool = False) -> Failed:
    """Return a record of one failed item."""
    return Failed(index, 0.0, 0.0, Failure(type, message, where="cell, line 1", cancelled=cancelled))


class ScriptedBackend(BackendBase):
    """A backend whose workers do what the test says, when it says so.

    Parameters
    ----------
    workers
        How many chunks may be in flight.
    capabilities
        By default it sees into its workers and can kill them.
    """

    name = "scripted"

    def __init__(
        self, workers: int = 2, capabilities: Capabilities = Capabilities(live=True, can_kill=True)
    ) -> None:
        self._workers = workers
        self.capabilities = capabilities
        self.sent: list[Chunk] = []
        """Every chunk that was submitted, in order."""
        self.flying: dict[int, tuple[Chunk, Future[ChunkEnd]]] = {}
        """Chunks in flight by their first item."""
        self.halted: list[tuple[int, Force]] = []
        self.cuts: list[tuple[int, int]] = []
        self.progressing: dict[int, Progress] = {}
        self.retired: list[str] = []

    def capacity(self) -> int:
        return self._workers

    def publish(self, task: Any) -> str:
        return "task"

    def retire(self, token: str) -> None:
        self.retired.append(token)

    def submit(self, chunk: Chunk) -> Future[ChunkEnd]:
        future: Future[ChunkEnd] = Future()
        self.sent.append(chunk)
        self.flying[chunk.start] = (chunk, future)
        return future

    def progress(self, chunk: Chunk) -> Progress | None:
        seen = self.progressing.get(chunk.start)
        if seen is not None:
            # Records are handed out once.
            self.progressing[chunk.start] = Progress(seen.worker, seen.current, seen.since)
        return seen

    def cut(self, chunk: Chunk, before: int) -> int:
        self.cuts.append((chunk.start, before))
        return before

    def halt(self, chunk: Chunk, force: Force) -> None:
        self.halted.append((chunk.start, force))

    # What the test does -----------------------------------------------------------------------

    def works_on(self, start: int, current: int, since: float, *records: Record) -> None:
        """Let the worker of the chunk that begins at ``start`` run item ``current``."""
        self.progressing[start] = Progress("worker", current, since, records)

    def finish(
        self,
        start: int,
        function: Callable[[Any], Any] = lambda item: item,
        *,
        stop: int | None = None,
        seconds: float = 0.001,
    ) -> None:
        """End a chunk successfully; ``stop`` when its tail was taken back."""
        chunk, future = self._land(start)
        stop = chunk.stop if stop is None else stop
        done = [function(item) for item in chunk.items[: stop - start]]
        future.set_result(ChunkEnd("worker", stop, [values(start, done, seconds=seconds)]))

    def end(self, start: int, *records: Record, stop: int | None = None) -> None:
        """End a chunk with these records."""
        chunk, future = self._land(start)
        future.set_result(ChunkEnd("worker", chunk.stop if stop is None else stop, records))

    def lose(
        self,
        start: int,
        index: int = -1,
        *records: Record,
        reason: str = "killed by signal 9",
        frames: str = "",
    ) -> None:
        """Let the worker of a chunk die while it runs item ``index``."""
        lost = WorkerLost(reason, "worker", index, records)
        if frames:
            lost.add_note(frames)
        self._land(start)[1].set_exception(lost)

    def _land(self, start: int) -> tuple[Chunk, Future[ChunkEnd]]:
        self.progressing.pop(start, None)
        return self.flying.pop(start)


class EventRecorder:
    """An observer that keeps the events it has seen."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def __call__(self, event: Any, state: Any) -> None:
        self.events.append(event)
