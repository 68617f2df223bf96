"""A run on a scripted backend and a manual clock, driven turn by turn in the test's own thread."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from jupyter_parallel.engine import events as ev
from jupyter_parallel.engine.engine import Engine
from jupyter_parallel.engine.feed import Feed
from jupyter_parallel.engine.notifier import Notifier
from jupyter_parallel.engine.plan import Options
from jupyter_parallel.engine.run import Run
from jupyter_parallel.engine.state import RunState
from jupyter_parallel.testing import ManualClock, ScriptedBackend


class Inline(Notifier):
    """Tells observers in the test's own thread."""

    def tell(self, event: Any, state: Any) -> None:
        self.call(event, state)


class Bench:
    """A run whose every step the test decides."""

    def __init__(
        self,
        items: Iterable[Any],
        *,
        backend: ScriptedBackend | None = None,
        whole: bool = False,
        start: bool = True,
        **options: Any,
    ) -> None:
        self.clock = ManualClock()
        self.backend = backend or ScriptedBackend()
        self.feed = Feed(items)
        self.changed = threading.Condition()
        self.state = RunState(
            Options(**options),
            self.feed.source,
            self.backend.capacity(),
            self.backend.capabilities,
            whole=whole,
        )
        self.observers: list[Any] = []
        self.engine = self.make_engine()
        self.run = Run(
            self.state,
            self.engine,
            self.feed,
            name="bench",
            backend="scripted",
            targets=("item",),
            clock=self.clock,
            changed=self.changed,
            observers=self.observers,
            rerun=lambda item, index: item,
            relaunch=self.relaunch,
        )
        if start:
            self.engine.post(ev.Began())
            self.turn()

    def make_engine(self) -> Engine:
        return Engine(
            self.state,
            self.backend,
            "task",
            self.feed,
            clock=self.clock,
            changed=self.changed,
            notifier=Inline(self.observers),
            at_end=lambda: None,
        )

    def relaunch(self) -> Engine:
        """Give a retry an engine that the test drives: its start only says that the run began."""
        self.engine = self.make_engine()
        self.engine.start = lambda name: self.engine.post(ev.Began())  # type: ignore[method-assign]
        self.engine.attendant.serve_in_background = lambda: None  # type: ignore[method-assign]
        return self.engine

    def turn(self, seconds: float = 0.0) -> None:
        """Move time, serve the jobs of the waiting thread, and let the engine do all there is to do."""
        self.clock.advance(seconds)
        self.engine.turn()
        while self.serve():
            self.engine.turn()

    def serve(self) -> bool:
        """Do what is posted for the waiting thread; return whether there was anything."""
        jobs = self.engine.attendant._jobs
        if jobs.empty():
            return False
        while not jobs.empty():
            job = jobs.get()
            if job is not None:
                job()
        return True

    def finish_everything(self, function: Any = lambda item: item, seconds: float = 0.001) -> None:
        """Let every chunk succeed until the run has ended."""
        for _ in range(100_000):
            if self.state.status.ended:
                return
            for start in list(self.backend.flying):
                self.backend.finish(start, function, seconds=seconds)
            self.turn(0.1)
        raise AssertionError("the run did not end")

    @property
    def chunks(self) -> list[int]:
        """Sizes of all chunks sent so far."""
        return [len(chunk.items) for chunk in self.backend.sent]
