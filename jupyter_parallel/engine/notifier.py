"""Telling observers, who are guests: one that raises or blocks is reported once and dropped.

They are told from a thread of their own. The drive loop only puts events into a queue, so nothing an
observer does can hold results, timeouts or a cancel up.
"""

from __future__ import annotations

import logging
import queue
import threading
from typing import Any

from .ports import Observer

log = logging.getLogger(__name__)

BACKLOG = 10_000
"""Events that may wait for observers before they are taken for blocked."""


class Notifier:
    """Hands events to observers, in order.

    Parameters
    ----------
    observers
        The live list: who is appended is told from then on.
    """

    def __init__(self, observers: list[Observer]) -> None:
        self._observers = observers
        self._events: queue.SimpleQueue[tuple[Any, Any] | None] = queue.SimpleQueue()
        self._started = False
        self._blocked = False

    def tell(self, event: Any, state: Any) -> None:
        """Queue an event; never blocks."""
        if not self._observers or self._blocked:
            return
        if not self._started:
            self._started = True
            threading.Thread(target=self._serve, name="jupyter_parallel observers", daemon=True).start()
        self._events.put((event, state))
        if self._events.qsize() > BACKLOG:
            self._blocked = True
            log.error("an observer of the run blocks: no observer is told any more; the run goes on")

    def close(self) -> None:
        """Let the thread end when everything has been told."""
        self._events.put(None)

    def _serve(self) -> None:
        while (told := self._events.get()) is not None:
            self.call(*told)

    def call(self, event: Any, state: Any) -> None:
        """Call all observers in this thread."""
        for observer in tuple(self._observers):
            try:
                observer(event, state)
            except Exception:
                log.exception("an observer of the run raised and is dropped; the run goes on")
                if observer in self._observers:
                    self._observers.remove(observer)
