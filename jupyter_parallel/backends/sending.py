"""Items on their way to a worker process."""

from __future__ import annotations

import io
import itertools
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..engine.ports import Failure, ItemUnsendable
from ..worker.frames import Part, encode_frame, plain_dump
from ..worker.payload import NotebookPickler, note_notebook_name, pack_names


@dataclass(frozen=True, slots=True)
class Parcel:
    """A chunk's items, packed; ``names`` are notebook classes and functions the items refer to."""

    parts: list[Part]
    names: dict[str, Any] = field(default_factory=dict)


class _Noting(pickle.Pickler):
    """Notes which classes and functions of the notebook a pickle refers to."""

    def __init__(self, names: dict[str, Any]) -> None:
        super().__init__(io.BytesIO(), protocol=5, buffer_callback=lambda buffer: None)
        self._names = names

    def reducer_override(self, obj: Any) -> Any:
        note_notebook_name(obj, self._names)
        return NotImplemented


def pack_items(items: Sequence[Any], start: int) -> Parcel:
    """Pack items so that one pickle serves them all.

    Raises
    ------
    ItemUnsendable
        An item cannot be pickled; it is named by ``start`` plus its position.
    """
    names: dict[str, Any] = {}

    def plainly(file: io.BytesIO, keep: Callable[[pickle.PickleBuffer], Any]) -> None:
        pickle.Pickler(file, protocol=5, buffer_callback=keep).dump(items)
        if b"__main__" in file.getvalue():
            _Noting(names).dump(items)

    def by_value(file: io.BytesIO, keep: Callable[[pickle.PickleBuffer], Any]) -> None:
        NotebookPickler(file, {}, keep).dump(items)

    items = list(items)
    try:
        return Parcel(encode_frame(plainly), names)
    except Exception:  # functions, or instances of classes that were defined again
        names.clear()
    try:
        return Parcel(encode_frame(by_value))
    except Exception as error:
        raise _unsendable(items, start, error) from error


def pack_apart(items: Sequence[Any]) -> Parcel:
    """Pack each item by itself, so that one that cannot be unpickled harms no other."""
    names: dict[str, Any] = {}
    pickles = []
    for item in items:
        file = io.BytesIO()
        NotebookPickler(file, names).dump(item)
        pickles.append(file.getvalue())
    return Parcel(encode_frame(plain_dump(pickles)), names)


def _unsendable(items: Sequence[Any], start: int, error: Exception) -> ItemUnsendable:
    for position, item in enumerate(items):
        try:
            NotebookPickler(io.BytesIO(), {}).dump(item)
        except Exception as problem:
            kind = f"{type(item).__module__}.{type(item).__qualname__}".removeprefix("builtins.")
            message = f"item {start + position} ({kind}) cannot be sent to a worker: {problem}"
            return ItemUnsendable(start + position, Failure(_name(problem), message))
    return ItemUnsendable(start, Failure(_name(error), f"the items cannot be sent to a worker: {error}"))


def _name(error: Exception) -> str:
    return type(error).__name__


class Definitions:
    """Definitions of the notebook, pickled once and known to workers by a key."""

    def __init__(self) -> None:
        self._known: dict[tuple[tuple[str, int], ...], tuple[str, bytes, dict[str, Any]]] = {}
        self._count = itertools.count()

    def add(self, names: dict[str, Any]) -> tuple[str, bytes] | None:
        """Return key and pickle of definitions; ``None`` when there are none."""
        if not names:
            return None
        identity = tuple(sorted((name, id(thing)) for name, thing in names.items()))
        known = self._known.get(identity)
        if known is None:
            # The things are kept so that no other gets one of their ids.
            known = self._known[identity] = (str(next(self._count)), pack_names(names), dict(names))
        return known[0], known[1]
