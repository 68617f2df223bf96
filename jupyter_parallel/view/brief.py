"""Short safe text for an item of the user's: bounded, and it never fails."""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from typing import Any

from .format import cut, visible

LIMIT = 200
"""Characters of one text; longer ones end in ``…``."""

_SHAPED = frozenset({"numpy", "pandas", "polars", "pyarrow", "scipy", "torch", "jax", "jaxlib", "xarray"})
"""Packages whose objects are told by their shape: their repr may format millions of numbers."""


class _Bounded(reprlib.Repr):
    """Bounded repr: a million-element list costs no more than its first few elements."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdict = self.maxdeque = 8
        self.maxstring = self.maxother = LIMIT
        self.maxlong = 60

    def repr1(self, x: Any, level: int) -> str:
        if type(x).__module__.partition(".")[0] in _SHAPED:
            return _shaped(x)
        return super().repr1(x, level)

    def repr_instance(self, x: Any, level: int) -> str:
        return cut(_guarded(repr, x), LIMIT)

    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to write out integers of more than some thousand digits.
        return super().repr_int(x, level) if x.bit_length() < 4096 else f"<int of {x.bit_length()} bits>"


_bounded = _Bounded()


def brief(value: Any) -> str:
    """Return at most 200 characters that tell what a value is.

    Builtin values and containers of them are printed in part; arrays and frames by type and
    shape; anything else by its own ``repr``, which may fail and is cut.
    """
    return cut(visible(" ".join(_guarded(_bounded.repr, value).split())), LIMIT)


def _guarded(write: Callable[[Any], str], value: Any) -> str:
    """Return what ``write`` says; code of the user's may raise anything, even ``SystemExit``."""
    try:
        return write(value)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return f"<{type(value).__name__}, whose repr raised {type(error).__name__}>"


def _shaped(value: Any) -> str:
    shape = getattr(value, "shape", None)
    name = type(value).__name__
    if not isinstance(shape, tuple):
        return cut(_guarded(repr, value), LIMIT)
    if not shape:
        return cut(_guarded(str, value), LIMIT)
    size = "×".join(str(length) for length in shape)
    kind = getattr(value, "dtype", "")
    return f"{name} {size} {kind}".rstrip()


def columns(item: Any, targets: tuple[str, ...]) -> list[str]:
    """Return one text per item column.

    An item that does not unpack into the columns goes into the first one, whole.
    """
    if len(targets) > 1 and isinstance(item, tuple) and len(item) == len(targets):
        return [brief(part) for part in item]
    return [brief(item), *("" for _ in targets[1:])]
