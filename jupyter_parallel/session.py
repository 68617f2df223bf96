"""What the runs of this process share: default options, the runs themselves, how they are shown."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from .engine.plan import Options
from .engine.run import Run
from .errors import UsageError


class Screen(Protocol):
    """What shows a run while somebody waits for it."""

    def __call__(self, run: Run) -> contextlib.AbstractContextManager[Any]: ...


@contextlib.contextmanager
def dark(run: Run) -> Iterator[None]:
    """Show nothing."""
    yield


class Session:
    """The one session of this process."""

    def __init__(self) -> None:
        self.options = Options()
        self.screen: Screen = dark
        self.folder: Path | None = None
        """Where the notebook is: checkpoints lie beside it. Without one, the working directory."""
        self.label: Callable[[str], str | None] = lambda filename: None
        """Returns what people call the notebook code of a file name, None for a file."""
        self._runs: weakref.WeakSet[Run] = weakref.WeakSet()
        self._last: Run | None = None
        self._watchers: list[Callable[[], None]] = []

    def note(self, run: Run) -> None:
        self._runs.add(run)
        self._last = run
        for watcher in list(self._watchers):
            watcher()

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back when a run starts, on the thread that starts it; return what ends that."""
        self._watchers.append(callback)
        return lambda: self._watchers.remove(callback) if callback in self._watchers else None

    @property
    def root(self) -> Path:
        """The folder in which checkpoints have theirs."""
        return self.folder or Path.cwd()

    @property
    def last(self) -> Run | None:
        return self._last

    @property
    def runs(self) -> list[Run]:
        """All runs that are still held by somebody, oldest first."""
        return sorted(self._runs, key=lambda run: run.id)


session = Session()


def last_run() -> Run:
    """Return the latest run, so that nothing is out of reach after an error.

    Raises
    ------
    UsageError
        Nothing has run yet.
    """
    if session.last is None:
        raise UsageError("nothing has run yet in this session")
    return session.last
