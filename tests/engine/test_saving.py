"""What the state asks to be saved and delivered, and how it holds back: no IO, no clock, no thread."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_parallel.engine import events as ev
from jupyter_parallel.engine import saving
from jupyter_parallel.engine.overview import ItemState
from jupyter_parallel.engine.plan import CancellationPolicy, Options
from jupyter_parallel.engine.ports import Capabilities
from jupyter_parallel.engine.state import RunState, Source
from jupyter_parallel.testing import failed, values


class Machine:
    """A state, and what it has asked for."""

    def __init__(self, count: int | None = 10, workers: int = 2, **options: Any) -> None:
        source = Source(count, eager=count is not None)
        self.state = RunState(Options(**options), source, workers, Capabilities(live=True, can_kill=True))
        self.asked: list[Any] = []
        self.now = 0.0
        self.do(ev.Began())

    def do(self, *events: Any) -> list[Any]:
        before = len(self.asked)
        for event in events:
            self.now += 0.01
            self.asked += self.state.apply(event, self.now)
        return self.asked[before:]

    def of(self, kind: type) -> list[Any]:
        return [one for one in self.asked if isinstance(one, kind)]

    def finish_sends(self) -> None:
        """Let all chunks succeed until no more are sent."""
        done = 0
        while len(sends := self.of(ev.Send)) > done:
            send = sends[done]
            done += 1
            record = values(send.start, range(send.start, send.stop), seconds=0.001)
            self.do(ev.Ended(send.chunk, "w", send.stop, [record]))


def test_restored_items_are_successes_that_are_never_sent() -> None:
    run = Machine(10, chunk_size=4)
    run.do(ev.Restored(10, [values(0, range(3)), values(5, range(5, 9))], "14:02"), ev.Fed(0), ev.Exhausted())
    assert run.state.note == "7 of 10 restored from 14:02, 3 to do"
    assert [(one.start, one.stop) for one in run.of(ev.Send)] == [(3, 5), (9, 10)]
    run.finish_sends()
    counts = run.state.ledger.counts(10)
    assert (counts.success, counts.restored) == (10, 7) and run.state.status == "finished"


def test_a_run_with_a_checkpoint_ends_when_everything_is_on_disk() -> None:
    run = Machine(2, checkpoint="c")
    run.do(ev.Restored(2), ev.Fed(0), ev.Exhausted())
    run.finish_sends()
    assert sum(one.stop - one.start for one in run.of(ev.Save)) == 2
    assert len(run.of(ev.Flush)) == 1 and run.state.status == "running"
    run.do(ev.Saved(2))
    assert run.state.status == "running"  # the flush has not been answered
    run.do(ev.Saved(0, flushed=True))
    assert run.state.status == "finished"


def test_values_are_saved_once_and_failures_too() -> None:
    run = Machine(4, checkpoint="c", chunk_size=4, workers=1)
    run.do(ev.Restored(4), ev.Fed(0), ev.Exhausted())
    run.do(ev.Reported(0, "w", 2, 0.0, [values(0, range(2))]))
    run.do(ev.Ended(0, "w", 4, [values(0, range(2)), failed(2), values(3, [3])]))
    saves = run.of(ev.Save)
    assert [(one.start, one.stop, one.failed is not None) for one in saves] == [
        (0, 2, False),
        (2, 3, True),
        (3, 4, False),
    ]
    assert len(run.of(ev.Flush)) == 1


def test_a_full_disk_pauses_and_room_continues_but_not_what_somebody_paused() -> None:
    run = Machine(20, checkpoint="c", chunk_size=2)
    run.do(ev.Restored(20), ev.Fed(0), ev.Exhausted(), ev.Unsaved("the disk is full"))
    assert run.state.status == "paused" and run.state.note.startswith("paused: the disk is full")
    assert run.do(ev.Ended(0, "w", 2, [values(0, range(2))])) != []
    assert len(run.of(ev.Send)) == 2
    run.do(ev.Saved(0))
    assert run.state.status == "running" and len(run.of(ev.Send)) == 3
    run.do(ev.Unsaved("the disk is full"), ev.PauseAsked(), ev.Saved(0))
    assert run.state.status == "paused"
    run.do(ev.ResumeAsked())
    assert run.state.status == "running"


def test_a_cancelled_run_does_not_wait_for_a_full_disk() -> None:
    run = Machine(4, checkpoint="c", chunk_size=2, workers=1)
    run.do(ev.Restored(4), ev.Fed(0), ev.Exhausted(), ev.Unsaved("the disk is full"))
    run.do(ev.Ended(0, "w", 2, [values(0, range(2))]), ev.CancelAsked(CancellationPolicy.PENDING))
    assert run.state.status == "cancelled" and "2 results are not saved" in run.state.note


def test_values_restored_after_a_cancel_are_not_computed_by_the_retry() -> None:
    run = Machine(6, checkpoint="c", chunk_size=2, workers=1)
    run.do(
        ev.CancelAsked(CancellationPolicy.PENDING), ev.Restored(6, [values(0, range(4))], "now"), ev.Fed(0)
    )
    run.do(ev.Exhausted(), ev.Saved(0, flushed=True))
    assert run.state.status == "cancelled"
    run.state.reopen(6, True)
    assert run.state.ledger.codes(0, 6) == bytes([ItemState.SUCCESS] * 4 + [ItemState.CANCELLED] * 2)
    run.do(ev.RetryAsked([4, 5]), ev.Began())
    run.finish_sends()
    run.do(ev.Saved(2, flushed=True))
    assert run.state.status == "finished" and run.state.ledger.restored == 4


@settings(max_examples=60)
@given(st.data())
def test_deliveries_are_contiguous_and_complete_whatever_the_order(data: st.DataObject) -> None:
    count, every, size = (data.draw(st.integers(low, high)) for low, high in ((0, 25), (1, 7), (1, 5)))
    run = Machine(count, saver=_Saver(), save_every=every, chunk_size=size, workers=3, on_error="collect")
    run.do(ev.Fed(count), ev.Exhausted())
    open_sends: list[Any] = []
    seen = 0
    while True:
        sends = run.of(ev.Send)
        open_sends += sends[seen:]
        seen = len(sends)
        if not open_sends:
            break
        send = open_sends.pop(data.draw(st.integers(0, len(open_sends) - 1)))
        records = [
            failed(index) if data.draw(st.integers(0, 5)) == 0 else values(index, [index], seconds=0.001)
            for index in range(send.start, send.stop)
        ]
        run.do(ev.Ended(send.chunk, "w", send.stop, records))
    for batch in run.of(ev.Deliver):
        run.do(ev.Delivered(batch.stop))
    batches = run.of(ev.Deliver)
    assert [one.last for one in batches] == [False] * (len(batches) - 1) + [True]
    edges = [0, *(one.stop for one in batches)]
    assert all(one.start == edge for one, edge in zip(batches, edges, strict=False)) and edges[-1] == count
    assert all(one.stop - one.start == every for one in batches[:-1])
    assert run.state.status.ended


class _Saver:
    def save(self, values: list[Any]) -> None: ...


def test_with_keep_false_nothing_runs_far_ahead_of_a_slow_first_item(monkeypatch: Any) -> None:
    monkeypatch.setattr(saving, "FARTHEST", 50)
    run = Machine(None, saver=_Saver(), save_every=10, keep=False, chunk_size=5, workers=2)
    for _ in range(40):
        run.do(ev.Fed(20))
    for number in itertools.count():
        if number >= len(run.of(ev.Send)):
            break
        send = run.of(ev.Send)[number]
        if send.start > 0:
            record = values(send.start, range(send.start, send.stop), seconds=0.001)
            run.do(ev.Ended(send.chunk, "w", send.stop, [record]))
    reached = max(one.stop for one in run.of(ev.Send))
    assert reached <= 60
    pulls = len(run.of(ev.Pull))
    run.do(ev.Tick())
    assert len(run.of(ev.Pull)) == pulls  # no more is pulled either
    run.do(ev.Ended(0, "w", 5, [values(0, range(5), seconds=0.001)]))
    run.do(*(ev.Delivered(one.stop) for one in run.of(ev.Deliver)))
    assert max(one.stop for one in run.of(ev.Send)) > reached


def test_with_keep_false_a_slow_saver_holds_the_run_back(monkeypatch: Any) -> None:
    monkeypatch.setattr(saving, "FARTHEST", 50)
    monkeypatch.setattr(saving, "DROP_STEP", 10)
    run = Machine(200, saver=_Saver(), save_every=10, keep=False, chunk_size=5, workers=1)
    run.do(ev.Fed(200), ev.Exhausted())
    run.finish_sends()
    reached = max(one.stop for one in run.of(ev.Send))
    assert reached <= 70
    run.do(*(ev.Delivered(one.stop) for one in run.of(ev.Deliver)))
    assert max(one.stop for one in run.of(ev.Send)) > reached
    assert run.of(ev.Drop)[-1].before == 50 and run.state.results.dropped(49)
