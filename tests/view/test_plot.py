from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_parallel.view import plot
from jupyter_parallel.view.plot import LIMIT, coordinate, numeric, points
from tests.view.fakes import FakeRun

FIXTURE = Path(__file__).parents[1] / "fixtures" / "messages" / "reply_points.json"


def done(values: list[Any], **more: Any) -> FakeRun:
    run = FakeRun(range(len(values)), **more)
    for index, value in enumerate(values):
        run.succeed(index, value, seconds=index / 100)
    return run


def all_points(run: FakeRun, x: int = 0, y: str = "", step: int = 1) -> dict[str, Any]:
    return points(run, 0, len(run.items), step, x, y)


def test_a_value_is_drawn_against_its_index_with_the_time_it_took() -> None:
    answer = all_points(done(["1.5", "-2", "3e5"]))
    assert answer["points"] == [[0, 0, 1.5, 0], [1, 1, -2, 0.01], [2, 2, 3e5, 0.02]]
    assert (answer["columns"], answer["y"], answer["next"]) == (["value"], "value", None)


def test_fields_that_are_numbers_can_be_chosen() -> None:
    run = done([{"name": "'a'", "area": "2.5", "edge": "1"}])
    assert all_points(run)["columns"] == ["area", "edge"]
    assert all_points(run)["points"][0][2] == 2.5
    assert all_points(run, y="edge")["points"][0][2] == 1


def test_a_value_against_a_loop_target() -> None:
    run = FakeRun([(0.5, "a"), (1.5, "b")], targets=("radius", "name"))
    run.succeed(0, "1")
    run.succeed(1, "2")
    answer = all_points(run, x=1)
    assert answer["targets"] == [[1, "radius"]]
    assert [point[1] for point in answer["points"]] == [0.5, 1.5]
    assert [point[1] for point in all_points(run, x=2)["points"]] == [None, None]


def test_values_that_are_no_numbers_are_told_with_an_example() -> None:
    answer = all_points(done(["'m²'", "True", "nan"]))
    assert (answer["columns"], answer["values"], answer["example"]) == ([], 3, "'m²'")
    assert [point[2] for point in answer["points"]] == [None] * 3


def test_items_that_have_not_ended_have_no_place() -> None:
    run = FakeRun(range(3))
    run.run(0)
    run.fail(1)
    assert [point[0] for point in all_points(run)["points"]] == [1]


def test_a_large_run_is_drawn_from_one_item_of_each_step() -> None:
    run = FakeRun(range(100_000))
    for index in range(100_000):
        run.states[index], run.briefs[index] = 2, "1"
    answer = all_points(run, step=50)
    assert len(answer["points"]) == LIMIT
    buckets = [point[0] // 50 for point in answer["points"]]
    assert buckets == list(range(LIMIT))
    # A grid of items must not be sampled in one of its columns alone.
    assert len({point[0] % 50 for point in answer["points"]}) > 40


def test_an_answer_is_bounded_whatever_is_asked() -> None:
    run = done(["1"] * 5000)
    assert len(points(run, 0, 5000, 1, 0, "")["points"]) == LIMIT
    assert points(run, 6000, 2**53, 2**40, 7, "no such column")["points"] == []


def test_an_answer_stops_when_its_time_is_over_and_tells_where_to_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plot, "BUDGET", -1)
    run = done(["1", "2", "3"])
    answer = all_points(run)
    assert (len(answer["points"]), answer["next"]) == (1, 1)
    assert points(run, 2, 3, 1, 0, "value")["next"] is None


def test_no_code_of_the_users_runs() -> None:
    class Evil(float):
        def __float__(self) -> float:
            raise AssertionError("called")

        __repr__ = __eq__ = __hash__ = __float__  # type: ignore[assignment]

    run = FakeRun([Evil(1.0)])
    run.succeed(0)
    assert all_points(run, x=1)["points"][0][1] is None


@pytest.mark.parametrize(
    "part", [True, "1", None, 1j, float("nan"), 10**400, np.array([1.0]), np.bool_(True)]
)
def test_what_is_no_number_to_draw(part: Any) -> None:
    assert coordinate(part) is None


@pytest.mark.parametrize("part", [2, 2.0, np.float32(2), np.int64(2), np.uint8(2)])
def test_what_is_a_number_to_draw(part: Any) -> None:
    assert coordinate(part) == 2.0


@given(st.text() | st.floats().map(repr) | st.integers().map(str))
def test_any_text_is_a_finite_number_or_none(text: str) -> None:
    json.dumps(numeric(text), allow_nan=False)


def test_the_answer_in_the_fixtures_is_what_the_kernel_sends() -> None:
    run = FakeRun([(1.0, 2.0), (1.0, -3.0), (1.5, 2.0), (1.5, 3.0)], targets=("radius", "height"))
    run.succeed(0, {"area": "6.283", "unit": "'m²'"})
    run.fail(1)
    run.succeed(2, {"area": "9.425", "unit": "'m²'"}, seconds=0.02)
    content = {"kind": "reply", "mid": "v1-9", "ok": True, "body": points(run, 0, 4, 1, 1, "area")}
    message = {"about": "Points of a plot", "to": "browser", "content": content}
    if os.environ.get("UPDATE_FIXTURES"):
        FIXTURE.write_text(json.dumps(message, indent=2) + "\n")
    assert json.loads(FIXTURE.read_text()) == message
