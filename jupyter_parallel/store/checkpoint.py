"""A checkpoint as a run sees it: recalls what is there, saves what comes."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import time
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..engine import events as ev
from ..engine.ports import Recalled
from ..errors import CheckpointDamaged, UsageError
from .database import Connect, connect, damage_told, open_for_writing, transaction
from .digest import SIZE, Unidentifiable, identities
from .epochs import Epoch, Epochs, OnChange
from .fingerprint import Fingerprint
from .lock import Lock
from .places import Place
from .shelf import Shelf
from .trust import users_signer
from .writer import Entry, Layout, Writer

Post = Callable[[ev.Event], None]


class Checkpoint:
    """The ``Store`` of one run.

    Parameters
    ----------
    root
        The folder beside which ``.jupyter_parallel`` lies.
    name
        Name of the checkpoint.
    function
        What the function does.
    label, targets
        What tables show of the function and its items.
    on_change, fresh
        What to do when the function has changed; begin anew in any case.
    seeded
        Items have random streams of their own.
    key
        Gives what identifies an item, instead of the item itself.
    open_file
        Opens the SQLite file.
    """

    def __init__(
        self,
        root: Path,
        name: str,
        function: Fingerprint,
        *,
        label: str = "",
        targets: Sequence[str] = ("item",),
        on_change: OnChange = "fail",
        fresh: bool = False,
        seeded: bool = False,
        key: Callable[[Any], Any] | None = None,
        open_file: Connect = connect,
    ) -> None:
        self._place = Place(root, name)
        self._function = function
        self._label = label
        self._targets = list(targets)
        self._on_change = on_change
        self._fresh = fresh
        self._seeded = seeded
        self._key = key
        self._open_file = open_file
        self._signer = users_signer()
        self._keys = bytearray()
        self._seen: dict[bytes, int] = {}
        self._shelf: Shelf | None = None
        self._writer: Writer | None = None
        self._lock: Lock | None = None
        self._session = 0
        self._epoch: Epoch | None = None
        self._notes = [f"not checked: {', '.join(function.unchecked)}"] if function.unchecked else []
        self._damaged_told = 0

    # The store of a run -------------------------------------------------------------------------

    def open(self, post: Post) -> None:
        """Become the one writer, settle which results count, and begin to save.

        Raises
        ------
        CheckpointError, FunctionChanged
            The checkpoint cannot be used as it is; nothing has started.
        """
        self._place.prepare()
        self._lock = Lock(self._place.lock, self._place.name)
        try:
            if self._epoch is None:
                self._begin()
            assert self._epoch is not None
            self._writer = Writer(
                self._place,
                self._signer,
                (self._epoch.id, self._epoch.digest),
                saved=lambda items, flushed: post(ev.Saved(items, flushed)),
                unsaved=lambda reason: post(ev.Unsaved(reason)),
                open_file=self._open_file,
            )
        except BaseException:
            self._lock.release()
            raise

    def recall(self, start: int, items: Sequence[Any]) -> Recalled:
        """Take note of items ``start …``, in order, and return the values they have already."""
        assert self._writer is not None and self._shelf is not None
        self._keys += bytes(max(0, SIZE * start - len(self._keys)))
        try:
            keys = identities(items, start, self._seen, self._seeded, self._key)
        except Unidentifiable as error:
            raise UsageError(
                f"an item among those from {start} on holds a {error}, whose content cannot be told, so the "
                "checkpoint cannot know it again: give key=, a function from an item to what identifies it"
            ) from error
        joined = b"".join(keys)
        self._keys += joined
        self._writer.put(Layout(self._session, joined))
        values = self._shelf.recall(keys, start)
        self._tell_damage()
        notes, self._notes = self._notes, []
        return Recalled(values, clock(self._shelf.since), "; ".join(notes))

    def save(self, saving: ev.Save, items: Sequence[Any]) -> None:
        """Take values or a failure to be saved."""
        assert self._writer is not None
        count = 1 if saving.failed is not None else len(saving.stamps) - 1
        keys = bytes(self._keys[SIZE * saving.start : SIZE * (saving.start + count)])
        values = 0 if saving.failed is not None else count
        self._writer.put(Entry(keys, _spans(saving), _head(saving, count), saving.pieces, items, values))

    def flush(self) -> None:
        """Save at once what was taken."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """Save what is left, and let others write. Idempotent."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._shelf is not None:
            self._shelf.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    # Inside -----------------------------------------------------------------------------------

    def _begin(self) -> None:
        connection = self._connect()
        try:
            with damage_told(self._place), transaction(connection):
                epochs = Epochs(connection, self._place.name, self._signer)
                self._epoch = epochs.choose(self._function, self._on_change, self._fresh)
                cursor = connection.execute(
                    "insert into session values (null, ?, ?, ?, ?)",
                    (self._epoch.id, self._label, "\n".join(self._targets), time.time()),
                )
                self._session = int(cursor.lastrowid or 0)
            with damage_told(self._place):
                self._shelf = Shelf(connection, self._place.name, self._signer, epochs.chain(self._epoch))
            if len(self._shelf):
                self._tell_versions(self._epoch)
        except BaseException:
            self._epoch = None
            connection.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = open_for_writing(self._place, self._open_file)
            if self._fresh:
                self._look_through(connection)
            return connection
        except CheckpointDamaged:
            if not self._fresh:
                raise
        aside = self._place.move_aside()
        self._notes.append(f"the damaged checkpoint was moved to {aside.name}")
        return open_for_writing(self._place, self._open_file)

    def _look_through(self, connection: sqlite3.Connection) -> None:
        """Raise ``CheckpointDamaged`` where the tables cannot be read."""
        problem = ""
        try:
            problem = connection.execute("pragma quick_check(1)").fetchone()[0]
        except sqlite3.DatabaseError as error:
            problem = str(error)
        if problem != "ok":
            connection.close()
            raise CheckpointDamaged(problem)

    def _tell_versions(self, epoch: Epoch) -> None:
        changed = [
            f"{name} was {then} and is {self._function.versions[name]}"
            for name, then in epoch.versions.items()
            if self._function.versions.get(name, then) != then
        ]
        if changed:
            self._notes.append(f"stored with other versions: {', '.join(changed)}")

    def _tell_damage(self) -> None:
        assert self._shelf is not None
        if self._shelf.damaged > self._damaged_told:
            self._damaged_told = self._shelf.damaged
            self._notes.append(
                f"{self._shelf.damaged:,} stored results are damaged or not signed by you: they are not "
                "used, their items run again"
            )


def _spans(saving: ev.Save) -> array[float]:
    if saving.failed is not None:
        return array("f", [saving.failed.ended - saving.failed.started])
    return array("f", [end - begin for begin, end in itertools.pairwise(saving.stamps)])


def _head(saving: ev.Save, count: int) -> dict[str, Any]:
    if saving.failed is not None:
        told = saving.failed.failure
        return {"n": 1, "failed": [told.type, told.message, told.traceback, told.where]}
    head: dict[str, Any] = {"n": count, "sizes": [len(piece) for piece in saving.pieces]}
    if saving.briefs:
        head["briefs"] = list(saving.briefs)
    return head


def clock(moment: float) -> str:
    """Return ``14:02`` for a time of today, and the date with it for an earlier one."""
    with contextlib.suppress(ValueError, OSError, OverflowError):
        then = time.localtime(moment)
        today = time.localtime()[:3] == then[:3]
        return time.strftime("%H:%M" if today else "%Y-%m-%d %H:%M", then)
    return "an unknown time"
