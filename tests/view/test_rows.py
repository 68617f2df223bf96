from __future__ import annotations

import json

from jupyter_parallel.engine.overview import ItemState
from jupyter_parallel.engine.ports import Failure
from jupyter_parallel.view.rows import PAGE, ValueColumns, page

from .fakes import FakeRun


def test_rows_are_the_finished_prefix_only() -> None:
    run = FakeRun(range(10))
    for index in (0, 1, 3, 4):
        run.succeed(index, str(index * 2))
    made = page(run, 0, 10, ValueColumns())
    assert [row["index"] for row in made["rows"]] == [0, 1]
    assert made["prefix"] == 2
    assert made["rows"][1]["value"] == ["2"]


def test_a_page_is_never_longer_than_the_limit() -> None:
    run = FakeRun(range(1000))
    run.states[:] = bytes([ItemState.SUCCESS]) * 1000
    assert len(page(run, 100, 1000, ValueColumns())["rows"]) == PAGE


def test_a_page_behind_the_prefix_is_empty() -> None:
    assert page(FakeRun(range(10)), 5, 10, ValueColumns())["rows"] == []


def test_targets_become_columns() -> None:
    run = FakeRun([(1.0, 2.0)], targets=("radius", "height"))
    run.succeed(0, "6.283")
    made = page(run, 0, 1, ValueColumns())
    assert made["items"] == ["radius", "height"]
    assert made["rows"][0]["item"] == ["1.0", "2.0"]


def test_dictionaries_become_value_columns_that_only_grow() -> None:
    run = FakeRun(range(3))
    run.succeed(0, {"loss": "0.5"})
    run.succeed(1, {"accuracy": "0.9", "loss": "0.4"})
    run.succeed(2, {"accuracy": "0.8"})
    columns = ValueColumns()
    assert page(run, 0, 1, columns)["values"] == ["loss"]
    made = page(run, 1, 3, columns)
    assert made["values"] == ["loss", "accuracy"]
    assert [row["value"] for row in made["rows"]] == [["0.4", "0.9"], ["", "0.8"]]


def test_a_thousand_keys_do_not_become_a_thousand_columns() -> None:
    run = FakeRun([0])
    run.succeed(0, {f"k{number}": str(number) for number in range(1000)})
    made = page(run, 0, 1, ValueColumns())
    assert len(made["values"]) == len(made["rows"][0]["value"]) < 50
    assert "k500=500" in "".join(made["rows"][0]["value"]) or len(made["rows"][0]["value"][-1]) > 100


def test_a_failed_row_says_why_instead_of_a_value() -> None:
    run = FakeRun([0])
    run.fail(0, "ValueError", "bad\nradius\u202e")
    (row,) = page(run, 0, 1, ValueColumns())["rows"]
    assert row["error"] == r"ValueError: bad radius\u202e"
    assert row["state"] == "failure"
    assert row["value"] == []


def test_a_cancelled_item_shows_no_error() -> None:
    run = FakeRun([0])
    run.states[0] = ItemState.CANCELLED
    run.failures[0] = Failure("ItemCancelled", "", cancelled=True)
    (row,) = page(run, 0, 1, ValueColumns())["rows"]
    assert (row["state"], row["error"]) == ("cancelled", "")


def test_hostile_names_and_values_are_visible_and_can_be_sent() -> None:
    run = FakeRun(["\ud800"], targets=("x\u202e",))
    run.succeed(0, {"<b>\u2066": "\x1b[31m\ud800"})
    made = page(run, 0, 1, ValueColumns())
    json.dumps(made).encode()
    assert made["values"] == [r"<b>\u2066"]
    assert made["items"] == [r"x\u202e"]
