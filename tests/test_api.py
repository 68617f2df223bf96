"""Runner and parallel_map, as a Python user meets them, on every backend."""

from __future__ import annotations

import asyncio
import os
import pickle
import re
import threading
import time

import pytest

import jupyter_parallel
from jupyter_parallel import CancellationPolicy, Runner, errors, last_run, parallel_map
from jupyter_parallel.backends import cpu_count

BACKENDS = ("loky", "thread", "serial")


@pytest.fixture(params=BACKENDS)
def backend(request):
    return request.param


def jobs(backend):
    return 1 if backend == "serial" else 2


def square(x):
    return x * x


def fails_on_three(x):
    if x == 3:
        raise ValueError(f"no {x}")
    return x


def test_parallel_map_equals_the_comprehension(backend):
    items = list(range(200))
    assert parallel_map(square, items, backend=backend, n_jobs=jobs(backend)) == [square(x) for x in items]


def test_lambdas_closures_and_keyword_arguments_travel(backend):
    offset = 10
    values = parallel_map(
        lambda x, scale: x * scale + offset,
        range(5),
        kwargs={"scale": 3},
        backend=backend,
        n_jobs=jobs(backend),
    )
    assert values == [10, 13, 16, 19, 22]


def test_keyword_arguments_are_never_shared_between_items(backend):
    def collect(x, seen):
        seen.append(x)
        return list(seen)

    values = parallel_map(collect, range(20), kwargs={"seen": []}, backend=backend, n_jobs=jobs(backend))
    assert values == [[x] for x in range(20)]


def test_starmap_unpacks_and_map_chunks_gets_whole_chunks(backend):
    with Runner(backend=backend, n_jobs=jobs(backend)) as runner:
        assert runner.starmap(pow, [(2, 3), (3, 2)]).result() == [8, 9]
        run = runner.map_chunks(lambda chunk: [len(chunk)] * len(chunk), range(10), chunk_size=3)
        assert run.result() == [3, 3, 3, 3, 3, 3, 3, 3, 3, 1]


def test_a_chunk_function_of_the_wrong_length_is_a_clear_failure(backend):
    with Runner(backend=backend, n_jobs=jobs(backend)) as runner:
        run = runner.map_chunks(lambda chunk: [1], range(4), chunk_size=2)
        run.wait()
    assert run.counts.failure == 4
    assert "2 items" in run.failures[0].failed.failure.message


def test_one_failure_leaves_all_other_values(backend):
    with pytest.raises(errors.RunFailed, match="1 of 6 items failed") as caught:
        parallel_map(fails_on_three, range(6), backend=backend, n_jobs=jobs(backend))
    run = caught.value.run
    assert run is last_run()
    assert run.successes() == [(x, x) for x in range(6) if x != 3]
    failure = run.failures[0]
    assert (failure.index, failure.item) == (3, 3)
    assert "in fails_on_three" in failure.traceback
    assert isinstance(failure.error.__cause__, ValueError)
    assert parallel_map(fails_on_three, range(6), backend=backend, n_jobs=jobs(backend), default=-1) == [
        0,
        1,
        2,
        -1,
        4,
        5,
    ]


def test_an_index_error_of_the_users_never_ends_an_iteration_silently(backend):
    with Runner(backend=backend, n_jobs=jobs(backend)) as runner:
        run = runner.map(lambda x: [][x], range(3))
        with pytest.raises(errors.ItemFailed, match="IndexError") as caught:
            list(run)
    assert isinstance(caught.value.__cause__, IndexError)


def test_random_durations_keep_the_order_of_the_items(backend):
    def slow(x):
        time.sleep(0.002 * (x * 7 % 5))
        return x

    assert parallel_map(slow, range(60), backend=backend, n_jobs=jobs(backend)) == list(range(60))


def test_two_maps_on_one_runner_have_results_of_their_own(backend):
    with Runner(backend=backend, n_jobs=jobs(backend)) as runner:
        first, second = runner.map(square, range(50)), runner.map(abs, range(-50, 0))
        assert first.result() == [x * x for x in range(50)]
        assert second.result() == [-x for x in range(-50, 0)]


@pytest.mark.parametrize("name", ["loky", "thread"])
def test_the_worker_count_truly_limits_concurrency(name):
    def stamps(x):
        begun = time.perf_counter()
        time.sleep(0.02)
        return begun, time.perf_counter()

    spans = parallel_map(stamps, range(24), backend=name, n_jobs=3, chunk_size=1)
    edges = sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans])
    level = highest = 0
    for _, step in edges:
        level += step
        highest = max(highest, level)
    assert 2 <= highest <= 3


