"""Workers are killed while they work: nothing is lost, nothing is reported twice, nobody else suffers."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest

from jupyter_parallel import Runner


class Killer(threading.Thread):
    """Sends SIGKILL to random workers of a run until it is told to stop.

    It shoots at processes that have shown themselves by a file: at nothing else, and at no worker that is
    just starting, because three deaths in a row at the start rightly end a run.
    """

    def __init__(self, folder: Path, draw: random.Random, pause: float) -> None:
        super().__init__(daemon=True)
        self.kills = 0
        self._folder, self._draw, self._pause = folder, draw, pause
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(self._pause * self._draw.uniform(0.3, 1.7)):
            shown = sorted(self._folder.iterdir())
            if not shown:
                continue
            victim = self._draw.choice(shown)
            victim.unlink()
            try:
                os.kill(int(victim.name), signal.SIGKILL)
            except ProcessLookupError:
                continue
            self.kills += 1

    def stop(self) -> None:
        self._over.set()
        self.join(10)


@pytest.mark.parametrize("size", ["auto", 7])
def test_kill_9_of_random_workers_loses_nothing(draw, long, size, tmp_path) -> None:
    count = 20_000 if long else 4_000

    def item(x):
        (tmp_path / str(os.getpid())).touch()
        time.sleep(0.002)
        return x * 3

    # Every item may meet a killer more than once: only real poison should use its chances up.
    with Runner(backend="loky", n_jobs=2, chunk_size=size, crash_retries=50) as runner:
        run = runner.map(item, range(count))
        run[0]
        killer = Killer(tmp_path, draw, pause=0.25)
        killer.start()
        try:
            values = run.result(timeout=240)
        finally:
            killer.stop()
    assert values == [x * 3 for x in range(count)]
    counts = run.counts
    assert (counts.success, counts.complete, counts.total) == (count, count, count)
    assert killer.kills >= 10


POISON = {
    "segmentation fault": lambda: ctypes.string_at(0),
    "exit": lambda: os._exit(7),
    "out of memory": lambda: bytearray(8_000_000_000),
    "abort": lambda: os.abort(),
}


def test_poison_items_among_a_thousand_fail_alone(draw, long) -> None:
    count, doses = (5_000, 100) if long else (1_000, 20)
    poisoned = sorted(draw.sample(range(count), doses))
    kinds = list(POISON)
    dose = {index: kinds[number % len(kinds)] for number, index in enumerate(poisoned)}

    def item(x):
        if x in dose:
            POISON[dose[x]]()
        return -x

    with Runner(backend="loky", n_jobs=2, memory_limit="1GB", max_failures="100%") as runner:
        run = runner.map(item, range(count))
        assert run.wait(300)
    assert run.successes() == [(x, -x) for x in range(count) if x not in dose]
    assert [record.index for record in run.failures] == poisoned
    for record in run.failures:
        told = record.failed.failure
        expected = {
            "segmentation fault": "signal 11",
            "exit": "exit code 7",
            "abort": "signal 6",
            "out of memory": "memory",
        }[dose[record.index]]
        assert expected in f"{told.type} {told.message}".lower()
        assert record.attempts <= 2


def test_pause_cancel_and_retry_at_random_moments_end_with_every_value(draw, long) -> None:
    from jupyter_parallel import CancellationPolicy

    count = 3_000 if long else 600
    policies = [CancellationPolicy.PENDING, CancellationPolicy.RUNNING, CancellationPolicy.ALL]

    def item(x):
        time.sleep(0.001)
        return x + 1

    with Runner(backend="loky", n_jobs=2) as runner:
        run = runner.map(item, (x for x in range(count)))
        for _ in range(60 if long else 12):
            run.wait(draw.uniform(0.0, 0.08))
            step = draw.randrange(3)
            if step == 0:
                run.pause()
                run.wait(draw.uniform(0.0, 0.05))
                run.resume()
            elif step == 1:
                run.cancel(draw.choice(policies))
            elif run.state == "cancelled":
                run.retry()
        run.resume()
        run.wait(60)
        while run.counts.success < count:
            run.retry()
            assert run.wait(60)
    assert run.result() == [x + 1 for x in range(count)]
