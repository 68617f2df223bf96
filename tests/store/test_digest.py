"""What identifies an item: its content and type, never its identity, its order in a set or the hash seed."""

from __future__ import annotations

import collections
import copy
import dataclasses
import datetime
import decimal
import enum
import fractions
import pathlib
import pickle
import re
import threading
import uuid
from typing import Any

import numpy
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_parallel.store.digest import Unidentifiable, digest, digests, identities

ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=5)
)
VALUES = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclasses.dataclass
class Point:
    x: Any
    y: Any


Pair = collections.namedtuple("Pair", "a b")

DIFFERENT = [
    None, True, False, 0, 1, -1, 1.0, -0.0, 0.0, float("nan"), float("inf"), 1j, 2**70, "", "1", b"", b"1",
    bytearray(b"1"), (), (1,), [1], {1}, frozenset({1}), {1: None}, {"a": 1}, ((1,), 2), (1, (2,)),
    [[]], [()],
    ("ab", "c"), ("a", "bc"), [1, 2], [2, 1], ..., range(3), range(4), slice(1, 2),
    pathlib.PurePosixPath("a"), pathlib.Path("b"), decimal.Decimal("1.0"), fractions.Fraction(1, 2),
    datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1), uuid.UUID(int=1), re.compile("a"),
    Colour.RED, Colour.BLUE, Point(1, 2), Point(2, 1), Pair(1, 2), (1, 2), int, str, len, Point,
    numpy.int64(1), numpy.int32(1), numpy.float64(1), numpy.arange(3), numpy.arange(3.0), numpy.arange(4),
    numpy.arange(4).reshape(2, 2), numpy.zeros((0, 2)), numpy.zeros((2, 0)), numpy.array(["a"]),
    numpy.array([None, 1], dtype=object), numpy.ma.masked_array([1, 2], [True, False]),
    numpy.array([(1, 2.0)], dtype=[("a", int), ("b", float)]),
    numpy.array([(1, 2.0)], dtype=[("a", int), ("c", float)]),
    pandas.DataFrame({"a": [1]}), pandas.DataFrame({"b": [1]}), pandas.DataFrame({"a": [1.0]}),
    pandas.DataFrame({"a": [1]}, index=[5]), pandas.Series([1], name="a"), pandas.Series([1], name="b"),
    pandas.Series(["a", "b"], dtype="category"), pandas.Series(["a", "b"]), pandas.Index([1], name="a"),
    pandas.Timestamp("2020-01-01"), pandas.Series(pandas.to_datetime(["2020-01-01"])),
]  # fmt: skip


def test_values_that_differ_in_content_or_type_are_told_apart() -> None:
    found: dict[bytes, Any] = {}
    for value in DIFFERENT:
        key = digest(value)
        assert key not in found, f"{value!r} and {found[key]!r}"
        found[key] = value


@pytest.mark.parametrize("value", DIFFERENT, ids=lambda value: repr(value)[:40])
def test_copies_are_the_same(value: Any) -> None:
    assert digest(copy.deepcopy(value)) == digest(value)
    assert digest(pickle.loads(pickle.dumps(value))) == digest(value)
    assert digests([value]) == [digest(value)]


@given(VALUES)
def test_any_plain_value_survives_a_trip(value: Any) -> None:
    assert digest(pickle.loads(pickle.dumps(value))) == digest(value)


@given(VALUES, VALUES)
def test_equal_digests_mean_equal_values(one: Any, other: Any) -> None:
    if digest(one) == digest(other):
        assert one == other


def test_order_and_memory_layout_do_not_matter_where_equality_ignores_them() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"x", "y", "z"}) == digest({"z", "y", "x"})
    array = numpy.arange(6).reshape(2, 3)
    assert digest(numpy.asfortranarray(array)) == digest(array)
    assert digest(numpy.arange(12)[::2]) == digest(numpy.arange(0, 12, 2))
    shared = [1]
    assert digest([shared, shared]) == digest([[1], [1]])


def test_a_value_that_holds_itself_has_a_digest() -> None:
    one: list[Any] = [1]
    one.append(one)
    other: list[Any] = [1]
    other.append(other)
    assert digest(one) == digest(other) != digest([1, [1]])


@pytest.mark.parametrize("value", [threading.Lock(), (x for x in ()), [1, threading.Lock()]])
def test_what_has_no_content_is_refused_by_its_type(value: Any) -> None:
    with pytest.raises(Unidentifiable, match=r"_thread\.lock|builtins\.generator"):
        digest(value)


def test_equal_items_are_told_apart_by_their_occurrence_and_seeded_ones_by_their_index() -> None:
    seen: dict[bytes, int] = {}
    first = identities(["a", "b", "a"], 0, seen, False, None)
    assert len(set(first)) == 3
    assert identities(["a"], 3, seen, False, None)[0] not in first
    assert identities(["b", "a", "a"], 0, {}, False, None) == [first[1], first[0], first[2]]
    seeded = identities(["a", "b"], 0, {}, True, None)
    assert set(seeded).isdisjoint(identities(["b", "a"], 0, {}, True, None))


def test_a_key_stands_for_the_whole_item() -> None:
    items = [{"id": 1, "made": 0.1}, {"id": 2, "made": 0.2}]
    again = [{"id": 1, "made": 0.3}, {"id": 2, "made": 0.4}]
    by_id = lambda item: item["id"]  # noqa: E731
    assert identities(items, 0, {}, False, by_id) == identities(again, 0, {}, False, by_id)
