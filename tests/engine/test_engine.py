"""Behaviour of a run on a scripted backend: what is sent, what is kept, how it ends."""

from __future__ import annotations

import itertools

import pytest

from jupyter_parallel.engine import events as ev
from jupyter_parallel.engine.overview import RunStatus
from jupyter_parallel.engine.plan import CancellationPolicy
from jupyter_parallel.engine.ports import Capabilities, Force, Output
from jupyter_parallel.errors import (
    InputError,
    ItemCancelled,
    ItemFailed,
    ItemSkipped,
    RunCancelled,
    RunFailed,
    RunTimeout,
)
from jupyter_parallel.testing import EventRecorder, ScriptedBackend, failed, values

from .harness import Bench

BLIND = Capabilities()
"""A backend that does not see into its workers."""


def test_empty_items_are_an_empty_successful_run():
    bench = Bench([])
    assert bench.run.state == "finished"
    assert bench.run.result() == []
    assert bench.backend.sent == []


def test_values_come_in_the_order_of_the_items_whatever_the_order_of_the_chunks():
    bench = Bench(range(6), chunk_size=2, backend=ScriptedBackend(workers=3))
    for start in (4, 0, 2):
        bench.backend.finish(start, lambda item: item * 10)
    bench.turn()
    assert list(bench.run) == bench.run.result() == [0, 10, 20, 30, 40, 50]


def test_the_window_never_holds_more_chunks_than_there_are_workers():
    bench = Bench(range(100), chunk_size=1, backend=ScriptedBackend(workers=3))
    while not bench.state.status.ended:
        assert len(bench.backend.flying) <= 3
        bench.backend.finish(next(iter(bench.backend.flying)))
        bench.turn()
    assert bench.run.result() == list(range(100))


def test_fixed_chunks_are_contiguous_and_only_the_last_is_short():
    bench = Bench(iter(range(10)), chunk_size=3)
    bench.finish_everything()
    assert bench.chunks == [3, 3, 3, 1]


def test_automatic_chunks_start_at_one_item_grow_stepwise_and_shrink_towards_the_end():
    bench = Bench(range(100_000))
    bench.finish_everything(seconds=1e-6)
    assert bench.chunks[:2] == [1, 1]
    assert all(after <= 8 * before for before, after in itertools.pairwise(bench.chunks))
    assert max(bench.chunks) > 1000
    assert bench.chunks[-1] < max(bench.chunks) / 10
    assert sum(bench.chunks) == 100_000


def test_automatic_chunks_of_slow_items_stay_at_one():
    bench = Bench(range(40))
    bench.finish_everything(seconds=0.5)
    assert set(bench.chunks) == {1}


def test_a_generator_is_pulled_with_a_bounded_look_ahead():
    pulled = itertools.count()
    bench = Bench((next(pulled) for _ in itertools.count()), chunk_size=2)
    assert len(bench.feed.pulled) <= 2 * 2 * 2
    for _ in range(50):
        bench.backend.finish(next(iter(bench.backend.flying)))
        bench.turn()
        assert bench.state.ledger.open <= 2 * 2 * 2
    bench.run.cancel()
    bench.turn()
    for start in list(bench.backend.flying):
        bench.backend.finish(start)
    bench.turn()
    assert bench.run.state == "cancelled"


def test_an_iterable_that_raises_keeps_what_was_finished_and_names_the_position():
    def items():
        yield from range(5)
        raise OSError("the disk is gone")

    bench = Bench(items(), chunk_size=1)
    bench.finish_everything()
    assert bench.run.state == "failed"
    assert bench.run.successes() == [(i, i) for i in range(5)]
    with pytest.raises(InputError, match="position 5.*the disk is gone"):
        bench.run.result()
    with pytest.raises(InputError, match="position 5"):
        list(bench.run)


def test_items_that_lie_about_their_length_are_trusted_when_iterated():
    class Liar:
        def __len__(self):
            return 10

        def __iter__(self):
            return iter(range(4))

    bench = Bench(Liar(), chunk_size=1)
    assert bench.run.counts.total == 10
    bench.finish_everything()
    assert bench.run.result() == [0, 1, 2, 3]
    assert "said they were 10 and gave 4" in bench.run.overview().note


def test_a_failure_never_changes_its_neighbours():
    bench = Bench(range(6), chunk_size=6)
    bench.backend.end(0, values(0, [0, 1]), failed(2), values(3, [3, 4, 5]))
    bench.turn()
    assert bench.run.state == "failed"
    assert bench.run.successes() == [(i, i) for i in (0, 1, 3, 4, 5)]
    with pytest.raises(ItemFailed, match="item 2: ValueError: no"):
        bench.run[2]
    with pytest.raises(RunFailed, match="1 of 6 items failed") as caught:
        bench.run.result()
    assert caught.value.run is bench.run
    assert bench.run.result(default=None) == [0, 1, None, 3, 4, 5]


