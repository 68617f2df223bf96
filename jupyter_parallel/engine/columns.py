"""One row per item: what a run knows, as columns for tables and data frames."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from .record import Record


def row_of(record: Record, targets: Sequence[str]) -> dict[str, Any]:
    """Return the columns of one item: its targets, its value, state and time.

    A dict, dataclass or namedtuple as the value gives one column a field, anything else the column
    ``value``. Names that are taken already get an underscore.
    """
    row: dict[str, Any] = {"index": record.index, **_item_columns(record.item, targets)}
    for name, value in _value_columns(record).items():
        while name in row:
            name = f"{name}_"
        row[name] = value
    return {**row, "state": record.state, "seconds": record.duration, "attempts": record.attempts}


def _item_columns(item: Any, targets: Sequence[str]) -> dict[str, Any]:
    if len(targets) > 1:
        return dict(zip(targets, item, strict=False))
    return {targets[0]: item}


def _value_columns(record: Record) -> dict[str, Any]:
    value = record.value
    if record.state != "success":
        return {}
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return dict(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return dict(zip(value._fields, value, strict=True))
    return {"value": value}
