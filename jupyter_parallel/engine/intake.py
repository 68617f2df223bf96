"""What workers report, taken into the ledger and the results of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from . import events as ev
from .chunking import ChunkSizer
from .flight import Flight
from .ledger import Ledger
from .overview import ItemState
from .plan import Options
from .ports import Failed, Failure, Output, Record, Values
from .results import Results
from .saving import Saving
from .verdict import Judge


class Intake:
    """Takes records in: the first report of an item counts, later ones change nothing.

    Parameters
    ----------
    options
        ``on_error`` and the limits of retries and failures.
    ledger, results, saving, sizer
        What learns of a record.
    whole
        Items of a chunk succeed or fail as one.
    total
        Gives the number of items, None while nobody can know.
    """

    def __init__(
        self,
        options: Options,
        ledger: Ledger,
        results: Results,
        saving: Saving,
        sizer: ChunkSizer,
        *,
        whole: bool,
        total: Callable[[], int | None],
    ) -> None:
        self.judge = Judge(options)
        self.stop = ""
        """Why the run should send nothing any more, or an empty text."""
        self._options = options
        self._ledger = ledger
        self._results = results
        self._saving = saving
        self._sizer = sizer
        self._whole = whole
        self._total = total

    def place(self, values: Values) -> None:
        """Give items the values they had in the checkpoint."""
        accepted = self._ledger.end(values.start, values.stop, ItemState.SUCCESS)
        self._results.put_values(values, "", accepted)
        self._ledger.restored += sum(stop - start for start, stop in accepted)

    def absorb(self, flight: Flight, records: Sequence[Record]) -> None:
        """Take in what the worker of a chunk reports."""
        for record in records:
            match record:
                case Values():
                    accepted = self._ledger.end(record.start, record.stop, ItemState.SUCCESS)
                    self._results.put_values(record, flight.worker, accepted)
                    self._saving.take_values(record, accepted)
                    self._sizer.observe(len(record.store), record.stamps[-1] - record.stamps[0])
                case Failed():
                    self._take_failure(flight, record)
                case Output():
                    self._results.put_output(record)

    def _take_failure(self, flight: Flight, failed: Failed) -> None:
        if self._whole:
            flight.failures.append(failed)
            return
        if not self._ledger.ended(failed.index):
            self._sizer.observe(1, failed.ended - failed.started)
            self.decide(*self.judge.raised(flight, failed), flight.worker)
        if failed.index == flight.victim:
            flight.relent()

    def settle_whole(self, flight: Flight) -> None:
        """A chunk function fails as one: all its items run again, or none."""
        if not flight.failures:
            return
        verdict, told = self.judge.raised(flight, flight.failures[0])
        for failed in flight.failures:
            self.decide(verdict, replace(told, index=failed.index), flight.worker)

    def decide(self, verdict: ItemState, failed: Failed, worker: str) -> None:
        """End an item without a value, unless it runs again."""
        index = failed.index
        if verdict is ItemState.PENDING or self._ledger.ended(index):
            return
        self._ledger.end(index, index + 1, verdict)
        if verdict is not ItemState.FAILURE:
            return
        self._results.put_failure(failed, worker)
        self._saving.take_failure(failed)
        stop = f"the first failure, item {index}" if self._options.on_error == "stop" else ""
        self.stop = self.stop or stop or self.judge.too_many(self._ledger.counts(self._total()))

    def blame(self, flight: Flight, index: int, event: ev.Lost, now: float) -> None:
        """Judge the item during which a worker died."""
        message = f"its worker died: {event.reason}"
        failure = Failure("WorkerCrash", message, event.traceback, where=event.reason)
        since = flight.since if index == flight.current else now
        verdict, told = self.judge.died(flight, Failed(index, since, now, failure))
        last = flight.stop if self._whole else index + 1
        for item in range(index, last):
            self.decide(verdict, replace(told, index=item), flight.worker)

    def show_running(self, flight: Flight, current: int, since: float) -> None:
        """Show which item of a chunk runs now, -1 for none."""
        if not flight.start <= current < flight.stop or self._ledger.ended(current):
            current = -1
        if flight.victim >= 0 and current not in (-1, flight.victim):
            flight.relent()
        if flight.current not in (-1, current):
            self._ledger.rest(flight.current, flight.current + 1)
        flight.current, flight.since = current, since
        if current >= 0:
            self._ledger.set(current, ItemState.RUNNING)
