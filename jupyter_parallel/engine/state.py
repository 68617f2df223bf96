"""The state of a run: events in, new state and small instructions out. No clock, no IO.

:meth:`RunState.apply` is the one place that changes a run. It never blocks, never calls user code
and never looks at a value; everything it knows about time arrives with the events.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from . import events as ev
from .chunking import ChunkSizer, RangeQueue
from .flight import Flight
from .intake import Intake
from .ledger import Ledger
from .overview import ItemState, Running, RunStatus
from .plan import CancellationPolicy, Options
from .ports import Capabilities, Failed, Force, Record, Values
from .results import Results
from .saving import Saving
from .spans import Span, Spans
from .window import Window

EAGER_LOOK_AHEAD = 100_000
"""Items pulled ahead when they come from something that has a length."""

Instructions = Iterable[ev.Instruction]


@dataclass(frozen=True, slots=True)
class Source:
    """What is known of the items before the first one is pulled."""

    length: int | None = None
    eager: bool = False
    """They come from something that has a length: pull well ahead, the total is worth knowing."""


class RunState:
    """State of one run.

    Parameters
    ----------
    options
        Validated options.
    source
        What is known of the items.
    workers
        How many chunks the backend runs at the same time.
    capabilities
        What the backend can do.
    whole
        The function takes a whole chunk: it is never cut, and succeeds or fails as one.
    """

    def __init__(
        self,
        options: Options,
        source: Source,
        workers: int,
        capabilities: Capabilities,
        *,
        whole: bool = False,
    ) -> None:
        self.options = options
        self.source = source
        self.workers = workers
        self.capabilities = capabilities
        self.whole = whole
        self.ledger = Ledger()
        self.results = Results()
        self.spans = Spans()
        self.saving = Saving(options)
        self.status = RunStatus.PENDING
        self.started: float | None = None
        self.ended: float | None = None
        self.input_error: BaseException | None = None
        self.broken = ""
        """Why the backend could not go on, or an empty text."""
        self.out_of_time = False
        self.note = ""
        self.rounds = 0
        """How often items were told to run again."""
        self._sizer = ChunkSizer(workers, None if options.chunk_size == "auto" else options.chunk_size)
        self._intake = Intake(
            options,
            self.ledger,
            self.results,
            self.saving,
            self._sizer,
            whole=whole,
            total=lambda: self.total,
        )
        self.judge = self._intake.judge
        self._queue = RangeQueue()
        self._window = Window(workers, capabilities, whole, options.timeout)
        self._exhausted = False
        self._pulling = False
        self._policy = CancellationPolicy.NONE
        self._closed = False
        self._halted = False
        """Paused because results cannot be saved, not because somebody asked."""
        self._unplaced: list[Values] = []
        """Values from a checkpoint for items that arrived after the run was closed."""
        self._deadline = math.inf

    # What the engine and views read -----------------------------------------------------------

    @property
    def flights(self) -> Sequence[Flight]:
        return self._window.flights

    @property
    def total(self) -> int | None:
        """Number of items; None while nobody can know."""
        known = len(self.ledger)
        if self._exhausted or self.source.length is None:
            return known if self._exhausted else None
        return max(known, self.source.length)

    @property
    def idle_workers(self) -> int:
        return self._window.idle

    @property
    def running(self) -> tuple[Running, ...]:
        return self._window.running

    # Events in, instructions out --------------------------------------------------------------

    def apply(self, event: ev.Event, now: float) -> list[ev.Instruction]:
        """Take one event; return what has to be done because of it."""
        if self.status.ended:
            return []
        asked = list(_HANDLERS[type(event)](self, event, now))
        if self._intake.stop and not self._closed:
            self.note = f"stopped: {self._intake.stop}"
            self._close(ItemState.SKIPPED)
        asked += self._dispatch(now)
        asked += self.saving.hand_out(self.ledger)
        if self._nothing_left():
            asked += self.saving.finish(self.ledger)
            self._end_when_settled(now)
        return asked

    def interrupt(self, reason: str, now: float) -> None:
        """End a run whose engine was lost: what has not ended is skipped."""
        self._close(ItemState.SKIPPED)
        self.ledger.end(0, len(self.ledger), ItemState.SKIPPED)
        self._window.clear()
        self.note, self.ended, self.status = reason, now, RunStatus.INTERRUPTED

    def fill(self, count: int, values: Iterable[Values], failures: Iterable[Failed]) -> None:
        """Be a run that has ended, of ``count`` items; those with neither value nor failure never ran."""
        self._extend(count, ItemState.PENDING)
        for one in values:
            self._intake.place(one)
        for failed in failures:
            if self.ledger.end(failed.index, failed.index + 1, ItemState.FAILURE):
                self.results.put_failure(failed, "")
        rest = self.ledger.end(0, count, ItemState.SKIPPED)
        self._closed = self._exhausted = True
        self.started = self.ended = 0.0
        self.status = RunStatus.INTERRUPTED if rest else RunStatus.FINISHED

    def _began(self, event: ev.Began, now: float) -> Instructions:
        self.status = RunStatus.RUNNING
        self.started = now if self.started is None else self.started
        self._deadline = math.inf if self.options.time_limit is None else now + self.options.time_limit
        return ()

    def reopen(self, pulled: int, exhausted: bool) -> None:
        """Make a run that has ended ready to go on, after ``pulled`` items have been pulled.

        Items that were never pulled are forgotten: they will be pulled now.
        """
        self.ledger.truncate(pulled)
        self.results.truncate(pulled)
        self._extend(pulled - len(self.ledger), ItemState.SKIPPED)
        self.status, self.ended, self.note = RunStatus.PENDING, None, ""
        self._exhausted, self._closed, self._policy = exhausted, False, CancellationPolicy.NONE
        self._intake.stop = ""
        self._queue.clear()
        self._halted = False
        self.broken, self.out_of_time = "", False
        self.saving.again()
        for values in self._unplaced:
            for index in range(values.start, values.stop):
                if self.ledger[index] > ItemState.SUCCESS:
                    self.ledger.reopen(index)
                    self.results.forget(index)
            self._intake.place(values)
        self._unplaced.clear()

    def _fed(self, event: ev.Fed, now: float) -> Instructions:
        self._pulling = False
        return self._arrived(event, now)

    def _arrived(self, event: ev.Arrived | ev.Fed, now: float) -> Instructions:
        if not self._closed:
            start = len(self.ledger)
            self._extend(event.count, ItemState.PENDING)
            self._queue.add(start, start + event.count)
        return ()

    def _restored(self, event: ev.Restored, now: float) -> Instructions:
        if self._closed:
            self._unplaced += event.values
            return ()
        start = len(self.ledger)
        self._extend(event.count, ItemState.PENDING)
        for values in event.values:
            self._intake.place(values)
        for first, last in self.ledger.open_ranges(start, start + event.count):
            self._queue.add(first, last)
        self.note = "; ".join(filter(None, [self._told_restored(event.since), event.note])) or self.note
        return ()

    def _told_restored(self, since: str) -> str:
        restored, total = self.ledger.restored, self.total
        if not restored:
            return ""
        if total is None:
            return f"{restored:,} restored from {since}"
        return f"{restored:,} of {total:,} restored from {since}, {total - restored:,} to do"

    # Saving -----------------------------------------------------------------------------------

    def _on_disk(self, event: ev.Saved, now: float) -> Instructions:
        self.saving.on_disk(event.items, event.flushed)
        if self._halted:
            self._halted = False
            self.status, self.note = RunStatus.RUNNING, "results are saved again"
        return ()

    def _not_saved(self, event: ev.Unsaved, now: float) -> Instructions:
        self.saving.trouble = event.reason
        if self.status is not RunStatus.RUNNING or CancellationPolicy.PENDING in self._policy:
            return ()
        self._halted, self.status = True, RunStatus.PAUSED
        self.note = f"paused: {event.reason}; results stay in memory, the run goes on when they can be saved"
        return self._window.take_all_tails()

    def _delivered(self, event: ev.Delivered, now: float) -> Instructions:
        self.saving.taken(event.stop, self.results)
        return ()

    def _not_delivered(self, event: ev.Undelivered, now: float) -> Instructions:
        self.saving.error = event.error
        self.note = (
            f"the saver raised {type(event.error).__name__}: {event.error}; values are kept from there on"
        )
        if not self.saving.keep:
            # Nobody takes the values any more: going on would fill the memory.
            self._close(ItemState.SKIPPED)
        return ()

    def _ran_dry(self, event: ev.Exhausted, now: float) -> Instructions:
        self._exhausted = True
        self._pulling = False
        if self._closed:
            return ()
        self.input_error = event.error
        found, said = len(self.ledger), self.source.length
        if event.error is not None:
            self.note = f"the items ended with an error at position {found}"
        elif said is not None and said != found:
            self.note = f"the items said they were {said} and gave {found}"
        return ()

    def _reported(self, event: ev.Reported, now: float) -> Instructions:
        flight = self._window.get(event.chunk)
        if flight is None:
            return ()
        flight.worker = event.worker
        self._intake.absorb(flight, event.records)
        self._intake.show_running(flight, event.current, event.since)
        return self._window.press_on(flight, now)

    def _landed(self, event: ev.Ended, now: float) -> Instructions:
        flight = self._land(event.chunk, event.worker, event.records, now)
        if flight is not None:
            if event.nbytes:
                self._sizer.observe_bytes(flight.size, event.nbytes)
            self._intake.settle_whole(flight)
            self._requeue(flight.start, flight.stop)
        return ()

    def _lost(self, event: ev.Lost, now: float) -> Instructions:
        flight = self._land(event.chunk, event.worker, event.records, now)
        if flight is None:
            return ()
        single = flight.stop - flight.start == 1 or self.whole
        index = flight.start if event.index < 0 and single else event.index
        if index >= 0 and not self.ledger.ended(index):
            self._intake.blame(flight, index, event, now)
        # Nobody to blame: each runs alone next time, and who dies alone is blamed.
        self._requeue(flight.start, flight.stop, alone=index < 0 and not self.capabilities.live)
        return ()

    def _unsendable(self, event: ev.Unsendable, now: float) -> Instructions:
        flight = self._land(event.chunk, "", (), now)
        if flight is not None:
            self._intake.decide(ItemState.FAILURE, Failed(event.index, now, now, event.failure), "")
            self._requeue(flight.start, flight.stop)
        return ()

    def _tail_freed(self, event: ev.TailFreed, now: float) -> Instructions:
        flight = self._window.get(event.chunk)
        if flight is not None and event.start < flight.stop:
            freed, flight.stop = (max(event.start, flight.start), flight.stop), event.start
            self._requeue(*freed)
        return ()

    def _broke(self, event: ev.Broken, now: float) -> Instructions:
        self.broken = self.note = event.reason
        self._close(ItemState.SKIPPED)
        for flight in self._window.clear():
            self.ledger.end(flight.start, flight.stop, ItemState.SKIPPED)
        return ()

    def _ticked(self, event: ev.Tick, now: float) -> Instructions:
        asked: list[ev.Instruction] = []
        if now >= self._deadline and not self._closed:
            self.out_of_time = True
            self.note = f"the time limit of {self.options.time_limit:g} s was reached"
            asked += self._cancelled(ev.CancelAsked(CancellationPolicy.ALL), now)
        for flight in self.flights:
            asked += self._window.press_on(flight, now)
            if flight.force is None and self._policy == CancellationPolicy.ALL:
                asked += self._window.press(flight, Force.ASK, now)
            if self._window.beyond_reach(flight):
                self._abandon(flight)
        if self._closed or self.status is RunStatus.PAUSED:
            return asked + list(self._window.take_all_tails())
        return asked + self._feed_the_idle(now)

    def _feed_the_idle(self, now: float) -> list[ev.Instruction]:
        """Take the tail of the longest late chunk back when a worker would idle otherwise."""
        longest = self._window.latest(now)
        if longest is None or self._window.idle <= 0 or len(self._queue) or self._sizer.fixed:
            return []
        self._sizer.observe_running(now - longest.since)
        return [self._window.take_tail(longest)]

    def _paused(self, event: ev.PauseAsked, now: float) -> Instructions:
        if self.status is RunStatus.RUNNING:
            self.status = RunStatus.PAUSED
            return self._window.take_all_tails()
        self._halted = False
        return ()

    def _resumed(self, event: ev.ResumeAsked, now: float) -> Instructions:
        if self.status is RunStatus.PAUSED:
            self.status, self._halted = RunStatus.RUNNING, False
        return ()

    def _cancelled(self, event: ev.CancelAsked, now: float) -> Instructions:
        asked: list[ev.Instruction] = []
        self._policy |= event.policy
        if CancellationPolicy.PENDING in event.policy:
            self._close(ItemState.CANCELLED)
            asked += self._window.take_all_tails()
        if CancellationPolicy.RUNNING in event.policy:
            for flight in self.flights:
                asked += self._window.press(flight, Force.ASK, now)
        return asked

    def _retried(self, event: ev.RetryAsked, now: float) -> Instructions:
        lost = [i for i in event.indices if self.ledger[i] > ItemState.SUCCESS]
        self.rounds += 1
        for index in lost:
            self.ledger.reopen(index)
            self.results.forget(index)
            self.judge.again(index)
        for first, last in reversed(list(_ranges(lost))):
            step = self._sizer.next_size(None) if self.whole else last - first
            for at in reversed(range(first, last, step)):
                self._queue.put_back(at, min(at + step, last), whole=self.whole)
        return ()

    # Sending ----------------------------------------------------------------------------------

    def _dispatch(self, now: float) -> list[ev.Instruction]:
        asked: list[ev.Instruction] = []
        if self.status is not RunStatus.RUNNING:
            return asked
        while self._window.idle > 0 and self._chunk_ready() and not self._too_far():
            start, stop = self._queue.take(self._sizer.next_size(self._remaining()))
            asked.append(self._window.launch(start, stop, now))
        return asked + self._pull()

    def _chunk_ready(self) -> bool:
        if self._sizer.fixed and not self._queue.came_back and not self._exhausted:
            # The grouping is promised: a short chunk is the last one.
            return self._queue.ready(self._sizer.next_size(None))
        return len(self._queue) > 0

    def _too_far(self) -> bool:
        """Whether new items have to wait, so that memory stays bounded; what came back never does."""
        new = self._queue.next_new
        return new is not None and self.saving.too_far(self.ledger, self.results, new, len(self._window) > 0)

    def _remaining(self) -> int | None:
        waiting = len(self._queue)
        if self._exhausted:
            return waiting
        if self.source.length is None:
            return None
        return waiting + max(0, self.source.length - len(self.ledger))

    def _pull(self) -> list[ev.Instruction]:
        if self._exhausted or self._closed or self._pulling:
            return []
        if self.saving.too_far(self.ledger, self.results, len(self.ledger), len(self._window) > 0):
            return []
        ahead = max(self._sizer.look_ahead(), EAGER_LOOK_AHEAD if self.source.eager else 0)
        room = ahead - self.ledger.open
        if room < max(1, ahead // 4):
            return []
        self._pulling = True
        return [ev.Pull(room)]

    # Items that do not succeed ---------------------------------------------------------------

    def _abandon(self, flight: Flight) -> None:
        self._window.land(flight.id)
        self.ledger.end(flight.start, flight.stop, ItemState.CANCELLED)
        self.note = "a running item cannot be ended on this backend: it was abandoned and goes on by itself"

    # Taking records in ------------------------------------------------------------------------

    def _land(self, chunk: int, worker: str, records: Sequence[Record], now: float) -> Flight | None:
        flight = self._window.land(chunk)
        if flight is not None:
            flight.worker = worker or flight.worker
            self.spans.add(Span(flight.worker, flight.start, flight.stop, flight.sent, now))
            self._intake.absorb(flight, records)
        return flight

    def _requeue(self, start: int, stop: int, *, alone: bool = False) -> None:
        """Put the items of a range that have not ended back into the queue, or end them."""
        if self._closed:
            self.ledger.end(start, stop, self._unsent)
            return
        self.ledger.rest(start, stop)
        for first, last in reversed(list(self.ledger.open_ranges(start, stop))):
            step = 1 if alone else last - first
            for at in reversed(range(first, last, step)):
                self._queue.put_back(at, at + step, whole=self.whole)

    # The end ----------------------------------------------------------------------------------

    @property
    def _unsent(self) -> ItemState:
        cancelled = CancellationPolicy.PENDING in self._policy
        return ItemState.CANCELLED if cancelled else ItemState.SKIPPED

    def _close(self, state: ItemState) -> None:
        """Send nothing any more: everything that waits ends in ``state``."""
        if self._closed:
            return
        self._closed = self._exhausted = True
        for start, stop in self._queue.clear():
            self.ledger.end(start, stop, state)
        missing = (self.source.length or 0) - len(self.ledger)
        if missing > 0:
            self._extend(missing, state)

    def _extend(self, count: int, state: ItemState) -> None:
        self.results.extend(count)
        self.ledger.extend(count, state)

    def _nothing_left(self) -> bool:
        waiting = len(self._window) or len(self._queue) or not self._exhausted
        return not waiting and self.status is not RunStatus.PENDING

    def _end_when_settled(self, now: float) -> None:
        cancelled = CancellationPolicy.PENDING in self._policy
        if not self.saving.settled(cancelled, forced=self._policy == CancellationPolicy.ALL):
            return
        if self.saving.unsaved:
            self.note = (
                f"{self.saving.unsaved:,} results are not saved: {self.saving.trouble}; this run has them"
            )
        self.ended = now
        self.status = self._outcome()

    def _outcome(self) -> RunStatus:
        # After a retry of some, or when only running items were ended, the others may still be cancelled.
        if CancellationPolicy.PENDING in self._policy or self.ledger.counts(self.total).cancelled:
            return RunStatus.CANCELLED
        failures = self.results.failed_indices and self.options.on_error != "collect"
        problem = failures or self.input_error or self.broken or self.saving.error
        return RunStatus.FAILED if problem else RunStatus.FINISHED


def _ranges(indices: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the maximal ranges of consecutive numbers among ascending ones."""
    ordered = sorted(set(indices))
    for _, group in itertools.groupby(enumerate(ordered), lambda pair: pair[1] - pair[0]):
        members = [index for _, index in group]
        yield members[0], members[-1] + 1


_HANDLERS: dict[type, Callable[[RunState, Any, float], Instructions]] = {
    ev.Began: RunState._began,
    ev.Arrived: RunState._arrived,
    ev.Fed: RunState._fed,
    ev.Restored: RunState._restored,
    ev.Saved: RunState._on_disk,
    ev.Unsaved: RunState._not_saved,
    ev.Delivered: RunState._delivered,
    ev.Undelivered: RunState._not_delivered,
    ev.Exhausted: RunState._ran_dry,
    ev.Reported: RunState._reported,
    ev.Ended: RunState._landed,
    ev.Lost: RunState._lost,
    ev.Unsendable: RunState._unsendable,
    ev.TailFreed: RunState._tail_freed,
    ev.Broken: RunState._broke,
    ev.Tick: RunState._ticked,
    ev.PauseAsked: RunState._paused,
    ev.ResumeAsked: RunState._resumed,
    ev.CancelAsked: RunState._cancelled,
    ev.RetryAsked: RunState._retried,
}
