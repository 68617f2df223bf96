"""The local backend: worker processes of this machine, one loky executor each."""

from __future__ import annotations

import atexit
import collections
import contextlib
import itertools
import os
import threading
import weakref
from concurrent.futures import Future

from ..engine.ports import Capabilities, Chunk, ChunkEnd, Force, Progress, Record, Token, WorkerLost
from ..errors import BackendBroken, CannotTravel
from ..worker import memory
from ..worker import order as orders
from ..worker.frames import total
from ..worker.payload import Task, pack_task
from .endings import crash_traceback
from .job import Job
from .segments import Segment
from .sending import Definitions, Parcel, pack_apart, pack_items
from .slot import Slot
from .spawner import spawner
from .travel import cannot_travel, refuse_generators
from .turns import Turns

_PIPE_LIMIT = 256_000
"""Item bytes above this go by a file in memory: a pipe is slower, and blocks when it is full."""
_DEATHS = 3
_LOADING = "what it imports must be importable from files on sys.path, or be defined in the notebook"


class LokyBackend:
    """Worker processes.

    Parameters
    ----------
    workers
        How many; they start at once, in parallel.
    """

    name = "loky"
    capabilities = Capabilities(live=True, can_kill=True, limits_memory=memory.SUPPORTED)

    def __init__(self, workers: int) -> None:
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._turns = Turns()
        self._tasks: dict[Token, tuple[Segment, Task]] = {}
        self._tokens = (f"{self._pid}-{number}" for number in itertools.count())
        self._definitions = Definitions()
        self._failed_starts = 0
        self._resting: list[Slot] = []
        self._closed = False
        self._slots = [Slot(f"worker-{number + 1}", self) for number in range(workers)]
        self._idle: collections.deque[Slot] = collections.deque()
        for slot in self._slots:
            spawner().call(slot.spawn)
        _living.add(self)
        spawner().call(_register_exit)

    def capacity(self) -> int:
        return len(self._slots)

    def publish(self, task: Task) -> Token:
        refuse_generators(task)
        try:
            parts = pack_task(task)
        except Exception as error:
            raise cannot_travel(task, error) from error
        try:
            segment = Segment(parts)
        except OSError as error:
            size = total(parts) / 1e6
            raise CannotTravel(f"no room for the {size:.0f} MB the function takes along: {error}") from error
        token = next(self._tokens)
        self._tasks[token] = segment, task
        with self._lock:
            self._turns.enter(token)
        return token

    def retire(self, token: Token) -> None:
        segment, _ = self._tasks.pop(token, (None, None))
        with self._lock:
            self._turns.leave(token)
        if segment is not None:
            segment.close()
            for slot in self._slots:
                slot.forget(token)

    def submit(self, chunk: Chunk) -> Future[ChunkEnd]:
        future: Future[ChunkEnd] = Future()
        future.set_running_or_notify_cancel()
        try:
            self._check_usable()
            job = self._job(chunk, future)
        except Exception as error:
            future.set_exception(error)
            return future
        with self._lock:
            self._turns.wait(job)
            self._wake()
        self._dispatch()
        return future

    def _check_usable(self) -> None:
        if self._closed:
            raise BackendBroken("these workers were closed; start a new run")
        if os.getpid() != self._pid:
            raise BackendBroken("these workers belong to the process this one was forked from")

    def _job(self, chunk: Chunk, future: Future[ChunkEnd]) -> Job:
        segment, task = self._tasks[chunk.token]
        parcel = pack_items(chunk.items, chunk.start)
        names = self._definitions.add(parcel.names)
        whole, size = task.call == "chunk", total(parcel.parts)
        return Job(chunk, segment.address, whole, _block(parcel), size, names, chunk.stop, future)

    def _wake(self) -> None:
        """Try again to start workers that could not be started before."""
        resting, self._resting = self._resting, []
        if resting:
            self._failed_starts = 0
        for slot in resting:
            spawner().call(slot.spawn)

    def _dispatch(self) -> None:
        """Give waiting chunks to idle workers; a chunk waits here, never at a orders."""
        with self._lock:
            while len(self._turns) and self._idle:
                slot, job = self._idle.popleft(), self._turns.take()
                if not slot.begin(job):
                    self._turns.return_(job)
                    self._replace(slot)

    def _replace(self, slot: Slot) -> None:
        if not self._closed:
            slot.retire()
            spawner().call(slot.spawn)

    def progress(self, chunk: Chunk) -> Progress | None:
        slot = self._slot_of(chunk)
        return None if slot is None else slot.progress(chunk)

    def _slot_of(self, chunk: Chunk) -> Slot | None:
        for slot in self._slots:
            job = slot.job
            if job is not None and job.chunk is chunk:
                return slot
        return None

    def cut(self, chunk: Chunk, before: int) -> int:
        with self._lock:
            for job in self._turns:
                if job.chunk is chunk:
                    return job.cut(before)
            slot = self._slot_of(chunk)
        return chunk.stop if slot is None else slot.cut(chunk, before)

    def halt(self, chunk: Chunk, force: Force) -> None:
        slot = self._slot_of(chunk)
        if slot is not None:
            slot.halt(chunk, force)

    def started(self, slot: Slot) -> None:
        with self._lock:
            self._failed_starts = 0
            self._idle.append(slot)
        self._dispatch()

    def start_failed(self, slot: Slot, reason: str) -> None:
        with self._lock:
            if self._closed:
                return
            self._failed_starts += 1
            if self._failed_starts < _DEATHS:
                self._replace(slot)
                return
            self._resting.append(slot)
            broken = self._turns.clear()
        for job in broken:
            _fail(job, BackendBroken(f"workers die before they can run anything: {reason}"))

    def answered(self, slot: Slot, job: Job, answer: orders.Answer, records: list[Record]) -> None:
        kind, stop, note = answer
        with self._lock:
            self._turns.done(job)
        if kind == orders.STALE:
            self._again(job)
            self._replace(slot)
            return
        apart = kind == orders.UNREADABLE and not job.apart
        if apart:
            self._send_apart(job)
        self._free(slot)
        if kind == orders.ENDED:
            job.release()
            job.future.set_result(ChunkEnd(slot.name, stop, records, job.nbytes))
        elif not apart:
            _fail(job, BackendBroken(f"a worker cannot load the function: {note}; {_LOADING}"))

    def _free(self, slot: Slot) -> None:
        with self._lock:
            self._idle.append(slot)
        self._dispatch()

    def _again(self, job: Job) -> None:
        with self._lock:
            self._turns.return_(job)

    def _send_apart(self, job: Job) -> None:
        job.release()
        parcel = pack_apart(job.chunk.items)
        job.block, job.names, job.apart = _block(parcel), self._definitions.add(parcel.names), True
        self._again(job)

    def died(self, slot: Slot, job: Job, reason: str, index: int, records: list[Record]) -> None:
        crash = slot.crash()
        with self._lock:
            self._replace(slot)
            begun = index >= 0 or job.killed or self._closed
            job.deaths += 1
            if not begun and job.deaths < _DEATHS:
                # It died idle, or while it loaded the function: no item can be blamed.
                self._turns.return_(job)
                return
        if begun:
            job.release()
            lost = WorkerLost(reason, slot.name, index, records)
            self._tell_where(lost, job, crash)
            job.future.set_exception(lost)
        else:
            _fail(job, BackendBroken(f"workers die before they reach the first item: {reason}"))

    def _tell_where(self, lost: WorkerLost, job: Job, crash: str) -> None:
        """Add the user's frames of a crash as a note of the error."""
        _, task = self._tasks.get(job.chunk.token, (None, None))
        trace = crash_traceback(crash, task.sources if task is not None else {})
        if trace:
            lost.add_note(trace)

    def close(self) -> None:
        with self._lock:
            if self._closed or os.getpid() != self._pid:
                return
            self._closed = True
            waiting = self._turns.clear()
        for slot in self._slots:
            slot.end()
        for slot in self._slots:
            slot.finish()
        for job in waiting:
            _fail(job, BackendBroken("the workers were closed"))
        for segment, _ in self._tasks.values():
            segment.close()
        self._tasks.clear()


_living: weakref.WeakSet[LokyBackend] = weakref.WeakSet()
_exit_registered = False


def _register_exit() -> None:
    """Close everything when the interpreter exits, before loky's own hook, which waits for running chunks.

    These hooks run last in, first out, so this one must be registered after loky's, which its first
    executor did just before in this thread.
    """
    global _exit_registered
    if not _exit_registered:
        _exit_registered = True
        register = getattr(threading, "_register_atexit", atexit.register)
        with contextlib.suppress(RuntimeError):  # the interpreter is exiting already
            register(_close_living)


def _close_living() -> None:
    for backend in list(_living):
        backend.close()


def _block(parcel: Parcel) -> bytes | Segment:
    if total(parcel.parts) > _PIPE_LIMIT:
        return Segment(parcel.parts)
    return b"".join(parcel.parts)


def _fail(job: Job, error: Exception) -> None:
    job.release()
    job.future.set_exception(error)
