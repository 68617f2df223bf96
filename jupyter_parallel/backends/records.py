"""Records of a worker as the engine knows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..engine.ports import Failed, Failure, Output, Record, Values
from ..worker.capture import Said
from ..worker.envelope import Arrived, Batch, Broke, Done, Each, Made
from ..worker.values import BatchValues, EachValues, ObjectValues, blob_values


def _batch(record: Batch) -> Record:
    return Values(record.start, record.stamps, BatchValues(record.data, len(record.stamps) - 1))


def _each(record: Each) -> Record:
    return Values(record.start, record.stamps, EachValues(record.data, record.briefs))


def _done(record: Done) -> Record:
    values = blob_values(record.values) if record.blobs else ObjectValues(record.values)
    return Values(record.start, record.stamps, values)


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
