"""Everything that can happen to a run, and what the state asks for in return.

Events speak of chunks and index ranges, never of single items: a million items must not cost a
million objects. Times are monotonic seconds and are handed in, so that tests own the clock.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from .plan import CancellationPolicy
from .ports import Failed, Failure, Force, Record, Values


@dataclass(frozen=True, slots=True)
class Began:
    """The engine started to drive the run."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """``count`` more items were pulled; the pull that was asked for goes on."""

    count: int


@dataclass(frozen=True, slots=True)
class Fed:
    """``count`` more items were pulled, and the pull that was asked for is done."""

    count: int


@dataclass(frozen=True, slots=True)
class Restored:
    """``count`` more items were pulled, and some of them have values already; the pull goes on."""

    count: int
    values: Sequence[Values] = ()
    since: str = ""
    """When the newest of the values was saved, as people write it."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Saved:
    """The values of ``items`` more items are in the checkpoint for good."""

    items: int
    flushed: bool = False
    """And so is everything else that was taken before the last ``Flush``."""


@dataclass(frozen=True, slots=True)
class Unsaved:
    """Saving to the checkpoint has begun to fail; it is tried again, and nothing is lost."""

    reason: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """The saver has taken all items before ``stop``."""

    stop: int


@dataclass(frozen=True, slots=True)
class Undelivered:
    """The saver raised; it is not asked again."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The iterable has ended; ``error`` says why when it raised."""

    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Reported:
    """A worker told what it has done of a chunk that still runs."""

    chunk: int
    worker: str
    current: int
    since: float
    records: Sequence[Record] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """A worker is done with a chunk; items from ``stop`` on were not run."""

    chunk: int
    worker: str
    stop: int
    records: Sequence[Record] = ()
    nbytes: int = 0


@dataclass(frozen=True, slots=True)
class Lost:
    """A worker died; ``index`` is the item it ran, -1 when nobody knows."""

    chunk: int
    worker: str
    index: int
    reason: str
    records: Sequence[Record] = ()
    traceback: str = ""
    """Where the item was, when the worker could still say so."""


@dataclass(frozen=True, slots=True)
class Unsendable:
    """An item of the chunk cannot be pickled; nothing of the chunk has run."""

    chunk: int
    index: int
    failure: Failure


@dataclass(frozen=True, slots=True)
class TailFreed:
    """The backend promises that the chunk's worker starts nothing from ``start`` on."""

    chunk: int
    start: int


@dataclass(frozen=True, slots=True)
class Broken:
    """The backend cannot run anything any more."""

    reason: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


@dataclass(frozen=True, slots=True)
class PauseAsked:
    pass


@dataclass(frozen=True, slots=True)
class ResumeAsked:
    pass


@dataclass(frozen=True, slots=True)
class CancelAsked:
    policy: CancellationPolicy


@dataclass(frozen=True, slots=True)
class RetryAsked:
    """Run these items again; those that have a value, run or wait are left alone."""

    indices: Sequence[int]


Event = (
    Began
    | Arrived
    | Fed
    | Restored
    | Saved
    | Unsaved
    | Delivered
    | Undelivered
    | Exhausted
    | Reported
    | Ended
    | Lost
    | Unsendable
    | TailFreed
    | Broken
    | Tick
    | PauseAsked
    | ResumeAsked
    | CancelAsked
    | RetryAsked
)


@dataclass(frozen=True, slots=True)
class Send:
    """Submit the items ``start … stop-1`` as chunk number ``chunk``."""

    chunk: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class TakeTail:
    """Ask the chunk's worker not to start item ``before`` or a later one."""

    chunk: int
    before: int


@dataclass(frozen=True, slots=True)
class Halt:
    """End the item that the chunk's worker runs now."""

    chunk: int
    force: Force


@dataclass(frozen=True, slots=True)
class Pull:
    """Pull up to ``count`` more items."""

    count: int


@dataclass(frozen=True, slots=True)
class Save:
    """Put results into the checkpoint: values as ``pieces`` and ``briefs``, or a failure."""

    start: int
    stamps: array[float]
    pieces: Sequence[bytes | memoryview] = ()
    briefs: Sequence[str | dict[str, str]] = ()
    failed: Failed | None = None

    @property
    def stop(self) -> int:
        return self.start + (1 if self.failed is not None else len(self.stamps) - 1)


@dataclass(frozen=True, slots=True)
class Flush:
    """Save at once what was taken."""


@dataclass(frozen=True, slots=True)
class Deliver:
    """Hand the items ``start … stop-1``, which have all ended, to the saver."""

    start: int
    stop: int
    last: bool = False
    """The run is about to end."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Items before ``before`` are needed no more."""

    before: int


Instruction = Send | TakeTail | Halt | Pull | Save | Flush | Deliver | Drop