def test_iteration_ends_with_an_error_at_an_item_without_a_value_never_silently():
    bench = Bench(range(3), chunk_size=3)
    bench.backend.end(0, values(0, [0]), failed(1, "IndexError"), values(2, [2]))
    bench.turn()
    seen = []
    with pytest.raises(ItemFailed, match="item 1: IndexError"):
        for value in bench.run:
            seen.append(value)
    assert seen == [0]


def test_collect_finishes_and_stop_skips_the_rest():
    collect = Bench(range(4), chunk_size=1, on_error="collect")
    collect.backend.end(0, failed(0))
    collect.turn()
    collect.finish_everything()
    assert collect.run.state == "finished"

    stop = Bench(range(4), chunk_size=1, on_error="stop")
    stop.backend.end(0, failed(0))
    stop.turn()
    stop.finish_everything()
    assert stop.run.state == "failed"
    assert stop.run.successes() == [(1, 1)]
    with pytest.raises(ItemSkipped, match="stopped: the first failure, item 0"):
        stop.run[3]


def test_a_raising_item_runs_again_as_often_as_retries_say():
    bench = Bench(range(1), retries=2)
    for _ in range(2):
        bench.backend.end(0, failed(0))
        bench.turn()
    assert bench.run.state == "running"
    bench.backend.finish(0)
    bench.turn()
    assert bench.run.result() == [0]
    assert bench.run.records[0].attempts == 3


def test_a_dead_worker_costs_only_the_item_it_ran_and_that_one_gets_a_second_chance():
    bench = Bench(range(4), chunk_size=4, backend=ScriptedBackend(workers=1))
    bench.backend.lose(0, 2, values(0, [0, 1]))
    bench.turn()
    bench.finish_everything()
    assert bench.run.result() == [0, 1, 2, 3]
    assert bench.run.records[2].attempts == 2


def test_an_item_that_kills_two_workers_is_one_failure_with_the_reason():
    bench = Bench(range(3), chunk_size=3, backend=ScriptedBackend(workers=1))
    bench.backend.lose(0, 1, values(0, [0]), reason="killed by signal 11")
    bench.turn()
    bench.backend.lose(1, 1, reason="killed by signal 11", frames='  File "Cell In[9]", line 3')
    bench.turn()
    bench.finish_everything()
    assert "line 3" in bench.run.failures[0].traceback
    assert bench.run.successes() == [(0, 0), (2, 2)]
    assert "killed by signal 11" in bench.run.failures[0].failed.failure.message


def test_without_blame_each_item_of_a_lost_chunk_runs_alone_and_who_dies_alone_is_blamed():
    bench = Bench(range(4), chunk_size=4, backend=ScriptedBackend(1, BLIND), crash_retries=0)
    bench.backend.lose(0)
    bench.turn()
    for _ in range(4):
        (start,) = bench.backend.flying
        if start == 2:
            bench.backend.lose(2)
        else:
            bench.backend.finish(start)
        bench.turn()
    assert bench.chunks == [4, 1, 1, 1, 1]
    assert bench.run.successes() == [(0, 0), (1, 1), (3, 3)]


def test_an_overdue_item_is_interrupted_then_killed_and_its_neighbours_run_again():
    bench = Bench(range(3), chunk_size=3, timeout=1.0, backend=ScriptedBackend(workers=1))
    bench.backend.works_on(0, 1, 0.2, values(0, [0]))
    bench.turn(0.5)
    assert bench.backend.halted == []
    bench.turn(0.8)
    assert bench.backend.halted == [(0, Force.INTERRUPT)]
    bench.turn(0.6)
    assert bench.backend.halted[-1] == (0, Force.KILL)
    bench.backend.lose(0, 1)
    bench.turn()
    bench.finish_everything()
    assert bench.run.successes() == [(0, 0), (2, 2)]
    assert bench.run.failures[0].failed.failure.type == "Timeout"


def test_a_kill_that_hits_the_next_item_by_a_hair_does_not_blame_it():
    bench = Bench(range(3), chunk_size=3, timeout=1.0, crash_retries=0, backend=ScriptedBackend(workers=1))
    bench.backend.works_on(0, 0, 0.0)
    bench.turn(1.2)
    bench.backend.lose(0, 1, values(0, [0]))
    bench.turn()
    bench.finish_everything()
    assert bench.run.result() == [0, 1, 2]


