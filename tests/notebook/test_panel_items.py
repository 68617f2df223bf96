"""Looking at the items: what is told, what is evaluated by itself, and what only when it is asked for."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import Any

import numpy
import pandas
import pytest

from jupyter_parallel.notebook.panel_items import look


class Hostile:
    """Fails whatever is asked of it."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("<script>alert(1)</script>")

    __len__ = __iter__ = __repr__ = __eq__ = __hash__ = lambda self, *others: 1 / 0  # type: ignore[assignment]


class Counted:
    """Counts how often it is called, and gives its items once."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Iterator[int]:
        self.calls += 1
        return iter([1, 2])


@pytest.fixture
def names() -> dict[str, Any]:
    return {
        "xs": [1, 2, 3, 4, 5],
        "empty": [],
        "pairs": [(1, 2), (3, 4)],
        "table": {"a": 1},
        "text": "abc",
        "number": 7,
        "once": iter([1, 2, 3]),
        "load": Counted(),
        "frame": pandas.DataFrame({"a": [1, 2, 3], "b": [1, 2, 3]}),
        "np": numpy,
        "os": os,
        "itertools": itertools,
        "hostile": Hostile(),
        "markup": ["<b>bold</b>"],
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("xs", "5 items: 1, 2, 3, …"),
        ("xs[:2]", "2 items: 1, 2"),
        ("range(1_000_000)", "1,000,000 items: 0, 1, 2, …"),
        ("sorted(xs, reverse=True)", "5 items: 5, 4, 3, …"),
        ("[x for x in xs if x > 3]", "2 items: 4, 5"),
        ("table.items()", "1 item: ('a', 1)"),
        ("np.linspace(0, 1, 3)", "3 items: 0.0, 0.5, 1.0"),
        ("'a b'.split()", "2 items: 'a', 'b'"),
        ("empty", "no items: the run would end at once"),
        ("zip(xs, xs)", "a zip: its items are drawn once, while the run goes; how many is not known yet"),
        ("frame", "2 items ('a', 'b'), though its length says 3"),
    ],
)
def test_what_changes_nothing_is_looked_at_by_itself(names: dict[str, Any], text: str, told: str) -> None:
    found = look(text, names, ("x",))
    assert (found.told, found.problem, found.asks, found.kept) == (told, False, False, ())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("load()", "it calls load"),
        ("os.remove('x')", "it calls os.remove"),
        ("list(once)", "once can be read only once"),
        ("[load]", "it uses the function load"),
        ("list(map(load, xs))", "it calls map"),
        ("sorted(xs, key=xs.append)", "it calls sorted"),
        ("[xs.append(x) for x in xs]", "it calls xs.append"),
        ("[xs.pop]", ""),
        ("list(xs.pop for _ in xs)", "it uses xs.pop"),
        ("__import__('os').remove('x')", "it calls __import__"),
        ("[f() for f in [load]]", "it calls f"),
        ("(lambda: xs)()", "it calls lambda"),
        ("[0] * 10 ** 100", "a very large number"),
        ("open('x', 'w')", "it calls open"),
        ("eval('1')", "it calls eval"),
        ("next(once)", "it calls next"),
    ],
)
def test_what_may_change_something_waits_until_it_is_asked_for(
    names: dict[str, Any], text: str, reason: str
) -> None:
    found = look(text, names, ("x",))
    assert found.asks is bool(reason)
    assert reason in found.told
    assert names["load"].calls == 0
    assert names["xs"] == [1, 2, 3, 4, 5]
    assert next(names["once"]) == 1


def test_an_iterator_is_never_drawn(names: dict[str, Any]) -> None:
    assert "drawn once, while the run goes" in look("once", names, ("x",)).told
    assert list(names["once"]) == [1, 2, 3]


def test_what_was_asked_for_is_evaluated_once_and_kept(names: dict[str, Any]) -> None:
    found = look("load()", names, ("x",), asked=True)
    assert names["load"].calls == 1
    (kept,) = found.kept
    assert list(kept) == [1, 2]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("pair", "the name `pair` is not defined. Did you mean `pairs`?"),
        ("text", "the items are one str: text. Write `for x in [text]` for one item, "),
        (
            "number",
            "the items must be an iterable, but number is of type int. Write `for x in range(number)`",
        ),
        ("xs[", "not a Python expression: '[' was never closed"),
        ("xs if x > 3", "not a Python expression"),
        ("xs[99]", "IndexError: list index out of range"),
        ("(y := xs)", "`:=` cannot stand in what is looped over"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("hostile", "RuntimeError: <script>alert(1)</script>"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_in_the_words_of_the_magic(
    names: dict[str, Any], text: str, told: str
) -> None:
    found = look(text, names, ("x",))
    assert found.problem
    assert told in found.told
    assert "\n" not in found.told


def test_an_item_must_have_a_value_for_each_parameter(names: dict[str, Any]) -> None:
    found = look("xs", names, ("radius", "height"))
    assert found.problem
    expected = "each item must have 2 values (radius, height), but the first one is a single value: 1"
    assert found.told == expected
    assert "2 items: (1, 2), (3, 4)" in look("pairs", names, ("radius", "height")).told
    assert "has 2 values" in look("pairs", names, ("a", "b", "c")).told


def test_even_an_exit_stays_inside(names: dict[str, Any]) -> None:
    found = look("exit()", {"exit": lambda: (_ for _ in ()).throw(SystemExit(3))}, ("x",), asked=True)
    assert found.told == "SystemExit: 3"


def test_half_typed_source_warns_nobody(names: dict[str, Any], recwarn: pytest.WarningsRecorder) -> None:
    look("[1 is 1, '\\d']", names, ("x",))
    assert not recwarn.list


@pytest.mark.parametrize("text", ["(" * 3000, "a\0", "\ud800", "-" * 5000 + "1", "[" * 99 + "]" * 99, "$x$"])
def test_no_text_raises(text: str) -> None:
    assert look(text, {}, ("x",)).told
