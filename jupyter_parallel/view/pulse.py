"""When to draw: at most ten times a second while things change, once a second in between, and at the end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class Pulse:
    """Calls ``draw`` on a thread of its own until it returns False, and again from the next mark on.

    A plain thread on purpose: outputs sent from one reach the notebook whatever the kernel is busy
    with. The engine only calls :meth:`mark`, which never waits.

    Parameters
    ----------
    draw
        Draws once and says whether there will be more to draw. One that raises ends the drawing,
        never the run.
    every
        Least seconds between two drawings: everything in between is one update.
    heartbeat
        Seconds after which it draws though nothing changed, for the clocks.
    delay
        Seconds before the first drawing.
    """

    def __init__(
        self, draw: Callable[[], bool], *, every: float = 0.1, heartbeat: float = 1.0, delay: float = 0.0
    ) -> None:
        self._draw = draw
        self._every = every
        self._heartbeat = heartbeat
        self._delay = delay
        self._changed = threading.Event()
        self._hurry = threading.Event()
        self._rests = threading.Event()
        """Set when there was nothing more to draw."""
        self._waking = threading.Lock()
        self._thread = self._new_thread()

    def _new_thread(self) -> threading.Thread:
        return threading.Thread(target=self._loop, name="jupyter-parallel-view", daemon=True)

    def start(self) -> None:
        """Begin; the first drawing comes after the delay."""
        self._thread.start()

    def rest(self) -> None:
        """Begin with nothing to draw: the next mark is the first."""
        self._rests.set()

    def mark(self) -> None:
        """Say that something changed. Returns at once, from any thread."""
        self._changed.set()
        self._wake()

    def _wake(self) -> None:
        """Begin again: a run that had ended goes on."""
        with self._waking:
            if self._rests.is_set() and self._changed.is_set():
                self._rests.clear()
                self._hurry.clear()
                self._delay = self._every
                self._thread = self._new_thread()
                self._thread.start()

    def flush(self, timeout: float = 2.0) -> None:
        """Draw the last state without waiting for the next beat, and wait until that has happened."""
        self._hurry.set()
        self._changed.set()
        self.join(timeout)

    def join(self, timeout: float) -> None:
        """Wait until nothing is left to draw, or the time is over."""
        if self._thread.ident is not None:  # a run that is over before it can be shown starts nothing
            self._thread.join(timeout)

    def _loop(self) -> None:
        self._hurry.wait(self._delay)
        try:
            while self._drawn():
                self._changed.wait(self._heartbeat)
                self._hurry.wait(self._every)
        except Exception:
            log.exception("the display of a run stopped; the run itself goes on")
            return
        self._rests.set()
        self._wake()  # A mark that came after the last drawing began is not lost.

    def _drawn(self) -> bool:
        self._changed.clear()
        return self._draw()
