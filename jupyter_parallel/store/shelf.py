"""What a checkpoint holds of some epochs: which key lies where, and the values behind it.

Keys, times and heads are read at once; payloads when one of their items is asked for. A payload whose keyed
digest does not fit is as good as absent: its items run again, and people are told.
"""

from __future__ import annotations

import itertools
import sqlite3
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..engine.ports import Failed, Failure, Values
from ..worker.values import BatchValues, EachValues, PartOfValues, restored
from .database import Batch, batches, payload_of
from .digest import SIZE
from .trust import Signer

Found = BatchValues | EachValues


@dataclass(slots=True)
class _Row:
    """A record on the shelf: items ``first …`` of all, in a batch."""

    first: int
    count: int
    batch: Batch
    at: int
    """Position of its first item in the batch."""
    begin: int
    """Where its bytes begin in the payload."""
    head: dict[str, Any]
    text: Sequence[Any] = ()
    values: Found | None = None


class Shelf:
    """Finished items of one checkpoint.

    Parameters
    ----------
    connection
        Used for reading payloads until ``close``.
    name, signer
        What the keyed digests bind, and who checks them.
    epochs
        Number and digest of each epoch that counts, the most important one last.
    """

    def __init__(
        self, connection: sqlite3.Connection, name: str, signer: Signer, epochs: Sequence[tuple[int, str]]
    ) -> None:
        self._connection: sqlite3.Connection | None = connection
        self._name = name
        self._signer = signer
        self._digests = dict(epochs)
        self._bad: set[int] = set()
        self._checked: set[int] = set()
        self.damaged = 0
        """Items whose stored results cannot be used."""
        self.since = 0.0
        """When the newest result was saved (seconds of the clock on the wall)."""
        self._size = 0
        self._index: dict[bytes, int] = {}
        self._rows: list[_Row] = []
        self._firsts: list[int] = []
        self._failed: dict[bytes, _Row] = {}
        self._rows_of: dict[int, list[_Row]] = {}
        # Of several results of one item the latest counts, and one of an epoch more than one it keeps.
        for number, _ in epochs:
            for batch in batches(connection, [number]):
                self._put(batch)

    def __len__(self) -> int:
        return len(self._index)

    def _put(self, batch: Batch) -> None:
        try:
            rows = list(self._read_rows(batch))
        except Exception:
            # A head that is no longer readable: nothing in it can be trusted.
            self._spoilt(batch)
            return
        self.since = max(self.since, batch.saved)
        keys = split_keys(batch.keys)
        for row in rows:
            mine = keys[row.at : row.at + row.count]
            if "failed" in row.head:
                self._failed[mine[0]] = row
                continue
            self._index.update(zip(mine, range(row.first, row.first + row.count), strict=True))
            self._rows.append(row)
            self._rows_of.setdefault(batch.id, []).append(row)
            self._firsts.append(row.first)

    def _read_rows(self, batch: Batch) -> Iterator[_Row]:
        head = batch.head
        texts = head["items"]
        at = begin = 0
        rows = []
        for record in head["records"]:
            count = record["n"]
            rows.append(_Row(self._size + at, count, batch, at, begin, record, texts[at : at + count]))
            at += count
            begin += sum(record.get("sizes", ()))
        if at * SIZE != len(batch.keys) or at * 4 != len(batch.times):
            raise ValueError("keys and records do not fit")
        self._size += at
        return iter(rows)

    # Values -----------------------------------------------------------------------------------

    def recall(self, keys: Sequence[bytes], start: int) -> list[Values]:
        """Return the values of consecutive items, as far as there are any; the first has index ``start``."""
        find = self._index.get
        places = [find(key, -1) for key in keys]
        found, at, end = [], 0, len(places)
        while at < end:
            place = places[at]
            if place < 0:
                at += 1
                continue
            row = self._rows_at(place)
            limit, stop = row.first + row.count, at + 1
            while stop < end and places[stop] == place + stop - at and places[stop] < limit:
                stop += 1
            values = self._values(row, place - row.first, place - row.first + stop - at, start + at)
            if values is not None:
                found.append(values)
            at = stop
        return found

    def _rows_at(self, place: int) -> _Row:
        return self._rows[bisect_right(self._firsts, place) - 1]

    def _values(self, row: _Row, first: int, last: int, start: int) -> Values | None:
        if row.values is None and not self._load(row.batch):
            return None
        assert row.values is not None
        whole = last - first == row.count
        times = array("f")
        times.frombytes(row.batch.times)
        spans = times[row.at + first : row.at + last]
        stamps = array("d", itertools.accumulate(spans, initial=0.0))
        return Values(
            start, stamps, row.values if whole else PartOfValues(row.values, first, last), restored=True
        )

    def _load(self, batch: Batch) -> bool:
        """Read and check the payload of a batch; all its records get their values."""
        if batch.id in self._bad:
            return False
        payload = self._checked_payload(batch)
        if payload is None:
            self._spoilt(batch)
            return False
        for row in self._rows_of[batch.id]:
            row.values = restored(list(_pieces(payload, row)), row.head.get("briefs", ()), row.count)
        return True

    def _spoilt(self, batch: Batch) -> None:
        self._bad.add(batch.id)
        self.damaged += batch.done

    def _checked_payload(self, batch: Batch) -> memoryview | None:
        assert self._connection is not None
        try:
            payload = payload_of(self._connection, batch.id)
        except (sqlite3.Error, TypeError):
            return None
        bound = batch.signed(self._name, self._digests[batch.epoch], [payload])
        return memoryview(payload) if self._signer.valid(batch.mac, bound) else None

    # What views of a stored run show ------------------------------------------------------------

    def failed(self, key: bytes, index: int) -> Failed | None:
        """Return how an item failed, if it did and has no value."""
        row = self._failed.get(key)
        if row is None or key in self._index:
            return None
        if row.batch.id not in self._checked | self._bad:
            fits = self._checked_payload(row.batch) is not None
            (self._checked if fits else self._bad).add(row.batch.id)
        if row.batch.id in self._bad:
            return None
        kind, message, trace, where = row.head["failed"]
        return Failed(index, 0.0, 0.0, Failure(kind, message, trace, where))

    def text(self, key: bytes) -> Any:
        """Return the short text of an item that was saved, or None."""
        place = self._index.get(key)
        row = self._failed.get(key) if place is None else self._rows_at(place)
        if row is None:
            return None
        return row.text[0 if place is None else place - row.first]

    def close(self) -> None:
        """Read nothing any more."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def split_keys(keys: bytes) -> list[bytes]:
    """Return the keys of a row of them."""
    return [keys[at : at + SIZE] for at in range(0, len(keys), SIZE)]


def _pieces(payload: memoryview, row: _Row) -> Iterator[memoryview]:
    at = row.begin
    for size in row.head["sizes"]:
        yield payload[at : at + size]
        at += size
