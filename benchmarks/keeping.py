"""What it costs to keep results: checkpoints, resuming, the size of the store, streaming to a saver."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from jupyter_parallel import Runner
from jupyter_parallel.session import session
from jupyter_parallel.store.lock import held_here
from jupyter_parallel.store.places import Place

from . import work
from .measure import Line, alternate, seconds

MILLION = 1_000_000
WORKERS = 2


def checkpoint(rounds: int) -> Iterator[Line]:
    """A run of 100 ms chunks, with and without a checkpoint."""
    items = [0.1] * 60
    numbers = itertools.count()
    with _folder(), Runner(n_jobs=WORKERS, backend="loky", chunk_size=1) as runner:
        runner.map(work.burn, [0.001] * 8).result()
        took = alternate(
            {
                "without": lambda: runner.map(work.burn, items).result(),
                "with": lambda: runner.map(work.burn, items, checkpoint=f"run {next(numbers)}").result(),
            },
            rounds,
        )
    yield Line("100 ms chunks", "without a checkpoint", took["without"], "s")
    yield Line("100 ms chunks", "with a checkpoint / without", took["with"] / took["without"], "×", 1.05)


def resume(rounds: int) -> Iterator[Line]:
    """1,000,000 finished items are restored, and one new one runs."""
    with _folder(), Runner(n_jobs=WORKERS, backend="loky") as runner:
        runner.map(work.noop, range(MILLION), checkpoint="million").result()
        taken = []
        for extra in range(1, rounds + 1):
            taken.append(seconds(lambda extra=extra: _first_new(runner, extra)))  # type: ignore[misc]
    yield Line("1,000,000 restored", "until a new item is done", sorted(taken)[rounds // 2], "s", 5)


def _first_new(runner: Runner, extra: int) -> None:
    run = runner.map(work.noop, range(MILLION + extra), checkpoint="million")
    assert run[MILLION + extra - 1] == (MILLION + extra - 1) ** 2
    assert run.counts.restored >= MILLION
    run.wait()


KINDS: dict[str, Callable[[int], Any]] = {
    "bytes of 1 kB": work.kilobyte,
    "dicts of 1 kB": work.record,
    "arrays of 1 kB": work.vector,
}


def store(rounds: int) -> Iterator[Line]:
    """The size of the store beside that of the pickled values."""
    with _folder() as folder, Runner(n_jobs=WORKERS, backend="loky") as runner:
        for kind, function in KINDS.items():
            run = runner.map(function, range(10_000), checkpoint=kind)
            run.wait()
            payload = run._state.results.nbytes
            del run
            place = Place(folder, kind)
            while held_here(place.lock):
                time.sleep(0.01)
            files = place.files()
            size = sum(path.stat().st_size for path in files)
            yield Line(f"store, {kind}", "bytes on disk / payload", size / payload, "×", 1.3)


def stream(rounds: int) -> Iterator[Line]:
    """10,000,000 items go to a saver and are not kept; in a Python of its own, whose memory is its own."""
    command = [sys.executable, "-c", "from benchmarks.keeping import streamed; print(*streamed())"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    took, grown = map(float, done.stdout.split())
    yield Line("10,000,000 items, keep=False", "time", took, "s")
    yield Line("10,000,000 items, keep=False", "the kernel grows by", grown / 1e6, "MB", 100)


def streamed() -> tuple[float, int]:
    """Return the seconds it took, and by how many bytes this process grew at most."""
    process, saver = psutil.Process(), _Counts()
    with Runner(n_jobs=WORKERS, backend="loky") as runner:
        runner.map(work.noop, range(1000)).result()
        before = process.memory_info().rss
        with _peak(process) as peak:
            items = (x for x in range(10 * MILLION))
            took = seconds(
                lambda: runner.map(work.noop, items, saver=saver, save_every=10_000, keep=False).wait()
            )
    assert saver.count == 10 * MILLION
    return took, peak[0] - before


class _Counts:
    count = 0

    def save(self, values: list[int]) -> None:
        self.count += len(values)


@contextlib.contextmanager
def _peak(process: psutil.Process) -> Iterator[list[int]]:
    peak, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            peak[0] = max(peak[0], process.memory_info().rss)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Keep checkpoints and their key away from those of whoever measures."""
    before = session.folder, os.environ.get("JUPYTER_DATA_DIR")
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        session.folder = Path(folder)
        os.environ["JUPYTER_DATA_DIR"] = folder
        try:
            yield Path(folder)
        finally:
            session.folder = before[0]
            del os.environ["JUPYTER_DATA_DIR"]
            if before[1] is not None:
                os.environ["JUPYTER_DATA_DIR"] = before[1]
