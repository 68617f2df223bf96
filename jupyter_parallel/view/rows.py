"""A page of the results table: the finished prefix as rows of short texts, ready for JSON."""

from __future__ import annotations

from typing import Any

from ..engine.overview import Glance
from . import brief
from .format import duration, one_line, visible
from .source import RunSource

PAGE = 200
"""Rows in one page at most."""

_WIDE = 24
"""Value columns at most; further keys stay in the text of their row's last column."""


class ValueColumns:
    """The columns values are shown in. They only grow: a table must not jump while it fills."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def place(self, value: str | dict[str, str] | None) -> list[str]:
        """Return the texts of one value by column; new keys become new columns."""
        if value is None:
            return []
        fields = value if isinstance(value, dict) else {"value": value}
        for name in fields:
            if name not in self.names and len(self.names) < _WIDE:
                self.names.append(name)
        texts = [fields.get(name, "") for name in self.names]
        rest = [f"{name}={text}" for name, text in fields.items() if name not in self.names]
        if rest:
            texts[-1] = " ".join([texts[-1], *rest])
        return [one_line(text) for text in texts]


def page(source: RunSource, start: int, stop: int, values: ValueColumns) -> dict[str, Any]:
    """Return rows ``start`` to ``stop``, as far as they belong to the finished prefix."""
    prefix = source.overview().prefix
    stop = min(stop, prefix, start + PAGE)
    targets = source.targets
    rows = [row(source.glance(index), targets, values) for index in range(start, stop)]
    return {
        "start": start,
        "prefix": prefix,
        "items": [visible(name) for name in targets],
        "values": [visible(name) for name in values.names] or ["value"],
        "rows": rows,
    }


def row(glance: Glance, targets: tuple[str, ...], values: ValueColumns) -> dict[str, Any]:
    """Return one row."""
    return {
        "index": glance.index,
        "state": glance.state.word,
        "item": brief.columns(glance.item, targets),
        "value": values.place(glance.brief),
        "error": error_text(glance),
        "time": "" if glance.duration is None else duration(glance.duration),
        "restored": glance.restored,
        "seconds": None if glance.duration is None else round(glance.duration, 6),
    }


def error_text(glance: Glance) -> str:
    """Return what stands in place of a value that does not exist."""
    failure = glance.failure
    if failure is None or failure.cancelled:
        return ""
    return one_line(f"{failure.type}: {failure.message}" if failure.message else failure.type)
