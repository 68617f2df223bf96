"""The rows of the report. Each yields its lines; targets are ratios, so that machines do not matter."""

from __future__ import annotations

import contextlib
import multiprocessing
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil

from jupyter_parallel import Runner
from jupyter_parallel.engine.run import Run

from . import keeping, work
from .measure import Line, alternate, seconds

MILLION = range(1_000_000)
WORKERS = 2


def noop(rounds: int) -> Iterator[Line]:
    """1,000,000 no-op items, with a widget attached."""

    def ours() -> list[int]:
        with watched(runner.map(work.noop, MILLION)) as run:
            return run.result()

    with Runner(n_jobs=WORKERS, backend="loky") as runner, multiprocessing.Pool(WORKERS) as pool:
        contenders: dict[str, Callable[[], Any]] = {
            "jupyter_parallel": ours,
            "multiprocessing.Pool.map": lambda: pool.map(work.noop, MILLION),
            "joblib": lambda: joblib_map(work.noop, MILLION),
        }
        for action in contenders.values():
            assert action()[-1] == 999_999**2
        took = alternate(contenders, rounds)
    for name, value in took.items():
        yield Line("no-op × 10⁶", name, value, "s")
    mine = took["jupyter_parallel"]
    yield Line("no-op × 10⁶", "time / Pool.map", mine / took["multiprocessing.Pool.map"], "×", 4)
    yield Line("no-op × 10⁶", "throughput / joblib", took["joblib"] / mine, "×", 10, at_least=True)


def cliff(rounds: int) -> Iterator[Line]:
    """10,000 short items, then 40 long ones, without a chunk size."""
    yield from _against_ideal("cliff", work.cliff(), rounds)


def pareto(rounds: int) -> Iterator[Line]:
    """2,000 skewed items in both orders, without a chunk size."""
    for order in ("ascending", "descending"):
        yield from _against_ideal(f"Pareto, {order}", work.pareto(order), rounds)


def _against_ideal(row: str, items: list[float], rounds: int) -> Iterator[Line]:
    with Runner(n_jobs=WORKERS, backend="loky") as runner:
        runner.map(work.burn, [0.001] * 8).result()
        took = alternate({"ours": lambda: runner.map(work.burn, items).result()}, rounds)
    ideal = sum(items) / WORKERS
    yield Line(row, "ideal: sum / workers", ideal, "s")
    yield Line(row, "time / ideal", took["ours"] / ideal, "×", 1.10)


def neighbours(rounds: int) -> Iterator[Line]:
    """A 4 s item among 1 ms neighbours in one chunk: how late each neighbour is seen."""
    items = [0.001] * 100 + [4.0] + [0.001] * 100
    worst = 0.0
    with Runner(n_jobs=WORKERS, backend="loky") as runner:
        run = runner.map(work.burn, items, chunk_size=201)
        worst = max(_lateness(run, skip=100))
    yield Line("neighbours of a 4 s item", "seen at most this late", worst, "s", 0.3)


def _lateness(run: Run, skip: int) -> list[float]:
    late, seen = [], set()
    while run.state in ("pending", "running"):
        now = run.overview().now
        for index, code in enumerate(run.item_states(0, len(run))):
            if code == 2 and index not in seen:
                seen.add(index)
                glance = run.glance(index)
                late.append(
                    now - (glance.started or 0.0) - (glance.duration or 0.0) if index != skip else 0.0
                )
        time.sleep(0.005)
    return late


def captured(rounds: int) -> Iterator[Line]:
    """A function that carries a 100 MB array, over 2,000 items."""
    function = work.captures_100_mb()
    items = range(2_000)
    with Runner(n_jobs=WORKERS, backend="loky") as runner:
        runner.map(work.noop, range(8)).result()
        before = _workers_memory()
        runner.map(function, items).result()
        grown = _workers_memory() - before
        took = alternate(
            {
                "jupyter_parallel": lambda: runner.map(function, items).result(),
                "joblib": lambda: joblib_map(function, items),
            },
            rounds,
        )
    for name, value in took.items():
        yield Line("100 MB captured, 2,000 items", name, value, "s")
    ratio = took["joblib"] / took["jupyter_parallel"]
    yield Line("100 MB captured, 2,000 items", "throughput / joblib", ratio, "×", 2, at_least=True)
    yield Line("100 MB captured, 2,000 items", "workers grow by / array", grown / 100e6, "×", 1.3)


def _workers_memory() -> int:
    """Memory of all child processes in bytes, what they share counted once (proportional set size)."""
    children = psutil.Process().children(recursive=True)
    return sum(child.memory_full_info().pss for child in children)


def start(rounds: int) -> Iterator[Line]:
    """Loading the extension, the first result of a cold and of a warm pool."""
    loads = sorted(_in_fresh_python(_LOAD) for _ in range(rounds))
    yield Line("start", "%load_ext on a running shell", loads[len(loads) // 2], "s", 0.15)
    colds = sorted(_in_fresh_python(_COLD) for _ in range(rounds))
    pythons = sorted(seconds(_bare_python) for _ in range(rounds))
    cold, python = colds[len(colds) // 2], pythons[len(pythons) // 2]
    yield Line("start", "first result, cold", cold, "s")
    yield Line("start", "start of one Python with loky", python, "s")
    with Runner(n_jobs=WORKERS, backend="loky") as runner:
        runner.map(work.noop, range(8)).result()
        warm = alternate({"warm": lambda: runner.map(work.noop, [1]).result()}, max(9, rounds))["warm"]
    yield Line("start", "first result, warm", warm, "s", 0.020)


_LOAD = """
import time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
begun = time.perf_counter()
shell.run_line_magic("load_ext", "jupyter_parallel")
print(time.perf_counter() - begun)
"""

_COLD = """
import time
from jupyter_parallel import Runner
runner = Runner(n_jobs=2, backend="loky")
begun = time.perf_counter()
assert runner.map(abs, [-1])[0] == 1
print(time.perf_counter() - begun)
"""


def _in_fresh_python(code: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return float(done.stdout.split()[-1])


def _bare_python() -> None:
    subprocess.run([sys.executable, "-c", "import loky"], check=True, timeout=60)


def joblib_map(function: Callable[..., Any], items: Any) -> list[Any]:
    import joblib

    parallel = joblib.Parallel(n_jobs=WORKERS)
    return list(parallel(joblib.delayed(function)(item) for item in items))


@contextlib.contextmanager
def watched(run: Run) -> Iterator[Run]:
    """Attach a widget, as a cell does; what it sends goes to a front end that is not there."""
    from jupyter_parallel.notebook.widget import RunWidget

    widget = RunWidget(run, key="benchmark", reach=True)
    try:
        yield run
    finally:
        widget.close()


ROWS: dict[str, Callable[[int], Iterator[Line]]] = {
    "noop": noop,
    "cliff": cliff,
    "pareto": pareto,
    "neighbours": neighbours,
    "captured": captured,
    "start": start,
    "checkpoint": keeping.checkpoint,
    "resume": keeping.resume,
    "store": keeping.store,
    "stream": keeping.stream,
}
