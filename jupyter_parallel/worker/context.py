"""``context()``: what an item may know about itself while it runs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .page import ASK, CURRENT, Page

if TYPE_CHECKING:
    from .outbox import Outbox


class Execution:
    """A chunk being worked on in this thread: its page, its records, its random stream.

    Parameters
    ----------
    page
        Tells which item runs and whether it should stop.
    outbox
        Takes what items print.
    seed
        Seed of the run, ``None`` for fresh entropy.
    captures
        Whether prints belong to the items or go where they always go.
    """

    def __init__(self, page: Page, outbox: Outbox, seed: int | None, captures: bool) -> None:
        self.page = page
        self.outbox = outbox
        self.seed = seed
        self.captures = captures
        self.outer: Execution | None = None
        self._context: Context | None = None

    @property
    def index(self) -> int:
        return self.page.fields[CURRENT]

    def context(self) -> Context:
        """Return the running item's context: the same object until the item ends."""
        if self._context is None or self._context.index != self.index:
            self._context = Context(self, self.index)
        return self._context


class Context:
    """The running item.

    Attributes
    ----------
    index : int
        Position of the item in the run.
    """

    def __init__(self, execution: Execution, index: int) -> None:
        self.index = index
        self._execution = execution
        self._rng: Any = None

    @property
    def rng(self) -> Any:
        """A ``numpy.random.Generator`` of this item alone.

        With a seed its stream depends on seed and index only: same numbers on any backend, with any
        number of workers, chunk size or retry. It is ``SeedSequence(seed, spawn_key=(index,))``.
        """
        if self._rng is None:
            try:
                import numpy
            except ImportError:
                raise UsageError(
                    "context().rng is a numpy Generator, and numpy is not installed here"
                ) from None
            entropy = numpy.random.SeedSequence(self._execution.seed, spawn_key=(self.index,))
            self._rng = numpy.random.default_rng(entropy)
        return self._rng

    def should_stop(self) -> bool:
        """Return whether this item was asked to end: a cancel or a time limit."""
        return self._execution.page.fields[ASK] == self.index


class _Here(threading.local):
    execution: Execution | None = None


_here = _Here()
_alone: Execution | None = None
"""The execution of a process that runs one item at a time: threads that an item starts belong to it."""


@contextlib.contextmanager
def entered(execution: Execution, alone: bool = False) -> Iterator[None]:
    """Make ``execution`` the current one of this thread, or of the whole process if it is ``alone``."""
    global _alone
    before, before_alone = _here.execution, _alone
    execution.outer = before or before_alone
    _here.execution = execution
    if alone:
        _alone = execution
    try:
        yield
    finally:
        _here.execution, _alone = before, before_alone


def leave() -> None:
    """Belong to no item any more: a child forked by an item prints and asks for itself."""
    global _alone
    _here.execution = _alone = None


def current_execution() -> Execution | None:
    """Return the execution that the calling code belongs to."""
    return _here.execution or _alone


def inside_item() -> bool:
    """Return whether the caller runs inside an item."""
    return current_execution() is not None


def context() -> Context:
    """Return what the running item may know: ``index``, ``rng`` and ``should_stop()``.

    Raises
    ------
    UsageError
        Called outside an item.
    """
    execution = current_execution()
    if execution is None:
        raise UsageError("context() was called outside an item; call it in the body or function of a run")
    return execution.context()
