"""A short text of a value, or one text a column, that never fails and never grows."""

from __future__ import annotations

import dataclasses
import reprlib
from collections.abc import Callable
from typing import Any

LIMIT = 200
_COLUMNS = 12


class _Short(reprlib.Repr):
    """``reprlib`` with arrays and frames told by shape, whose full text is slow to make."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxstring = self.maxother = self.maxlong = LIMIT
        # Subclasses, whose own repr would spell out every element.
        self._by_base: dict[type, Callable[[Any, int], str]] = {
            dict: self.repr_dict,
            list: self.repr_list,
            set: self.repr_set,
        }

    def repr_instance(self, x: Any, level: int) -> str:
        if isinstance(x, bytes | bytearray):
            return repr(x[:LIMIT])
        for kind, shorten in self._by_base.items():
            if isinstance(x, kind):
                return shorten(x, level)
        shaped = _shape(x)
        return super().repr_instance(x, level) if shaped is None else shaped


_short = _Short()


def _shape(value: Any) -> str | None:
    """Return ``ndarray 3x4 float64`` for what has a shape; ``None`` for everything else."""
    shape = getattr(value, "shape", None)
    if shape == () and hasattr(value, "item"):
        return repr(value.item())  # a numpy number: 1.5, not np.float64(1.5)
    if not isinstance(shape, tuple) or not shape:
        return None
    size = "x".join(str(length) for length in shape)
    dtype = getattr(value, "dtype", "")
    return f"{type(value).__name__} {size} {dtype}".rstrip()


def text(value: Any) -> str:
    """Return at most ``LIMIT`` characters; an exception of the value's own code becomes a text."""
    try:
        short = _short.repr(value)
    except BaseException as error:  # a repr may raise anything, and must not fail the item
        short = f"<{type(value).__name__}: its repr raised {type(error).__name__}>"
    return short if len(short) <= LIMIT else short[: LIMIT - 1] + "…"


def _columns(value: Any) -> dict[str, Any] | None:
    if isinstance(value, dict):
        named = all(type(key) is str for key in value)
        return value if 0 < len(value) <= _COLUMNS and named else None
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return dict(zip(value._fields[:_COLUMNS], value, strict=False))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)][:_COLUMNS]
        return {name: getattr(value, name) for name in names}
    return None


def brief(value: Any) -> str | dict[str, str]:
    """Return what a table cell shows, or one text a column for a dict, named tuple or dataclass."""
    try:
        columns = _columns(value)
    except BaseException:
        columns = None
    if not columns:
        return text(value)
    return {str(name)[:LIMIT]: text(part) for name, part in columns.items()}