def test_the_tail_of_a_late_chunk_goes_to_an_idle_worker():
    bench = Bench(range(100))
    while max(bench.chunks) < 10:
        bench.backend.finish(next(iter(bench.backend.flying)), seconds=0.001)
        bench.turn(0.001)
    slow = max(bench.backend.flying.values(), key=lambda flight: len(flight[0].items))[0]
    bench.backend.works_on(slow.start, slow.start, bench.clock.now())
    while set(bench.backend.flying) != {slow.start}:
        bench.backend.finish(next(start for start in bench.backend.flying if start != slow.start))
        bench.turn(0.001)
    bench.turn(0.15)
    assert (slow.start, slow.start + 1) in bench.backend.cuts
    assert any(start > slow.start for start in bench.backend.flying)
    bench.backend.finish(slow.start, stop=slow.start + 1)
    bench.finish_everything()
    assert bench.run.result() == list(range(100))


def test_a_fixed_grouping_is_never_cut_for_an_idle_worker():
    bench = Bench(range(4), chunk_size=4)
    bench.backend.works_on(0, 0, 0.0)
    bench.turn(1.0)
    assert bench.backend.cuts == []


def test_who_reports_second_changes_nothing():
    bench = Bench(range(4), chunk_size=4)
    bench.backend.works_on(0, 1, 0.0, values(0, ["first"]))
    bench.turn(0.2)
    bench.backend.end(0, values(0, ["second", 1, 2, 3]))
    bench.turn()
    assert bench.run.result() == ["first", 1, 2, 3]


def test_pause_takes_unstarted_items_back_and_resume_sends_them_again():
    bench = Bench(range(10), chunk_size=5)
    bench.backend.works_on(0, 1, 0.0, values(0, [0]))
    bench.turn(0.2)
    bench.run.pause()
    bench.turn()
    assert bench.run.state == "paused"
    assert (0, 2) in bench.backend.cuts
    bench.backend.finish(0, stop=2)
    bench.backend.finish(5)
    bench.turn(1.0)
    assert bench.backend.flying == {}
    assert bench.run.counts.complete == 7
    bench.run.resume()
    bench.turn()
    bench.finish_everything()
    assert bench.run.result() == list(range(10))


@pytest.mark.parametrize("policy", [CancellationPolicy.PENDING, CancellationPolicy.ALL])
def test_cancel_keeps_what_is_finished_and_cancels_what_waits(policy):
    bench = Bench(range(10), chunk_size=2)
    bench.backend.finish(0)
    bench.turn()
    bench.run.cancel(policy)
    bench.run.cancel(policy)
    bench.turn()
    for start in list(bench.backend.flying):
        bench.backend.finish(start)
    bench.turn()
    counts = bench.run.counts
    assert (bench.run.state, counts.success, counts.cancelled) == ("cancelled", 6, 4)
    with pytest.raises(ItemCancelled):
        bench.run[9]
    with pytest.raises(RunCancelled, match="6 values"):
        bench.run.result()


def test_cancel_all_asks_then_interrupts_then_kills_within_two_seconds():
    bench = Bench(range(2), chunk_size=1)
    for start in (0, 1):
        bench.backend.works_on(start, start, 0.0)
    bench.turn(0.2)
    bench.run.cancel(CancellationPolicy.ALL)
    bench.turn()
    begun = bench.clock.now()
    while {force for _, force in bench.backend.halted} != set(Force):
        bench.turn(0.05)
        assert bench.clock.now() - begun < 1.5
    assert [force for start, force in bench.backend.halted if start == 0] == list(Force)
    for start in (0, 1):
        bench.backend.lose(start, start)
    bench.turn()
    assert bench.run.counts.cancelled == 2
    assert bench.run.counts.failure == 0


def test_a_running_item_that_cannot_be_killed_is_abandoned_and_the_note_says_so():
    bench = Bench(range(1), backend=ScriptedBackend(1, Capabilities(live=True, shares_memory=True)))
    bench.backend.works_on(0, 0, 0.0)
    bench.turn(0.2)
    bench.run.cancel(CancellationPolicy.ALL)
    for _ in range(30):
        bench.turn(0.1)
    assert bench.run.state == "cancelled"
    assert "abandoned" in bench.run.overview().note


def test_a_chunk_function_is_never_cut_and_fails_as_one():
    bench = Bench(range(4), chunk_size=2, whole=True, backend=ScriptedBackend(workers=1))
    bench.backend.works_on(0, 0, 0.0)
    bench.turn(0.5)
    bench.run.pause()
    bench.turn(0.5)
    assert bench.backend.cuts == []
    bench.run.resume()
    bench.backend.end(0, failed(0), failed(1))
    bench.turn()
    bench.backend.finish(2)
    bench.turn()
    assert bench.run.successes() == [(2, 2), (3, 3)]
    assert [record.index for record in bench.run.failures] == [0, 1]


