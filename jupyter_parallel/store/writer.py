"""The thread that saves: gathers what comes for a moment, then commits it as one batch.

When the disk is full or fails, everything stays in memory and is tried again every second; the run is told
both times, when the trouble begins and when it is over.
"""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..worker.brief import text
from .database import (
    Batch,
    Connect,
    connect,
    in_parts,
    insert_batch,
    is_lasting,
    open_for_writing,
    pack_head,
    transaction,
)
from .places import Place
from .trust import Signer

GROUP_SECONDS = 0.2
"""Commits begin at least this long after each other: what comes alone is on disk at once."""
GROUP_BYTES = 32 * 1024 * 1024
"""Or when this much has gathered."""
_ITEM, _PARTS = 80, 12
"""Characters kept of an item, and parts of a tuple."""
_HEAVY_HEAD, _LARGE, _SHORT = 0.15, 500, 8
"""A head above this part of the payload, where values have this many bytes, keeps this much of each text."""
AGAIN_SECONDS = 1.0
"""How long to wait before a write that failed is tried again."""


@dataclass(slots=True)
class Entry:
    """One record on its way to disk; ``items`` is the number of its values."""

    keys: bytes
    times: array[float]
    head: dict[str, Any]
    pieces: Sequence[bytes | memoryview] = ()
    objects: Sequence[Any] = ()
    """The items themselves; what is kept of them is a short text."""
    items: int = 0

    @property
    def nbytes(self) -> int:
        return sum(map(len, self.pieces)) + len(self.keys)


@dataclass(frozen=True, slots=True)
class Layout:
    """Keys of items in the order of the run."""

    session: int
    keys: bytes


