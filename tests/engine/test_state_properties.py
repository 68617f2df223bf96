"""Hypothesis drives a run through anything a backend may do; the promises hold at every step."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from jupyter_parallel.engine.overview import ItemState
from jupyter_parallel.engine.plan import CancellationPolicy
from jupyter_parallel.testing import ScriptedBackend, failed, values

from .harness import Bench

DRAW = st.data()


class AnyRun(RuleBasedStateMachine):
    """Items are conserved, ended once, in order; the window holds; the run can always end."""

    bench: Bench

    @initialize(
        count=st.integers(0, 40),
        workers=st.integers(1, 4),
        chunk_size=st.sampled_from(["auto", 1, 3, 7]),
        lazy=st.booleans(),
        retries=st.integers(0, 1),
        on_error=st.sampled_from(["raise", "collect", "stop"]),
        timeout=st.sampled_from([None, 0.5]),
    )
    def begin(self, count, workers, chunk_size, lazy, retries, on_error, timeout):
        items = (item for item in range(count)) if lazy else range(count)
        self.count = count
        self.final: dict[int, ItemState] = {}
        self.bench = Bench(
            items,
            backend=ScriptedBackend(workers),
            chunk_size=chunk_size,
            retries=retries,
            on_error=on_error,
            timeout=timeout,
        )

    def flying(self, data):
        return data.draw(st.sampled_from(sorted(self.bench.backend.flying)))

    def chunk(self, start):
        return self.bench.backend.flying[start][0]

    @precondition(lambda self: self.bench.backend.flying)
    @rule(data=DRAW)
    def finish(self, data):
        self.bench.backend.finish(self.flying(data))
        self.bench.turn()

    @precondition(lambda self: self.bench.backend.flying)
    @rule(data=DRAW)
    def end_with_failures(self, data):
        start = self.flying(data)
        records = [
            failed(index) if data.draw(st.booleans()) else values(index, [index])
            for index in range(start, self.chunk(start).stop)
        ]
        self.bench.backend.end(start, *records)
        self.bench.turn()

    @precondition(lambda self: self.bench.backend.flying)
    @rule(data=DRAW, seconds=st.sampled_from([0.01, 0.15, 0.6]))
    def work(self, data, seconds):
        start = self.flying(data)
        current = data.draw(st.integers(start, self.chunk(start).stop - 1))
        done = [values(start, list(range(start, current)))] if current > start else []
        self.bench.backend.works_on(start, current, self.bench.clock.now(), *done)
        self.bench.turn(seconds)

    @precondition(lambda self: self.bench.backend.flying)
    @rule(data=DRAW)
    def lose_a_worker(self, data):
        start = self.flying(data)
        current = data.draw(st.integers(start, self.chunk(start).stop - 1))
        self.bench.backend.lose(start, data.draw(st.sampled_from([-1, current])))
        self.bench.turn()

    @rule(seconds=st.sampled_from([0.05, 0.6]))
    def wait(self, seconds):
        self.bench.turn(seconds)

    @rule()
    def pause(self):
        self.bench.run.pause()
        self.bench.turn()

    @rule()
    def resume(self):
        self.bench.run.resume()
        self.bench.turn()

    @rule(policy=st.sampled_from([*CancellationPolicy, CancellationPolicy.ALL]))
    def cancel(self, policy):
        self.bench.run.cancel(policy)
        self.bench.turn()

    @invariant()
    def items_are_conserved(self):
        if not hasattr(self, "bench"):
            return
        ledger = self.bench.state.ledger
        codes = ledger.codes(0, len(ledger))
        counts = self.bench.run.counts
        assert counts.complete + counts.pending + counts.running == len(ledger) <= self.count
        assert [codes.count(state) for state in ItemState] == [
            counts.pending,
            counts.running,
            counts.success,
            counts.failure,
            counts.cancelled,
            counts.skipped,
        ]
        open_items = [index for index, code in enumerate(codes) if code < ItemState.SUCCESS]
        assert ledger.prefix == (open_items[0] if open_items else len(codes))

    @invariant()
    def what_has_ended_stays_as_it_is(self):
        if not hasattr(self, "bench"):
            return
        ledger = self.bench.state.ledger
        for index, state in self.final.items():
            assert ledger[index] is state
        self.final.update({i: ledger[i] for i in range(len(ledger)) if ledger.ended(i)})

    @invariant()
    def the_window_and_the_values_hold(self):
        if not hasattr(self, "bench"):
            return
        bench = self.bench
        assert len(bench.state.flights) <= bench.backend.capacity()
        assert all(value == index for index, value in bench.run.successes())

    def teardown(self):
        if not hasattr(self, "bench"):
            return
        self.bench.run.resume()
        self.bench.turn()
        self.bench.finish_everything()
        assert self.bench.state.ledger.open == 0
        assert self.bench.run.counts.total == len(self.bench.state.ledger)


TestAnyRun = AnyRun.TestCase
TestAnyRun.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
