"""Handing values to a saver, batch after batch, from a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from ..engine import events as ev
from .savers import Saver

Values = Callable[[], list[tuple[int, Any]]]


class Delivery:
    """The ``Sink`` of a run.

    Parameters
    ----------
    saver
        Where values go. After it has raised once it is not called again.
    """

    def __init__(self, saver: Saver) -> None:
        self._saver = saver
        self._queue: queue.SimpleQueue[tuple[ev.Deliver, Values] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def open(self, post: Callable[[ev.Event], None]) -> None:
        """Begin to take batches."""
        self._queue = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=self._work, args=(self._queue, post), name="jupyter_parallel delivery", daemon=True
        )
        self._thread.start()

    def deliver(self, batch: ev.Deliver, values: Values) -> None:
        """Take a batch."""
        self._queue.put((batch, values))

    def close(self) -> None:
        """Finish what was delivered. Idempotent."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _work(
        self, batches: queue.SimpleQueue[tuple[ev.Deliver, Values] | None], post: Callable[[ev.Event], None]
    ) -> None:
        while (taken := batches.get()) is not None:
            batch, values = taken
            try:
                if batch.stop > batch.start:
                    self._saver.write(batch.start, batch.stop, values())
                if batch.last:
                    self._saver.close()
            except BaseException as error:
                # A saver is code of the user's: whatever it raises ends the saving and nothing else.
                post(ev.Undelivered(error))
                return
            post(ev.Delivered(batch.stop))
