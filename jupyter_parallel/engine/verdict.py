"""What becomes of an item that did not succeed: another try, a failure, or cancelled."""

from __future__ import annotations

from dataclasses import replace

from .flight import Flight
from .overview import Counts, ItemState
from .plan import Options
from .ports import Failed, Failure

FIRST_OUTCOMES = 32
"""A run whose first outcomes, as many as this, are all failures is not worth going on with."""

Verdict = tuple[ItemState, Failed]
"""``PENDING`` (runs again), ``FAILURE`` or ``CANCELLED``, with the failure as it is to be told."""


class Judge:
    """Counts attempts and crashes of items, and decides.

    Parameters
    ----------
    options
        ``retries``, ``crash_retries`` and ``timeout`` of the run.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._crashes: dict[int, int] = {}
        self.attempts: dict[int, int] = {}
        """Items that started more than once; everything else started once."""

    def raised(self, flight: Flight, failed: Failed) -> Verdict:
        """Judge an item that ended with an exception."""
        if failed.failure.cancelled and flight.overdue:
            return ItemState.FAILURE, self.overdue(failed)
        if failed.failure.cancelled and flight.force is not None:
            return ItemState.CANCELLED, failed
        if self.attempts.get(failed.index, 1) <= self._options.retries:
            return self._again(failed)
        return ItemState.FAILURE, failed

    def died(self, flight: Flight, failed: Failed) -> Verdict:
        """Judge the item during which a worker died."""
        if flight.victim == failed.index:
            if flight.overdue:
                return ItemState.FAILURE, self.overdue(failed)
            return ItemState.CANCELLED, failed
        if flight.force is not None:
            # The kill was meant for the item before it.
            return ItemState.PENDING, failed
        crashes = self._crashes[failed.index] = self._crashes.get(failed.index, 0) + 1
        if crashes <= self._options.crash_retries:
            return self._again(failed)
        return ItemState.FAILURE, failed

    def overdue(self, failed: Failed) -> Failed:
        """Tell a failure as what it is: out of time."""
        message = f"ran longer than the limit of {self._options.timeout:g} s"
        return replace(failed, failure=Failure("Timeout", message))

    def again(self, index: int) -> None:
        """Count one more attempt at an item."""
        self.attempts[index] = self.attempts.get(index, 1) + 1

    def too_many(self, counts: Counts) -> str:
        """Say why so many failures end the run, or return an empty text."""
        outcomes = counts.success + counts.failure
        limit = self._options.max_failures
        if limit is None:
            if counts.failure != outcomes or outcomes < FIRST_OUTCOMES:
                return ""
            return f"the first {outcomes} items all failed; --max-failures 100% goes on anyway"
        if isinstance(limit, str):
            base = counts.total if counts.total is not None else max(outcomes, FIRST_OUTCOMES)
            allowed = base * int(limit.rstrip("%")) / 100
        else:
            allowed = limit
        return f"{counts.failure} items failed; --max-failures is {limit}" if counts.failure > allowed else ""

    def _again(self, failed: Failed) -> Verdict:
        self.again(failed.index)
        return ItemState.PENDING, failed