def test_a_chunk_function_that_raised_runs_again_with_the_same_items():
    bench = Bench(range(4), chunk_size=2, whole=True, retries=1, backend=ScriptedBackend(workers=1))
    bench.backend.end(0, failed(0), failed(1))
    bench.turn()
    bench.finish_everything()
    assert bench.chunks == [2, 2, 2]
    assert bench.run.result() == [0, 1, 2, 3]


def test_a_running_item_is_shown_as_running_and_counts_always_add_up():
    bench = Bench(range(10), chunk_size=5)
    bench.backend.works_on(0, 2, 0.1, values(0, [0, 1]))
    bench.turn(0.2)
    counts = bench.run.counts
    assert (counts.success, counts.running, counts.pending, counts.total) == (2, 1, 7, 10)
    assert bench.run.overview().running[0].index == 2
    assert bench.run.overview().prefix == 2


def test_printed_lines_are_kept_by_item_and_the_last_twenty_are_at_hand():
    bench = Bench(range(1))
    bench.backend.end(0, Output(0, "stdout", "".join(f"line {n}\n" for n in range(30))), values(0, [None]))
    bench.turn()
    assert [text for *_, text in bench.run.printed()] == [f"line {n}" for n in range(10, 30)]
    assert bench.run.printed_total == 30
    assert bench.run.records[0].output[0].text.startswith("line 0\n")


def test_spans_tell_which_worker_was_busy_with_which_chunk():
    bench = Bench(range(4), chunk_size=2)
    bench.turn(1.0)
    bench.backend.finish(2)
    bench.turn(0.5)
    bench.backend.finish(0)
    bench.turn()
    spans = bench.run.spans()
    assert [(span.start, span.stop, span.sent, span.done) for span in spans] == [
        (2, 4, 0, 1.5),
        (0, 2, 0, 1.5),
    ]
    assert bench.run.spans(since=1) == spans[1:]


def test_an_observer_that_raises_is_dropped_and_the_run_goes_on(caplog):
    bench = Bench(range(2), start=False)
    good, calls = EventRecorder(), []

    def bad(event, state):
        calls.append(event)
        raise RuntimeError("broken view")

    bench.observers.append(bad)
    bench.observers.append(good)

    bench.engine.post(ev.Began())
    bench.turn()
    bench.finish_everything()
    assert len(calls) == 1
    assert len(good.events) > 1
    assert "observer" in caplog.text
    assert bench.run.state is not None and bench.state.status is RunStatus.FINISHED


def test_a_backend_that_refuses_everything_ends_the_run_with_the_reason():
    class Refusing(ScriptedBackend):
        def submit(self, chunk):
            raise OSError("no more processes")

    bench = Bench(range(5), backend=Refusing())
    bench.turn()
    assert bench.run.state == "failed"
    assert "no more processes" in bench.run.overview().note
    assert bench.run.counts.skipped == 5


def test_a_late_failure_of_an_item_that_has_a_value_costs_it_no_attempt():
    bench = Bench(range(2), chunk_size=2, retries=1, backend=ScriptedBackend(workers=1))
    bench.backend.works_on(0, 1, 0.0, values(0, [0]))
    bench.turn(0.2)
    bench.backend.end(0, failed(0), values(1, [1]))
    bench.turn()
    assert bench.run.result() == [0, 1]
    assert bench.run.records[0].attempts == 1


def test_an_item_whose_worker_died_is_pending_again_not_running():
    bench = Bench(range(4), chunk_size=2)
    bench.backend.works_on(0, 1, 0.0, values(0, [0]))
    bench.turn(0.2)
    bench.run.pause()
    bench.backend.lose(0, 1)
    bench.turn()
    counts = bench.run.counts
    assert (counts.running, counts.pending) == (0, 3)


def test_a_promised_grouping_waits_for_a_slow_iterable():
    bench = Bench(iter(()), chunk_size=3, start=False)
    bench.feed._window = (0, list(range(4)))
    for event in (ev.Began(), ev.Arrived(2)):
        bench.engine.post(event)
    bench.engine.turn()
    assert bench.chunks == []
    bench.engine.post(ev.Arrived(2))
    bench.engine.turn()
    assert bench.chunks == [3]


