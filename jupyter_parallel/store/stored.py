"""Stored runs without running them: list, open, export, trust, remove."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engine.engine import Engine
from ..engine.feed import Feed
from ..engine.plan import Options
from ..engine.ports import Capabilities, MonotonicClock
from ..engine.run import Run
from ..engine.state import RunState, Source
from ..errors import CheckpointError, UsageError
from .database import batches, damage_told, open_for_reading, open_for_writing, payload_of, transaction
from .epochs import Epochs, epoch_bound
from .fingerprint import text_digest
from .lock import Lock
from .places import Place, stored_files
from .savers import saver_of
from .shelf import Shelf, split_keys
from .trust import Signer, users_signer

STEP = 10_000
"""Items exported together."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One stored run, without looking at any value."""

    name: str
    function: str
    done: int
    failed: int
    saved: float
    """When it was last saved (seconds of the clock on the wall), 0 when nothing was."""
    size: int
    """Bytes on disk."""
    problem: str = ""
    """Why it cannot be read, or an empty text."""


class ItemText(str):
    """What is left of an item in a stored run: its short text."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def summaries(root: Path) -> list[Summary]:
    """Return all stored runs below a root, the latest first."""
    return sorted((_summary(path, root) for path in stored_files(root)), key=lambda one: -one.saved)


def _summary(path: Path, root: Path) -> Summary:
    try:
        name = _name_in(path)
        place = Place(root, name)
        if place.file != path.resolve():
            return Summary(
                path.stem, "", 0, 0, path.stat().st_mtime, path.stat().st_size, f"was named {name!r}"
            )
        with damage_told(place), closing(open_for_reading(place)) as connection:
            function, done, failed, saved = _totals(connection)
        return Summary(name, function, done, failed, saved, place.size())
    except (CheckpointError, sqlite3.Error, OSError) as error:
        status = path.lstat()
        return Summary(path.stem, "", 0, 0, status.st_mtime, status.st_size, str(error))


def _name_in(path: Path) -> str:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return str(connection.execute("select name from about").fetchone()[0])


def _totals(connection: sqlite3.Connection) -> tuple[str, int, int, float]:
    """Return function, finished and failed items of the latest run, and when it was last saved."""
    session = connection.execute("select epoch, function from session order by id desc limit 1").fetchone()
    if session is None:
        return "", 0, 0, 0.0
    parents = dict(connection.execute("select id, parent from epoch"))
    epochs: list[int] = []
    step = session[0]
    while step is not None and step not in epochs:
        epochs.append(step)
        step = parents.get(step)
    marks = ",".join("?" * len(epochs))
    query = f"select sum(done), sum(failed), max(saved) from batch where epoch in ({marks})"
    done, failed, saved = connection.execute(query, epochs).fetchone()
    if failed:
        # An item that failed may have succeeded later: only its key tells.
        done, failed = _settled(connection, epochs)
    return str(session[1]), int(done or 0), int(failed or 0), float(saved or 0.0)


def _settled(connection: sqlite3.Connection, epochs: Sequence[int]) -> tuple[int, int]:
    done: set[bytes] = set()
    failed: set[bytes] = set()
    for batch in batches(connection, epochs):
        keys, at = split_keys(batch.keys), 0
        for record in batch.head["records"]:
            (failed if "failed" in record else done).update(keys[at : at + record["n"]])
            at += record["n"]
    return len(done), len(failed - done)


# Opening --------------------------------------------------------------------------------------


def open_run(root: Path, name: str) -> Run:
    """Return the run that was last stored under a name, with its items in their order then.

    Raises
    ------
    CheckpointError
        There is none, or it cannot be read.
    """
    place = _existing(root, name)
    signer = users_signer()
    with damage_told(place), closing(open_for_reading(place)) as connection:
        epochs = Epochs(connection, name, signer)
        # A run that was killed at its very start has left no order of items.
        session = connection.execute(
            "select id, epoch, targets from session where id in (select session from layout)"
            " order by id desc limit 1"
        ).fetchone()
        if session is None:
            raise CheckpointError(f"the checkpoint {name!r} holds no run yet")
        shelf = Shelf(connection, name, signer, epochs.chain(epochs.get(session[1])))
        rows = connection.execute("select keys from layout where session = ? order by id", (session[0],))
        keys = split_keys(b"".join(data for (data,) in rows))
        return _run(name, keys, shelf, session[2].split("\n"))


def _run(name: str, keys: Sequence[bytes], shelf: Shelf, targets: Sequence[str]) -> Run:
    state = RunState(Options(on_error="collect"), Source(len(keys), eager=True), 0, Capabilities())
    failures = [failed for index, key in enumerate(keys) if (failed := shelf.failed(key, index))]
    state.fill(len(keys), shelf.recall(keys, 0), failures)
    state.note = f"stored run; last saved {time.strftime('%Y-%m-%d %H:%M', time.localtime(shelf.since))}"
    if shelf.damaged:
        state.note += f"; {shelf.damaged:,} stored results are damaged or not signed by you and not shown"
    items = [_item(shelf.text(key)) for key in keys]
    changed = threading.Condition()
    engine = _Still(state)
    return Run(
        state,
        engine,  # type: ignore[arg-type]
        Feed(items),
        name=name,
        backend="checkpoint",
        targets=targets,
        clock=MonotonicClock(),
        changed=changed,
        observers=[],
        rerun=_not_here,
        relaunch=_cannot_go_on,
    )


def _item(text: Any) -> Any:
    if isinstance(text, list):
        return tuple(map(ItemText, text))
    return None if text is None else ItemText(text)


def _not_here(item: Any, index: int) -> Any:
    raise UsageError("a stored run has no function: run its cell again")


def _cannot_go_on() -> Engine:
    raise UsageError("a stored run cannot go on by itself: run its cell again, with the same --checkpoint")


class _Still:
    """The engine of a run that nobody drives."""

    def __init__(self, state: RunState) -> None:
        self.state = state

    def post(self, event: Any) -> None:
        return None


# Export, trust, remove ------------------------------------------------------------------------


def export(root: Path, name: str, path: str) -> int:
    """Write the values of a stored run to a file, by its suffix; return how many there were.

    Items without a value are left out; the column ``index`` tells.
    """
    run = open_run(root, name)
    saver = saver_of(path)
    pairs = run.successes()
    for at in range(0, len(pairs), STEP):
        part = pairs[at : at + STEP]
        saver.write(part[0][0], part[-1][0] + 1, part)
    saver.close()
    return len(pairs)


def remove(root: Path, name: str) -> int:
    """Delete a checkpoint; return the bytes that it took. A run that writes it now is in the way."""
    place = _existing(root, name)
    lock = Lock(place.lock, name)
    try:
        size = place.size()
        place.remove()
    finally:
        lock.release()
    return size


def sign(root: Path, name: str) -> None:
    """Sign all of a checkpoint with this user's key: whoever calls this says that they trust it."""
    place = _existing(root, name)
    signer = users_signer()
    lock = Lock(place.lock, name)
    try:
        with damage_told(place), closing(open_for_writing(place)) as connection, transaction(connection):
            _sign_all(connection, name, signer)
    finally:
        lock.release()


def _sign_all(connection: sqlite3.Connection, name: str, signer: Signer) -> None:
    connection.execute("update about set name = ?", (name,))
    digests: dict[int, str] = {}
    for number, parent, text in connection.execute(
        "select id, parent, text from epoch order by id"
    ).fetchall():
        digests[number] = digest = text_digest(text)
        mac = signer.sign(epoch_bound(name, digest, digests.get(parent, "")))
        connection.execute("update epoch set digest = ?, mac = ? where id = ?", (digest, mac, number))
    for batch in list(batches(connection, list(digests))):
        mac = signer.sign(batch.signed(name, digests[batch.epoch], [payload_of(connection, batch.id)]))
        connection.execute("update batch set signer = ?, mac = ? where id = ?", (signer.id, mac, batch.id))


def _existing(root: Path, name: str) -> Place:
    place = Place(root, name)
    if not place.exists():
        known = ", ".join(one.name for one in summaries(root)) or "none"
        raise CheckpointError(f"there is no checkpoint {name!r} in {place.folder}; there are: {known}")
    return place
