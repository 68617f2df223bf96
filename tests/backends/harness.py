"""Drives a backend without an engine: submits chunks, gathers records."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_parallel.engine.ports import (
    Backend,
    Chunk,
    ChunkEnd,
    Failed,
    Output,
    Record,
    Values,
    WorkerLost,
)
from jupyter_parallel.worker.payload import Call, Task

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 30.0

_ids = itertools.count(1)


@dataclass
class Outcome:
    """What came back, by item."""

    values: dict[int, Any] = field(default_factory=dict)
    failures: dict[int, Failed] = field(default_factory=dict)
    briefs: dict[int, Any] = field(default_factory=dict)
    said: dict[tuple[int, str], str] = field(default_factory=dict)
    dropped: dict[tuple[int, str], int] = field(default_factory=dict)
    spans: dict[int, tuple[float, float]] = field(default_factory=dict)
    lost: list[WorkerLost] = field(default_factory=list)
    ends: list[ChunkEnd] = field(default_factory=list)

    def add(self, records: Sequence[Record]) -> None:
        for record in records:
            if isinstance(record, Values):
                self._add_values(record)
            elif isinstance(record, Failed):
                assert record.index not in self.failures and record.index not in self.values
                self.failures[record.index] = record
                self.spans[record.index] = record.started, record.ended
            elif isinstance(record, Output):
                key = record.index, record.stream
                self.said[key] = self.said.get(key, "") + record.text
                self.dropped[key] = self.dropped.get(key, 0) + record.dropped

    def _add_values(self, record: Values) -> None:
        assert len(record.stamps) == len(record.store) + 1
        for position in range(len(record.store)):
            index = record.start + position
            assert index not in self.values and index not in self.failures
            self.briefs[index] = record.store.brief(position)
            self.values[index] = record.store.get(position)
            self.spans[index] = record.stamps[position], record.stamps[position + 1]

    def list(self) -> list[Any]:
        """Return the values in order; every item must have one."""
        assert not self.failures and not self.lost, (self.failures, self.lost)
        assert sorted(self.values) == list(range(len(self.values)))
        return [self.values[index] for index in sorted(self.values)]


class Harness:
    """One backend and short ways to use it."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    @property
    def name(self) -> str:
        return self.backend.name

    def chunk(self, token: str, items: Sequence[Any], start: int = 0) -> Chunk:
        return Chunk(next(_ids), token, start, items)

    def publish(self, function: Callable[..., Any], call: Call = "item", **options: Any) -> str:
        return self.backend.publish(Task(function, call, **options))

    def run(
        self,
        function: Callable[..., Any],
        items: Sequence[Any],
        call: Call = "item",
        size: int | None = None,
        **options: Any,
    ) -> Outcome:
        """Run all items in chunks of ``size`` and return what came back."""
        token = self.publish(function, call, **options)
        size = size or max(1, len(items))
        futures = [
            self.backend.submit(self.chunk(token, items[start : start + size], start))
            for start in range(0, len(items), size)
        ]
        outcome = Outcome()
        for future in futures:
            self.settle(future, outcome)
        self.backend.retire(token)
        return outcome

    def settle(self, future: Future[ChunkEnd], outcome: Outcome) -> None:
        """Add what a chunk ended with."""
        try:
            end = future.result(PATIENCE)
        except WorkerLost as lost:
            outcome.lost.append(lost)
            outcome.add(lost.records)
        else:
            outcome.ends.append(end)
            outcome.add(end.records)

    def progress_until(self, chunk: Chunk, outcome: Outcome, condition: Callable[[], bool]) -> None:
        """Ask for progress until something holds."""

        def look() -> bool:
            progress = self.backend.progress(chunk)
            if progress is not None:
                outcome.add(progress.records)
            return condition()

        wait_until(look)

    def running(self, chunk: Chunk, outcome: Outcome | None = None) -> int:
        """Return the item that a chunk's worker runs, -1 for none."""
        progress = self.backend.progress(chunk)
        if progress is None:
            return -1
        if outcome is not None:
            outcome.add(progress.records)
        return progress.current


def wait_until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until something holds, or fail."""
    pause = threading.Event()
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        pause.wait(0.005)


def run_script(folder: Path, text: str, **environment: str) -> str:
    """Run text as a program whose ``__main__`` stands for a notebook; return what it prints."""
    script = folder / "notebook.py"
    script.write_text(text)
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
