"""The SQLite file of one checkpoint: its tables, and how it is opened.

A batch is one group commit: the keys of its items, how long they took, a head that describes the records, and
one payload in parts. Everything in it is bound by one keyed digest; the head can be read without unpickling.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import CheckpointDamaged, CheckpointError
from .places import Place

FORMAT = 1
"""Version of the format, in ``PRAGMA user_version``."""

PART = 64 * 1024 * 1024
"""Bytes of a payload in one row; SQLite's limit is about 1 GB."""

_SCHEMA = """
create table about (name text not null, created real not null);
create table epoch (
    id integer primary key, digest text not null, parent integer, text text not null,
    versions text not null, created real not null, mac blob not null
);
create table session (
    id integer primary key, epoch integer not null, function text not null, targets text not null,
    started real not null
);
create table layout (id integer primary key, session integer not null, keys blob not null);
create table batch (
    id integer primary key, epoch integer not null, saved real not null, done integer not null,
    failed integer not null, keys blob not null, times blob not null, head blob not null,
    signer text not null, mac blob not null
);
create table part (id integer primary key, data blob not null);
"""
_PARTS_PER_BATCH = 1 << 16
"""The parts of batch n have the ids n × this and following."""

Connect = Callable[[Path], sqlite3.Connection]


def connect(path: Path) -> sqlite3.Connection:
    """Open a file for any thread; whoever uses it sees to that they take turns."""
    return sqlite3.connect(path, timeout=10.0, isolation_level=None, check_same_thread=False)


def open_for_writing(place: Place, open_file: Connect = connect) -> sqlite3.Connection:
    """Open or make the file of a checkpoint; every commit is on disk when it returns.

    Raises
    ------
    CheckpointError
        The file has a newer format.
    CheckpointDamaged
        It is no SQLite file, or cannot be read as one.
    """
    place.prepare()
    with damage_told(place):
        connection = open_file(place.file)
        try:
            _check_format(connection, place)
            connection.execute("pragma journal_mode=wal")
            connection.execute("pragma synchronous=full")
            connection.execute(f"pragma journal_size_limit={4 * 1024 * 1024}")
            if not connection.execute("pragma user_version").fetchone()[0]:
                _create(connection, place.name)
        except BaseException:
            connection.close()
            raise
    return connection


def open_for_reading(place: Place) -> sqlite3.Connection:
    """Open the file of a checkpoint without the right to change it; raises as ``open_for_writing``."""
    with damage_told(place):
        connection = connect(place.file)
        try:
            connection.execute("pragma query_only=on")
            _check_format(connection, place)
            connection.execute("select count(*) from about").fetchone()
        except BaseException:
            connection.close()
            raise
    return connection


def _check_format(connection: sqlite3.Connection, place: Place) -> None:
    found = connection.execute("pragma user_version").fetchone()[0]
    if found > FORMAT:
        raise CheckpointError(
            f"the checkpoint {place.name!r} has format {found}, written by a newer version of this package; "
            f"this one knows formats up to {FORMAT}: update jupyter_parallel. Nothing was changed"
        )
    if not found and connection.execute("select count(*) from sqlite_master").fetchone()[0]:
        raise CheckpointDamaged(_damaged(place, "it holds tables of something else"))


def _create(connection: sqlite3.Connection, name: str) -> None:
    with transaction(connection):
        for statement in _SCHEMA.split(";")[:-1]:
            connection.execute(statement)
        connection.execute("insert into about values (?, ?)", (name, time.time()))
        connection.execute(f"pragma user_version={FORMAT}")


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit at the end, or change nothing."""
    connection.execute("begin immediate")
    try:
        yield
        connection.execute("commit")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("rollback")
        raise


@contextlib.contextmanager
def damage_told(place: Place) -> Iterator[None]:
    """Turn SQLite's errors into ours: a damaged file, or one that cannot be opened or written now."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if is_lasting(error):
            raise CheckpointDamaged(_damaged(place, str(error))) from error
        told = f"the checkpoint {place.name!r} cannot be opened ({place.file}): {error}"
        raise CheckpointError(told) from error
    except sqlite3.DatabaseError as error:
        raise CheckpointDamaged(_damaged(place, str(error))) from error


def is_lasting(error: sqlite3.Error) -> bool:
    """Whether an error is about the file's content: waiting or freeing space would not help."""
    lasting = ("malformed", "not a database", "no such", "disk image", "unsupported file format")
    return any(word in str(error) for word in lasting)


def _damaged(place: Place, why: str) -> str:
    return (
        f"the checkpoint {place.name!r} is damaged and cannot be read: {why}. --fresh moves the file "
        f"aside and starts anew; nothing is deleted ({place.file})"
    )


# Batches --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Batch:
    """One group commit without its payload.

    ``head["records"]`` describes the records in order: ``{"n": items, "sizes": [...], "briefs": [...]}``
    for values, ``{"n": 1, "failed": [type, message, traceback, where]}`` for a failure.
    """

    id: int
    epoch: int
    saved: float
    done: int
    failed: int
    keys: bytes
    times: bytes
    packed_head: bytes
    signer: str
    mac: bytes

    @property
    def head(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(zlib.decompress(self.packed_head))
        return found

    def signed(
        self, name: str, epoch: str, payload: Sequence[bytes | memoryview]
    ) -> list[bytes | memoryview]:
        """Return what the digest binds; ``epoch`` is the digest of the epoch's text."""
        whole = payload if len(payload) == 1 else [b"".join(payload)]
        return [name.encode(), epoch.encode(), self.keys, self.times, self.packed_head, *whole]


def pack_head(head: dict[str, Any]) -> bytes:
    return zlib.compress(json.dumps(head, separators=(",", ":")).encode("utf-8", "surrogatepass"), 1)


_COLUMNS = "id, epoch, saved, done, failed, keys, times, head, signer, mac"


def insert_batch(connection: sqlite3.Connection, batch: Batch, payload: Sequence[bytes | memoryview]) -> None:
    """Write a batch; call it inside a transaction. Its own ``id`` is not used."""
    row = (batch.epoch, batch.saved, batch.done, batch.failed, batch.keys, batch.times, batch.packed_head)
    cursor = connection.execute(
        f"insert into batch ({_COLUMNS}) values (null, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*row, batch.signer, batch.mac),
    )
    first = (cursor.lastrowid or 0) * _PARTS_PER_BATCH
    for number, data in enumerate(payload):
        connection.execute("insert or replace into part values (?, ?)", (first + number, data))


def batches(connection: sqlite3.Connection, epochs: Sequence[int]) -> Iterator[Batch]:
    """Yield the batches of some epochs, oldest first, without their payloads."""
    marks = ",".join("?" * len(epochs))
    query = f"select {_COLUMNS} from batch where epoch in ({marks}) order by id"
    for row in connection.execute(query, tuple(epochs)):
        yield Batch(*row)


def payload_of(connection: sqlite3.Connection, batch: int) -> bytes:
    """Return the payload of a batch."""
    first = batch * _PARTS_PER_BATCH
    rows = connection.execute(
        "select data from part where id >= ? and id < ? order by id", (first, first + _PARTS_PER_BATCH)
    ).fetchall()
    return rows[0][0] if len(rows) == 1 else b"".join(data for (data,) in rows)


def in_parts(payload: bytes) -> list[memoryview]:
    """Return a payload as the parts it is stored in; at least one."""
    view = memoryview(payload)
    return [view[at : at + PART] for at in range(0, max(1, len(view)), PART)]
