"""What the engine asks of the rooms around it: the protocols, and the records that cross them.

A *backend* owns workers and moves chunks. It may be as small as ``capacity``, ``publish``,
``submit`` and ``close`` (derive from :class:`BackendBase`); one that sees into its workers while
they work adds ``progress``, ``cut`` and ``halt`` and says so in its :class:`Capabilities`.
"""

from __future__ import annotations

import enum
import time
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

Token = str
"""Names a published payload; chunks carry the token, never the function."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend can do; the engine reads these and never asks which backend it is."""

    shares_memory: bool = False
    """Items and values stay objects in this process: nothing is pickled."""
    live: bool = False
    """``progress`` tells the running item and finished records; ``cut`` takes a tail back."""
    can_kill: bool = False
    """``halt(chunk, Force.KILL)`` really ends the running item."""
    limits_memory: bool = False
    """The memory of a worker can be limited: over the limit an item fails and nothing else."""
    in_waiter: bool = False
    """``submit`` runs the chunk before it returns; call it from the thread that waits for the run."""
    remote: bool = False
    """Workers live on other machines."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A contiguous group of items sent together."""

    id: int
    token: Token
    start: int
    items: Sequence[Any]

    @property
    def stop(self) -> int:
        return self.start + len(self.items)


class Force(enum.IntEnum):
    """How hard to end a running item; each step is tried when the one before did not help."""

    ASK = 1
    """Raise the cooperative flag that ``context().should_stop()`` reads."""
    INTERRUPT = 2
    """Raise ``ItemCancelled`` inside the item."""
    KILL = 3
    """End the worker process."""


Pieces = tuple[Sequence[bytes | memoryview], Sequence[str | dict[str, str]]]
"""Pickles of values. With short texts: one pickle a value. Without: a single pickle of the list of all."""


class ValueStore(Protocol):
    """The values of consecutive items, possibly still as bytes. Positions count from 0."""

    def __len__(self) -> int: ...
    def get(self, position: int) -> Any:
        """Return one value; decodes when needed and may raise whatever decoding raises."""

    def all(self) -> list[Any]:
        """Return all values in order; decodes when needed and may raise."""

    def brief(self, position: int) -> str | dict[str, str]:
        """Return a short text of one value, or one text a column. Never runs code of the value's type."""

    def pieces(self, first: int, last: int) -> Pieces:
        """Return the values of some positions as the bytes that a checkpoint keeps."""

    @property
    def nbytes(self) -> int:
        """Return about how many bytes of memory the values take, 0 where nobody counts."""


@dataclass(frozen=True, slots=True)
class Values:
    """Consecutive items that succeeded."""

    start: int
    stamps: array[float]
    """``len(store) + 1`` monotonic times (s): the start of the first item, then the end of each."""
    store: ValueStore
    restored: bool = False
    """They come from a checkpoint; the stamps tell how long items took, not when."""

    @property
    def stop(self) -> int:
        return self.start + len(self.store)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an item has no value, as plain text that always survives the trip."""

    type: str
    """Type name of the exception, or ``"WorkerCrash"``, ``"Timeout"``."""
    message: str
    traceback: str = ""
    """The traceback text, from the user's first frame on."""
    where: str = ""
    """File or cell and line of the innermost frame of the user's: groups equal failures."""
    exception: bytes | BaseException | None = None
    """The original, when it survives a round trip."""
    cancelled: bool = False
    """The item was interrupted on request: it is reported as cancelled, not as failed."""


@dataclass(frozen=True, slots=True)
class Failed:
    """One item that failed."""

    index: int
    started: float
    ended: float
    failure: Failure


@dataclass(frozen=True, slots=True)
class Output:
    """Text an item printed. ``dropped`` counts characters cut out of it."""

    index: int
    stream: str
    text: str
    dropped: int = 0


Record = Values | Failed | Output


@dataclass(frozen=True, slots=True)
class Progress:
    """What a worker has done of its chunk since it was last asked."""

    worker: str
    current: int = -1
    """Index of the item it runs now, -1 when it is between items."""
    since: float = 0.0
    """Monotonic time (s) at which that item started."""
    records: Sequence[Record] = ()


@dataclass(frozen=True, slots=True)
class ChunkEnd:
    """Result of a chunk's future: the records ``progress`` has not handed out yet."""

    worker: str
    stop: int
    """Index of the first item of the chunk that was not run."""
    records: Sequence[Record] = ()
    nbytes: int = 0
    """Bytes in which the chunk's items were sent, 0 when nobody counted."""


