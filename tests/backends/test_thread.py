"""Threads: nothing is copied, nothing can be killed, nothing holds the interpreter back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_parallel.backends.thread import ThreadBackend
from jupyter_parallel.engine.ports import Chunk, Force
from jupyter_parallel.errors import BackendBroken

from .harness import Harness, Outcome, run_script, wait_until
from .test_contract import Live, gated


@pytest.fixture
def threads() -> Iterator[Harness]:
    backend = ThreadBackend(2)
    yield Harness(backend)
    backend.close()


def test_values_stay_the_objects_they_are(threads: Harness) -> None:
    things = [object(), threading.Lock(), [1]]
    values = threads.run(lambda x: x, things).list()
    assert all(value is thing for value, thing in zip(values, things, strict=True))


def test_what_cannot_be_pickled_may_be_captured_and_passed(threads: Harness) -> None:
    guard = threading.Lock()

    def function(x: int, other: threading.Lock) -> bool:
        with guard, other:
            return True

    assert threads.run(function, range(3), kwargs={"other": threading.Lock()}).list() == [True] * 3


def test_a_thread_is_asked_and_never_killed(threads: Harness, tmp_path: Path) -> None:
    assert not threads.backend.capabilities.can_kill
    live = Live(threads, gated(tmp_path, 1), range(3))
    live.running(1)
    threads.backend.halt(live.chunk, Force.KILL)
    (tmp_path / "open").touch()
    assert live.end().list() == [0, 1, 2]


def test_close_lets_waiting_chunks_run_nothing(threads: Harness, tmp_path: Path) -> None:
    token = threads.publish(gated(tmp_path, 0))
    futures = [threads.backend.submit(Chunk(n, token, 0, [0, n])) for n in range(1, 6)]
    wait_until(lambda: (tmp_path / "began-0").exists())
    threads.backend.close()
    (tmp_path / "open").touch()
    ends = [future.result(30) for future in futures]
    assert [end.stop for end in ends[2:]] == [0, 0, 0]
    with pytest.raises(BackendBroken):
        threads.backend.submit(Chunk(9, token, 0, [1])).result(1)


def test_closed_threads_end(threads: Harness) -> None:
    before = threading.active_count()
    backend = ThreadBackend(3)
    Harness(backend).run(abs, range(6), size=1)
    backend.close()
    wait_until(lambda: threading.active_count() <= before)


def test_seeded_items_of_several_threads_do_not_disturb_each_other(threads: Harness) -> None:
    def function(x: int) -> list[float]:
        import random

        drawn = []
        for _ in range(20):
            drawn.append(random.random())
            time.sleep(0)  # let the other thread draw
        return drawn

    together = threads.run(function, range(6), size=1, seed=1).list()
    apart = [threads.run(function, [0], seed=1).list() for _ in range(1)]
    assert together[0] == apart[0][0]
    assert together == threads.run(function, range(6), size=3, seed=1).list()


HANGING = """
import threading
from jupyter_parallel import backends
from jupyter_parallel.engine.ports import Chunk
from jupyter_parallel.worker.payload import Task
backend = backends.acquire("thread", 2)
began = threading.Event()
def function(x):
    began.set()
    threading.Event().wait()
backend.submit(Chunk(1, backend.publish(Task(function)), 0, [1]))
began.wait()
print("done")
"""


def test_an_endless_item_does_not_hold_the_interpreter(tmp_path: Path) -> None:
    assert run_script(tmp_path, HANGING) == "done\n"


def test_output_of_a_thread_does_not_catch_other_prints(
    threads: Harness, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def function(x: int) -> int:
        print("item", x)
        return gated(tmp_path, 0)(x)

    live = Live(threads, function, [0])
    wait_until(lambda: (tmp_path / "began-0").exists())
    print("mine")
    (tmp_path / "open").touch()
    outcome: Outcome = live.end()
    assert outcome.said == {(0, "stdout"): "item 0\n"}
    assert capsys.readouterr().out == "mine\n"
