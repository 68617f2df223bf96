"""A store that is torn, flipped, full, foreign, forged, held or from the future: told, and never a result."""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_parallel import Run, Runner, errors
from jupyter_parallel.store import database, lock, writer
from tests.e2e.waiting import wait_until

PROJECT = Path(__file__).parents[2]
COUNT = 60


def value_of(x: int) -> dict[str, Any]:
    return {"x": x, "text": "v" * (50 + x)}


RIGHT = [value_of(x) for x in range(COUNT)]


def run(
    count: int = COUNT, name: str = "c", function: Callable[[int], Any] = value_of, **options: Any
) -> Run:
    with Runner(backend="thread", n_jobs=1, chunk_size=5) as runner:
        made = runner.map(function, range(count), checkpoint=name, **options)
        assert made.wait(30)
    # The file is whole when the run has let go of it.
    wait_until(lambda: not lock._held, "the store is closed", timeout=5)
    return made


def stored(home: Path, name: str = "c") -> Path:
    return home / ".jupyter_parallel" / f"{name}.sqlite"


def resumed(**options: Any) -> Run | None:
    """Return the resumed run, or None where the damage was told."""
    try:
        return run(**options)
    except (errors.CheckpointDamaged, errors.UntrustedCheckpoint) as told:
        assert "'c'" in str(told)
        return None


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "GROUP_SECONDS", 0.0)


# Damage -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_batches")
def test_a_truncated_store_is_told_or_its_items_run_again(home: Path) -> None:
    run()
    whole = stored(home).read_bytes()
    draw = random.Random(7)
    sizes = [0, 1, 16, 100, 4096, len(whole) - 1, *(draw.randrange(len(whole)) for _ in range(25))]
    told = 0
    for size in sizes:
        stored(home).write_bytes(whole[:size])
        again = resumed()
        told += again is None
        if again is not None:
            assert list(again) == RIGHT
        _clean(home)
    assert told > 5


@pytest.mark.usefixtures("small_batches")
def test_flipped_bits_never_become_a_result(home: Path) -> None:
    run()
    whole = stored(home).read_bytes()
    draw = random.Random(11)
    noticed = 0
    for _ in range(60):
        flipped = bytearray(whole)
        for _ in range(draw.choice([1, 1, 8])):
            flipped[draw.randrange(len(flipped))] ^= 1 << draw.randrange(8)
        stored(home).write_bytes(flipped)
        again = resumed()
        if again is None or "damaged" in again.overview().note:
            noticed += 1
        if again is not None:
            assert list(again) == RIGHT
            assert list(Run.open("c")) == RIGHT
        _clean(home)
    assert noticed > 20


def test_a_flipped_payload_costs_its_batch_and_is_told(home: Path) -> None:
    run()
    connection = sqlite3.connect(stored(home))
    (data,) = connection.execute("select data from part").fetchone()
    connection.execute("update part set data = ?", (data[:-20] + b"X" + data[-19:],))
    connection.commit()
    connection.close()
    again = run()
    assert f"{COUNT} stored results are damaged or not signed by you" in again.overview().note
    assert list(again) == RIGHT and again.counts.restored == 0
    # What was computed again counts from now on.
    assert run().counts.restored == COUNT


def test_a_damaged_file_is_moved_aside_by_fresh_and_not_deleted(home: Path) -> None:
    run()
    stored(home).write_bytes(b"nonsense" * 1000)
    with pytest.raises(errors.CheckpointDamaged, match=r"not a database.*--fresh moves the file aside"):
        run()
    again = run(fresh=True)
    assert list(again) == RIGHT and "was moved to c.damaged-1.sqlite.kept" in again.overview().note
    assert (home / ".jupyter_parallel" / "c.damaged-1.sqlite.kept").read_bytes() == b"nonsense" * 1000
    assert run().counts.restored == COUNT


def _clean(home: Path) -> None:
    for path in (home / ".jupyter_parallel").glob("c.*sqlite*"):
        path.unlink()


def test_a_newer_format_is_refused_and_left_alone(home: Path) -> None:
    run()
    connection = sqlite3.connect(stored(home))
    connection.execute("pragma user_version=2")
    connection.commit()
    connection.close()
    before = stored(home).read_bytes()
    with pytest.raises(
        errors.CheckpointError, match=r"format 2.*update jupyter_parallel.*Nothing was changed"
    ):
        run()
    with pytest.raises(errors.CheckpointError, match="format 2"):
        Run.open("c")
    assert stored(home).read_bytes() == before


