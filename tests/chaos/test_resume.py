"""SIGKILL to everything at random moments, and resumed until done: nothing that was saved runs again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jupyter_parallel import Run, errors
from tests.e2e import kernel, processes
from tests.e2e.waiting import wait_until

PROJECT = Path(__file__).parents[2]

WORK = """
import os, time
ROUND = int(os.environ.get("ROUND", "0"))
def work(x):
    log = os.open("calls.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, f"{x}\\n".encode())
    os.close(log)
    time.sleep(0.004)
    return {"x": x, "root": x ** 0.5, "text": "t" * (x % 300)}
"""
PROCESS = (
    WORK
    + """
from jupyter_parallel import Runner
backend, count = os.environ["BACKEND"], int(os.environ["COUNT"])
with Runner(backend=backend, n_jobs=2) as runner:
    run = runner.map(work, range(count), checkpoint="chaos")
    run.wait()
    assert run.state == "finished", (run, run.overview().note)
"""
)
CELL = """%%parallel -o run -j 2 --quiet --checkpoint chaos for x in range(COUNT)
work(x)
"""


def serial(count: int) -> list[dict[str, object]]:
    names: dict[str, object] = {}
    exec(WORK.replace("time.sleep(0.004)", "pass"), names)
    return [names["work"](x) for x in range(count)]  # type: ignore[operator]


class Campaign:
    """What was saved and what was computed, round by round."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.saved: set[int] = set()
        self.again = 0
        Path("calls.txt").touch()

    def judge(self) -> None:
        """Look at what the last round has computed, and at what is saved now."""
        computed = {int(line) for line in Path("calls.txt").read_text().split()}
        Path("calls.txt").write_text("")
        twice = computed & self.saved
        assert not twice, f"saved and computed again: {sorted(twice)[:10]}"
        try:
            stored = Run.open("chaos")
        except errors.CheckpointError:
            assert not self.saved
            return
        now = {index for index, _ in stored.successes()}
        assert self.saved <= now
        self.again += len(computed - now)
        self.saved = now

    @property
    def done(self) -> bool:
        return len(self.saved) == self.count


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.timeout(1200)
def test_a_process_killed_at_random_moments_is_resumed_until_done(draw: random.Random, long: bool) -> None:
    kills = 0
    goal, size = (200, 15_000) if long else (15, 2_500)
    campaign = Campaign(size)
    while not campaign.done:
        backend = draw.choice(["loky", "loky", "thread"])
        env = {**os.environ, "PYTHONPATH": str(PROJECT), "COUNT": str(size), "BACKEND": backend}
        child = subprocess.Popen([sys.executable, "-c", PROCESS], env=env, start_new_session=True)
        try:
            if kills < goal:
                _wait_for_work(child)
                time.sleep(draw.uniform(0.0, 0.25))
            else:
                child.wait(60)
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                kills += 1
            code = child.wait()
        assert code in (0, -signal.SIGKILL)
        # A worker outside the group may finish writing its line; then it is gone.
        wait_until(lambda pid=child.pid: not processes.living({pid}), "the process is gone", timeout=5)
        _quiet()
        campaign.judge()
    print(f"{kills} kills; {campaign.again} computed results were in flight and lost")
    assert kills >= goal
    assert Run.open("chaos").result() == serial(size)


def _wait_for_work(child: subprocess.Popen[bytes]) -> None:
    log = Path("calls.txt")
    wait_until(lambda: log.stat().st_size > 0 or child.poll() is not None, "an item runs", timeout=30)


def _quiet() -> None:
    """Wait until no worker has written for a moment: those that lost their kernel end by themselves."""
    log = Path("calls.txt")
    wait_until(lambda: time.time() - log.stat().st_mtime > 0.15, "no item runs", timeout=10)


@pytest.mark.timeout(600)
def test_a_kernel_killed_at_random_moments_is_resumed_until_done(
    home: Path, draw: random.Random, long: bool
) -> None:
    size = 3_000 if long else 500
    campaign, kills, goal = Campaign(size), 0, 20 if long else 3
    number = 0
    while not campaign.done:
        number += 1
        for name in ("tmp", "kernel.json"):
            path = home / name
            if path.exists():
                path.rename(home / f"{name}-{number}")
        with kernel.running(home) as ready:
            assert ready.run(WORK + "\n%load_ext jupyter_parallel").error == ""
            cell = ready.start(CELL.replace("COUNT", str(size)))
            if kills < goal:
                wait_until(lambda: Path("calls.txt").stat().st_size > 0, "an item runs", timeout=30)
                time.sleep(draw.uniform(0.0, 0.3))
                os.killpg(ready.pid, signal.SIGKILL)
                kills += 1
                wait_until(lambda pid=ready.pid: not processes.living({pid}), "the kernel is gone", timeout=5)
            else:
                reply = ready.finish(cell, timeout=60)
                assert reply.error == "", reply
                told = ready.run("run.overview().note, run.counts.restored").value
                assert f"{len(campaign.saved):,} of {size:,} restored from" in told, told
                assert ready.run(f"list(run) == [work(x) for x in range({size})]").value == "True"
                break
        _quiet()
        campaign.judge()
    assert kills == goal
    assert Run.open("chaos").result() == serial(size)
