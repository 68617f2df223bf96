"""A worker process: how it starts, how it runs a chunk, how it ends with its kernel."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import gc
import os
import pickle
import signal
import sys
import threading
import types
from types import FrameType
from typing import Any

from ..errors import ItemCancelled
from . import capture
from .awaiting import EventLoop
from .context import Execution, leave
from .execute import run_chunk
from .frames import map_block
from .memory import limited
from .order import ENDED, STALE, UNLOADABLE, UNREADABLE, Answer, Order, Start, items_of, taken_apart
from .outbox import SpoolFull, SpoolOutbox
from .page import CURRENT, PID, STRIKE, Page, open_page
from .payload import PackedTask, Program
from .report import install_sources
from .twin import Twin

STRIKE_SIGNAL = getattr(signal, "SIGRTMIN", signal.SIGUSR1) + (7 if hasattr(signal, "SIGRTMIN") else 0)
"""Asks a worker to raise ``ItemCancelled`` in the item it runs."""

FLUSH_EVERY = 0.1
_LOOK_FOR_KERNEL_EVERY = 1.0
_WORTH_COLLECTING = 1_000_000
"""Bytes; looking for cycles can take longer than a small run."""
_PR_SET_PDEATHSIG = 1


class Worker:
    """The one worker of this process."""

    def __init__(self, start: Start) -> None:
        self.page: Page = open_page(start.page)
        self.pid = os.getpid()
        self.outbox: SpoolOutbox | None = None
        self._spool = os.open(start.spool, os.O_RDWR)
        self._kernel = start.kernel
        self._twin = Twin(start.own_environment)
        self._loop = EventLoop()
        self._packed: dict[str, PackedTask] = {}
        self._programs: dict[str, Program] = {}
        self._names: dict[str, dict[str, Any]] = {}
        self._token = ""
        self._busy = threading.Event()
        self._main = types.ModuleType("__main__")
        self._main.__dict__["__builtins__"] = __builtins__
        # Notebook classes live on a module of their own: loky's names are on the old one.
        sys.modules["__main__"] = self._main
        threading.Thread(target=self._look_after, name="jupyter-parallel-flush", daemon=True).start()
        self.page.fields[PID] = self.pid

    def run(self, order: Order) -> Answer:
        """Run a chunk."""
        try:
            program = self._program(order)
        except BaseException as error:
            return UNLOADABLE, order.start, f"{type(error).__name__}: {error}"
        if program is None:
            return STALE, order.start, ""
        try:
            items = items_of(order)
        except BaseException as error:
            return UNREADABLE, order.start, f"{type(error).__name__}: {error}"
        return ENDED, self._run(order, taken_apart(program) if order.apart else program, items), ""

    def _run(self, order: Order, program: Program, items: list[Any]) -> int:
        outbox = SpoolOutbox(self.page, program.sources, order.start, self._loop, self._spool)
        execution = Execution(self.page, outbox, program.seed, captures=True)
        capture.install()
        self.outbox = outbox
        self._busy.set()
        try:
            with limited(program.memory_limit):
                return run_chunk(program, items, execution)
        finally:
            self._busy.clear()
            self.outbox = None
            capture.uninstall()
            outbox.flush(0.0)
            self._twin.remember()

    def forget(self, token: str) -> None:
        """Drop a task; its memory goes when the last array made from it goes."""
        packed = self._packed.pop(token, None)
        self._programs.pop(token, None)
        if packed is not None and packed.size > _WORTH_COLLECTING:
            del packed
            gc.collect()

    def _program(self, order: Order) -> Program | None:
        """Return the order's task, loaded; ``None`` if this worker is too old for it."""
        if order.token != self._token:
            packed = self._packed.get(order.token)
            if packed is None:
                packed = self._packed[order.token] = PackedTask(map_block(order.address))
            self._token = ""
            self._twin.follow(packed.surroundings)
            if order.token not in self._programs:
                if self._twin.outdated() is not None:
                    return None
                self._programs[order.token] = packed.load()
                self._twin.remember()
                install_sources(self._programs[order.token].sources)
            self._main.__dict__.update(self._programs[order.token].names)
            self._token = order.token
        for key, data in order.names.items():
            if data is not None:
                self._names[key] = pickle.loads(data)
            self._main.__dict__.update(self._names[key])
        return self._programs[order.token]

    def _look_after(self) -> None:
        """Flush what has finished while an item runs on; end when the kernel is gone."""
        pause = threading.Event()
        while os.getppid() == self._kernel:
            self._busy.wait(_LOOK_FOR_KERNEL_EVERY)
            if self._busy.is_set():
                pause.wait(FLUSH_EVERY)
            outbox = self.outbox
            if outbox is not None:
                with contextlib.suppress(SpoolFull):  # the item's own thread will meet it too
                    outbox.flush_aside()
        os._exit(1)

    def strike(self) -> None:
        """Raise in the item that is meant, if it still runs."""
        fields, outbox = self.page.fields, self.outbox
        index = fields[STRIKE]
        if outbox is not None and index == fields[CURRENT] == outbox.finished() != outbox.struck:
            outbox.struck = index
            raise ItemCancelled("interrupted", index)


_worker: Worker | None = None


def start(orders: Start) -> None:
    """Make this process a worker. SIGINT is blocked until this has happened."""
    global _worker
    _die_with(orders.kernel)
    faulthandler.enable(os.open(orders.crash, os.O_WRONLY), all_threads=False)
    # A handler that does nothing, instead of ignoring: programs that an item starts get the default back.
    signal.signal(signal.SIGINT, _ignore)
    signal.signal(STRIKE_SIGNAL, _on_strike)
    _trust_memory()
    _worker = Worker(orders)
    os.register_at_fork(after_in_child=_in_forked_child)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _die_with(kernel: int) -> None:
    """End with the kernel, also inside C code. The signal comes when the thread that started us ends."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != kernel:
        os._exit(1)


def _trust_memory() -> None:
    """Loky replaces a worker that grew by 300 MB, which reading a large shared array already looks like.

    Its way of measuring also collects garbage before the first chunk, which would then wait for it.
    """
    executor = sys.modules.get("loky.process_executor")
    if hasattr(executor, "_get_memory_usage"):
        executor._get_memory_usage = lambda pid, force_gc=False: 0  # type: ignore[union-attr]


def _ignore(number: int, frame: FrameType | None) -> None:
    return None


def _on_strike(number: int, frame: FrameType | None) -> None:
    if _worker is not None and _worker.pid == os.getpid():
        _worker.strike()


def _in_forked_child() -> None:
    """A child forked by an item shares page and spool: cut both off, so that it can only leave."""
    if _worker is not None:
        leave()
        _worker.page.release()


def ready() -> int:
    """Answer that the worker has started."""
    return os.getpid()


def run(order: Order) -> Answer:
    """Run a chunk in this process's worker."""
    assert _worker is not None
    return _worker.run(order)


def forget(token: str) -> None:
    """Drop a task from this process's worker."""
    if _worker is not None:
        _worker.forget(token)