def test_a_value_that_cannot_be_decoded_harms_no_other(home: Path) -> None:
    names: dict[str, Any] = {}
    exec(
        "class Gone:\n    def __init__(self, x): self.x = x\n"
        "    def __reduce__(self): return made, (self.x,)\n"
        "def made(x):\n    if x == 3: raise ZeroDivisionError('not today')\n    return x\n",
        names,
    )
    import types

    module = types.ModuleType("made_module")
    vars(module).update(names)
    names["made"].__module__ = names["Gone"].__module__ = "made_module"
    sys.modules["made_module"] = module
    try:
        kind = names["Gone"]
        first = run(6, function=lambda x: kind(x))
        assert first.counts.success == 6
        again = run(6, function=lambda x: kind(x))
        assert again.counts.restored == 6
        for one in (again, Run.open("c")):
            assert one[2] == 2 and one[4] == 4
            with pytest.raises(errors.ResultUndecodable, match="not today"):
                one[3]
    finally:
        del sys.modules["made_module"]


# Trust ------------------------------------------------------------------------------------------


class Sentinel:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("sentinel").absolute(),))


def test_forged_payloads_are_never_unpickled(home: Path) -> None:
    run()
    evil = pickle.dumps([Sentinel()] * COUNT)
    connection = sqlite3.connect(stored(home))
    head = database.pack_head(
        {"records": [{"n": COUNT, "sizes": [len(evil)]}], "items": [str(x) for x in range(COUNT)]}
    )
    (keys,) = connection.execute("select group_concat(hex(keys), '') from batch").fetchone()
    connection.execute("delete from batch where id > 1")
    connection.execute(
        "update batch set head = ?, done = ?, keys = ?, times = ?",
        (head, COUNT, bytes.fromhex(keys), bytes(4 * COUNT)),
    )
    connection.execute("update part set data = ? where id = (select min(id) from part)", (evil,))
    connection.commit()
    connection.close()
    again = run()
    assert "not signed by you" in again.overview().note
    assert list(again) == RIGHT
    assert list(Run.open("c")) == RIGHT
    assert not Path("sentinel").exists()


def test_somebody_elses_store_is_refused_until_it_is_trusted(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(home / "their data"))
    run()
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(home / "my data"))
    for attempt in (run, lambda: Run.open("c"), lambda: run(fresh=True)):
        with pytest.raises(errors.UntrustedCheckpoint, match=r"Run.open\('c', trust=True\)"):
            attempt()
    assert list(Run.open("c", trust=True)) == RIGHT
    assert run().counts.restored == COUNT


def test_a_store_under_another_name_is_not_believed(home: Path) -> None:
    run(name="a")
    shutil.copy(stored(home, "a"), stored(home, "b"))
    with pytest.raises(errors.UntrustedCheckpoint):
        run(name="b")


def test_results_cannot_be_moved_to_another_function(home: Path) -> None:
    run()
    run(function=lambda x: -x, on_change="rerun")
    connection = sqlite3.connect(stored(home))
    connection.execute("update batch set epoch = 2 where epoch = 1")
    connection.execute("delete from batch where id > (select min(id) from batch)")
    connection.commit()
    connection.close()
    again = run(function=lambda x: -x)
    assert list(again) == [-x for x in range(COUNT)]


def test_another_users_file_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    mine = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    with pytest.raises(
        errors.UntrustedCheckpoint, match=f"belongs to the user with number {mine}, not to you"
    ):
        Run.open("c")


def test_a_key_that_others_can_read_is_refused(home: Path) -> None:
    run()
    (home / "data" / "jupyter_parallel_key").chmod(0o644)
    with pytest.raises(errors.CheckpointError, match="only you can read"):
        run()


# One writer -------------------------------------------------------------------------------------


def test_two_runs_of_one_kernel_on_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "MOMENT", 0.05)
    gate = threading.Event()
    builtins_gate = sys.modules[__name__]
    builtins_gate.gate = gate  # type: ignore[attr-defined]

    def held(x: int) -> int:
        sys.modules[__name__].gate.wait(20)  # type: ignore[attr-defined]
        return x

    with Runner(backend="thread", n_jobs=1) as runner:
        first = runner.map(held, range(3), checkpoint="c")
        with pytest.raises(errors.CheckpointBusy, match=r"written by another run of this kernel since \d\d:"):
            runner.map(held, range(3), checkpoint="c")
        other = runner.map(held, range(3), checkpoint="d")
        gate.set()
        assert first.wait(20) and other.wait(20)
        assert runner.map(held, range(3), checkpoint="c").result() == [0, 1, 2]


HOLDER = """
import os, time
from jupyter_parallel import Runner
def held(x):
    os.write(1, b"running\\n")  # what items print is kept for the run
    time.sleep(60)
with Runner(backend="thread", n_jobs=1) as runner:
    runner.map(held, range(3), checkpoint="c").wait()
"""


