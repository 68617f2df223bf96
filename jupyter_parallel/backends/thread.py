"""Threads of the kernel: values stay objects, nothing is pickled, and nothing can be killed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from ..engine.ports import Capabilities, Chunk, ChunkEnd, Force, Progress, Token
from ..errors import BackendBroken
from ..worker.awaiting import EventLoop
from ..worker.payload import Program, Task
from ..worker.seeding import kept_globals, seed_globals
from .local import LocalChunk, Tasks

_Work = tuple[LocalChunk, Future[ChunkEnd]]

_global_generators = threading.Lock()
"""``random`` and ``numpy.random`` are one per process: seeded items take turns with them."""


class ThreadBackend:
    """Daemon threads, started when first needed.

    An item that never ends keeps its thread, but never the process from exiting.
    """

    name = "thread"
    capabilities = Capabilities(shares_memory=True, live=True)

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._lock = threading.Lock()
        self._tasks = Tasks()
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._live: dict[int, LocalChunk] = {}
        self._threads: list[threading.Thread] = []
        self._closed = False

    def capacity(self) -> int:
        return self._workers

    def publish(self, task: Task) -> Token:
        return self._tasks.publish(task)

    def retire(self, token: Token) -> None:
        self._tasks.retire(token)

    def submit(self, chunk: Chunk) -> Future[ChunkEnd]:
        future: Future[ChunkEnd] = Future()
        future.set_running_or_notify_cancel()
        with self._lock:
            if self._closed:
                future.set_exception(BackendBroken("these threads were closed; start a new run"))
                return future
            local = self._live[id(chunk)] = LocalChunk(chunk, self._tasks[chunk.token], captures=True)
            if len(self._threads) < self._workers:
                self._start_thread()
        self._queue.put((local, future))
        return future

    def _start_thread(self) -> None:
        name = f"thread-{len(self._threads) + 1}"
        # Not ThreadPoolExecutor: the interpreter waits for its threads, also for one whose item never ends.
        thread = threading.Thread(
            target=self._work, args=(name,), name=f"jupyter-parallel-{name}", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _work(self, name: str) -> None:
        loop = EventLoop()
        while (work := self._queue.get()) is not None:
            self._run(name, loop, *work)
            del work
        loop.close()

    def _run(self, name: str, loop: EventLoop, local: LocalChunk, future: Future[ChunkEnd]) -> None:
        if local.program.seed is not None:
            local.program = _taking_turns(local, local.program, local.program.seed)
        try:
            stop = local.run(name, loop)
        except BaseException as error:
            self._live.pop(id(local.chunk), None)
            future.set_exception(error)
            return
        self._live.pop(id(local.chunk), None)
        future.set_result(ChunkEnd(name, stop, local.take()))

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
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for local in list(self._live.values()):
                local.cut(local.chunk.start)
            for _ in self._threads:
                self._queue.put(None)


def _taking_turns(local: LocalChunk, program: Program, seed: int) -> Program:
    function: Callable[..., Any] = program.function

    def alone(*arguments: Any, **keywords: Any) -> Any:
        assert local.execution is not None
        with _global_generators, kept_globals():
            seed_globals(seed, local.execution.index)
            return local.execution.outbox.awaited(function(*arguments, **keywords))

    return replace(program, function=alone, seed=None)
