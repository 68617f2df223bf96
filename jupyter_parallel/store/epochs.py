"""Epochs: what the function was when results were saved, and whose results count for the function of now."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..errors import FunctionChanged, UntrustedCheckpoint
from .fingerprint import Fingerprint, difference, text_digest
from .trust import Signer

OnChange = Literal["fail", "keep", "rerun"]


@dataclass(frozen=True, slots=True)
class Epoch:
    """One state of the function. ``parent`` is an older one whose results were asked to be kept."""

    id: int
    digest: str
    parent: int | None
    text: str
    versions: dict[str, str]


class Epochs:
    """All epochs of one checkpoint.

    Raises
    ------
    UntrustedCheckpoint
        They, or results, were not signed with this user's key under this name.
    """

    def __init__(self, connection: sqlite3.Connection, name: str, signer: Signer) -> None:
        self._connection = connection
        self._name = name
        self._signer = signer
        self._all: dict[int, Epoch] = {}
        foreign = connection.execute("select count(*) from batch where signer <> ?", (signer.id,)).fetchone()[
            0
        ]
        rows = connection.execute("select id, digest, parent, text, versions, mac from epoch order by id")
        for number, digest, parent, text, versions, mac in rows:
            fits = text_digest(text) == digest and signer.valid(mac, self._bound(digest, parent))
            if foreign or not fits:
                raise UntrustedCheckpoint(untrusted(name))
            self._all[number] = Epoch(number, digest, parent, text, json.loads(versions))

    def _bound(self, digest: str, parent: int | None) -> list[bytes]:
        above = "" if parent is None or parent not in self._all else self._all[parent].digest
        return epoch_bound(self._name, digest, above)

    def chain(self, epoch: Epoch) -> list[tuple[int, str]]:
        """Return number and digest of an epoch and of those whose results it keeps, oldest first."""
        found: list[tuple[int, str]] = []
        step: Epoch | None = epoch
        while step is not None and (step.id, step.digest) not in found:
            found.insert(0, (step.id, step.digest))
            step = None if step.parent is None else self._all.get(step.parent)
        return found

    def done(self, chain: Sequence[tuple[int, str]]) -> int:
        """Return how many results were saved in some epochs."""
        marks = ",".join("?" * len(chain))
        query = f"select coalesce(sum(done), 0) from batch where epoch in ({marks})"
        return int(self._connection.execute(query, [number for number, _ in chain]).fetchone()[0])

    def choose(self, now: Fingerprint, on_change: OnChange, fresh: bool) -> Epoch:
        """Return the epoch that new results belong to; makes one when there is none.

        Raises
        ------
        FunctionChanged
            There are results of another function, and ``on_change`` says that this is an error.
        """
        same = [epoch for epoch in self._all.values() if epoch.digest == now.digest]
        if same and not fresh:
            return same[-1]
        latest = self._latest_used()
        if fresh or latest is None or on_change == "rerun":
            return self._add(now, None)
        if on_change == "keep":
            return self._add(now, latest.id)
        raise FunctionChanged(
            _changed(self._name, self.done(self.chain(latest)), difference(latest.text, now.text))
        )

    def get(self, number: int) -> Epoch:
        return self._all[number]

    def _latest_used(self) -> Epoch | None:
        """Return the epoch of the last run that has results, its own or kept ones."""
        rows = self._connection.execute("select epoch from session order by id desc").fetchall()
        used = [number for (number,) in rows] + sorted(self._all, reverse=True)
        for number in used:
            epoch = self._all.get(number)
            if epoch is not None and self.done(self.chain(epoch)):
                return epoch
        return None

    def _add(self, now: Fingerprint, parent: int | None) -> Epoch:
        versions = json.dumps(dict(now.versions))
        mac = self._signer.sign(self._bound(now.digest, parent))
        cursor = self._connection.execute(
            "insert into epoch values (null, ?, ?, ?, ?, ?, ?)",
            (now.digest, parent, now.text, versions, time.time(), mac),
        )
        epoch = Epoch(int(cursor.lastrowid or 0), now.digest, parent, now.text, dict(now.versions))
        self._all[epoch.id] = epoch
        return epoch


def epoch_bound(name: str, digest: str, parent: str) -> list[bytes]:
    """Return what the keyed digest of an epoch binds; ``parent`` is the digest of the epoch it keeps."""
    return [b"epoch", name.encode(), digest.encode(), parent.encode()]


def untrusted(name: str) -> str:
    """Say that a checkpoint was not signed by this user, and what to do."""
    return (
        f"the checkpoint {name!r} was not signed by you under this name: reading its results could run "
        f"foreign code. If you know where it comes from: Run.open({name!r}, trust=True) or "
        f"%parallel_runs trust {name} signs it with your key"
    )


def _changed(name: str, done: int, shown: str) -> str:
    return (
        f"the function has changed since the checkpoint {name!r} was saved, and {done:,} finished items "
        f"belong to the old one:\n\n{shown}\n\n"
        "--on-change keep uses their results and runs the rest with the new code; --on-change rerun runs "
        "everything with the new code (the old results stay in the store)"
    )
