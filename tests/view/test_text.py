from __future__ import annotations

import io

import pytest

from jupyter_parallel.engine.overview import ItemState, RunStatus
from jupyter_parallel.view import text
from jupyter_parallel.view.snapshot import Snapshots, printed_lines

from .fakes import FakeRun


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def ended(run: FakeRun, status: RunStatus, seconds: float = 2.0) -> FakeRun:
    run.now += seconds
    run.end(status)
    return run


def test_the_summary_is_one_line() -> None:
    run = FakeRun(range(3))
    run.succeed(0)
    run.succeed(1)
    run.fail(2)
    assert text.summary(ended(run, RunStatus.FAILED)) == "✗ areas: 2 success · 1 failure in 2.0 s"


def test_the_summary_of_a_cancelled_run_says_so() -> None:
    run = FakeRun(range(2))
    run.succeed(0)
    run.states[1] = ItemState.CANCELLED
    line = text.summary(ended(run, RunStatus.CANCELLED))
    assert line == "⊘ areas: cancelled, 1 success · 1 cancelled in 2.0 s"


def test_an_empty_run_is_a_finished_one() -> None:
    assert text.summary(ended(FakeRun(), RunStatus.FINISHED)) == "✓ areas: no items"


def test_a_live_run_says_how_far_it_is() -> None:
    run = FakeRun(range(4))
    run.succeed(0)
    run.run(1)
    assert text.summary(run) == "▸ areas: running, 1 success · 1 running · 2 pending in 0:00"


def test_the_lines_tell_prints_failure_and_note() -> None:
    run = FakeRun([(1, 2)], targets=("a", "b"))
    run.say(0, "hello")
    run.fail(0, "ValueError", "no", "cell 3, line 2")
    run.note = "stopped at the first failure"
    ended(run, RunStatus.FAILED)
    assert text.lines(Snapshots(run).take(run), printed_lines(run)).splitlines() == [
        "[#0] hello",
        "✗ areas: 0 success · 1 failure in 2.0 s",
        "item 0 (a=1, b=2) failed: ValueError: no (cell 3, line 2)",
        "stopped at the first failure",
    ]


def test_a_terminal_sees_a_bar_prints_and_the_summary() -> None:
    run, screen = FakeRun(range(10)), Terminal()
    bar = text.TerminalBar(run, screen)
    for index in range(4):
        run.succeed(index)
    bar.draw(run)
    run.say(3, "epoch 3")
    bar.draw(run)
    assert "4/10" in screen.getvalue()
    for index in range(4, 10):
        run.succeed(index)
    bar.close(ended(run, RunStatus.FINISHED))
    shown = screen.getvalue()
    assert shown.count("[#3] epoch 3") == 1
    assert shown.endswith("✓ areas: 10 success in 2.0 s\n")


def test_without_a_terminal_only_prints_and_the_summary_are_written() -> None:
    run, log = FakeRun(range(2)), io.StringIO()
    bar = text.TerminalBar(run, log)
    bar.draw(run)
    run.say(0, "hello")
    run.succeed(0)
    run.succeed(1)
    bar.draw(run)
    bar.close(ended(run, RunStatus.FINISHED))
    assert log.getvalue() == "[#0] hello\n✓ areas: 2 success in 2.0 s\n"


@pytest.mark.parametrize("step", [1, 7])
def test_a_terminal_is_not_flooded_by_prints(step: int) -> None:
    run, log = FakeRun(range(1)), io.StringIO()
    bar = text.TerminalBar(run, log)
    for number in range(100):
        run.say(0, f"line {number}")
        if number % step == 0:
            bar.draw(run)
    bar.draw(run)
    lines = log.getvalue().splitlines()
    assert len(lines) == 21
    assert lines[-1].startswith("… more lines")
