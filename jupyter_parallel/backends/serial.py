"""The waiting thread itself: items run as in a plain loop, with breakpoints and plots."""

from __future__ import annotations

import bdb
import contextlib
import signal
import threading
from concurrent.futures import Future
from types import FrameType
from typing import Any

from ..engine.ports import Capabilities, Chunk, ChunkEnd, Force, Progress, Token
from ..worker.awaiting import EventLoop
from ..worker.page import STOP
from ..worker.payload import Task
from ..worker.seeding import kept_globals
from .local import LocalChunk, Tasks

_WORKER = "kernel"


class SerialBackend:
    """Runs each chunk inside ``submit``.

    A real interrupt (Ctrl-C, the stop button) and quitting the debugger leave ``submit`` as
    ``KeyboardInterrupt``; ``progress`` then still gives the records made before. A ``KeyboardInterrupt``
    that an item raises by itself fails that item, like any other exception.
    """

    name = "serial"
    capabilities = Capabilities(shares_memory=True, live=True, in_waiter=True)

    def __init__(self, workers: int = 1) -> None:
        self._tasks = Tasks()
        self._live: dict[int, LocalChunk] = {}
        self._loop = EventLoop()

    def capacity(self) -> int:
        return 1

    def publish(self, task: Task) -> Token:
        return self._tasks.publish(task)

    def retire(self, token: Token) -> None:
        self._tasks.retire(token)

    def submit(self, chunk: Chunk) -> Future[ChunkEnd]:
        future: Future[ChunkEnd] = Future()
        future.set_running_or_notify_cancel()
        # An interrupted chunk stays here until its last records are asked for or the next one begins.
        self._live.clear()
        local = self._live[id(chunk)] = LocalChunk(chunk, self._tasks[chunk.token], captures=False)
        stop = self._run(local)
        del self._live[id(chunk)]
        future.set_result(ChunkEnd(_WORKER, stop, local.take()))
        return future

    def _run(self, local: LocalChunk) -> int:
        keep = kept_globals() if local.program.seed is not None else contextlib.nullcontext()
        with keep, _Interrupt(local) as interrupt:
            try:
                stop = local.run(_WORKER, self._loop, interrupt.ends)
            except bdb.BdbQuit:
                raise KeyboardInterrupt("the debugger was quit") from None
        if interrupt.came:
            # The item caught the interrupt and went on; the run must not.
            raise KeyboardInterrupt
        return stop

    def progress(self, chunk: Chunk) -> Progress | None:
        local = self._live.get(id(chunk))
        return None if local is None else local.progress()

    def cut(self, chunk: Chunk, before: int) -> int:
        local = self._live.get(id(chunk))
        return chunk.stop if local is None else local.cut(before)

    def halt(self, chunk: Chunk, force: Force) -> None:
        local = self._live.get(id(chunk))
        if local is not None:
            local.halt(force)

    def close(self) -> None:
        self._loop.close()
        self._live.clear()


class _Interrupt:
    """Notes a real SIGINT on its way to the handler that was there before."""

    def __init__(self, local: LocalChunk) -> None:
        self._local = local
        self._before: Any = None
        self.came = False

    def __enter__(self) -> _Interrupt:
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if callable(before):
                self._before = before
                signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        self._local.page.fields[STOP] = -1
        self._before(number, frame)

    def ends(self, error: BaseException) -> bool:
        """Return whether an exception ends the chunk instead of failing the item."""
        return isinstance(error, bdb.BdbQuit) or (isinstance(error, KeyboardInterrupt) and self.came)