def test_an_item_that_ends_just_before_it_is_interrupted_passes_no_blame_to_the_next():
    bench = Bench(range(3), chunk_size=3, timeout=1.0, backend=ScriptedBackend(workers=1))
    bench.backend.works_on(0, 0, 0.0)
    bench.turn(1.2)
    assert bench.backend.halted == [(0, Force.INTERRUPT)]
    bench.backend.works_on(0, 1, 1.2, values(0, [0]))
    for _ in range(8):
        bench.turn(0.1)
    assert bench.backend.halted == [(0, Force.INTERRUPT)]
    bench.backend.end(0, values(1, [1, 2]))
    bench.turn()
    assert bench.run.result() == [0, 1, 2]


def test_the_time_limit_ends_the_run_and_keeps_what_is_finished():
    bench = Bench(range(100), time_limit=2.0, chunk_size=1)
    bench.backend.finish(0)
    bench.turn(1.0)
    assert bench.run.state == "running"
    for start in list(bench.backend.flying):
        bench.backend.works_on(start, start, bench.clock.now())
    bench.turn(1.5)
    for start in list(bench.backend.flying):
        bench.backend.lose(start, start)
    bench.turn()
    assert bench.run.state == "cancelled"
    assert bench.run.successes() == [(0, 0)]
    with pytest.raises(
        RunTimeout, match="time limit of 2 s was reached with 1 values and 99 items without one"
    ):
        bench.run.result()


def test_a_time_limit_is_noticed_while_the_items_do_not_come():
    bench = Bench(iter(()), time_limit=1.0, start=False)
    bench.engine.post(ev.Began())
    bench.engine.turn()
    bench.clock.advance(1.1)
    bench.engine.turn()
    assert bench.run.state == "cancelled"


@pytest.mark.parametrize(("limit", "failures"), [(0, 1), (3, 4), ("10%", 11), (None, 32)])
def test_too_many_failures_end_the_run(limit, failures):
    bench = Bench(range(100), chunk_size=1, max_failures=limit, backend=ScriptedBackend(workers=1))
    for index in range(failures):
        assert bench.run.state == "running"
        bench.backend.end(index, failed(index))
        bench.turn()
    assert bench.run.state == "failed"
    assert bench.run.counts.skipped == 100 - failures
    assert "items" in bench.run.overview().note


def test_one_success_shows_that_a_run_is_worth_going_on_with():
    bench = Bench(range(40), chunk_size=1, backend=ScriptedBackend(workers=1))
    bench.backend.finish(0)
    bench.turn()
    for index in range(1, 40):
        bench.backend.end(index, failed(index))
        bench.turn()
    assert bench.run.counts.failure == 39


def test_retry_runs_items_without_a_value_again_in_place():
    bench = Bench(range(4), chunk_size=4)
    bench.backend.end(0, values(0, [0]), failed(1), values(2, [2]), failed(3))
    bench.turn()
    bench.run.retry()
    bench.turn()
    assert bench.run.state == "running"
    assert bench.run.counts.success == 2
    bench.finish_everything()
    assert bench.run.result() == [0, 1, 2, 3]
    assert [record.attempts for record in bench.run.records] == [1, 2, 1, 2]
    assert bench.run.failures == []


def test_retry_of_some_items_leaves_the_others_failed():
    bench = Bench(range(3), chunk_size=3)
    bench.backend.end(0, failed(0), failed(1), values(2, [2]))
    bench.turn()
    bench.run.retry(only=[1, 2])
    bench.turn()
    bench.finish_everything()
    assert bench.run.successes() == [(1, 1), (2, 2)]


def test_retry_after_a_cancel_goes_on_where_the_iterable_was_left():
    bench = Bench((x for x in range(200)), chunk_size=1)
    bench.backend.finish(0)
    bench.turn()
    bench.run.cancel()
    bench.turn()
    for start in list(bench.backend.flying):
        bench.backend.finish(start)
    bench.turn()
    assert bench.run.state == "cancelled"
    bench.run.retry()
    bench.turn()
    bench.finish_everything()
    assert bench.run.result() == list(range(200))


def test_a_retry_of_a_live_run_joins_the_queue():
    bench = Bench(range(4), chunk_size=1)
    bench.backend.end(0, failed(0))
    bench.turn()
    bench.run.retry()
    bench.turn()
    bench.finish_everything()
    assert bench.run.result() == [0, 1, 2, 3]


def test_heavy_items_make_light_chunks():
    from jupyter_parallel.engine.chunking import ChunkSizer

    sizer = ChunkSizer(workers=1)
    sizer.observe(1000, 0.001)
    for _ in range(6):
        sizer.next_size(None)
    assert sizer.next_size(None) > 1000
    sizer.observe_bytes(10, 10 * 1024 * 1024)
    assert sizer.next_size(None) == 8
