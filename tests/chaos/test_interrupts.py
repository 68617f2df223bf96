"""■ and SIGKILL at random moments on a real kernel, workers that are just starting included."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tests.e2e import kernel, processes
from tests.e2e.waiting import wait_until

SETUP = """
%load_ext jupyter_parallel
import os, pathlib, time

def work(x):
    pathlib.Path(f"pid-{os.getpid()}").touch()
    for _ in range(5):
        pathlib.Path("beat").touch()
        time.sleep(0.01)
    return x * x
"""

# What the session does with workers that nobody has used for five minutes.
COLD = """
from jupyter_parallel import backends
for key, warm in list(backends._warm.items()):
    backends._expire(key, warm)
"""
CELL = "%%parallel -o run -j 2 --quiet for x in range(400)\nwork(x)\n"
BACKGROUND = """
%%parallel -o beside -b thread -j 1 --bg --quiet for x in range(10 ** 6)
time.sleep(0.005)
x
"""
RIGHT = "all(value == index ** 2 for index, value in run.successes()), run.counts.complete"


def test_interrupts_at_random_moments(tmp_path: Path, draw, long) -> None:
    """The cell ends, nothing runs after 2 s, what was finished is right, the next run works."""
    longest, interrupted, rounds = 0.0, 0, 50 if long else 12
    with kernel.running(tmp_path) as ready:
        assert ready.run(SETUP).error == ""
        assert ready.run(BACKGROUND.strip()).error == ""
        for number in range(rounds):
            if number % 2 == 0:
                # Half of them find no workers: the interrupt then hits their start.
                assert ready.run(COLD).error == ""
            cell = ready.start(CELL)
            time.sleep(draw.uniform(0.0, 0.6))
            pressed = time.monotonic()
            ready.interrupt()
            reply = ready.finish(cell, timeout=30)
            longest = max(longest, time.monotonic() - pressed)
            assert reply.error in ("KeyboardInterrupt", ""), reply
            interrupted += reply.error == "KeyboardInterrupt"
            assert time.monotonic() - pressed < 2.5
            wait_until(lambda: _silent(tmp_path), "no item runs", timeout=2.5)
            if "run" in ready.run("'run' if 'run' in globals() else ''").value:
                assert ready.run(f"run.wait(5); {RIGHT}").value == "(True, 400)"
            values = ready.run("%parallel -j 2 --quiet [x + 1 for x in range(5)]")
            assert values.value == "[1, 2, 3, 4, 5]", values
        assert ready.run("beside.state").value == "'running'"
    assert interrupted > rounds / 2
    print(f"{interrupted} interrupts; longest from ■ to the end of the cell: {longest:.2f} s")


def _silent(folder: Path) -> bool:
    """Whether no item has given a sign of life during the last 0.2 s."""
    beat = folder / "beat"
    return not beat.exists() or time.time() - beat.stat().st_mtime > 0.2


def test_killed_kernels_leave_nothing(tmp_path: Path, draw, long) -> None:
    """SIGKILL at a random moment: five seconds later no worker and nothing in shared memory or temp."""
    for number in range(20 if long else 3):
        folder = tmp_path / str(number)
        folder.mkdir()
        with kernel.running(folder) as ready:
            assert ready.run(SETUP).error == ""
            ready.start(CELL)
            time.sleep(draw.uniform(0.0, 1.0))
            os.kill(ready.pid, signal.SIGKILL)
            _leaves_nothing(folder, ready.pid)


def _leaves_nothing(folder: Path, pid: int) -> None:
    wait_until(lambda: not processes.living({pid}), "the kernel is gone", timeout=5)
    wait_until(lambda: not processes.living(processes.written(folder)), "the workers are gone", timeout=5)
    wait_until(lambda: not processes.semaphores(pid), "shared memory is clean", timeout=5)
    wait_until(lambda: not list((folder / "tmp").iterdir()), "temp is clean", timeout=5)
