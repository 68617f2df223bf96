"""One place for a worker process: starts it, gives it a chunk at a time, watches it, replaces it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from concurrent.futures import BrokenExecutor, Future
from typing import Any, Protocol

from ..engine.ports import Chunk, Force, Progress, Record
from ..worker import process as worker
from ..worker.envelope import decode_records
from ..worker.order import ENDED, Answer, Order, Start
from ..worker.page import ASK, COMMITTED, CURRENT, PID, SINCE, SIZE, STOP, STRIKE, Page
from .endings import out_of_memory_kills, reason_of
from .job import Job
from .records import to_records
from .segments import Segment
from .semaphores import unlink_semaphores
from .spawner import block_interrupts

_LARGE_SPOOL = 16_000_000
_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class Owner(Protocol):
    """What a slot tells its backend. Called from threads of loky, never under the slot's lock."""

    def started(self, slot: Slot) -> None: ...
    def start_failed(self, slot: Slot, reason: str) -> None: ...
    def answered(self, slot: Slot, job: Job, answer: Answer, records: list[Record]) -> None: ...
    def died(self, slot: Slot, job: Job, reason: str, index: int, records: list[Record]) -> None: ...


class Slot:
    """A worker process and what is shared with it.

    A loky executor of one worker each: if the process dies, nobody else is hurt, and a new executor takes
    its place. Page and spool belong to this side, so that they can be read after the worker's death.
    """

    def __init__(self, name: str, owner: Owner) -> None:
        self.name = name
        self._owner = owner
        self._lock = threading.RLock()
        self._page_segment = Segment([bytes(SIZE)])
        self._spool = Segment()
        self._crash = Segment()
        self._page = Page(self._page_segment.descriptor)
        self._read = 0
        self._executor: Any = None
        self._process: Any = None
        self._names: set[str] = set()
        self._starved_before = 0
        self._closed = False
        self._ending: list[threading.Thread] = []
        self.job: Job | None = None

    def spawn(self) -> None:
        """Start the process; runs in the spawner's thread."""
        try:
            with self._lock:
                if self._closed:
                    return
                self._names = set()
                self._page.begin(-1, 0, 0)
                self._crash.clear()
                self._starved_before = out_of_memory_kills()
                ready = self._start()
                executor = self._executor
        except Exception as error:
            self._owner.start_failed(self, f"{type(error).__name__}: {error}")
            return
        # Not under the lock: the owner is told at once if the worker was quicker than this line.
        ready.add_done_callback(lambda future: self._on_ready(executor, future))

    def _start(self) -> Future[int]:
        from loky import ProcessPoolExecutor

        block_interrupts()
        own = {name: "1" for name in _THREAD_LIMITS if name not in os.environ}
        start = Start(os.getpid(), self._page_segment.address, self._spool.address, self._crash.address, own)
        self._executor = ProcessPoolExecutor(
            1, timeout=None, env=own, initializer=worker.start, initargs=(start,)
        )
        ready: Future[int] = self._executor.submit(worker.ready)
        self._process = next(iter(self._executor._processes.values()), None)
        return ready

    def _on_ready(self, executor: Any, ready: Future[int]) -> None:
        if ready.exception() is None:
            with self._lock:
                if self._executor is not executor:  # closed meanwhile
                    return
                unlink_semaphores(executor, self._process)
            self._owner.started(self)
        else:
            self._owner.start_failed(self, self._exit_reason())

    def begin(self, job: Job) -> bool:
        """Give a chunk to the idle worker; return whether the worker could take it."""
        with self._lock:
            if self._closed or self._executor is None:
                return False
            self._page.begin(job.chunk.id, job.chunk.start, job.stop)
            self._read = 0
            try:
                answer = self._executor.submit(worker.run, self._order(job))
            except RuntimeError:  # it died while idle
                return False
            self.job = job
        answer.add_done_callback(lambda future: self._on_answer(job, future))
        return True

    def _order(self, job: Job) -> Order:
        block = job.block.address if isinstance(job.block, Segment) else job.block
        names: dict[str, bytes | None] = {}
        if job.names is not None:
            key, data = job.names
            names[key] = None if key in self._names else data
            self._names.add(key)
        chunk = job.chunk
        return Order(chunk.id, chunk.token, job.address, chunk.start, block, names, job.apart)

    def _on_answer(self, job: Job, answer: Future[Answer]) -> None:
        error = answer.exception()
        lost = error is not None
        reason = "" if error is None else self._reason(error)
        with self._lock:
            records = self._drain()
            index = self._page.fields[CURRENT]
            self.job = None
            if lost or answer.result()[0] != ENDED:
                self._names.clear()  # nobody knows how far it came
            if self._read > _LARGE_SPOOL:
                self._spool.clear()
        if lost:
            self._owner.died(self, job, reason, index, records)
        else:
            self._owner.answered(self, job, answer.result(), records)

    def _drain(self) -> list[Record]:
        """Return the records that were committed since the last time."""
        committed = self._page.fields[COMMITTED]
        block = self._spool.read(self._read, committed) if committed > self._read else b""
        self._read = committed
        return to_records(decode_records(block))

    def _reason(self, error: BaseException) -> str:
        if isinstance(error, BrokenExecutor) or self._closed:
            return self._exit_reason()
        return f"{type(error).__name__}: {error}"  # the process lives, but cannot go on

    def _exit_reason(self) -> str:
        process = self._process
        if self._closed:
            # Loky tells of the end before it kills the process: there is nothing to wait for.
            return "the workers were closed"
        if process is None:
            return "it could not be started"
        process.join(2)
        return reason_of(process.exitcode, out_of_memory_kills() > self._starved_before)

    def crash(self) -> str:
        """Return the stack the last worker left when it died by a fatal signal, empty if it did not."""
        with self._lock:
            if self._closed:
                return ""
            size = os.fstat(self._crash.descriptor).st_size
            return self._crash.read(0, size).decode(errors="replace") if size else ""

    def progress(self, chunk: Chunk) -> Progress | None:
        with self._lock:
            if not self._runs(chunk):
                return None
            fields = self._page.fields
            current = fields[CURRENT]
            return Progress(self.name, current, self._page.times[SINCE], self._drain())

    def _runs(self, chunk: Chunk) -> bool:
        return self.job is not None and self.job.chunk is chunk and not self._closed

    def cut(self, chunk: Chunk, before: int) -> int:
        """Take a tail back from the running chunk; see ``Backend.cut``."""
        with self._lock:
            if not self._runs(chunk):
                return chunk.stop
            assert self.job is not None
            fields = self._page.fields
            if self.job.whole and fields[CURRENT] >= 0:
                return chunk.stop
            before = self.job.cut(before)
            fields[STOP] = before
            current = fields[CURRENT]
            if current >= before:
                # It was faster. Item ``current`` may have begun before the worker could see the new limit.
                fields[STOP] = before = self.job.stop = current + 1
            return before

    def halt(self, chunk: Chunk, force: Force) -> None:
        """End the item that runs; see ``Backend.halt``."""
        with self._lock:
            if not self._runs(chunk):
                return
            fields = self._page.fields
            if force is Force.ASK:
                fields[ASK] = fields[CURRENT]
            elif force is Force.INTERRUPT:
                fields[STRIKE] = fields[CURRENT]
                self._signal(worker.STRIKE_SIGNAL)
            else:
                assert self.job is not None
                self.job.killed = True
                self.kill()

    def kill(self) -> None:
        """End the process and the programs it started."""
        children = _descendants(self._page.fields[PID])
        self._signal(signal.SIGKILL)
        for child in children:
            with contextlib.suppress(Exception):
                child.kill()

    def _signal(self, number: int) -> None:
        pid = self._process.pid if self._process is not None else None
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def forget(self, token: str) -> None:
        """Let the worker drop a task as soon as it is idle."""
        with self._lock:
            if self._executor is not None and not self._closed:
                with contextlib.suppress(RuntimeError):
                    self._executor.submit(worker.forget, token)

    def retire(self) -> None:
        """End the process; the slot can spawn another."""
        with self._lock:
            executor, self._executor = self._executor, None
            if executor is None:
                return
            self._ending = [thread for thread in self._ending if thread.is_alive()]
            self._ending += _threads_of(executor)
        executor.shutdown(wait=False, kill_workers=True)

    def end(self) -> None:
        """Begin to close for good."""
        with self._lock:
            self._closed = True
        self.retire()

    def finish(self) -> None:
        """Wait until nothing of a slot that was ended is left."""
        for thread in self._ending:
            if thread is not threading.current_thread():
                thread.join(5)
        with self._lock:
            self._process = None
            self._page.release()
            self._page_segment.close()
            self._spool.close()
            self._crash.close()


def _threads_of(executor: Any) -> list[threading.Thread]:
    """Return the threads that keep an executor's pipes and semaphores until they end."""
    feeder = getattr(executor._call_queue, "_thread", None)
    return [thread for thread in (executor._executor_manager_thread, feeder) if thread is not None]


def _descendants(pid: int) -> list[Any]:
    try:
        import psutil

        return list(psutil.Process(pid).children(recursive=True))
    except Exception:  # not installed, or the process is gone
        return []
