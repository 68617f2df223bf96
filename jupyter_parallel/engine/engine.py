"""The drive loop of one run: fill the window, wait for an event, apply, notify, act.

It runs in a thread of its own and does nothing that may block: items are pulled and serial chunks
are run by the attendant, chunks are run by the backend, which answers through futures.
"""

from __future__ import annotations

import itertools
import logging
import math
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from ..errors import InputError
from . import events as ev
from .attendant import Attendant
from .feed import Feed
from .notifier import Notifier
from .overview import ItemState
from .plan import MISSING, CancellationPolicy
from .ports import Backend, Chunk, ChunkEnd, Clock, ItemUnsendable, Sink, Store, Token, WorkerLost
from .state import RunState

log = logging.getLogger(__name__)

POLL_SECONDS = 0.1
"""How often workers are asked what they have done."""
STARVED_POLL_SECONDS = 0.02
"""The same while a worker is idle: a tail may be worth taking back."""


_IDS = itertools.count(1)
"""Chunk ids are unique in the process: runs share workers."""


class Engine:
    """Drives one run.

    Parameters
    ----------
    state
        The run's state; changed by this engine alone, under ``changed``.
    backend, token
        Where chunks go, and the payload they name.
    feed
        The items.
    clock
        Source of time.
    changed
        Notified after every event; guards ``state``.
    notifier
        Told every event, with the state after it.
    at_end
        Called when the engine has stopped.
    store, sink
        A checkpoint and a saver, where there are.
    """

    def __init__(
        self,
        state: RunState,
        backend: Backend,
        token: Token,
        feed: Feed,
        *,
        clock: Clock,
        changed: threading.Condition,
        notifier: Notifier,
        at_end: Callable[[], None],
        store: Store | None = None,
        sink: Sink | None = None,
    ) -> None:
        self.state = state
        self.attendant = Attendant()
        self._backend = backend
        self._token = token
        self._feed = feed
        self._clock = clock
        self._changed = changed
        self._inbox: queue.SimpleQueue[ev.Event] = queue.SimpleQueue()
        self._chunks: dict[int, Chunk] = {}
        self._notifier = notifier
        self._at_end = at_end
        self._store = store
        self._sink = sink
        self._recalled = feed.count
        """How many items the checkpoint has been asked about."""
        self._recall_failed = False
        self._next_poll = 0.0

    @property
    def backend_name(self) -> str:
        return self._backend.name

    def post(self, event: ev.Event) -> None:
        """Hand an event to the loop; from any thread."""
        self._inbox.put(event)

    def start(self, name: str) -> None:
        """Drive the run in a thread of its own."""
        threading.Thread(target=self.drive, name=name, daemon=True).start()

    def drive(self) -> None:
        """Run until the run has ended."""
        self.post(ev.Began())
        try:
            while not self.state.status.ended:
                self.turn(self._next_poll - self._clock.now())
        except BaseException as error:
            # A bug of ours must not leave somebody waiting for ever.
            log.exception("the engine of the run stopped")
            with self._changed:
                self.state.interrupt(
                    f"the engine stopped: {type(error).__name__}: {error}", self._clock.now()
                )
                self._changed.notify_all()
        self.attendant.leave()
        self._notifier.close()
        self._at_end()

    def turn(self, patience: float = 0.0) -> None:
        """Wait up to ``patience`` seconds for an event, then do all there is to do."""
        try:
            self._apply(self._next_event(patience))
            while True:
                self._apply(self._inbox.get_nowait())
        except queue.Empty:
            pass
        if self._clock.now() >= self._next_poll:
            self._poll()

    def _next_event(self, patience: float) -> ev.Event:
        if patience <= 0:
            return self._inbox.get_nowait()
        return self._inbox.get(timeout=None if math.isinf(patience) else patience)

    # Events in --------------------------------------------------------------------------------

    def _apply(self, event: ev.Event) -> None:
        with self._changed:
            asked = self.state.apply(event, self._clock.now())
            self._changed.notify_all()
        if isinstance(event, ev.Ended | ev.Lost | ev.Unsendable):
            self._chunks.pop(event.chunk, None)
        for instruction in asked:
            self._act(instruction)
        self._notifier.tell(event, self.state)

    def _poll(self) -> None:
        for flight in self.state.flights:
            chunk = self._chunks.get(flight.id)
            seen = self._backend.progress(chunk) if chunk else None
            if seen is not None:
                self._apply(ev.Reported(flight.id, seen.worker, seen.current, seen.since, seen.records))
        self._apply(ev.Tick())
        self._next_poll = self._clock.now() + self._poll_interval()

    def _poll_interval(self) -> float:
        if not self.state.flights:
            # Nothing to look at, but a time limit has to be noticed.
            return math.inf if self.state.options.time_limit is None else POLL_SECONDS
        return STARVED_POLL_SECONDS if self.state.idle_workers > 0 else POLL_SECONDS

    # Instructions out -------------------------------------------------------------------------

    def _act(self, instruction: ev.Instruction) -> None:
        match instruction:
            case ev.Send():
                self._send(instruction)
            case ev.Pull():
                self._pull(instruction.count)
            case ev.TakeTail():
                self._take_tail(instruction)
            case ev.Halt():
                chunk = self._chunks.get(instruction.chunk)
                if chunk is not None:
                    self._backend.halt(chunk, instruction.force)
            case _:
                self._hand_over(instruction)

    def _hand_over(self, instruction: ev.Instruction) -> None:
        """Do what a checkpoint or a saver is asked to do; neither blocks."""
        match instruction:
            case ev.Save() if self._store is not None:
                self._store.save(instruction, self._feed.items(instruction.start, instruction.stop))
            case ev.Flush() if self._store is not None:
                self._store.flush()
            case ev.Deliver() if self._sink is not None:
                self._sink.deliver(instruction, lambda: self._values(instruction))
            case ev.Drop():
                self.attendant.post(lambda: self._feed.drop(instruction.before))

    def _values(self, batch: ev.Deliver) -> list[tuple[int, Any]]:
        """Return index and value of the items of a batch, with the default in place of missing values."""
        state, default = self.state, self.state.options.default
        codes = state.ledger.codes(batch.start, batch.stop)
        if set(codes) <= {ItemState.SUCCESS}:
            return list(enumerate(state.results.values(batch.start, batch.stop), batch.start))
        found = []
        for index, code in enumerate(codes, batch.start):
            if code == ItemState.SUCCESS:
                found.append((index, state.results.value(index)))
            elif default is not MISSING:
                found.append((index, default))
        return found

    def _send(self, send: ev.Send) -> None:
        items = self._feed.items(send.start, send.stop)
        chunk = self._chunks[send.chunk] = Chunk(next(_IDS), self._token, send.start, items)
        self._next_poll = min(self._next_poll, self._clock.now() + self._poll_interval())
        if self._backend.capabilities.in_waiter:
            self.attendant.post(lambda: self._submit(send.chunk, chunk))
        else:
            self._submit(send.chunk, chunk)

    def _take_tail(self, take: ev.TakeTail) -> None:
        chunk = self._chunks.get(take.chunk)
        if chunk is not None:
            self._apply(ev.TailFreed(take.chunk, self._backend.cut(chunk, take.before)))

    def _submit(self, number: int, chunk: Chunk) -> None:
        if self.state.status.ended:
            return
        try:
            future = self._backend.submit(chunk)
        except Exception as error:
            self.post(ev.Broken(f"the backend refused a chunk: {type(error).__name__}: {error}"))
        except BaseException:
            # ■ while items run in the waiting thread: what is finished is kept, the rest is cancelled.
            self.post(ev.CancelAsked(CancellationPolicy.ALL))
            self._report_interrupted(number, chunk)
            raise
        else:
            future.add_done_callback(lambda done: self._landed(number, done))

    def _report_interrupted(self, number: int, chunk: Chunk) -> None:
        seen = self._backend.progress(chunk)
        if seen is None:
            self.post(ev.Lost(number, "", -1, "interrupted"))
        else:
            self.post(ev.Lost(number, seen.worker, seen.current, "interrupted", seen.records))

    def _landed(self, number: int, future: Future[ChunkEnd]) -> None:
        try:
            end = future.result()
        except WorkerLost as lost:
            frames = "\n".join(getattr(lost, "__notes__", ()))
            self.post(ev.Lost(number, lost.worker, lost.index, lost.reason, lost.records, frames))
        except ItemUnsendable as refused:
            self.post(ev.Unsendable(number, refused.index, refused.failure))
        except BaseException as error:
            self.post(ev.Broken(str(error) or type(error).__name__))
        else:
            self.post(ev.Ended(number, end.worker, end.stop, end.records, end.nbytes))

    def _pull(self, count: int) -> None:
        if self._store is not None:
            # Telling items apart takes time and may run their code: not here.
            self.attendant.post(lambda: self._feed.pull(count, self._recall))
        elif self._feed.held:
            self._feed.pull(count, self.post)
        else:
            self.attendant.post(lambda: self._feed.pull(count, self.post))

    def _recall(self, event: ev.Event) -> None:
        """Ask the checkpoint about items that have just been pulled, then tell of them."""
        assert self._store is not None
        if self._recall_failed:
            return
        if isinstance(event, ev.Arrived | ev.Fed) and event.count:
            start = self._recalled
            self._recalled += event.count
            try:
                known = self._store.recall(start, self._feed.items(start, start + event.count))
            except Exception as error:
                self._recall_failed = True
                told = InputError(f"{type(error).__name__}: {error}")
                told.__cause__ = error
                event = ev.Exhausted(told)
            else:
                self.post(ev.Restored(event.count, known.values, known.since, known.note))
                event = ev.Arrived(0) if isinstance(event, ev.Arrived) else ev.Fed(0)
        self.post(event)
