from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_parallel.view import brief
from jupyter_parallel.view.format import visible


class Shouting:
    def __repr__(self) -> str:
        return "loud\u202e " * 1000


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class Deadly:
    def __repr__(self) -> str:
        raise SystemExit


class Strange:
    def __repr__(self) -> str:
        return 5  # type: ignore[return-value]


@dataclasses.dataclass
class Point:
    x: float
    y: float


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.5, "1.5"),
        (None, "None"),
        ("a.csv", "'a.csv'"),
        ((1, "a"), "(1, 'a')"),
        ({"k": [1]}, "{'k': [1]}"),
        (Point(1, 2), "Point(x=1, y=2)"),
        ("a\u202eb\n", r"'a\u202eb\n'"),
        (np.zeros((3, 4)), "ndarray 3×4 float64"),
        (np.float64(1.5), "1.5"),
        ([np.zeros(10**6)], "[ndarray 1000000 float64]"),
        (pd.DataFrame({"a": [1, 2]}), "DataFrame 2×1"),
        (pd.Series([1, 2]), "Series 2 int64"),
    ],
)
def test_brief_tells_what_a_value_is(value: object, text: str) -> None:
    assert brief.brief(value) == text


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (Broken, "<Broken, whose repr raised RuntimeError>"),
        (lambda: [Broken(), 1], "[<Broken, whose repr raised RuntimeError>, 1]"),
        (Strange, "<Strange, whose repr raised TypeError>"),
        (lambda: [10**5000], "[<int of 16610 bits>]"),
    ],
)
def test_a_repr_that_fails_is_told_and_never_raised(make: Callable[[], object], text: str) -> None:
    assert brief.brief(make()) == text


def test_a_repr_that_exits_is_no_end_of_the_kernel() -> None:
    assert brief.brief(Deadly()) == "<Deadly, whose repr raised SystemExit>"


@pytest.mark.parametrize(
    "make",
    [
        Shouting,
        lambda: "x" * 10**7,
        lambda: list(range(10**6)),
        lambda: {number: number for number in range(10**5)},
        lambda: [[[[[["deep"] * 100] * 100] * 100]]],
    ],
)
def test_brief_is_short_and_visible_whatever_it_is_given(make: Callable[[], object]) -> None:
    text = brief.brief(make())
    assert len(text) <= brief.LIMIT
    assert text == visible(text)


@given(st.recursive(st.none() | st.text() | st.binary() | st.floats(), lambda inner: st.lists(inner)))
def test_brief_of_any_builtin_value_is_one_bounded_line(value: object) -> None:
    text = brief.brief(value)
    assert "\n" not in text
    assert len(text) <= brief.LIMIT


def test_an_item_of_several_targets_has_one_text_each() -> None:
    assert brief.columns((1.0, "a"), ("radius", "name")) == ["1.0", "'a'"]


def test_an_item_that_does_not_unpack_stays_whole_in_the_first_column() -> None:
    assert brief.columns((1, 2, 3), ("a", "b")) == ["(1, 2, 3)", ""]
    assert brief.columns((1, 2), ("pair",)) == ["(1, 2)"]