def test_items_are_pulled_by_the_waiting_thread_in_the_foreground(backend):
    puller = set()

    def items():
        for x in range(5):
            puller.add(threading.current_thread())
            yield x

    parallel_map(square, items(), backend=backend, n_jobs=jobs(backend))
    assert puller == {threading.current_thread()}


def test_running_in_the_background_leaves_the_caller_free_and_pulls_in_a_thread():
    puller = set()

    def items():
        for x in range(5):
            puller.add(threading.current_thread())
            yield x

    gate = threading.Event()
    with Runner(backend="thread", n_jobs=2) as runner:
        run = runner.map(lambda x: gate.wait(10) and x, items())
        assert run.state in ("pending", "running")
        gate.set()
        assert run.result() == [0, 1, 2, 3, 4]
    assert threading.current_thread() not in puller


def test_an_infinite_generator_can_be_cancelled_and_keeps_what_it_has():
    def forever():
        x = 0
        while True:
            yield x
            x += 1

    with Runner(backend="thread", n_jobs=2) as runner:
        run = runner.map(square, forever())
        assert run[10] == 100
        with pytest.raises(TypeError, match="not known"):
            len(run)
        run.cancel(CancellationPolicy.ALL)
        assert run.wait(10)
    assert run.state == "cancelled"
    assert dict(run.successes())[10] == 100


def test_await_waits_without_patching_the_loop():
    async def main():
        with Runner(backend="thread", n_jobs=2) as runner:
            return await runner.map(square, range(5))

    assert asyncio.run(main()) == [0, 1, 4, 9, 16]


def test_coroutine_functions_run(backend):
    async def later(x):
        await asyncio.sleep(0.001)
        return x + 1

    assert parallel_map(later, range(4), backend=backend, n_jobs=jobs(backend)) == [1, 2, 3, 4]


def test_a_finished_run_travels_as_the_list_of_its_values_and_a_live_one_is_refused():
    gate = threading.Event()
    with Runner(backend="thread", n_jobs=1) as runner:
        run = runner.map(lambda x: gate.wait(10) and x, range(3))
        with pytest.raises(TypeError, match="live run cannot be pickled"):
            pickle.dumps(run)
        gate.set()
        run.wait()
        assert pickle.loads(pickle.dumps(run)) == [0, 1, 2]


def test_a_run_is_a_sequence_that_never_pretends():
    numpy = pytest.importorskip("numpy")
    run = Runner(backend="thread", n_jobs=2).map(square, range(5))
    assert (run[1], run[-1], run[1:3], len(run), bool(run)) == (1, 16, [1, 4], 5, True)
    assert numpy.asarray(run).tolist() == [0, 1, 4, 9, 16]
    assert 9 in run
    with pytest.raises(IndexError):
        run[5]
    with pytest.raises(TypeError, match="list\\(run\\) == "):
        _ = run == [0, 1, 4, 9, 16]
    assert repr(run) == "<Run 'square': finished, 5 of 5 items done>"


def test_looking_does_not_wait_where_waiting_is_forbidden():
    from jupyter_parallel.engine.waiting import no_waiting

    gate = threading.Event()
    with Runner(backend="thread", n_jobs=1) as runner:
        run = runner.map(lambda x: gate.wait(10) and x, range(3))
        with no_waiting():
            assert "Run" in repr(run)
            with pytest.raises(errors.NotReady):
                run[0]
        gate.set()


def test_a_run_that_cannot_travel_says_what_to_send_instead():
    gate = threading.Event()
    with Runner(backend="thread", n_jobs=1) as runner, Runner(n_jobs=2) as other:
        live = runner.map(lambda x: gate.wait(10) and x, range(3), name="slow")
        with pytest.raises(errors.CannotTravel, match=r"`live`.*'slow' is still running.*wait for it"):
            other.map(lambda x: live[x], range(3))
        gate.set()
        holes = runner.map(fails_on_three, range(5), name="holes")
        holes.wait()
        with pytest.raises(errors.CannotTravel, match=r"`holes`.*without a value.*holes\.successes\(\)"):
            other.map(lambda x: holes[x], range(3))


