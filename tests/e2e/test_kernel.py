"""Real kernels without a browser: what Run All, papermill, ■ and a killed kernel get."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from . import kernel, processes
from .waiting import wait_until

LOAD = "%load_ext jupyter_parallel"

# An item that says in which process it runs, then runs until a file is there.
HELPERS = """
import os, pathlib, time

def hold(name):
    pathlib.Path(f"pid-{os.getpid()}").touch()
    while not pathlib.Path(name).exists():
        pathlib.Path("beat").touch()
        time.sleep(0.01)
"""


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[kernel.Kernel]:
    with kernel.running(tmp_path) as running:
        yield running


@pytest.fixture
def ready(bare: kernel.Kernel) -> kernel.Kernel:
    """A kernel with the extension loaded and ``hold`` defined."""
    reply = bare.run(f"{LOAD}\n{HELPERS}")
    assert reply.error == "", reply.traceback
    return bare


def items_started(folder: Path, count: int) -> Callable[[], bool]:
    return lambda: len(processes.written(folder)) >= count


def beats(folder: Path) -> bool:
    """Return whether an item that holds has been running during the last 0.3 s."""
    return time.time() - (folder / "beat").stat().st_mtime < 0.3


class TestACellThatEnds:
    def test_gives_the_values_in_the_order_of_the_items(self, ready: kernel.Kernel) -> None:
        cell = (
            "%%parallel -o areas -j 2 for r, h in zip(range(40), range(40)) if r > 0\nbase = r * r\nbase * h"
        )
        assert ready.run(cell).error == ""
        assert ready.run("list(areas) == [r * r * r for r in range(1, 40)]").value == "True"

    def test_returns_nothing_that_piles_up_in_out(self, ready: kernel.Kernel) -> None:
        ready.run("%%parallel -o run for x in range(3)\nx")
        assert ready.run("[value for value in Out.values() if type(value).__name__ == 'Run']").value == "[]"

    def test_a_line_is_an_expression_inside_a_function(self, ready: kernel.Kernel) -> None:
        ready.run(
            "def total(k, xs):\n    return sum(%parallel -j 2 [\n        x * k\n        for x in xs\n    ])"
        )
        assert ready.run("total(3, range(10))").value == "135"

    def test_a_dict_and_a_set_come_back_as_such(self, ready: kernel.Kernel) -> None:
        assert ready.run("%parallel {n: n ** 2 for n in range(3)}").value == "{0: 0, 1: 1, 2: 4}"
        assert ready.run("%parallel {n % 2 for n in range(9)}").value == "{0, 1}"

    def test_notebook_classes_come_back_as_themselves(self, ready: kernel.Kernel) -> None:
        ready.run("class Point:\n    def __init__(self, x): self.x = x")
        ready.run("points = %parallel -j 2 [Point(x) for x in range(5)]")
        assert ready.run("[type(p) is Point for p in points] == [True] * 5").value == "True"

    def test_workers_are_in_the_directory_of_the_kernel(self, ready: kernel.Kernel) -> None:
        ready.run("warm = %parallel -j 2 [x for x in range(4)]")
        ready.run("os.mkdir('inner'); os.chdir('inner')")
        reply = ready.run("set(%parallel -j 2 [os.getcwd() for _ in range(4)]) == {os.getcwd()}")
        assert reply.value == "True", reply


class TestACellWithFailures:
    CELL = "%%parallel -o run -j 2 for x in range(6)\n10 // (x - 3)"

    def test_raises_at_its_end_and_keeps_the_other_values(self, ready: kernel.Kernel) -> None:
        reply = ready.run(self.CELL)
        assert reply.error == "RunFailed"
        assert "ZeroDivisionError" in reply.traceback
        assert ready.run("[i for i, _ in run.successes()]").value == "[0, 1, 2, 4, 5]"
        assert ready.run("import jupyter_parallel; jupyter_parallel.last_run() is run").value == "True"

    def test_stops_run_all(self, ready: kernel.Kernel) -> None:
        failing, after = ready.start(self.CELL), ready.start("after = 1")
        assert ready.outcome(failing) == "error"
        assert ready.outcome(after) == "aborted"

    def test_does_not_stop_run_all_when_failures_are_collected(self, ready: kernel.Kernel) -> None:
        collecting = ready.start(self.CELL.replace("-j 2", "-j 2 --on-error collect"))
        after = ready.start("after = 1")
        assert ready.outcome(collecting) == "ok"
        assert ready.outcome(after) == "ok"

    def test_a_worker_that_dies_costs_one_item(self, ready: kernel.Kernel) -> None:
        reply = ready.run("%%parallel -o run -j 2 for x in range(30)\nif x == 7:\n    os._exit(3)\nx")
        assert reply.error == "RunFailed", reply
        assert ready.run("[record.index for record in run.failures]").value == "[7]"
        assert (
            ready.run("[i for i, v in run.successes() if i == v] == [*range(7), *range(8, 30)]").text
            == "True"
        )


class TestInterrupt:
    def interrupted(self, kernel: kernel.Kernel) -> tuple[kernel.Reply, float]:
        """Press ■ while both workers hold; return what the cell showed and how long it still took."""
        cell = kernel.start("%%parallel -o run -j 2 -c 1 for x in range(9)\nif x > 1:\n    hold('never')\nx")
        wait_until(items_started(kernel.folder, 2), "two items hold")
        pressed = time.monotonic()
        kernel.interrupt()
        return kernel.finish(cell), time.monotonic() - pressed

    def test_ends_the_cell_within_two_seconds_and_no_item_runs_on(self, ready: kernel.Kernel) -> None:
        reply, took = self.interrupted(ready)
        assert reply.error == "KeyboardInterrupt"
        assert took < 2
        wait_until(lambda: not beats(ready.folder), "no item runs", timeout=2.5 - took)

    def test_keeps_the_run_and_what_was_finished(self, ready: kernel.Kernel) -> None:
        self.interrupted(ready)
        assert ready.run("run.state, run.counts.success, run.counts.cancelled").value == "('cancelled', 2, 7)"

    def test_leaves_workers_that_work(self, ready: kernel.Kernel) -> None:
        self.interrupted(ready)
        assert ready.run("%parallel -j 2 [x + 1 for x in range(5)]").value == "[1, 2, 3, 4, 5]"

    def test_does_not_touch_a_background_run(self, ready: kernel.Kernel) -> None:
        ready.run("%%parallel --bg -o run -j 2 for x in range(3)\nhold('go')\nx")
        wait_until(items_started(ready.folder, 2), "two items hold")
        waiting = ready.start("print('waiting', flush=True); run.wait()")
        ready.finish(waiting, until=lambda reply: "waiting" in reply.stdout)
        ready.interrupt()
        assert ready.finish(waiting).error == "KeyboardInterrupt"
        (ready.folder / "go").touch()
        assert ready.run("run.result()").value == "[0, 1, 2]"

    def test_an_item_that_raises_keyboard_interrupt_is_a_failed_item(self, ready: kernel.Kernel) -> None:
        reply = ready.run(
            "%%parallel -o run -j 2 for x in range(4)\nif x == 1:\n    raise KeyboardInterrupt\nx"
        )
        assert reply.error == "RunFailed"
        assert ready.run("run.counts.success, run.counts.failure").value == "(3, 1)"


class TestAKernelThatEnds:
    def ends(self, ready: kernel.Kernel, body: str, end: Callable[[], object]) -> None:
        """End a kernel while two items run; nothing of ours may be left after 5 s."""
        ready.start(f"%%parallel --bg -o run -j 2 for x in range(4)\n{body}\nx")
        wait_until(items_started(ready.folder, 2), "two items run")
        workers, ended = processes.written(ready.folder), ready.pid
        end()
        wait_until(lambda: not processes.living(workers), "the workers are gone", timeout=5)
        wait_until(lambda: not processes.semaphores(ended), "shared memory is clean", timeout=5)
        wait_until(
            lambda: not list((ready.folder / "tmp").iterdir()), "the temporary folder is empty", timeout=5
        )

    @pytest.mark.parametrize(
        "body",
        ["hold('never')", "pathlib.Path(f'pid-{os.getpid()}').touch(); sum(range(10 ** 13))"],
        ids=["python", "c-code"],
    )
    def test_killed_leaves_nothing(self, ready: kernel.Kernel, body: str) -> None:
        self.ends(ready, body, lambda: os.kill(ready.pid, signal.SIGKILL))

    def test_killed_with_all_its_group_leaves_nothing(self, ready: kernel.Kernel) -> None:
        # Nobody is left to clean up: what loky's own tracker would remove has to be gone before.
        self.ends(ready, "hold('never')", lambda: os.killpg(os.getpgid(ready.pid), signal.SIGKILL))

    def test_shut_down_leaves_nothing(self, ready: kernel.Kernel) -> None:
        self.ends(ready, "hold('never')", lambda: ready.manager.shutdown_kernel(now=False))

    def test_restarted_leaves_nothing_of_the_old_one_and_works(self, ready: kernel.Kernel) -> None:
        self.ends(ready, "hold('never')", lambda: ready.manager.restart_kernel(now=False))
        ready.client.wait_for_ready(timeout=60)
        ready.run(LOAD)
        assert ready.run("%parallel -j 2 [x for x in range(3)]").value == "[0, 1, 2]"


def test_the_default_backend_opens_no_network_port(bare: kernel.Kernel) -> None:
    before = processes.listening(bare.pid)
    assert bare.run(f"{LOAD}\n{HELPERS}").error == ""
    bare.run("%%parallel --bg -o run -j 2 for x in range(4)\nhold('go')")
    wait_until(items_started(bare.folder, 2), "two items run")
    assert processes.listening(bare.pid) == before
    for worker in processes.written(bare.folder):
        assert processes.listening(worker) == set()


class TestABackgroundRun:
    def test_its_cell_ends_at_once_and_the_run_goes_on(self, ready: kernel.Kernel) -> None:
        assert ready.run("%%parallel --bg -o run -j 2 for x in range(4)\nhold('go')\nx").error == ""
        assert ready.run("run.state").value == "'running'"
        (ready.folder / "go").touch()
        assert ready.run("run.result()").value == "[0, 1, 2, 3]"

    def test_its_prints_stand_under_its_own_cell(self, ready: kernel.Kernel) -> None:
        cell = "%%parallel --bg -o run -j 2 for x in range(2)\nhold('go')\nprint('hello', x)\nx"
        assert ready.run(cell).displays
        (ready.folder / "go").touch()
        waiting = ready.start("run.wait()")
        # The picture under the first cell is updated; nothing is printed under the second.
        reply = ready.finish(waiting, until=lambda reply: "[#1] hello 1" in reply.text)
        assert "[#0] hello 0" in reply.text
        assert reply.stdout == ""

    def test_looking_at_it_does_not_freeze_the_kernel(self, ready: kernel.Kernel) -> None:
        # What some people choose: Tab looks at the value itself, which here is not there yet.
        ready.run(
            "completer = get_ipython().Completer; completer.evaluation = 'unsafe'; completer.use_jedi = False"
        )
        ready.run("%%parallel --bg -o run -j 2 for x in range(2)\nhold('go')\n{'value': x}")
        asked = time.monotonic()
        ready.client.inspect("run", reply=True, timeout=10)
        ready.client.complete("run[0].", reply=True, timeout=10)
        ready.client.complete("run[0]['", reply=True, timeout=10)
        assert time.monotonic() - asked < 5
        assert ready.run("run.state").value == "'running'"
        (ready.folder / "go").touch()
        assert ready.run("run.result()[1]").value == "{'value': 1}"

    def test_starting_it_again_while_it_lives_is_refused_with_both_remedies(
        self, ready: kernel.Kernel
    ) -> None:
        cell = "%%parallel --bg -o run -j 2 for x in range(2)\nhold('go')\nx"
        ready.run(cell)
        reply = ready.run(cell)
        assert reply.error == "UsageError"
        assert "run.cancel()" in reply.message
        (ready.folder / "go").touch()
        assert ready.run("run.result()").value == "[0, 1]"


class TestTheNotebookFile:
    def test_a_run_leaves_text_and_html_that_show_its_end(self, ready: kernel.Kernel) -> None:
        reply = ready.run("%%parallel -o run -j 2 --name areas for x in range(20)\ntime.sleep(0.05)\nx * x")
        bundle = next(bundle for bundle in reply.displays if "text/html" in bundle)
        for text in (bundle["text/html"], bundle["text/plain"]):
            assert "areas" in text
            assert "20 success" in text
