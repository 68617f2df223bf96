"""The values of consecutive items as they arrive: bytes until somebody looks.

Each of these is a ``ValueStore`` of the engine's ports. ``pieces`` gives the bytes back, for a checkpoint,
and ``restored`` makes values of such bytes again: they are each other's inverse.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

from .brief import brief, text
from .envelope import Blob, Brief

Piece = bytes | memoryview
Pieces = tuple[Sequence[Piece], Sequence[Brief]]
"""Pickles of values. With short texts: one pickle a value. Without: a single pickle of the list of all."""

_RAW = object()


class BatchValues:
    """Plain values that share one pickle."""

    def __init__(self, data: memoryview, count: int) -> None:
        self._data: memoryview | None = data
        self._count = count
        self._values: list[Any] = []
        self.nbytes = len(data)

    def __len__(self) -> int:
        return self._count

    def all(self) -> list[Any]:
        data = self._data
        if data is not None:
            # Builtins only: nothing of a user's can run here.
            self._values = pickle.loads(data)
            self._data = None
        return self._values

    def get(self, position: int) -> Any:
        return self.all()[position]

    def brief(self, position: int) -> Brief:
        return text(self.get(position))

    def pieces(self, first: int, last: int) -> Pieces:
        data = self._data
        if data is not None and last - first == self._count:
            return [data], []
        return [pickle.dumps(self.all()[first:last], 5)], []


class EachValues:
    """Values with a pickle of their own, decoded when somebody looks."""

    def __init__(self, data: Sequence[Piece], briefs: Sequence[Brief]) -> None:
        self._data: list[Piece | None] = list(data)
        self._values: list[Any] = [_RAW] * len(data)
        self._briefs = briefs
        self.nbytes = sum(map(len, data))

    def __len__(self) -> int:
        return len(self._briefs)

    def all(self) -> list[Any]:
        return [self.get(position) for position in range(len(self))]

    def get(self, position: int) -> Any:
        data = self._data[position]
        if data is not None:
            self._values[position] = pickle.loads(data)
            self._data[position] = None
        return self._values[position]

    def brief(self, position: int) -> Brief:
        return self._briefs[position]

    def pieces(self, first: int, last: int) -> Pieces:
        return [self._piece(position) for position in range(first, last)], self._briefs[first:last]

    def _piece(self, position: int) -> Piece:
        data = self._data[position]
        return pickle.dumps(self._values[position], 5) if data is None else data


class ObjectValues:
    """Values that never left this process."""

    nbytes = 0
    """Nobody counted."""

    def __init__(self, values: list[Any]) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def all(self) -> list[Any]:
        return list(self._values)

    def get(self, position: int) -> Any:
        return self._values[position]

    def brief(self, position: int) -> Brief:
        return brief(self._values[position])

    def pieces(self, first: int, last: int) -> Pieces:
        return [pickle.dumps(self._values[first:last], 5)], []


class PartOfValues:
    """Some consecutive ones of other values."""

    def __init__(self, whole: BatchValues | EachValues, first: int, last: int) -> None:
        self._whole = whole
        self._first = first
        self._last = last
        self.nbytes = whole.nbytes * (last - first) // max(1, len(whole))

    def __len__(self) -> int:
        return self._last - self._first

    def all(self) -> list[Any]:
        if isinstance(self._whole, BatchValues):
            return self._whole.all()[self._first : self._last]
        return [self.get(position) for position in range(len(self))]

    def get(self, position: int) -> Any:
        return self._whole.get(self._first + position)

    def brief(self, position: int) -> Brief:
        return self._whole.brief(self._first + position)

    def pieces(self, first: int, last: int) -> Pieces:
        return self._whole.pieces(self._first + first, self._first + last)


def blob_values(blobs: Sequence[Blob]) -> EachValues:
    """Return values that were pickled in this process when their items ended."""
    return EachValues([blob.data for blob in blobs], [blob.brief for blob in blobs])


def restored(pieces: Sequence[memoryview], briefs: Sequence[Brief], count: int) -> BatchValues | EachValues:
    """Return values from what ``pieces`` gave."""
    return EachValues(pieces, briefs) if briefs else BatchValues(pieces[0], count)