def test_a_retry_that_cannot_be_leaves_the_run_as_it_was():
    run = Runner(backend="thread", n_jobs=1).map(fails_on_three, range(5))
    run.wait()
    for only, error, message in (
        ([5], IndexError, "item 5 is out of range: 5 items are known"),
        (3, TypeError, r"3 are no item numbers.*only=\[3\]"),
        (["3"], TypeError, "only="),
    ):
        with pytest.raises(error, match=message):
            run.retry(only)
        assert run.state == "failed"
    run.retry([-2])
    assert run.wait(10)
    assert run.records[3].attempts == 2


def test_a_run_with_cancelled_items_never_looks_finished():
    gate = threading.Event()
    with Runner(backend="thread", n_jobs=1) as runner:
        run = runner.map(lambda x: gate.wait(10) and x, range(4))
        run.cancel(CancellationPolicy.PENDING)
        gate.set()
        run.wait(10)
        run.retry([3])
        assert run.wait(10)
        assert run[3] == 3
        assert run.counts.cancelled >= 2
        assert run.state == "cancelled"
        with pytest.raises(errors.RunCancelled, match="items without one"):
            run.result()


def test_cancelling_by_anything_but_a_policy_is_refused():
    gate = threading.Event()
    with Runner(backend="thread", n_jobs=1) as runner:
        run = runner.map(lambda x: gate.wait(10) and x, range(3))
        for policy in ("all", True, 3):
            with pytest.raises(TypeError, match="CancellationPolicy.ALL"):
                run.cancel(policy)
            with pytest.raises(TypeError, match="CancellationPolicy.ALL"):
                runner.close(policy)
        gate.set()
        assert run.result() == [0, 1, 2]


def test_a_warning_points_at_the_users_line():
    with pytest.warns(UserWarning, match="worker processes on") as warned:
        parallel_map(square, range(2), n_jobs=cpu_count() + 1)
    assert warned[0].filename == __file__


def test_a_summary_of_failures_says_each_thing_once():
    def fails(x):
        if x:
            raise KeyboardInterrupt
        os._exit(3)

    with pytest.raises(errors.RunFailed) as failed:
        parallel_map(fails, range(2), n_jobs=1, backend="loky", crash_retries=0)
    lines = str(failed.value).splitlines()
    assert re.search(r"KeyboardInterrupt  at \S+:\d+  \(item 1\)", lines[2])
    assert lines[1].count("exit code 3") == 1
    assert str(failed.value.exceptions[1]) == "item 1: KeyboardInterrupt"


def test_a_frame_is_as_many_items_as_it_has_columns():
    class Frame:
        def __len__(self):
            return 5

        def __iter__(self):
            return iter("ab")

        def keys(self):
            return ["a", "b"]

    run = Runner(backend="thread", n_jobs=1).map(str.upper, Frame())
    assert run.result() == ["A", "B"]
    assert run.overview().note == ""


def test_debug_runs_one_item_here_and_lets_its_exception_through():
    run = Runner(backend="thread", n_jobs=1).map(fails_on_three, range(5))
    run.wait()
    assert run.debug(2) == 2
    assert run.debug(-1) == 4
    with pytest.raises(IndexError, match="item 5 is out of range: 5 items are known"):
        run.debug(5)
    with pytest.raises(ValueError, match="no 3"):
        run.debug(3)
    assert parallel_map(square, range(5), only=4) == 16
    with pytest.raises(errors.UsageError, match="out of range"):
        parallel_map(square, range(5), only=5)


def test_the_same_seed_gives_the_same_numbers_everywhere():
    def draw(_):
        return float(jupyter_parallel.context().rng.random())

    drawn = [
        parallel_map(draw, range(8), seed=7, backend=name, n_jobs=n, chunk_size=size)
        for name, n, size in (("serial", 1, "auto"), ("loky", 2, 3), ("loky", 1, 1), ("thread", 2, "auto"))
    ]
    assert all(numbers == drawn[0] for numbers in drawn)
    assert len(set(drawn[0])) == 8


def test_an_endless_item_is_ended_by_its_timeout_and_the_others_are_unharmed():
    def maybe_for_ever(x):
        while x == 1:
            pass
        return x

    begun = time.perf_counter()
    values = parallel_map(maybe_for_ever, range(4), timeout=0.5, default=None, n_jobs=2, backend="loky")
    assert values == [0, None, 2, 3]
    assert "Timeout" in last_run().failures[0].failed.failure.type
    assert time.perf_counter() - begun < 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_jobs": 0}, "all CPUs is -1"),
        ({"n_jobs": 2.0}, "whole number"),
        ({"chunk_size": 0}, "from 1"),
        ({"timeout": float("nan")}, "finite"),
        ({"backend": "lokky"}, "loky"),
        ({"on_error": "ignore"}, "collect"),
        ({"retries": -1}, "from 0"),
    ],
)
def test_options_that_cannot_work_are_refused_at_construction(options, message):
    with pytest.raises(errors.UsageError, match=message):
        Runner(**options)