class Writer:
    """Saves entries from a thread of its own.

    Parameters
    ----------
    place, signer
        Where, and in whose name.
    epoch
        Number and digest of the epoch that entries belong to.
    saved, unsaved
        Called from the writer's thread: with the number of items that are on disk now and whether all is that
        was put before ``flush``; and with the reason when saving begins to fail.
    open_file
        Opens the SQLite file; tests hand in one that fails.
    """

    def __init__(
        self,
        place: Place,
        signer: Signer,
        epoch: tuple[int, str],
        *,
        saved: Callable[[int, bool], None],
        unsaved: Callable[[str], None],
        open_file: Connect = connect,
    ) -> None:
        self._place = place
        self._signer = signer
        self._epoch = epoch
        self._saved = saved
        self._unsaved = unsaved
        self._open_file = open_file
        self._connection: sqlite3.Connection | None = None
        self._queue: queue.SimpleQueue[Entry | Layout | None] = queue.SimpleQueue()
        self._hurry = threading.Event()
        self._closing = threading.Event()
        self._failing = False
        self._last = 0.0
        self._thread = threading.Thread(target=self._run, name="jupyter_parallel saver", daemon=True)
        self._thread.start()

    def put(self, entry: Entry | Layout) -> None:
        self._queue.put(entry)

    def flush(self) -> None:
        """Commit at once what was put."""
        self._hurry.set()
        self._queue.put(None)

    def close(self) -> None:
        """Commit what was put, once more if that fails, and end."""
        self._closing.set()
        self.flush()
        self._thread.join()

    # The thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            gathered, flushed = self._gather()
            self._save(gathered, flushed)
            if self._closing.is_set() and self._queue.empty():
                break
        self._disconnect()

    def _gather(self) -> tuple[list[Entry | Layout], bool]:
        """Wait for something, then for more until it is time for the next commit."""
        first = self._queue.get()
        gathered, flushed = [] if first is None else [first], first is None
        end, size = self._last + GROUP_SECONDS, 0
        while size < GROUP_BYTES and not (self._hurry.is_set() and self._queue.empty()):
            try:
                entry = self._queue.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                break
            if entry is None:
                flushed = True
            else:
                gathered.append(entry)
                size += entry.nbytes if isinstance(entry, Entry) else len(entry.keys)
        if flushed:
            self._hurry.clear()
        self._last = time.monotonic()
        return gathered, flushed

    def _save(self, gathered: list[Entry | Layout], flushed: bool) -> None:
        """Commit, as often as it takes; when closing, once more at most."""
        while gathered or flushed:
            last = self._closing.is_set()
            try:
                self._commit(gathered)
            except Exception as error:
                # Whatever it is, nothing may be lost by it.
                self._disconnect()
                if not self._failing or last:
                    self._failing = True
                    self._unsaved(_told(error))
                if last:
                    return
                self._closing.wait(AGAIN_SECONDS)
            else:
                self._failing = False
                self._saved(sum(entry.items for entry in gathered if isinstance(entry, Entry)), flushed)
                return

    def _commit(self, gathered: list[Entry | Layout]) -> None:
        if not gathered:
            return
        if self._connection is None:
            self._connection = open_for_writing(self._place, self._open_file)
        layouts = [entry for entry in gathered if isinstance(entry, Layout)]
        entries = [entry for entry in gathered if isinstance(entry, Entry)]
        with transaction(self._connection):
            if layouts:
                # Only the latest run's order of the items matters; its results are all kept.
                self._connection.execute("delete from layout where session <> ?", (layouts[0].session,))
            for layout in layouts:
                self._connection.execute(
                    "insert into layout values (null, ?, ?)", (layout.session, layout.keys)
                )
            if entries:
                batch, payload = self._batch(entries)
                insert_batch(self._connection, batch, payload)

    def _batch(self, entries: list[Entry]) -> tuple[Batch, list[memoryview]]:
        times = array("f")
        for entry in entries:
            times.extend(entry.times)
        texts = [item_text(item) for entry in entries for item in entry.objects]
        head: dict[str, Any] = {"records": [entry.head for entry in entries], "items": texts}
        payload = b"".join(piece for entry in entries for piece in entry.pieces)
        packed = pack_head(head)
        if len(packed) > _HEAVY_HEAD * len(payload) and len(payload) > _LARGE * len(times):
            # Results of some size must not be outweighed by what tables show of them.
            packed = pack_head({**head, "records": [_shorter(record) for record in head["records"]]})
        failed = sum("failed" in entry.head for entry in entries)
        keys = b"".join(entry.keys for entry in entries)
        number, digest = self._epoch
        unsigned = Batch(
            0,
            number,
            time.time(),
            len(times) - failed,
            failed,
            keys,
            times.tobytes(),
            packed,
            "",
            b"",
        )
        mac = self._signer.sign(unsigned.signed(self._place.name, digest, [payload]))
        signed = Batch(
            0,
            number,
            unsigned.saved,
            unsigned.done,
            failed,
            keys,
            unsigned.times,
            unsigned.packed_head,
            self._signer.id,
            mac,
        )
        return signed, in_parts(payload)

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


def _shorter(record: dict[str, Any]) -> dict[str, Any]:
    """Return the description of a record with very short texts of its values."""
    briefs = [
        {name: one[:_SHORT] for name, one in brief.items()} if isinstance(brief, dict) else brief[:_SHORT]
        for brief in record.get("briefs", ())
    ]
    return {**record, "briefs": briefs} if briefs else record


def item_text(item: Any) -> str | list[str]:
    """Return what a table shows of an item: one short text, or one for each part of a tuple."""
    if type(item) in (int, float):
        return repr(item)[:_ITEM]
    if type(item) is tuple and 0 < len(item) <= _PARTS:
        return [text(part)[:_ITEM] for part in item]
    return text(item)[:_ITEM]


def _told(error: Exception) -> str:
    text = str(error)
    if "full" in text or "File too large" in text or "No space" in text:
        return "the disk is full"
    if isinstance(error, sqlite3.Error) and is_lasting(error):
        return f"the file of the checkpoint is damaged ({text})"
    return f"the checkpoint cannot be written ({text})"
