"""A chunk that runs inside this process, in whatever thread."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from time import perf_counter

from ..engine.ports import Chunk, Force, Progress, Record, Token
from ..worker import capture
from ..worker.awaiting import EventLoop
from ..worker.context import Execution
from ..worker.execute import run_chunk
from ..worker.outbox import Outbox, PickledOutbox
from ..worker.page import ASK, CURRENT, SINCE, STOP, Page
from ..worker.payload import Program, Task, program_here
from ..worker.report import install_sources
from .records import to_records


class Tasks:
    """Published tasks of a backend whose workers share this process' memory."""

    def __init__(self) -> None:
        self._programs: dict[Token, Program] = {}
        self._count = itertools.count()

    def publish(self, task: Task) -> Token:
        token = f"here-{next(self._count)}"
        install_sources(task.sources)
        self._programs[token] = program_here(task)
        return token

    def retire(self, token: Token) -> None:
        self._programs.pop(token, None)

    def __getitem__(self, token: Token) -> Program:
        return self._programs[token]


class LocalChunk:
    """A chunk, its page and its records; other threads may look at it and cut it while it runs."""

    def __init__(self, chunk: Chunk, program: Program, captures: bool) -> None:
        self.chunk = chunk
        self.program = program
        self.seed = program.seed
        self.worker = ""
        self.page = Page()
        self.page.begin(chunk.id, chunk.start, chunk.stop)
        self._captures = captures
        self._lock = threading.Lock()
        self._outbox: Outbox | None = None
        self.execution: Execution | None = None

    def run(self, worker: str, loop: EventLoop, fatal: Callable[[BaseException], bool] | None = None) -> int:
        """Run the chunk; return the first item that was not run."""
        self.worker = worker
        kind = PickledOutbox if self.program.pickled else Outbox
        outbox = kind(self.page, self.program.sources, self.chunk.start, loop)
        self.execution = Execution(self.page, outbox, self.seed, self._captures)
        self.page.times[SINCE] = perf_counter()
        self._outbox = outbox
        if self._captures:
            capture.install()
        try:
            return run_chunk(self.program, self.chunk.items, self.execution, fatal)
        finally:
            if self._captures:
                capture.uninstall()

    def take(self) -> list[Record]:
        """Return the records made since the last call."""
        return [] if self._outbox is None else to_records(self._outbox.take())

    def progress(self) -> Progress | None:
        if self._outbox is None:
            return None
        return Progress(self.worker, self.page.fields[CURRENT], self.page.times[SINCE], self.take())

    def cut(self, before: int) -> int:
        """Take a tail back; see ``Backend.cut``."""
        with self._lock:
            fields = self.page.fields
            before = max(before, self.chunk.start)
            if self.program.call == "chunk" and (fields[CURRENT] >= 0 or before > self.chunk.start):
                return self.chunk.stop
            fields[STOP] = before = min(fields[STOP], before)
            if fields[CURRENT] >= before:
                fields[STOP] = before = fields[CURRENT] + 1
            return before

    def halt(self, force: Force) -> None:
        """Ask the running item to stop: nothing stronger exists inside one process."""
        self.page.fields[ASK] = self.page.fields[CURRENT]
