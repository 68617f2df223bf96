"""Backends by name, how many workers, and workers that stay warm."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_parallel import backends
from jupyter_parallel.engine.ports import BackendBase
from jupyter_parallel.errors import BackendNotInstalled, UnknownBackend, UsageError

from .harness import Harness, run_script, wait_until


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    yield
    backends.shutdown()


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("loky", "loky"),
        ("thread", "thread"),
        ("serial", "serial"),
        ("threading", "thread"),
        ("sequential", "serial"),
        ("multiprocessing", "loky"),
    ],
)
def test_names_and_aliases_are_known(name: str, known: str) -> None:
    assert backends.resolve_name(name) == known


def test_an_unknown_name_lists_the_names_closest_first() -> None:
    with pytest.raises(UnknownBackend, match="no backend 'tread'; the backends are thread, loky, serial"):
        backends.acquire("tread", 2)


def test_an_object_that_is_no_backend_is_refused() -> None:
    with pytest.raises(UnknownBackend, match="has no capacity, publish, submit, close"):
        backends.acquire(42, 2)


def test_a_missing_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = backends._Entry("no_such_module", "Nothing")
    monkeypatch.setitem(backends._BACKENDS, "absent", entry)
    with pytest.raises(BackendNotInstalled, match="pip install"):
        backends.acquire("absent", 2)


@pytest.mark.parametrize(
    ("n_jobs", "workers"), [(None, 4), (-1, 4), (-2, 3), (-4, 1), (-9, 1), (1, 1), (3, 3), (64, 64)]
)
def test_jobs_follow_joblibs_rule(monkeypatch: pytest.MonkeyPatch, n_jobs: int | None, workers: int) -> None:
    monkeypatch.setattr(backends, "cpu_count", lambda: 4)
    assert backends.effective_jobs(n_jobs) == workers


def test_no_jobs_says_what_all_cpus_is() -> None:
    with pytest.raises(UsageError, match="all CPUs is -1"):
        backends.effective_jobs(0)


def test_affinity_counts(tmp_path: Path) -> None:
    script = """
import os
os.sched_setaffinity(0, {0})
from jupyter_parallel import backends
print(backends.cpu_count())
"""
    assert run_script(tmp_path, script) == "1\n"


@pytest.mark.parametrize(
    ("backend", "n_jobs", "chosen"),
    [
        (None, 1, ("serial", 1)),
        (None, None, ("loky", 1)),
        (None, -1, ("loky", 1)),
        ("loky", 1, ("loky", 1)),
        ("serial", 8, ("serial", 1)),
        ("thread", None, ("thread", 1)),
        ("threading", 3, ("thread", 3)),
    ],
)
def test_only_a_literal_one_runs_in_the_kernel(
    monkeypatch: pytest.MonkeyPatch, backend: Any, n_jobs: int | None, chosen: tuple[str, int]
) -> None:
    monkeypatch.setattr(backends, "cpu_count", lambda: 1)
    assert backends.choose(backend, n_jobs) == chosen


class Own(BackendBase):
    closed = False

    def capacity(self) -> int:
        return 5

    def publish(self, task: Any) -> str:
        return ""

    def submit(self, chunk: Any) -> Any: ...

    def close(self) -> None:
        self.closed = True


def test_an_instance_is_used_as_it_is_and_never_closed() -> None:
    own = Own()
    assert backends.choose(own, None) == (own, 5)
    assert backends.acquire(own, 2) is own
    backends.release(own)
    backends.shutdown()
    assert not own.closed


def test_runs_share_warm_workers() -> None:
    first = backends.acquire("loky", 1)
    pid = Harness(first).run(lambda x: os.getpid(), [0]).list()
    second = backends.acquire("multiprocessing", 1)
    assert second is first
    backends.release(first)
    backends.release(second)
    third = backends.acquire("loky", 1)
    assert Harness(third).run(lambda x: os.getpid(), [0]).list() == pid
    assert backends.acquire("loky", 2) is not third


def test_unused_workers_are_closed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "WARM_SECONDS", 0.05)
    used, idle = backends.acquire("loky", 1), backends.acquire("loky", 2)
    pid = Harness(idle).run(lambda x: os.getpid(), [0]).list()[0]
    backends.release(idle)
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"))
    assert backends.acquire("loky", 2) is not idle
    assert Harness(used).run(abs, [-1]).list() == [1]


def test_workers_taken_again_in_time_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = backends.acquire("loky", 1)
    backends.release(backend)
    timer = next(iter(backends._warm.values())).timer
    assert timer is not None
    assert backends.acquire("loky", 1) is backend
    assert timer.finished.is_set()  # cancelled


FORKED = """
import json, os
from jupyter_parallel import backends
from jupyter_parallel.engine.ports import Chunk
from jupyter_parallel.worker.payload import Task

def use(backend):
    token = backend.publish(Task(lambda x: os.getppid()))
    return backend.submit(Chunk(1, token, 0, [0])).result(30).records[0].store.get(0)

parent = backends.acquire("loky", 1)
use(parent)
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    mine = backends.acquire("loky", 1)
    answer = [mine is not parent, use(mine) == os.getpid()]
    os.write(writer, json.dumps(answer).encode())
    backends.shutdown()
    os._exit(0)
os.waitpid(child, 0)
print(os.read(reader, 1000).decode(), use(parent) == os.getpid())
"""


def test_a_forked_child_gets_workers_of_its_own(tmp_path: Path) -> None:
    answer, _, parent = run_script(tmp_path, FORKED).strip().rpartition(" ")
    assert json.loads(answer) == [True, True]
    assert parent == "True"
