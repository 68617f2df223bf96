"""What the widget asks, asked of real runs."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from jupyter_parallel import Runner
from jupyter_parallel.engine.plan import CancellationPolicy
from jupyter_parallel.engine.run import Run
from jupyter_parallel.notebook.messages import Answers, parse

numbers = itertools.count()


def ask(run: Run, kind: str, **fields: Any) -> Any:
    answered = Answers().answer(parse({"kind": kind, "mid": f"m{next(numbers)}", **fields}), run)
    assert answered["ok"], answered
    return answered["body"]


@pytest.fixture(params=["serial", "thread"])
def run(request: pytest.FixtureRequest) -> Iterator[tuple[Run, set[int]]]:
    broken = {2, 5}

    def work(number: int) -> int:
        print(f"number {number}")
        if number in broken:
            raise ValueError(f"no {number}")
        return number * 10

    with Runner(backend=request.param, n_jobs=2, on_error="collect") as runner:
        live = runner.map(work, range(8))
        live.wait()
        yield live, broken


def test_errors_frames_and_output_of_a_real_run(run: tuple[Run, set[int]]) -> None:
    live, _ = run
    (group,) = ask(live, "errors")["groups"]
    assert (group["type"], group["count"], group["indices"]) == ("ValueError", 2, [2, 5])
    told = ask(live, "failure", index=5)
    assert told["error"] == "ValueError: no 5"
    assert "raise ValueError" in told["frames"]
    # Serial items print where a plain loop would.
    said = [] if live.runs_in_waiter else ["number 5"]
    assert [line["text"] for line in ask(live, "log", index=5)["lines"]] == said
    assert [row["index"] for row in ask(live, "find", text="NO", failed=True, start=0)["rows"]] == [2, 5]
    assert [row["index"] for row in ask(live, "find", text="70", failed=False, start=0)["rows"]] == [7]


def test_a_retry_goes_on_in_place_and_starts_another_round(run: tuple[Run, set[int]]) -> None:
    live, broken = run
    broken.clear()
    ended = threading.Event()
    before = live.overview().round

    def look() -> None:
        view = live.overview()
        if view.status.ended and view.round > before:
            ended.set()

    live.subscribe(look)
    ask(live, "retry", scope="group", index=5)
    assert ended.wait(20)
    assert list(live) == [0, 10, 20, 30, 40, 50, 60, 70]
    assert live.overview().round == before + 1
    assert ask(live, "errors")["failed"] == 0


def test_continue_takes_up_a_cancelled_run_where_it_stopped() -> None:
    go = threading.Event()

    def work(number: int) -> int:
        assert number == 0 or go.wait(20)
        return number

    with Runner(backend="thread", n_jobs=2, chunk_size=1) as runner:
        live = runner.map(work, range(50))
        begun = threading.Event()
        live.subscribe(lambda: begun.set() if live.counts.success else None)
        if not live.counts.success:
            assert begun.wait(20)
        live.cancel(CancellationPolicy.PENDING)
        go.set()
        live.wait()
        assert live.state == "cancelled"
        ask(live, "retry", scope="all", index=0)
        live.wait()
        assert list(live) == list(range(50))
