"""What a run that has ended says to whoever waited for it."""

from __future__ import annotations

import pickle
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import (
    BackendBroken,
    InputError,
    ItemFailed,
    JupyterParallelError,
    RunCancelled,
    RunFailed,
    RunTimeout,
    SaverFailed,
)
from .overview import Counts, RunStatus
from .ports import Failed, Failure
from .state import RunState

EXCEPTIONS = 1000
"""Exceptions built for one ``RunFailed``; its message counts all failures."""
SHOWN_INDICES = 5


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Failures of one type at one place."""

    type: str
    message: str
    where: str
    indices: tuple[int, ...]

    def __str__(self) -> str:
        shown = ", ".join(map(str, self.indices[:SHOWN_INDICES]))
        more = ", …" if len(self.indices) > SHOWN_INDICES else ""
        message = self.message.strip().partition("\n")[0]
        # A crash has no line: its reason stands for the place.
        place = f"  at {self.where}" if self.where and self.where not in message else ""
        noun = "item" if len(self.indices) == 1 else "items"
        return f"{len(self.indices)} × {_told(self.type, message)}{place}  ({noun} {shown}{more})"


def _told(kind: str, message: str) -> str:
    return f"{kind}: {message}" if message else kind


def group_failures(failures: Iterable[Failed]) -> list[ErrorGroup]:
    """Group failures by type and place, the largest group first."""
    groups: dict[tuple[str, str], list[Failed]] = defaultdict(list)
    for failed in failures:
        groups[failed.failure.type, failed.failure.where].append(failed)
    found = [
        ErrorGroup(kind, members[0].failure.message, where, tuple(member.index for member in members))
        for (kind, where), members in groups.items()
    ]
    return sorted(found, key=lambda group: -len(group.indices))


def original(failure: Failure) -> BaseException | None:
    """Return the exception itself, when it survived the trip."""
    if not isinstance(failure.exception, bytes):
        return failure.exception
    try:
        exception = pickle.loads(failure.exception)
    except Exception:
        return None
    return exception if isinstance(exception, BaseException) else None


def item_failed(failed: Failed) -> ItemFailed:
    """Build the error of one item; its cause is the original exception."""
    failure = failed.failure
    error = ItemFailed(f"item {failed.index}: {_told(failure.type, failure.message)}", failed.index)
    cause = original(failure)
    if cause is not None:
        error.__cause__ = cause
    if failure.traceback:
        error.add_note(failure.traceback)
    return error


def run_failed(state: RunState) -> RunFailed:
    """Build the error of a run with failed items."""
    failures = state.results.failures()
    counts = state.ledger.counts(state.total)
    lines = [
        f"{counts.failure} of {counts.complete} items failed; {counts.success} values are kept in the run"
    ]
    without = counts.cancelled + counts.skipped
    if without:
        lines[0] += f", {without} items never got one"
    lines += [f"  {group}" for group in group_failures(failures)]
    if failures and failures[0].failure.traceback:
        lines += ["", f"Item {failures[0].index}:", failures[0].failure.traceback.rstrip()]
    lines += ["", "run = jupyter_parallel.last_run() has everything: run.successes(), run.failures"]
    return RunFailed("\n".join(lines), [item_failed(failed) for failed in failures[:EXCEPTIONS]])


def cut_short(state: RunState) -> JupyterParallelError | None:
    """Build the error of a run that ended before its items did, or return None."""
    counts = state.ledger.counts(state.total)
    if state.status is RunStatus.CANCELLED:
        left = counts.cancelled + counts.skipped
        kind, how = (RunTimeout, state.note) if state.out_of_time else (RunCancelled, "cancelled")
        return kind(
            f"{how} with {counts.success} values and {left} items without one; "
            "run = jupyter_parallel.last_run() has the values, run.retry() goes on with the rest"
        )
    if state.input_error is not None:
        error = InputError(f"{state.input_error}; {counts.success} values before it are kept")
        error.__cause__ = state.input_error.__cause__ or state.input_error
        return error
    if state.broken or state.status is RunStatus.INTERRUPTED:
        return BackendBroken(f"{state.note}; {counts.success} values are kept")
    return None


def saver_failed(state: RunState) -> SaverFailed | None:
    """Build the error of a run whose saver raised, or return None."""
    raised = state.saving.error
    if raised is None:
        return None
    counts = state.ledger.counts(state.total)
    error = SaverFailed(
        f"the saver raised {type(raised).__name__}: {raised}; it was not called again. "
        f"run = jupyter_parallel.last_run() has the {counts.success:,} values"
    )
    error.__cause__ = raised
    return error


def interrupted(counts: Counts) -> KeyboardInterrupt:
    """Return the ``KeyboardInterrupt`` of a run that ■ has ended, with the way to go on."""
    return _plain_interrupt(
        f"interrupted with {counts.success} values; {counts.cancelled} items were cancelled; "
        "run = jupyter_parallel.last_run() has the values, run.retry() goes on with the rest"
    )


def stopped_waiting(what: str) -> KeyboardInterrupt:
    """Return the ``KeyboardInterrupt`` of somebody who waited for a run that is not theirs to end."""
    return _plain_interrupt(f"stopped waiting for {what}; run.cancel() ends the run itself")


def _plain_interrupt(message: str) -> KeyboardInterrupt:
    error = KeyboardInterrupt(message)
    # As for our own errors: IPython shows the message instead of our frames.
    error._render_traceback_ = lambda: [f"KeyboardInterrupt: {message}"]  # type: ignore[attr-defined]
    return error