def test_two_kernels_on_one_name_and_the_lock_dies_with_its_owner(home: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(PROJECT)}
    owner = subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, env=env, cwd=home)
    assert owner.stdout is not None
    try:
        assert owner.stdout.readline() == b"running\n"
        told = rf"written by process {owner.pid} on .* since \d\d:\d\d:\d\d on \d\d\d\d-"
        for _ in range(3):
            with pytest.raises(errors.CheckpointBusy, match=told):
                run(on_change="rerun")
    finally:
        owner.kill()
        owner.wait()
        owner.stdout.close()
    assert list(run(on_change="rerun")) == RIGHT


# No room ----------------------------------------------------------------------------------------


class Failing(sqlite3.Connection):
    """A connection whose n-th write fails, and all later ones until it is mended."""

    countdown = 10**9
    broken = False

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        if sql.split()[0] in ("insert", "commit", "begin"):
            Failing.countdown -= 1
        if Failing.broken and Failing.countdown <= 0:
            raise sqlite3.OperationalError("database or disk is full")
        return super().execute(sql, *arguments)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Failing]]:
    def connect(path: Path) -> sqlite3.Connection:
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Failing)

    from jupyter_parallel.store import checkpoint

    monkeypatch.setattr(
        checkpoint.Checkpoint.__init__,
        "__kwdefaults__",
        {
            **checkpoint.Checkpoint.__init__.__kwdefaults__,
            "open_file": connect,
        },
    )
    monkeypatch.setattr(writer, "AGAIN_SECONDS", 0.02)
    monkeypatch.setattr(writer, "GROUP_SECONDS", 0.0)
    Failing.countdown, Failing.broken = 10**9, False
    yield Failing
    Failing.broken = False
    wait_until(lambda: not lock._held, "the store is closed", timeout=5)


def slow(x: int) -> dict[str, Any]:
    time.sleep(0.002)
    return value_of(x)


@pytest.mark.parametrize("nth", [8, 9, 10, 11, 13, 16, 20, 25])
def test_a_full_disk_pauses_the_run_and_room_continues_it(failing: type[Failing], nth: int) -> None:
    failing.countdown, failing.broken = nth, True
    with Runner(backend="thread", n_jobs=1, chunk_size=5) as runner:
        made = runner.map(slow, range(COUNT), checkpoint="c")
        wait_until(lambda: made.state == "paused", "the run is paused", timeout=10)
        assert "paused: the disk is full; results stay in memory" in made.overview().note
        assert not made.wait(0.1)
        before = [value for _, value in made.successes()]
        assert before == RIGHT[: len(before)]
        failing.broken = False
        assert made.wait(20)
    assert list(made) == RIGHT and made.overview().saved == COUNT
    assert run(function=slow).counts.restored == COUNT


def test_a_run_with_a_full_disk_can_be_cancelled_and_keeps_its_values(failing: type[Failing]) -> None:
    failing.countdown, failing.broken = 11, True
    with Runner(backend="thread", n_jobs=1, chunk_size=5) as runner:
        made = runner.map(slow, range(COUNT), checkpoint="c")
        wait_until(lambda: made.state == "paused", "the run is paused", timeout=10)
        made.cancel()
        assert made.wait(10)
    assert made.state == "cancelled" and made.counts.success > 0
    assert "results are not saved: the disk is full; this run has them" in made.overview().note


def test_a_run_that_is_done_waits_for_room_before_it_ends(failing: type[Failing]) -> None:
    with Runner(backend="serial") as runner:
        failing.broken, failing.countdown = True, 8
        ended: list[Run] = []
        worker = threading.Thread(target=lambda: ended.append(runner.map(value_of, range(3), checkpoint="c")))
        worker.start()
        wait_until(lambda: failing.countdown <= 0, "writing fails", timeout=10)
        worker.join(0.1)
        assert not ended
        failing.broken = False
        worker.join(10)
    assert ended[0].result() == RIGHT[:3]


LIMITED = """
import json, resource, signal, sys, threading, time
from jupyter_parallel import Runner
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def value_of(x):
    time.sleep(0.001)
    return {"x": x, "text": "v" * 20000}
with Runner(backend="thread", n_jobs=1, chunk_size=5) as runner:
    run = runner.map(value_of, range(3), checkpoint="c")
    run.result()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    run = runner.map(value_of, range(200), checkpoint="c")
    end = time.monotonic() + 20
    while run.state != "paused" and time.monotonic() < end:
        run.wait(0.01)
    state, note, kept = run.state, run.overview().note, run.counts.success
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    run.wait(20)
    again = runner.map(value_of, range(200), checkpoint="c")
    again.result()
    print(json.dumps([state, note, kept, run.state, run.counts.success, again.counts.restored]))
"""


def test_a_file_that_may_not_grow_in_earnest(home: Path) -> None:
    """The same with the kernel's own limit instead of a connection that pretends."""
    env = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LIMITED)],
        env=env,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    state, note, kept, ended, success, restored = json.loads(done.stdout)
    assert state == "paused" and "results stay in memory" in note and kept > 0
    assert (ended, success, restored) == ("finished", 200, 200)
