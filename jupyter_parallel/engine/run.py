"""The handle people hold: a sequence of results in the order of the items."""

from __future__ import annotations

import asyncio
import itertools
import operator
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, ClassVar, overload

from ..errors import CannotTravel
from . import events as ev
from .columns import row_of
from .engine import Engine
from .feed import Feed
from .outcome import ErrorGroup, group_failures, interrupted
from .overview import Counts, FirstFailure, Glance, ItemState, Overview
from .plan import CancellationPolicy, check_policy
from .ports import Clock, Observer, Output
from .record import Record
from .sequence import ResultSequence
from .spans import Span
from .state import RunState

INTERRUPT_SECONDS = 2.5
"""How long an interrupt waits for running items to end before it gives the prompt back."""

_NUMBERS = itertools.count(1)


class Run(ResultSequence):
    """One function over many items: live while it runs, a sequence of values in item order.

    Access to a value waits until it is there. An item without a value raises ``ItemFailed``,
    ``ItemCancelled`` or ``ItemSkipped``, never the original exception itself. ``len``, ``bool`` and
    ``repr`` never wait. Runs are made by ``Runner.map``, ``parallel_map`` and the magics.
    """

    _opener: ClassVar[Callable[[str, bool], Run] | None] = None
    """Opens stored runs; ``keeping`` puts it here, for the engine knows no checkpoints."""

    def __init__(
        self,
        state: RunState,
        engine: Engine,
        feed: Feed,
        *,
        name: str,
        backend: str,
        targets: Sequence[str],
        clock: Clock,
        changed: threading.Condition,
        observers: list[Observer],
        rerun: Callable[[Any, int], Any],
        relaunch: Callable[[], Engine],
    ) -> None:
        super().__init__(state, changed)
        self.id = next(_NUMBERS)
        self.name = name
        self.targets = tuple(targets)
        self._engine = engine
        self._feed = feed
        self._backend = backend
        self._clock = clock
        self._observers = observers
        self._rerun = rerun
        self._relaunch = relaunch
        self._retrying = threading.Lock()
        self._waiting = False

    # What it looks like -----------------------------------------------------------------------

    @staticmethod
    def open(name: str, *, trust: bool = False) -> Run:
        """Open a stored run without running anything: its values, errors and table.

        Parameters
        ----------
        name
            Name of the checkpoint, as given by ``checkpoint=`` or ``--checkpoint``.
        trust
            Sign the results with your own key first. Do this only when you know where they come from:
            reading a value can run code that its writer chose.

        Raises
        ------
        CheckpointError
            There is no such checkpoint, or it cannot be read.
        UntrustedCheckpoint
            Its results were not signed by you.
        """
        assert Run._opener is not None, "import jupyter_parallel.keeping first"
        return Run._opener(name, trust)

    def __repr__(self) -> str:
        counts = self.counts
        of = "" if counts.total is None else f" of {counts.total}"
        failed = f", {counts.failure} failed" if counts.failure else ""
        return f"<Run {self.name!r}: {self.state}, {counts.complete}{of} items done{failed}>"

    def __reduce__(self) -> tuple[Any, ...]:
        if not self._state.status.ended:
            raise CannotTravel(
                f"the run {self.name!r} is still {self.state}, and a live run cannot be pickled or copied; "
                "wait for it first"
            )
        if len(self._without_value()):
            raise CannotTravel(
                f"the run {self.name!r} has items without a value; send run.successes() or "
                "run.result(default=None) instead"
            )
        return list, (self.result(),)

    # Waiting ----------------------------------------------------------------------------------

    def attend(self, *, detachable: bool = False) -> None:
        """Wait in the foreground: pull the items and run serial ones in this thread.

        Returns when the run has ended or was detached. A ``KeyboardInterrupt`` cancels the run,
        waits for its running items to be ended and goes through to the caller.

        Parameters
        ----------
        detachable
            Whether :meth:`detach` may end the waiting.
        """
        self._waiting = detachable and not self._state.capabilities.in_waiter
        try:
            self._engine.attendant.serve()
        except KeyboardInterrupt as interrupt:
            raise self.abort() from interrupt
        finally:
            self._waiting = False
        if not self._state.status.ended:
            self.serve_in_background()

    def abort(self) -> KeyboardInterrupt:
        """End the run because of ■: cancel everything, wait until it is quiet, return what to raise."""
        self.cancel(CancellationPolicy.ALL)
        self._wait(lambda: self._state.status.ended, "the cancelled run", INTERRUPT_SECONDS)
        return self._about_this_run(interrupted(self.counts))

    def serve_in_background(self) -> None:
        """Pull the items from a thread of their own; nobody needs to wait for the run."""
        self._engine.attendant.serve_in_background()

    def __await__(self) -> Generator[Any, None, list[Any]]:
        return self._awaited().__await__()

    async def _awaited(self) -> list[Any]:
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def tell() -> None:
            if self._state.status.ended:
                loop.call_soon_threadsafe(ended.set)

        unsubscribe = self.subscribe(tell)
        try:
            if not self._state.status.ended:
                await ended.wait()
        finally:
            unsubscribe()
        return self.result()

    # State ------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """The state word of the run, such as ``"running"``."""
        return str(self._state.status)

    @property
    def counts(self) -> Counts:
        """Items by state."""
        with self._changed:
            return self._state.ledger.counts(self._state.total)

    @property
    def records(self) -> Sequence[Record]:
        """One record an item, in item order; ``records[i]`` never waits."""
        return _Records(self)

    @property
    def failures(self) -> list[Record]:
        """Records of the failed items, in item order."""
        return [self.records[index] for index in self._state.results.failed_indices]

    @property
    def errors(self) -> list[ErrorGroup]:
        """Failures grouped by type and place, the largest group first."""
        return group_failures(self._state.results.failures())

    @property
    def shares_memory(self) -> bool:
        """Whether items run in this process: what they change is changed here."""
        return self._state.capabilities.shares_memory

    def to_records(self) -> list[dict[str, Any]]:
        """Return one dict per item: its targets, its value, state, seconds and attempts.

        Values that are dicts, dataclasses or namedtuples become one column a field. Never waits.
        """
        return [row_of(record, self.targets) for record in self.records]

    def to_pandas(self) -> Any:
        """Return :meth:`to_records` as a ``pandas.DataFrame`` indexed by the items' positions."""
        import pandas

        return pandas.DataFrame(self.to_records()).set_index("index")

    # Commands ---------------------------------------------------------------------------------

    def pause(self) -> None:
        """Start no further items; running ones go on. Idempotent."""
        self._engine.post(ev.PauseAsked())

    def resume(self) -> None:
        """Go on after a pause. Idempotent."""
        self._engine.post(ev.ResumeAsked())

    def cancel(self, policy: CancellationPolicy = CancellationPolicy.PENDING) -> None:
        """Cancel items; idempotent, returns at once.

        Parameters
        ----------
        policy
            ``PENDING`` lets running items end; ``RUNNING`` ends them: asked first, interrupted
            next, killed last where the backend can; ``ALL`` is both.
        """
        check_policy(policy)
        if policy:
            self._engine.post(ev.CancelAsked(policy))

    def detach(self) -> None:
        """Let the cell that waits for this run end; the run goes on in the background.

        Does nothing where nobody waits, or where the waiting cannot end early: a comprehension
        needs its values, a serial run is the waiting. Idempotent.
        """
        if self._waiting:
            self._waiting = False
            self._engine.attendant.leave()

    def retry(self, only: Iterable[int] | None = None) -> None:
        """Run items without a value again, in place; returns at once.

        Items of a cancelled run that were never pulled are pulled now.

        Parameters
        ----------
        only
            Indices of the items; all failed, cancelled and skipped ones by default.

        Raises
        ------
        IndexError
            An index is out of range; nothing has changed.
        """
        wanted = None if only is None else self._indices(only)
        with self._retrying:
            again = self._state.status.ended
            if again:
                self._engine = self._relaunch()
                with self._changed:
                    self._state.reopen(self._feed.count, self._feed.exhausted)
            self._engine.post(ev.RetryAsked(self._without_value() if wanted is None else wanted))
            if not again:
                return
            self._engine.start(f"jupyter_parallel run {self.id}")
        if self._state.capabilities.in_waiter:
            self.attend()
        else:
            self.serve_in_background()

    def debug(self, index: int) -> Any:
        """Run one item again in this thread, with the same inputs and seed, and return its value.

        Whatever it raises is raised here, so ``%debug`` and breakpoints work.
        """
        (index,) = self._indices([index])
        return self._rerun(self._feed.item(index), index)

    # For views --------------------------------------------------------------------------------

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back, on a thread of the run's own, whenever something changed; return what ends that."""

        def observer(event: Any, state: Any) -> None:
            callback()

        self._observers.append(observer)
        return lambda: self._observers.remove(observer) if observer in self._observers else None

    def overview(self) -> Overview:
        """Return the state of the run as views draw it."""
        state = self._state
        with self._changed:
            return Overview(
                id=self.id,
                name=self.name,
                status=state.status,
                backend=self._backend,
                workers=state.workers,
                counts=state.ledger.counts(state.total),
                known=len(state.ledger),
                prefix=state.ledger.prefix,
                running=state.running,
                now=self._clock.now(),
                started=state.started,
                ended=state.ended,
                first_failure=self._first_failure(),
                waiting=self._waiting,
                note=state.note,
                saved=state.ledger.restored + state.saving.saved if state.saving.stores else None,
                round=state.rounds,
            )

    def item_states(self, start: int, stop: int) -> bytes:
        """Return one ``ItemState`` code an item."""
        return self._state.ledger.codes(start, stop)

    def glance(self, index: int) -> Glance:
        """Return what a table row shows of an item; never waits, decodes no user data."""
        results = self._state.results
        with self._changed:
            state, found, failed = self._state.ledger[index], results.segment(index), results.failed(index)
            times = results.times(index)
        return Glance(
            index,
            state,
            item=self._item(index),
            brief=found[0].store.brief(found[1]) if found else None,
            failure=failed.failure if failed else None,
            started=times[0] if times and not (found and found[0].restored) else None,
            duration=times[1] - times[0] if times else None,
            worker=results.worker(index),
            attempts=self._state.judge.attempts.get(index, 1),
            restored=found is not None and found[0].restored,
        )

    def spans(self, since: int = 0, limit: int = 1000) -> list[Span]:
        """Return which worker was busy with which chunk, in the order in which they were done."""
        with self._changed:
            return self._state.spans.since(since, limit)

    def printed(self, after: int = -1) -> list[tuple[int, int, str, str]]:
        """Return ``(number, index, stream, text)`` of the last printed lines numbered above ``after``."""
        with self._changed:
            tail = list(self._state.results.tail)
        return [(line.number, line.index, line.stream, line.text) for line in tail if line.number > after]

    def output(self, index: int) -> tuple[Output, ...]:
        """Return what an item has printed, in the order in which it arrived; empty for an unknown item."""
        with self._changed:
            return tuple(self._state.results.output(index))

    @property
    def runs_in_waiter(self) -> bool:
        """Whether items run in the thread that waits for them: ``retry`` returns when they have ended."""
        return self._state.capabilities.in_waiter

    @property
    def printed_total(self) -> int:
        """How many lines the items have printed."""
        return self._state.results.lines

    # Inside -----------------------------------------------------------------------------------

    def _indices(self, wanted: Iterable[int]) -> list[int]:
        """Return item numbers in order, those from the end as well as those from the start."""
        known = self._feed.known
        try:
            given = sorted(map(operator.index, wanted))
        except TypeError:
            raise TypeError(f"{wanted!r} are no item numbers; write for example only=[3]") from None
        for index in given:
            if not -known <= index < known:
                raise IndexError(f"item {index} is out of range: {known} items are known")
        return sorted({index % known for index in given})

    def _without_value(self) -> list[int]:
        codes = self._state.ledger.codes(0, len(self._state.ledger))
        return [index for index, code in enumerate(codes) if code > ItemState.SUCCESS]

    def _first_failure(self) -> FirstFailure | None:
        first = self._state.results.first_failed
        if first is None:
            return None
        failure = first.failure
        return FirstFailure(first.index, failure.type, failure.message, failure.where)

    def _item(self, index: int) -> Any:
        return self._feed.item(index)


class _Records(Sequence[Record]):
    """Records of a run, made when somebody looks."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __len__(self) -> int:
        return len(self._run._state.ledger)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"record {index} is out of range: {len(self)} items are known")
        return self._record(index % len(self))

    def _record(self, index: int) -> Record:
        run = self._run
        state = run._state
        with run._changed:
            item_state, times = state.ledger[index], state.results.times(index)
            found = state.results.segment(index)
            restored = found is not None and found[0].restored
        return Record(
            index=index,
            item=run._item(index),
            state=item_state.word,
            value=run._value(index) if item_state is ItemState.SUCCESS else None,
            started=times[0] - (state.started or 0.0) if times and not restored else None,
            duration=times[1] - times[0] if times else None,
            worker=state.results.worker(index),
            attempts=state.judge.attempts.get(index, 1),
            output=tuple(state.results.output(index)),
            failed=state.results.failed(index),
            restored=restored,
        )