class WorkerLost(Exception):
    """Set on a chunk's future when its worker died.

    Attributes
    ----------
    worker : str
    index : int
        The item that was running, -1 when nobody knows or none was.
    reason : str
        ``"killed by signal 11"``, ``"exit code 3"``.
    records : sequence of Record
        What was finished and not handed out before.

    Notes of the exception (``add_note``) tell where the item was, as traceback text.
    """

    def __init__(
        self, reason: str, worker: str = "", index: int = -1, records: Sequence[Record] = ()
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.worker = worker
        self.index = index
        self.records = records


class ItemUnsendable(Exception):
    """Set on a chunk's future when one of its items cannot be pickled; nothing of it has run."""

    def __init__(self, index: int, failure: Failure) -> None:
        super().__init__(failure.message)
        self.index = index
        self.failure = failure


class Backend(Protocol):
    """Owns workers. ``submit`` and everything after it may be called from the engine's thread."""

    @property
    def name(self) -> str: ...
    @property
    def capabilities(self) -> Capabilities: ...
    def capacity(self) -> int:
        """Return how many chunks run at the same time; the engine keeps as many in flight."""

    def publish(self, task: Any) -> Token:
        """Make a task known to the workers, once for all chunks; raises ``CannotTravel``."""

    def retire(self, token: Token) -> None:
        """Forget a task."""

    def submit(self, chunk: Chunk) -> Future[ChunkEnd]:
        """Run a chunk. The future raises ``WorkerLost``, ``ItemUnsendable`` or ``BackendBroken``."""

    def progress(self, chunk: Chunk) -> Progress | None:
        """Say what the worker has done so far; ``None`` when it has not begun or has ended."""

    def cut(self, chunk: Chunk, before: int) -> int:
        """Ask not to start item ``before`` or later ones; return the first that is really free."""

    def halt(self, chunk: Chunk, force: Force) -> None:
        """End the item that the chunk's worker runs now."""

    def close(self) -> None:
        """Let go of what this backend started. Idempotent."""


class BackendBase:
    """Defaults for a backend that cannot see into its workers."""

    name = "custom"
    capabilities = Capabilities()

    def retire(self, token: Token) -> None:
        return None

    def progress(self, chunk: Chunk) -> Progress | None:
        return None

    def cut(self, chunk: Chunk, before: int) -> int:
        return chunk.stop

    def halt(self, chunk: Chunk, force: Force) -> None:
        return None

    def close(self) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Recalled:
    """What a checkpoint knows of items that have just been pulled."""

    values: Sequence[Values] = ()
    since: str = ""
    """When the newest of them was saved, as people write it."""
    note: str = ""
    """What else people should know, such as how many stored results were damaged."""


class Store(Protocol):
    """Keeps results beyond the life of the process. Nothing here may block but ``recall`` and ``close``."""

    def open(self, post: Callable[[Any], None]) -> None:
        """Begin to save; tell ``Saved`` and ``Unsaved`` through ``post``, from any thread."""

    def recall(self, start: int, items: Sequence[Any]) -> Recalled:
        """Take note of items ``start …`` and return the values they have already; raises ``UsageError``."""

    def save(self, saving: Any, items: Sequence[Any]) -> None:
        """Take a ``Save`` instruction and its items; the results are on disk when ``Saved`` was told."""

    def flush(self) -> None:
        """Save at once what was taken."""

    def close(self) -> None:
        """Save what is left as far as that is possible, and let others write. Idempotent."""


class Sink(Protocol):
    """Takes values in the order of the items, each batch once. ``deliver`` must not block."""

    def open(self, post: Callable[[Any], None]) -> None:
        """Begin; tell ``Delivered`` and ``Undelivered`` through ``post``, from any thread."""

    def deliver(self, batch: Any, values: Callable[[], list[tuple[int, Any]]]) -> None:
        """Take a ``Deliver`` instruction: ``values`` gives ``(index, value)`` of items that have one."""

    def close(self) -> None:
        """Finish what was delivered. Idempotent."""


Observer = Callable[[Any, Any], None]
"""Called with each event and the run's state after it, on the engine's thread."""


class Clock(Protocol):
    def now(self) -> float:
        """Return monotonic time in seconds."""


class MonotonicClock:
    """The real clock: one timeline for all processes of this machine."""

    now = staticmethod(time.perf_counter)
