"""The picture of a run that views draw: small, immutable, taken under the run's lock."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .ports import Failure


class ItemState(enum.IntEnum):
    """State of one item; the value is its code in state arrays and on the wire."""

    PENDING = 0
    RUNNING = 1
    SUCCESS = 2
    FAILURE = 3
    CANCELLED = 4
    SKIPPED = 5

    @property
    def word(self) -> str:
        """The word users see."""
        return self.name.lower()


class RunStatus(enum.StrEnum):
    """State of a whole run."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def ended(self) -> bool:
        return self not in (RunStatus.PENDING, RunStatus.RUNNING, RunStatus.PAUSED)


@dataclass(frozen=True, slots=True)
class Counts:
    """Items by state. ``total`` is None while the length of the items is unknown."""

    pending: int = 0
    running: int = 0
    success: int = 0
    failure: int = 0
    cancelled: int = 0
    skipped: int = 0
    total: int | None = None
    restored: int = 0
    """How many of the successes came from a checkpoint."""

    @property
    def complete(self) -> int:
        """Items that have ended, whatever way."""
        return self.success + self.failure + self.cancelled + self.skipped


@dataclass(frozen=True, slots=True)
class Running:
    """An item that a worker runs now."""

    index: int
    worker: str
    since: float
    """Monotonic time (s) at which it started."""
    sent: float = 0.0
    """Monotonic time (s) at which its chunk was sent, 0 where nobody knows."""


@dataclass(frozen=True, slots=True)
class FirstFailure:
    index: int
    type: str
    message: str
    where: str


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything a header, a progress bar or a summary line needs."""

    id: int
    name: str
    status: RunStatus
    backend: str
    workers: int
    counts: Counts
    known: int
    """How many items have been pulled so far; item indices are below it."""
    prefix: int
    """Items 0 … prefix-1 have all ended."""
    running: tuple[Running, ...]
    now: float
    started: float | None
    ended: float | None
    first_failure: FirstFailure | None = None
    waiting: bool = False
    """A cell waits for this run; it can be detached."""
    note: str = ""
    """One line the user should see: why it ended early, how to go on."""
    saved: int | None = None
    """How many values are in the checkpoint for good; None without one."""
    round: int = 0
    """How often items were told to run again: what was known of an item before may not hold."""

    @property
    def elapsed(self) -> float:
        """Seconds from the start of the first item to the end, or to now."""
        if self.started is None:
            return 0.0
        return (self.now if self.ended is None else self.ended) - self.started


@dataclass(frozen=True, slots=True)
class Glance:
    """One item as a table row shows it: nothing in it was decoded or printed for the purpose."""

    index: int
    state: ItemState
    item: object | None = None
    """The item itself; views turn it into short text."""
    brief: str | dict[str, str] | None = None
    """Short text of the value, or one text per column; ``None`` without a value."""
    failure: Failure | None = None
    started: float | None = None
    """Monotonic time (s)."""
    duration: float | None = None
    """Seconds."""
    worker: str = ""
    attempts: int = 0
    restored: bool = False