def test_what_cannot_be_enforced_or_served_is_said_at_once():
    with pytest.raises(errors.UsageError, match="cannot be enforced"):
        parallel_map(square, range(3), backend="thread", timeout=1)
    with pytest.raises(errors.UsageError, match="cannot be enforced"):
        parallel_map(square, range(3), backend="thread", memory_limit="1GB")
    with pytest.raises(TypeError, match="unknown option 'jobs'"):
        Runner(jobs=2)
    with pytest.raises(errors.UsageError, match="not callable"):
        parallel_map(3, range(3))
    with pytest.raises(errors.UsageError, match=r"range\(5\)"):
        parallel_map(square, 5)
    with pytest.raises(errors.UsageError, match="each character"):
        parallel_map(square, "abc")


def test_a_closed_runner_takes_nothing_and_leaving_by_an_exception_cancels():
    gate = threading.Event()
    with pytest.raises(ZeroDivisionError), Runner(backend="thread", n_jobs=1) as runner:
        run = runner.map(lambda x: gate.wait(0.05) or x, range(1000), chunk_size=1)
        raise ZeroDivisionError
    assert run.state == "cancelled"
    with pytest.raises(errors.UsageError, match="closed"):
        runner.map(square, range(3))


def test_a_run_inside_an_item_is_serial():
    def outer(x):
        return sum(parallel_map(square, range(x), backend="loky", n_jobs=2))

    assert parallel_map(outer, range(4), backend="loky", n_jobs=2) == [0, 0, 1, 5]


def test_nothing_is_left_when_runs_have_ended_and_backends_are_shut():
    from jupyter_parallel import backends

    parallel_map(square, range(10), backend="loky", n_jobs=2)
    parallel_map(square, range(10), backend="thread", n_jobs=2)
    backends.shutdown()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        ours = [t for t in threading.enumerate() if "run" in t.name or "feeder" in t.name]
        if not ours:
            break
        ours[0].join(0.1)
    assert ours == []


def test_an_item_over_the_memory_limit_fails_and_the_worker_lives_on():
    def allocate(megabytes):
        return os.getpid(), len(bytearray(megabytes * 1_000_000))

    run = Runner(backend="loky", n_jobs=1, memory_limit="400MB").map(allocate, [10, 2000, 20])
    assert run.wait(30)
    assert [index for index, _ in run.successes()] == [0, 2]
    assert run[0][0] == run[2][0]
    failure = run.failures[0].failed.failure
    assert failure.type == "MemoryError"
    assert "400 MB (memory limit of the run)" in failure.traceback
    # The limit belongs to the run, not to the worker.
    assert Runner(backend="loky", n_jobs=1).map(allocate, [600])[0][1] == 600_000_000


def test_what_the_function_captured_does_not_count_against_the_memory_limit():
    numpy = pytest.importorskip("numpy")
    data = numpy.ones(40_000_000)
    run = Runner(backend="loky", n_jobs=1, memory_limit="300MB").map(lambda i: float(data[i]), range(3))
    assert run.result(30) == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("size", [0, "no size", "-5MB", True])
def test_a_memory_limit_that_is_no_size_is_refused(size):
    with pytest.raises(errors.UsageError, match="such as '2GB'"):
        Runner(memory_limit=size)


def test_a_run_is_a_table_with_a_column_for_each_field_of_its_values():
    pandas = pytest.importorskip("pandas")

    def measure(x):
        return {"x": x, "square": x * x} if x != 1 else 1 / 0

    run = Runner(backend="thread", n_jobs=2).map(measure, range(3))
    run.wait()
    first, failed, _ = run.to_records()
    assert {**first, "seconds": 0} == {
        "index": 0,
        "item": 0,
        "x": 0,
        "square": 0,
        "state": "success",
        "seconds": 0,
        "attempts": 1,
    }
    assert failed["state"] == "failure" and "square" not in failed
    frame = run.to_pandas()
    assert list(frame.index) == [0, 1, 2]
    assert frame["square"].dropna().tolist() == [0, 4]
    assert isinstance(frame, pandas.DataFrame)
