"""Records of a worker as the engine knows them."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from typing import Any

from ..engine.ports import Failed, Failure, Output, Record, Values
from ..worker.brief import brief, text
from ..worker.capture import Said
from ..worker.envelope import Arrived, Batch, Brief, Broke, Done, Each, Made

_RAW = object()


class BatchValues:
    """Plain values that share one pickle."""

    def __init__(self, data: memoryview, count: int) -> None:
        self._data: memoryview | None = data
        self._count = count
        self._values: list[Any] = []

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


class EachValues:
    """Values with a pickle of their own, decoded when somebody looks."""

    def __init__(self, data: list[memoryview], briefs: list[Brief]) -> None:
        self._data: list[memoryview | None] = list(data)
        self._values: list[Any] = [_RAW] * len(data)
        self._briefs = briefs

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


class ObjectValues:
    """Values that never left this process."""

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


def _batch(record: Batch) -> Record:
    return Values(record.start, record.stamps, BatchValues(record.data, len(record.stamps) - 1))


def _each(record: Each) -> Record:
    return Values(record.start, record.stamps, EachValues(record.data, record.briefs))


def _done(record: Done) -> Record:
    return Values(record.start, record.stamps, ObjectValues(record.values))


def _broke(record: Broke) -> Record:
    told = record.report
    failure = Failure(told.type, told.message, told.traceback, told.where, told.exception, told.cancelled)
    return Failed(record.index, record.started, record.ended, failure)


def _said(record: Said) -> Record:
    return Output(record.index, record.stream, record.text, record.dropped)


_TURN: dict[type, Callable[[Any], Record]] = {
    Batch: _batch,
    Each: _each,
    Done: _done,
    Broke: _broke,
    Said: _said,
}


def to_records(made: Iterable[Arrived | Made]) -> list[Record]:
    """Return the engine's records for a worker's."""
    return [_TURN[type(record)](record) for record in made]
