"""Results as a sequence in the order of the items: access waits, and never invents a value."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, overload

from ..errors import ItemCancelled, ItemFailed, ItemSkipped
from .outcome import cut_short, item_failed, run_failed, saver_failed, stopped_waiting
from .overview import ItemState, RunStatus
from .plan import MISSING
from .state import RunState
from .waiting import check_may_wait

E = TypeVar("E", bound=BaseException)


class ResultSequence(Sequence[Any]):
    """The values of a run.

    The rule that holds everywhere: what is not a value of its item is an exception. An item that
    failed raises :class:`~jupyter_parallel.errors.ItemFailed` from the original, never the original
    itself: an ``IndexError`` of the user's would silently end a ``for``.

    Parameters
    ----------
    state
        The run's state.
    changed
        Notified whenever the state has changed; guards it.
    """

    def __init__(self, state: RunState, changed: threading.Condition) -> None:
        self._state = state
        self._changed = changed

    def error(self) -> BaseException | None:
        """Return what whoever waited for the run should raise, or None; ``.run`` is the run."""
        error = self._cut_short()
        if error is None and self._state.status is RunStatus.FAILED:
            wrong = None if self._state.results.failed_indices else saver_failed(self._state)
            return self._about_this_run(wrong or run_failed(self._state))
        return error

    def __len__(self) -> int:
        total = self._state.total
        if total is None:
            raise TypeError("the number of items is not known before the iterable has ended; use run.counts")
        return total

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (list, tuple)):
            raise TypeError("a Run is not a list; compare list(run) == ...")
        return self is other

    __hash__ = object.__hash__

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._known_length()))]
        if index < 0:
            index += self._known_length()
        self._wait_for_item(index)
        return self._value(index)

    def __iter__(self) -> Iterator[Any]:
        index = 0
        while (end := self._wait_for_prefix(index)) > index:
            if set(self._state.ledger.codes(index, end)) == {ItemState.SUCCESS}:
                yield from self._state.results.values(index, end)
            else:
                yield from map(self._value, range(index, end))
            index = end
        # A run that ended early must not look like one that is complete.
        self._raise_if_cut_short()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        import numpy

        return numpy.array(list(self), dtype=dtype)

    def result(self, timeout: float | None = None, *, default: Any = MISSING) -> list[Any]:
        """Return all values in the order of the items.

        Parameters
        ----------
        timeout
            Seconds to wait for the run; without it, as long as it takes.
        default
            Stands in for items without a value.

        Raises
        ------
        TimeoutError
            The run has not ended in time; it goes on.
        RunFailed
            Items have no value and no ``default`` was given.
        """
        if not self.wait(timeout):
            raise TimeoutError(f"the run has not ended after {timeout:g} s; it goes on")
        ledger = self._state.ledger
        if default is MISSING:
            self._raise_if_cut_short()
            if self._state.results.failed_indices:
                raise self._about_this_run(run_failed(self._state))
            return list(self)
        return [self._value(i) if ledger[i] is ItemState.SUCCESS else default for i in range(len(ledger))]

    def successes(self) -> list[tuple[int, Any]]:
        """Return ``(index, value)`` of the items that have succeeded so far."""
        ledger = self._state.ledger
        codes = ledger.codes(0, len(ledger))
        return [(index, self._value(index)) for index, code in enumerate(codes) if code == ItemState.SUCCESS]

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run has ended; return whether it has. ``timeout`` is in seconds."""
        return self._wait(lambda: self._state.status.ended, "the end of the run", timeout)

    # Inside -----------------------------------------------------------------------------------

    def _value(self, index: int) -> Any:
        match self._state.ledger[index]:
            case ItemState.SUCCESS:
                return self._state.results.value(index)
            case ItemState.FAILURE:
                failed = self._state.results.failed(index)
                error = item_failed(failed) if failed else ItemFailed(f"item {index} failed", index)
                raise error
            case ItemState.CANCELLED:
                raise ItemCancelled(f"item {index} was cancelled before it had a value", index)
            case _:
                raise ItemSkipped(
                    f"item {index} never ran: {self._state.note or 'the run ended early'}", index
                )

    def _cut_short(self) -> BaseException | None:
        error = cut_short(self._state)
        return error if error is None else self._about_this_run(error)

    def _raise_if_cut_short(self) -> None:
        error = self._cut_short()
        if error is not None:
            raise error

    def _about_this_run(self, error: E) -> E:
        error.run = self  # type: ignore[attr-defined]
        return error

    def _known_length(self) -> int:
        if self._state.total is None:
            self.wait()
        return len(self)

    def _wait_for_item(self, index: int) -> None:
        state = self._state

        def settled() -> bool:
            known = len(state.ledger)
            return state.status.ended or (index < known and state.ledger.ended(index))

        self._wait(settled, f"item {index}")
        if not 0 <= index < len(state.ledger):
            raise IndexError(f"index {index} is out of range: the run has {len(state.ledger)} items")

    def _wait_for_prefix(self, index: int) -> int:
        state = self._state
        self._wait(lambda: state.ledger.prefix > index or state.status.ended, f"item {index}")
        return state.ledger.prefix

    def _wait(self, condition: Callable[[], bool], what: str, timeout: float | None = None) -> bool:
        with self._changed:
            if condition():
                return True
            check_may_wait(what)
            try:
                return self._changed.wait_for(condition, timeout)
            except KeyboardInterrupt as interrupt:
                raise stopped_waiting(what) from interrupt
