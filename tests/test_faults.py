"""The fault table of the README, on every backend that can show a fault, wherever the bad item stands.

Each fault happens at the first, a middle and the last item, with chunks of 1, 7 and automatic size; what is
checked is the *other* items: their values are all there, in order.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from jupyter_parallel import CancellationPolicy, Runner, context, errors

COUNT = 20
POSITIONS = (0, 9, COUNT - 1)
SIZES = (1, 7, "auto")
EVERYWHERE = ("loky", "thread", "serial")
PROCESSES = ("loky",)


class Stubborn(Exception):
    """Cannot be rebuilt from its arguments, as many exceptions of libraries cannot."""

    def __init__(self, code, *, reason):
        super().__init__(code)
        self.reason = reason


class Unpicklable(Exception):
    def __init__(self):
        super().__init__("holds a lock")
        self.lock = threading.Lock()


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


class Poison:
    """A value that cannot be unpickled."""

    def __reduce__(self):
        return _explode, ()


def _explode():
    raise RuntimeError("not in this process")


def _raise(error):
    raise error


def _hang():
    while True:
        pass


def _hang_in_c():
    # Holds the GIL for good: no Python signal handler can run any more.
    ctypes.PyDLL(None).sleep(60)


def _ignore_sigterm_and_hang():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _hang()


def _print_100_mb():
    for _ in range(100):
        sys.stdout.write("x" * 999_999 + "\n")
    return "printed"


RAISES = {
    "exception": (lambda: _raise(ValueError("no")), "ValueError", "no"),
    "index error": (lambda: [][0], "IndexError", "out of range"),
    "system exit": (lambda: sys.exit(3), "SystemExit", "3"),
    "keyboard interrupt of the item": (lambda: _raise(KeyboardInterrupt()), "KeyboardInterrupt", ""),
    "base exception": (lambda: _raise(GeneratorExit("done")), "GeneratorExit", "done"),
    "exception with its own init": (lambda: _raise(Stubborn(1, reason="x")), "Stubborn", "1"),
    "unpicklable exception": (lambda: _raise(Unpicklable()), "Unpicklable", "holds a lock"),
    "exception without text": (lambda: _raise(Mute()), "Mute", ""),
    "stop iteration": (lambda: next(iter(())), "StopIteration", ""),
    "recursion": (lambda: _recurse(), "RecursionError", "recursion"),
}

DEATHS = {
    "segmentation fault": (lambda: ctypes.string_at(0), "signal 11"),
    "os._exit": (lambda: os._exit(3), "exit code 3"),
    "SIGKILL": (lambda: os.kill(os.getpid(), signal.SIGKILL), "signal 9"),
    "abort": (lambda: os.abort(), "signal 6"),
}

HANGS = {
    "pure Python": _hang,
    "C code": _hang_in_c,
    "SIGTERM ignored": _ignore_sigterm_and_hang,
}


def _recurse():
    return _recurse()


def run_with_one_bad_item(fault, position, size, backend, **options):
    def item(x):
        return fault() if x == position else x * x

    workers = 1 if backend == "serial" else 2
    run = Runner(backend=backend, n_jobs=workers, chunk_size=size, **options).map(item, range(COUNT))
    assert run.wait(60)
    return run


def others(position):
    return [(x, x * x) for x in range(COUNT) if x != position]


def assert_only(run, position):
    """All other items have their values; the bad one is the only one without."""
    assert run.successes() == others(position)
    assert run.counts.complete == COUNT
    assert [record.index for record in run.failures] == [position]
    with pytest.raises(errors.ItemFailed):
        run[position]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("backend", EVERYWHERE)
@pytest.mark.parametrize("fault", RAISES)
def test_an_item_that_raises_fails_alone_and_says_why(fault, backend, position, size):
    raises, kind, message = RAISES[fault]
    run = run_with_one_bad_item(raises, position, size, backend)
    assert_only(run, position)
    failure = run.failures[0].failed.failure
    assert failure.type.split(".")[-1] == kind
    assert message in failure.message
    assert "test_faults.py" in failure.traceback


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("fault", DEATHS)
def test_a_worker_that_dies_is_one_failed_item_blamed_exactly(fault, position, size):
    dies, reason = DEATHS[fault]
    run = run_with_one_bad_item(dies, position, size, "loky")
    assert_only(run, position)
    record = run.failures[0]
    assert reason in record.failed.failure.message
    # A poison item costs two workers: the one it was met on and the one of its second chance.
    assert record.attempts == 2


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("fault", HANGS)
def test_a_hanging_item_is_ended_within_a_second_of_its_timeout(fault, position, size):
    run = run_with_one_bad_item(HANGS[fault], position, size, "loky", timeout=0.3)
    assert_only(run, position)
    record = run.failures[0]
    assert record.failed.failure.type == "Timeout"
    assert 0.3 <= record.duration < 1.3


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("position", POSITIONS)
def test_a_result_that_cannot_be_sent_is_one_failure_that_names_the_type(position, size):
    run = run_with_one_bad_item(threading.Lock, position, size, "loky")
    assert_only(run, position)
    assert "lock" in run.failures[0].failed.failure.message


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("position", POSITIONS)
def test_a_result_that_cannot_be_decoded_harms_nobody_else(position, size):
    run = run_with_one_bad_item(Poison, position, size, "loky")
    assert run.state == "finished"
    for index, value in others(position):
        assert run[index] == value
    with pytest.raises(errors.ResultUndecodable, match=f"item {position}"):
        run[position]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("position", POSITIONS)
def test_an_item_that_cannot_be_sent_fails_alone(position, size):
    items = [threading.Lock() if x == position else x for x in range(COUNT)]
    run = Runner(backend="loky", n_jobs=2, chunk_size=size).map(lambda x: x * x, items)
    assert run.wait(60)
    assert_only(run, position)
    assert "lock" in run.failures[0].failed.failure.message


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("position", POSITIONS)
def test_a_flood_of_output_is_bounded_and_says_what_was_dropped(position, size):
    run = run_with_one_bad_item(_print_100_mb, position, size, "loky")
    assert run[position] == "printed"
    assert [value for index, value in run.successes() if index != position] == [
        v for _, v in others(position)
    ]
    output = run.records[position].output
    assert sum(len(part.text) for part in output) < 200_000
    assert sum(part.dropped for part in output) > 99_000_000


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("backend", PROCESSES)
def test_an_item_that_forks_leaves_no_second_worker(backend, size):
    def forks(x):
        child = os.fork()
        if child == 0:
            # Returning would hand the child back to the worker's own loop.
            return "child"
        os.waitpid(child, 0)
        return x

    run = Runner(backend=backend, n_jobs=2, chunk_size=size).map(forks, range(6))
    assert run.result(30) == list(range(6))


@pytest.mark.parametrize("backend", EVERYWHERE)
def test_items_that_raise_midway_keep_what_was_dispatched(backend):
    def items():
        yield from range(7)
        raise OSError("the disk is gone")

    workers = 1 if backend == "serial" else 2
    run = Runner(backend=backend, n_jobs=workers).map(lambda x: x, items())
    assert run.wait(30)
    assert run.successes() == [(x, x) for x in range(7)]
    with pytest.raises(errors.InputError, match="position 7.*the disk is gone"):
        run.result()


@pytest.mark.parametrize("backend", EVERYWHERE)
def test_an_iterator_that_was_used_up_is_an_empty_run(backend):
    used = iter([1, 2])
    list(used)
    workers = 1 if backend == "serial" else 2
    assert Runner(backend=backend, n_jobs=workers).map(abs, used).result(30) == []


def test_a_broken_callback_changes_nothing(caplog):
    run = Runner(backend="thread", n_jobs=2).map(lambda x: time.sleep(0.01) or x, range(20))

    def broken():
        raise RuntimeError("a view that fails")

    run.subscribe(broken)
    assert run.result(30) == list(range(20))
    assert caplog.text.count("an observer of the run raised") == 1


def test_a_blocking_callback_holds_nothing_up():
    gate = threading.Event()
    run = Runner(backend="thread", n_jobs=2).map(lambda x: x, range(20))
    run.subscribe(gate.wait)
    try:
        assert run.result(30) == list(range(20))
        assert Runner(backend="thread", n_jobs=2).map(abs, range(5)).result(30) == list(range(5))
    finally:
        gate.set()


def _patient(folder, x):
    Path(folder, f"{x}-{os.getpid()}").touch()
    while x < 2 and not context().should_stop():
        time.sleep(0.005)
    return x


def _stubborn(folder, x):
    Path(folder, f"{x}-{os.getpid()}").touch()
    while x == 0:
        with contextlib.suppress(BaseException):
            time.sleep(10)
    while x == 1 and not Path(folder, "go").exists():
        time.sleep(0.005)
    return os.getpid()


def _running(folder, count, run):
    while len(list(folder.iterdir())) < count:
        assert not run.wait(0.01)


def test_cancelling_the_running_items_leaves_the_pending_ones_to_run(tmp_path):
    with Runner(backend="loky", n_jobs=2, chunk_size=1) as runner:
        run = runner.starmap(_patient, [(str(tmp_path), x) for x in range(8)])
        _running(tmp_path, 2, run)
        run.cancel(CancellationPolicy.NONE)
        run.cancel(CancellationPolicy.RUNNING)
        assert run.wait(10)
    assert (run.state, run.counts.success, run.counts.cancelled) == ("finished", 8, 0)


def test_an_item_that_will_not_stop_is_killed_within_two_seconds_and_only_its_worker_dies(tmp_path):
    with Runner(backend="loky", n_jobs=2, chunk_size=1) as runner:
        run = runner.starmap(_stubborn, [(str(tmp_path), x) for x in range(4)])
        _running(tmp_path, 2, run)
        begun = time.perf_counter()
        run.cancel(CancellationPolicy.RUNNING)
        while run.records[0].state == "running" or run.records[0].state == "pending":
            run.wait(0.01)
        assert time.perf_counter() - begun < 2
        (tmp_path / "go").touch()
        assert run.wait(10)
    assert run.records[0].state == "cancelled"
    pids = {int(path.name.split("-")[1]) for path in tmp_path.iterdir() if "-" in path.name}
    dead = int(next(path.name for path in tmp_path.iterdir() if path.name.startswith("0-")).split("-")[1])
    assert dead not in run.result(default=None)
    assert dead in pids


def test_cancelling_everything_keeps_what_is_finished_and_retry_goes_on_with_the_rest(tmp_path):
    with Runner(backend="loky", n_jobs=2, chunk_size=1) as runner:
        run = runner.starmap(_patient, [(str(tmp_path), x) for x in range(20)])
        _running(tmp_path, 2, run)
        run.cancel(CancellationPolicy.ALL)
        assert run.wait(5)
        assert run.state == "cancelled"
        assert run.counts.cancelled >= 18
        with pytest.raises(errors.RunCancelled, match=r"run\.retry\(\)"):
            run.result()
        run.retry(only=range(2, 20))
        assert run.wait(30)
    assert [x for x in run.result(default=None) if x is not None] == [
        x for x in range(20) if run.records[x].state == "success"
    ]
    assert run.counts.success >= 18


def test_a_cooperative_item_sees_that_it_should_stop():
    def patient(x):
        while not context().should_stop():
            time.sleep(0.005)
        return "stopped by itself"

    run = Runner(backend="loky", n_jobs=2, chunk_size=1).map(patient, range(4))
    while run.counts.running < 2:
        run.wait(0.01)
    run.cancel(CancellationPolicy.ALL)
    assert run.wait(5)
    assert [value for _, value in run.successes()] == ["stopped by itself"] * 2
    assert run.counts.cancelled == 2


def test_errors_survive_pickling():
    for error in (errors.ItemFailed("no", 3), errors.RunCancelled("ended"), errors.CannotTravel("`x`")):
        copy = pickle.loads(pickle.dumps(error))
        assert (type(copy), str(copy)) == (type(error), str(error))
    group = errors.RunFailed("1 of 2", [errors.ItemFailed("no", 1)])
    assert pickle.loads(pickle.dumps(group)).exceptions[0].index == 1
