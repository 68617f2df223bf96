"""Work that belongs to the thread that waits for a run.

Pulling items runs user code (a database cursor, a generator of the notebook), and serial items want
the kernel's main thread: breakpoints, plots and signals then behave as in a plain loop. So the engine
posts such jobs here, and whoever waits for the run serves them. A run in the background is served by
a thread of its own.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

Job = Callable[[], None]


class Attendant:
    """A queue of jobs with at most one server at a time."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._serving = threading.Lock()

    def post(self, job: Job) -> None:
        self._jobs.put(job)

    def leave(self) -> None:
        """Let the server go when it has done what was posted before."""
        self._jobs.put(None)

    def serve(self) -> None:
        """Do jobs until :meth:`leave`; whatever a job raises goes through to the caller."""
        with self._serving:
            while (job := self._jobs.get()) is not None:
                job()

    def serve_in_background(self) -> None:
        """Serve from a daemon thread."""
        threading.Thread(target=self.serve, name="jupyter_parallel feeder", daemon=True).start()
