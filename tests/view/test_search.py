from __future__ import annotations

import itertools
import time
from typing import Any

from jupyter_parallel.engine.overview import ItemState
from jupyter_parallel.view import search
from jupyter_parallel.view.rows import ValueColumns
from jupyter_parallel.view.search import find
from tests.view.fakes import FakeRun


def mixed(items: int = 20) -> FakeRun:
    run = FakeRun(range(items))
    for index in range(items):
        run.succeed(index, f"value {index}")
    for index in range(3, items, 5):
        run.fail(index, "ValueError", f"Bad radius {index}")
        run.briefs.pop(index, None)
    return run


def indices(told: dict[str, Any]) -> list[int]:
    return [row["index"] for row in told["rows"]]


def everything(run: FakeRun, text: str, failed: bool) -> list[int]:
    values, start, found = ValueColumns(), 0, []
    while start < len(run.items):
        told = find(run, text, failed, start, values)
        assert told["next"] > start, "each answer goes on"
        found += indices(told)
        start = told["next"]
    return found


def test_failed_rows_only() -> None:
    told = find(mixed(), "", True, 0, ValueColumns())
    assert indices(told) == [3, 8, 13, 18]
    assert told["next"] == told["prefix"] == 20


def test_a_word_is_found_in_values_items_and_errors_whatever_its_capitals() -> None:
    run = mixed()
    assert indices(find(run, "VALUE 12", False, 0, ValueColumns())) == [12]
    assert indices(find(run, "bad RADIUS", False, 0, ValueColumns())) == [3, 8, 13, 18]
    assert indices(find(run, "bad radius 8", True, 0, ValueColumns())) == [8]
    assert indices(find(run, "nowhere", False, 0, ValueColumns())) == []


def test_rows_behind_the_finished_prefix_are_not_looked_at() -> None:
    run = mixed()
    run.states[10] = ItemState.RUNNING
    told = find(run, "", False, 0, ValueColumns())
    assert (indices(told), told["next"]) == (list(range(10)), 10)


def test_answers_are_small_and_together_complete() -> None:
    run = mixed(5000)
    told = find(run, "", False, 0, ValueColumns())
    assert len(told["rows"]) == search.MATCHES
    assert everything(run, "", True) == list(range(3, 5000, 5))
    assert everything(run, "value 4999", False) == [4999]


def test_an_answer_ends_in_time_though_nothing_matches() -> None:
    ticks = itertools.count()
    told = find(mixed(5000), "nowhere", False, 0, ValueColumns(), clock=lambda: next(ticks) * 0.01)
    assert 0 < told["next"] < 20


def test_a_million_rows_are_searched_in_pieces_and_sparse_failures_found_in_one() -> None:
    run = FakeRun(range(1_000_000))
    run.states[:] = bytes([ItemState.SUCCESS]) * 1_000_000
    run.fail(999_999)
    overview = run.overview()
    run.overview = lambda: overview  # type: ignore[method-assign]  # The fake counts item by item.
    begun = time.perf_counter()
    told = find(run, "", True, 0, ValueColumns())
    found = find(run, "nowhere", False, 0, ValueColumns())
    assert indices(told) == [999_999]
    assert 0 < found["next"] <= search.LOOKED
    assert time.perf_counter() - begun < 1


def test_a_start_behind_the_end_finds_nothing() -> None:
    for failed in (True, False):
        told = find(mixed(), "", failed, 10**9, ValueColumns())
        assert told["rows"] == []
