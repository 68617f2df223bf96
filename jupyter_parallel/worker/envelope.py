"""Records of finished items, and their bytes in the spool.

``encode_record`` and ``decode_records`` are each other's inverse. Nothing of a user's is unpickled here:
values stay bytes, failures are JSON. Only plain builtins (see :mod:`.outbox`) share a pickle with their
neighbours.
"""

from __future__ import annotations

import json
import pickle
import struct
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .capture import Said
from .report import Report

Brief = str | dict[str, str]


class Blob:
    """A value that was pickled when its item ended, and its short text."""

    __slots__ = ("brief", "data")

    def __init__(self, data: bytes, brief: Brief) -> None:
        self.data = data
        self.brief = brief


@dataclass(frozen=True, slots=True)
class Done:
    """Consecutive items that succeeded, in the worker: plain values, objects or ``Blob``s.

    ``stamps`` are the start of the first item and the end of each, in seconds.
    """

    start: int
    stamps: array[float]
    values: list[Any]
    blobs: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """``Done`` of plain values as it arrives: one pickle of the list."""

    start: int
    stamps: array[float]
    data: memoryview


@dataclass(frozen=True, slots=True)
class Each:
    """``Done`` of blobs as it arrives: one pickle a value."""

    start: int
    stamps: array[float]
    data: list[memoryview]
    briefs: list[Brief]


@dataclass(frozen=True, slots=True)
class Broke:
    """An item that failed."""

    index: int
    started: float
    ended: float
    report: Report


Made = Done | Broke | Said
Arrived = Batch | Each | Broke | Said

_BATCH, _EACH, _BROKE, _SAID = range(4)
_HEAD = struct.Struct("<4q")
"""Kind, index of the first item, number of items, bytes that follow."""
_SPAN = struct.Struct("<2dq")


Encoded = tuple[int, int, int, list[bytes]]


def encode_record(record: Made) -> list[bytes]:
    """Return a record as pieces that tell their own length; large values are not copied together."""
    kind, start, count, body = _ENCODERS[type(record)](record)
    return [_HEAD.pack(kind, start, count, sum(map(len, body))), *body]


def _encode_done(record: Done) -> Encoded:
    stamps = record.stamps.tobytes()
    count = len(record.values)
    if not record.blobs:
        return _BATCH, record.start, count, [stamps, pickle.dumps(record.values, 5)]
    briefs = json.dumps([blob.brief for blob in record.values]).encode()
    sizes = array("q", [len(briefs), *(len(blob.data) for blob in record.values)]).tobytes()
    return _EACH, record.start, count, [stamps, sizes, briefs, *(blob.data for blob in record.values)]


def _encode_broke(record: Broke) -> Encoded:
    told = record.report
    original = told.exception if isinstance(told.exception, bytes) else b""
    texts = [told.type, told.message, told.traceback, told.where, told.cancelled]
    span = _SPAN.pack(record.started, record.ended, len(original))
    return _BROKE, record.index, 1, [span, original, json.dumps(texts).encode()]


def _encode_said(record: Said) -> Encoded:
    return _SAID, record.index, 1, [json.dumps([record.stream, record.text, record.dropped]).encode()]


_ENCODERS: dict[type, Callable[[Any], Encoded]] = {
    Done: _encode_done,
    Broke: _encode_broke,
    Said: _encode_said,
}


def decode_records(block: bytes) -> Iterator[Arrived]:
    """Yield the records of a block that holds whole ones."""
    view = memoryview(block)
    position = 0
    while position < len(view):
        kind, start, count, size = _HEAD.unpack_from(view, position)
        position += _HEAD.size
        yield _DECODERS[kind](start, count, view[position : position + size])
        position += size


def _stamps(body: memoryview, count: int) -> tuple[array[float], memoryview]:
    end = 8 * (count + 1)
    stamps = array("d")
    stamps.frombytes(body[:end])
    return stamps, body[end:]


def _decode_batch(start: int, count: int, body: memoryview) -> Batch:
    stamps, data = _stamps(body, count)
    return Batch(start, stamps, data)


def _decode_each(start: int, count: int, body: memoryview) -> Each:
    stamps, rest = _stamps(body, count)
    end = 8 * (count + 1)
    sizes = array("q")
    sizes.frombytes(rest[:end])
    pieces = []
    for size in sizes:
        pieces.append(rest[end : end + size])
        end += size
    return Each(start, stamps, pieces[1:], json.loads(bytes(pieces[0])))


def _decode_broke(start: int, count: int, body: memoryview) -> Broke:
    started, ended, size = _SPAN.unpack_from(body)
    original = bytes(body[_SPAN.size : _SPAN.size + size])
    kind, message, trace, where, cancelled = json.loads(bytes(body[_SPAN.size + size :]))
    return Broke(start, started, ended, Report(kind, message, trace, where, original or None, cancelled))


def _decode_said(start: int, count: int, body: memoryview) -> Said:
    stream, text, dropped = json.loads(bytes(body))
    return Said(start, stream, text, dropped)


_DECODERS: dict[int, Callable[[int, int, memoryview], Arrived]] = {
    _BATCH: _decode_batch,
    _EACH: _decode_each,
    _BROKE: _decode_broke,
    _SAID: _decode_said,
}
