"""Points of a plot: numbers among values, loop targets and times, of at most 2,000 items spread over all."""

from __future__ import annotations

import math
import time
from typing import Any

from ..engine.overview import Glance
from .format import one_line, visible
from .source import RunSource

LIMIT = 2000
"""Points in one answer at most."""

BUDGET = 0.1
"""Seconds one answer may take; it tells where the next one goes on."""

_COLUMNS = 24
"""Numeric columns offered at most."""

_LONGEST = 40
"""Characters of a number at most; what is longer is no number to draw."""

_SPREAD = 2654435761
"""Knuth's multiplier: neighbouring buckets pick unrelated places: a grid of items shows no pattern."""


def points(source: RunSource, start: int, stop: int, step: int, x: int, y: str) -> dict[str, Any]:
    """Return one item of each ``step`` in a range, as far as the time allowed reaches.

    Parameters
    ----------
    x
        0 for the item's index, ``k`` for loop target ``k - 1``.
    y
        Column of the value; empty for the first one that holds a number.
    """
    picked = _Points(source.targets, x, y)
    known = source.overview().known
    stop = min(stop, known, start + LIMIT * step)
    deadline = time.perf_counter() + BUDGET
    bucket = start
    while bucket < stop:
        index = bucket + (bucket // step * _SPREAD & 0xFFFFFFFF) % step
        if index < known:
            picked.take(source.glance(index))
        bucket += step
        if time.perf_counter() > deadline:
            break
    return picked.answer(bucket if bucket < stop else None, known)


class _Points:
    """Collects one answer."""

    def __init__(self, targets: tuple[str, ...], x: int, y: str) -> None:
        self._targets = targets
        self._x, self._y = x, y
        self._columns: list[str] = []
        self._numeric: set[int] = set()
        self._points: list[list[float | None]] = []
        self._values = 0
        self._example = ""

    def take(self, glance: Glance) -> None:
        """Take an item that has ended; others have no place in a plot yet."""
        if glance.brief is None and glance.failure is None:
            return
        numbers = self._value(glance)
        coordinates = self._coordinates(glance.item)
        across = float(glance.index) if self._x == 0 else coordinates.get(self._x)
        self._points.append(
            [glance.index, _short(across), _short(numbers.get(self._y)), _short(glance.duration)]
        )

    def _value(self, glance: Glance) -> dict[str, float]:
        if glance.brief is None:
            return {}
        self._values += 1
        fields = glance.brief if isinstance(glance.brief, dict) else {"value": glance.brief}
        numbers: dict[str, float] = {}
        for name, text in fields.items():
            number = numeric(text)
            if number is not None:
                numbers[visible(name)] = number
        for name in numbers:
            if name not in self._columns and len(self._columns) < _COLUMNS:
                self._columns.append(name)
        if not numbers and not self._example:
            self._example = one_line(next(iter(fields.values()), ""), 60)
        self._y = self._y or next(iter(numbers), "")
        return numbers

    def _coordinates(self, item: Any) -> dict[int, float]:
        parts = item if type(item) is tuple and len(item) == len(self._targets) > 1 else (item,)
        numbers = {place: coordinate(part) for place, part in enumerate(parts, 1)}
        found = {place: number for place, number in numbers.items() if number is not None}
        self._numeric |= found.keys()
        return found

    def answer(self, following: int | None, known: int) -> dict[str, Any]:
        targets = [
            [k, visible(self._targets[k - 1])] for k in sorted(self._numeric) if k <= len(self._targets)
        ]
        return {
            "next": following,
            "known": known,
            "columns": self._columns,
            "targets": targets,
            "y": self._y,
            "values": self._values,
            "example": self._example,
            "points": self._points,
        }


def numeric(text: str) -> float | None:
    """Return the number that the short text of a value stands for; ``None`` when it is none to draw."""
    if len(text) > _LONGEST or text[:1].isalpha():
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def coordinate(part: Any) -> float | None:
    """Return the number that an item's part is, without running code of the user's."""
    kind = type(part)
    if kind is not float and kind is not int and not (kind.__module__ == "numpy" and _is_scalar(kind)):
        return None
    try:
        number = float(part)
    except (OverflowError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _is_scalar(kind: type) -> bool:
    """Say whether a type of numpy is a real number."""
    names = {base.__name__ for base in kind.__mro__}
    return bool(names & {"integer", "floating"})


def _short(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.7g}")
