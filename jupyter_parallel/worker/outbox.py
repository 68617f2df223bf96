"""Where a worker gathers what its items gave, until somebody takes it.

The chunk loop appends to ``values`` and then to ``stamps`` without a lock: each append is one step under the
interpreter's lock, and an item counts as finished by its stamp alone. Everything else holds ``lock``.
"""

from __future__ import annotations

import os
import pickle
import threading
from array import array
from time import perf_counter
from typing import Any

import cloudpickle

from .awaiting import ASYNC_TYPES, EventLoop
from .brief import brief
from .capture import Capture
from .context import Execution
from .envelope import Blob, Broke, Done, Made, encode_record
from .page import COMMITTED, Page
from .report import Report, Sources, report, travelling, user_frames

ATOMS: set[type] = {int, float, str, bytes, bool, type(None)}
"""Types whose values nobody can change: they may wait and be pickled together. Others join when seen."""

_CONSTANTS = {
    "builtins": {"complex"},
    "datetime": {"date", "timedelta"},
    "decimal": {"Decimal"},
    "fractions": {"Fraction"},
    "uuid": {"UUID"},
    "numpy": {
        *("bool", "bool_", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64", "longdouble", "complex64", "complex128", "clongdouble"),
    },
}
"""More such types, by module and name: none is imported for this."""

FLUSH_AFTER = 0.005
_HUGE = float("inf")
_AT_ONCE = 512
"""Pieces a single system call takes; POSIX promises 16, Linux and macOS take 1024."""


class UnpicklableResult(TypeError):
    """An item's result cannot be sent back."""


class SpoolFull(BaseException):
    """There is no room for results: no fault of an item, and nothing here can go on."""


def is_plain(value: Any) -> bool:
    """Return whether a value is an atom or a tuple of such, whatever later items do."""
    kind = type(value)
    return kind in ATOMS or _is_known(kind) or (kind is tuple and all(map(is_plain, value)))


def _is_known(kind: type) -> bool:
    """Return whether a library's type has values that never change; remember it as an atom."""
    if kind.__name__ not in _CONSTANTS.get(kind.__module__, ()):
        return False
    ATOMS.add(kind)
    return True


class Outbox:
    """Finished items of one chunk whose values stay objects."""

    captured_exceptions = True
    flush_after = _HUGE

    def __init__(self, page: Page, sources: Sources, start: int, loop: EventLoop) -> None:
        self.page = page
        self.sources = sources
        self.values: list[Any] = []
        self.stamps = array("d")
        self.lock = threading.RLock()
        self.base = start
        self.began = perf_counter()
        self.struck = -1
        self._loop = loop
        self._capture = Capture()
        self._made: list[Made] = []
        self.execution: Execution | None = None

    def finished(self) -> int:
        """Return the index of the first item that has not ended."""
        return self.base + len(self.stamps)

    def say(self, index: int, stream: str, text: str) -> None:
        """Take text that an item printed."""
        with self.lock:
            self._capture.add(index, stream, text)

    def settle(self, value: Any) -> Any:
        """Return a value that is no atom as it will be kept; raises if it cannot be kept."""
        return self.awaited(value)

    def awaited(self, value: Any) -> Any:
        """Return what an awaitable gives, and anything else as it is."""
        if isinstance(value, ASYNC_TYPES):
            assert self.execution is not None
            return self._loop.run(value, self.execution)
        return value

    def fail(self, error: BaseException) -> int:
        """Record that the item in flight raised; return the index of the next item."""
        told = self.told(error)
        with self.lock:
            self._gather()
            # An interrupt may have come between a value and its stamp: that item has not ended.
            self.values.clear()
            index, now = self.base, perf_counter()
            self._made.append(Broke(index, self.began, now, told))
            self.base, self.began = index + 1, now
        return index + 1

    def told(self, error: BaseException) -> Report:
        told = report(error, self.sources, error)
        # Our frames hold the whole chunk; the user's stay for the debugger.
        error.__traceback__ = user_frames(error)
        return told

    def take(self) -> list[Made]:
        """Return the records made since the last call."""
        with self.lock:
            self._gather()
            said = self._capture.take(self.base)
            made, self._made = self._made, []
        return [*said, *made]

    def flush(self, now: float) -> float:
        """Pass finished items on; return the time of the next flush."""
        return _HUGE

    def _gather(self) -> None:
        """Turn the values of finished items into records."""
        count = len(self.stamps)
        values, stamps = self.values[:count], self.stamps[:count]
        del self.values[:count]
        del self.stamps[:count]
        if not count:
            return
        start, began = self.base, self.began
        self.base, self.began = start + count, stamps[-1]
        ends = array("d", [began]) + stamps
        if start <= self.struck < start + count:
            self._split_struck(start, ends, values)
        else:
            self._add(start, ends, values)

    def _split_struck(self, start: int, stamps: array[float], values: list[Any]) -> None:
        """An item that swallowed its interrupt and returned something is cancelled all the same."""
        at = self.struck - start
        self._add(start, stamps[: at + 1], values[:at])
        told = Report("ItemCancelled", "interrupted", cancelled=True)
        self._made.append(Broke(self.struck, stamps[at], stamps[at + 1], told))
        self._add(self.struck + 1, stamps[at + 1 :], values[at + 1 :])

    def _add(self, start: int, stamps: array[float], values: list[Any]) -> None:
        if values:
            self._made.append(Done(start, stamps, values))


class PickledOutbox(Outbox):
    """Finished items of one chunk, whose values are pickled when their item ends and change no more."""

    _blobs = False

    def settle(self, value: Any) -> Any:
        if is_plain(value):
            return value
        value = super().settle(value)
        if is_plain(value):
            return value
        self._blobs = True
        return Blob(_pickled(value), brief(value))

    def _add(self, start: int, stamps: array[float], values: list[Any]) -> None:
        if not self._blobs:
            super()._add(start, stamps, values)
            return
        at = 0
        while at < len(values):
            blobs = type(values[at]) is Blob
            end = at + 1
            while end < len(values) and (type(values[end]) is Blob) is blobs:
                end += 1
            self._made.append(Done(start + at, stamps[at : end + 1], values[at:end], blobs))
            at = end


class SpoolOutbox(PickledOutbox):
    """Finished items of one chunk, written as bytes to a file that the kernel reads."""

    captured_exceptions = False
    flush_after = FLUSH_AFTER

    def __init__(self, page: Page, sources: Sources, start: int, loop: EventLoop, spool: int) -> None:
        super().__init__(page, sources, start, loop)
        self._spool = spool
        self._position = 0
        self._pid = os.getpid()

    def fail(self, error: BaseException) -> int:
        if os.getpid() != self._pid:
            # The item forked and its child came back into our loop, whose page is closed to it.
            os._exit(error.code if isinstance(error, SystemExit) and isinstance(error.code, int) else 1)
        return super().fail(error)

    def told(self, error: BaseException) -> Report:
        return report(error, self.sources, travelling(error))

    def flush(self, now: float) -> float:
        with self.lock:
            self.flush_aside()
            self.began = perf_counter()  # writing is not part of the next item
        return self.began + FLUSH_AFTER

    def flush_aside(self) -> None:
        """Flush, also from another thread while an item runs, whose start must not move."""
        with self.lock:
            pieces = [piece for record in self.take() for piece in encode_record(record)]
            if pieces:
                self._write(pieces)

    def _write(self, pieces: list[bytes]) -> None:
        try:
            for first in range(0, len(pieces), _AT_ONCE):
                self._write_some(pieces[first : first + _AT_ONCE])
        except OSError as error:
            raise SpoolFull(f"results cannot be written: {error}") from error
        # Only now may the kernel look: what it sees committed is always whole records.
        self.page.fields[COMMITTED] = self._position

    def _write_some(self, pieces: list[bytes]) -> None:
        written = os.pwritev(self._spool, pieces, self._position)
        self._position += written
        if written < sum(map(len, pieces)):
            rest = memoryview(b"".join(pieces))[written:]
            while rest:
                written = os.pwrite(self._spool, rest, self._position)
                self._position += written
                rest = rest[written:]


def _pickled(value: Any) -> bytes:
    try:
        return pickle.dumps(value, 5)
    except Exception:  # plain pickle is 50 times faster; what it cannot do, cloudpickle may
        try:
            data: bytes = cloudpickle.dumps(value, 5)
        except Exception as error:
            kind = type(value)
            raise UnpicklableResult(
                f"the result is a {kind.__module__}.{kind.__qualname__}, which cannot be sent back"
                f" ({error}); return plain data"
            ) from None
        return data
