"""What every backend does alike."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_parallel.engine.ports import Chunk, Force
from jupyter_parallel.errors import UsageError

from .harness import Harness, Outcome, wait_until


class Unsendable(Exception):
    """Cannot be pickled."""

    def __reduce__(self) -> Any:
        raise RuntimeError("I stay here")


class NeedsTwo(Exception):
    """Pickles, but cannot be made again from its args."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first} and {second}")


class BadText(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class Strange(BaseException):
    pass


RAISED: dict[str, Callable[[], BaseException]] = {
    "ValueError": lambda: ValueError("oh"),
    "IndexError": lambda: IndexError("oh"),
    "StopIteration": lambda: StopIteration("oh"),
    "GeneratorExit": lambda: GeneratorExit("oh"),
    "SystemExit": lambda: SystemExit(3),
    "KeyboardInterrupt": lambda: KeyboardInterrupt("oh"),
    "Strange": lambda: Strange("oh"),
    "Unsendable": lambda: Unsendable("oh"),
    "NeedsTwo": lambda: NeedsTwo(1, 2),
    "BadText": lambda: BadText(),
    "ExceptionGroup": lambda: ExceptionGroup("oh", [ValueError("a"), KeyError("b")]),
}


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_values_belong_to_their_items(harness: Harness, size: int) -> None:
    items = [*range(20), "text", 2.5, None, True, b"bytes", (1, (2, "x")), [1, 2], {"a": {1}}]
    assert harness.run(lambda x: (x, x), items, size=size).list() == [(x, x) for x in items]


def test_no_items_are_no_records(harness: Harness) -> None:
    token = harness.publish(abs)
    end = harness.backend.submit(harness.chunk(token, [], start=5)).result(30)
    assert (end.stop, list(end.records)) == (5, [])


def test_starred_calls_spread_the_item(harness: Harness) -> None:
    assert harness.run(lambda a, b: a - b, [(5, 3), (9, 1)], "star").list() == [2, 8]


def test_a_builtin_works_as_the_function(harness: Harness) -> None:
    assert harness.run(abs, [-1, -2]).list() == [1, 2]


@pytest.mark.parametrize("position", [0, 4, 9])
@pytest.mark.parametrize("kind", RAISED)
def test_a_raising_item_fails_alone(harness: Harness, kind: str, position: int) -> None:
    make = RAISED[kind]

    def function(x: int) -> int:
        if x == position:
            raise make()
        return x * 2

    outcome = harness.run(function, range(10), size=5)
    assert outcome.values == {x: x * 2 for x in range(10) if x != position}
    failure = outcome.failures[position].failure
    assert failure.type.rpartition(".")[2] == kind
    assert "raise make()" in failure.traceback
    assert failure.traceback.count("File ") <= 4
    assert Path(__file__).name in failure.where
    assert not failure.cancelled


def test_every_item_may_fail(harness: Harness) -> None:
    outcome = harness.run(lambda x: 1 // 0, range(200))
    assert sorted(outcome.failures) == list(range(200))
    assert outcome.failures[7].failure.message == "integer division or modulo by zero"


def test_a_traceback_begins_at_the_users_frame_and_quotes_the_cell(harness: Harness) -> None:
    source = "def broken(x):\n    y = x + 1\n    return y / 0\n"
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, "<cell-77>", "exec"), namespace)
    outcome = harness.run(namespace["broken"], [1], sources={"<cell-77>": ("Cell In[77]", source)})
    failure = outcome.failures[0].failure
    assert failure.where == "Cell In[77]:3"
    lines = failure.traceback.splitlines()
    assert lines[1] == '  File "Cell In[77]", line 3, in broken'
    assert lines[2].strip() == "return y / 0"


def test_a_failure_tells_its_cause(harness: Harness) -> None:
    def function(x: int) -> None:
        try:
            {}["missing"]
        except KeyError as error:
            raise ValueError("outer") from error

    trace = harness.run(function, [1]).failures[0].failure.traceback
    assert "KeyError: 'missing'" in trace and "direct cause" in trace and "ValueError: outer" in trace


def test_a_huge_message_is_cut(harness: Harness) -> None:
    def function(x: int) -> None:
        raise ValueError("m" * 1_000_000)

    failure = harness.run(function, [1]).failures[0].failure
    assert len(failure.message) < 5_000
    assert len(failure.traceback) < 70_000


def test_endless_recursion_fails_the_item(harness: Harness) -> None:
    def function(x: int) -> int:
        return function(x)

    outcome = harness.run(function, [1])
    assert outcome.failures[0].failure.type == "RecursionError"
    assert len(outcome.failures[0].failure.traceback) < 70_000


def test_keyword_arguments_are_never_shared(harness: Harness) -> None:
    def function(x: int, seen: list[int]) -> int:
        seen.append(x)
        return len(seen)

    mine: list[int] = []
    assert harness.run(function, range(6), size=3, kwargs={"seen": mine}).list() == [1] * 6
    assert mine == []


def test_large_keyword_arguments_arrive(harness: Harness) -> None:
    text = "x" * 2_000_000
    assert harness.run(lambda x, text: len(text) + x, [1, 2], kwargs={"text": text}).list() == [
        2_000_001,
        2_000_002,
    ]


def test_chunk_functions_get_the_whole_chunk(harness: Harness) -> None:
    outcome = harness.run(lambda items: [len(items)] * len(items), range(7), "chunk", size=3)
    assert outcome.list() == [3, 3, 3, 3, 3, 3, 1]


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ([1], "got 3 items and returned a list of 1 values"),
        (None, "got 3 items and returned a NoneType"),
        ("abc", "returned a str"),
    ],
)
def test_a_chunk_result_of_the_wrong_size_fails_its_items(
    harness: Harness, result: Any, message: str
) -> None:
    outcome = harness.run(lambda items: result, range(3), "chunk")
    assert sorted(outcome.failures) == [0, 1, 2]
    assert message in outcome.failures[1].failure.message


def test_a_raising_chunk_function_fails_its_chunk_only(harness: Harness) -> None:
    def function(items: list[int]) -> list[int]:
        if 4 in items:
            raise ValueError("four")
        return items

    outcome = harness.run(function, range(9), "chunk", size=3)
    assert sorted(outcome.failures) == [3, 4, 5]
    assert sorted(outcome.values) == [0, 1, 2, 6, 7, 8]


def test_coroutines_are_awaited(harness: Harness) -> None:
    async def function(x: int) -> int:
        import asyncio

        await asyncio.sleep(0)
        if x == 2:
            raise ValueError("two")
        return x + 1

    outcome = harness.run(function, range(4))
    assert outcome.values == {0: 1, 1: 2, 3: 4}
    failure = outcome.failures[2].failure
    assert failure.traceback.splitlines()[1].endswith("in function")


def test_an_awaiting_comprehension_gives_its_one_value(harness: Harness) -> None:
    async def double(x: int) -> int:
        return 2 * x

    outcome = harness.run(lambda x: (await double(x) for _ in (None,)), range(3))
    assert outcome.list() == [0, 2, 4]


def test_the_same_event_loop_serves_all_items_of_a_worker(harness: Harness) -> None:
    async def function(x: int) -> int:
        import asyncio

        return id(asyncio.get_running_loop())

    assert len(set(harness.run(function, range(5)).list())) == 1


def test_the_context_knows_the_index(harness: Harness) -> None:
    def function(x: str) -> tuple[int, bool, bool]:
        from jupyter_parallel.worker.context import context, inside_item

        return context().index, context() is context(), inside_item()

    assert harness.run(function, list("abcd"), size=2).list() == [(i, True, True) for i in range(4)]


def test_an_awaited_item_has_its_context(harness: Harness) -> None:
    async def function(x: str) -> int:
        from jupyter_parallel.worker.context import context

        return context().index

    assert harness.run(function, list("abc")).list() == [0, 1, 2]


def test_a_thread_that_an_item_starts_stays_out_of_others(harness: Harness) -> None:
    from jupyter_parallel.worker.context import context, inside_item

    harness.run(lambda x: x, range(3))
    assert not inside_item()
    with pytest.raises(UsageError, match="outside an item"):
        context()


def draws(x: int) -> list[float]:
    import random

    import numpy

    from jupyter_parallel.worker.context import context

    rng = context().rng
    return [random.random(), float(numpy.random.rand()), float(rng.random()), float(rng.random())]


def test_seeded_items_draw_the_same_on_every_backend_and_chunking(harness: Harness) -> None:
    expected = [first_draws(index) for index in range(6)]
    for size in (1, 4, 6):
        got = harness.run(draws, range(6), size=size, seed=11).list()
        assert [row[2] for row in got] == expected
        assert got == _remember(got)
    assert [len(set(column)) for column in zip(*got, strict=True)] == [6, 6, 6, 6]


_drawn: list[Any] = []


def _remember(rows: Any) -> Any:
    """Return the rows that the first backend drew."""
    if not _drawn:
        _drawn.extend(rows)
    return _drawn


def first_draws(index: int) -> float:
    import numpy

    return float(numpy.random.default_rng(numpy.random.SeedSequence(11, spawn_key=(index,))).random())


def test_another_seed_draws_other_numbers(harness: Harness) -> None:
    one, two = (harness.run(draws, [0], seed=seed).list() for seed in (1, 2))
    assert not set(one[0]) & set(two[0])


def test_without_a_seed_items_draw_freely(harness: Harness) -> None:
    rows = harness.run(draws, range(3)).list()
    again = harness.run(draws, range(3)).list()
    assert rows[0][2] != again[0][2]
    assert len({row[2] for row in rows}) == 3


def test_seeding_leaves_this_process_as_it_was(harness: Harness) -> None:
    import random

    import numpy

    random.seed(5)
    numpy.random.seed(5)
    expected = random.random(), numpy.random.rand()
    random.seed(5)
    numpy.random.seed(5)
    harness.run(draws, range(3), seed=1)
    assert (random.random(), numpy.random.rand()) == expected


def test_briefs_are_short_texts_or_columns(harness: Harness) -> None:
    import numpy

    values = [1.5, "a" * 1000, {"a": 1, "b": [1, 2]}, numpy.zeros((3, 4)), list(range(1000))]
    briefs = harness.run(lambda x: x, values).briefs
    assert briefs[0] == "1.5"
    assert len(briefs[1]) <= 200 and briefs[1].startswith("'aaa")
    assert briefs[2] == {"a": "1", "b": "[1, 2]"}
    assert briefs[3] == "ndarray 3x4 float64"
    assert len(briefs[4]) <= 200


def test_stamps_follow_the_items(harness: Harness) -> None:
    spans = harness.run(lambda x: x, range(5)).spans
    ordered = [stamp for index in range(5) for stamp in spans[index]]
    assert ordered == sorted(ordered)


def gated(folder: Path, gate: int) -> Callable[[int], int]:
    """Return a function that notes each item and waits at one of them until a file allows it."""

    def function(x: int) -> int:
        (folder / f"began-{x}").touch()
        while x == gate and not (folder / "open").exists():
            threading.Event().wait(0.005)
        return x

    return function


class Live:
    """A chunk that runs while the test looks on: also on the backend that runs it inside ``submit``."""

    def __init__(self, harness: Harness, function: Callable[..., Any], items: Any, **options: Any) -> None:
        self.harness = harness
        self.outcome = Outcome()
        self.chunk: Chunk = harness.chunk(harness.publish(function, **options), items)
        self._futures: list[Any] = []
        self._thread = threading.Thread(target=self._submit)
        self._thread.start()

    def _submit(self) -> None:
        self._futures.append(self.harness.backend.submit(self.chunk))

    def running(self, index: int) -> None:
        """Wait until an item runs."""
        wait_until(lambda: self.harness.running(self.chunk, self.outcome) == index)

    def end(self) -> Outcome:
        self._thread.join(30)
        self.harness.settle(self._futures[0], self.outcome)
        return self.outcome


def test_neighbours_of_a_long_item_are_seen_at_once(harness: Harness, tmp_path: Path) -> None:
    live = Live(harness, gated(tmp_path, 3), range(6))
    live.running(3)
    harness.progress_until(live.chunk, live.outcome, lambda: sorted(live.outcome.values) == [0, 1, 2])
    (tmp_path / "open").touch()
    assert live.end().list() == list(range(6))


def test_progress_tells_since_when_the_item_runs(harness: Harness, tmp_path: Path) -> None:
    import time

    before = time.perf_counter()
    live = Live(harness, gated(tmp_path, 0), range(2))
    live.running(0)
    progress = harness.backend.progress(live.chunk)
    (tmp_path / "open").touch()
    assert progress is not None and before <= progress.since <= time.perf_counter()
    live.end()


def test_progress_of_an_ended_chunk_is_none(harness: Harness) -> None:
    chunk = harness.chunk(harness.publish(abs), [1])
    harness.backend.submit(chunk).result(30)
    assert harness.backend.progress(chunk) is None


def test_a_cut_tail_is_never_started(harness: Harness, tmp_path: Path) -> None:
    live = Live(harness, gated(tmp_path, 2), range(8))
    live.running(2)
    assert harness.backend.cut(live.chunk, 5) == 5
    (tmp_path / "open").touch()
    outcome = live.end()
    assert sorted(outcome.values) == [0, 1, 2, 3, 4]
    assert outcome.ends[0].stop == 5
    assert not (tmp_path / "began-5").exists()


def test_a_cut_cannot_take_back_what_has_begun(harness: Harness, tmp_path: Path) -> None:
    live = Live(harness, gated(tmp_path, 2), range(8))
    live.running(2)
    assert harness.backend.cut(live.chunk, 0) == 3
    (tmp_path / "open").touch()
    outcome = live.end()
    assert sorted(outcome.values) == [0, 1, 2]
    assert outcome.ends[0].stop == 3


def test_a_later_cut_cannot_give_back_an_earlier_one(harness: Harness, tmp_path: Path) -> None:
    live = Live(harness, gated(tmp_path, 2), range(8))
    live.running(2)
    harness.backend.cut(live.chunk, 4)
    harness.backend.cut(live.chunk, 7)
    (tmp_path / "open").touch()
    assert sorted(live.end().values) == [0, 1, 2, 3]


def test_a_running_whole_chunk_cannot_be_cut(harness: Harness, tmp_path: Path) -> None:
    def function(items: list[int]) -> list[int]:
        return [gated(tmp_path, 2)(x) for x in items]

    live = Live(harness, function, range(4), call="chunk")
    live.running(0)
    assert harness.backend.cut(live.chunk, 3) == 4
    (tmp_path / "open").touch()
    assert live.end().list() == [0, 1, 2, 3]


def test_an_ended_chunk_cannot_be_cut(harness: Harness) -> None:
    chunk = harness.chunk(harness.publish(abs), [1, 2, 3])
    harness.backend.submit(chunk).result(30)
    assert harness.backend.cut(chunk, 0) == 3


def test_asking_reaches_the_running_item_only(harness: Harness) -> None:
    def function(x: int) -> bool:
        from jupyter_parallel.worker.context import context

        while x == 1 and not context().should_stop():
            threading.Event().wait(0.005)
        return context().should_stop()

    live = Live(harness, function, range(3))
    live.running(1)
    harness.backend.halt(live.chunk, Force.ASK)
    assert live.end().list() == [False, True, False]


def test_cuts_at_random_moments_lose_and_repeat_nothing(harness: Harness) -> None:
    token = harness.publish(lambda x: x)
    for round_ in range(20):
        start, stop, outcome = 0, 3000, Outcome()
        chunk = harness.chunk(token, range(stop), 0)
        box: list[Any] = []
        thread = threading.Thread(target=lambda c=chunk, b=box: b.append(harness.backend.submit(c)))
        thread.start()
        harness.running(chunk, outcome)
        free = harness.backend.cut(chunk, round_ * 150)
        thread.join(30)
        harness.settle(box[0], outcome)
        ran = outcome.ends[0].stop
        assert sorted(outcome.values) == list(range(start, ran))
        assert ran <= free


def test_output_belongs_to_its_item(harness: Harness, capsys: pytest.CaptureFixture[str]) -> None:
    def function(x: int) -> None:
        import sys

        print("out", x)
        print("err", x, file=sys.stderr)

    outcome = harness.run(function, range(4), size=2)
    if harness.name == "serial":
        assert outcome.said == {}
        assert capsys.readouterr().out == "".join(f"out {x}\n" for x in range(4))
        return
    assert outcome.said == {
        (x, stream): f"{stream[3:]} {x}\n" for x in range(4) for stream in ("stdout", "stderr")
    }
    assert capsys.readouterr().out == ""


def test_streams_are_restored(harness: Harness) -> None:
    import sys

    before = sys.stdout, sys.stderr
    harness.run(print, range(3))
    assert (sys.stdout, sys.stderr) == before


def test_a_flood_of_output_keeps_head_and_tail(harness: Harness) -> None:
    if harness.name == "serial":
        pytest.skip("prints go where they always go")

    def function(x: int) -> int:
        for number in range(200_000):
            print(number)
        return x

    outcome = harness.run(function, range(2))
    text = outcome.said[0, "stdout"]
    assert text.startswith("0\n1\n2\n") and text.endswith("199998\n199999\n")
    assert len(text) <= 64_000
    assert len(text) + outcome.dropped[0, "stdout"] == sum(len(f"{n}\n") for n in range(200_000))


def test_chunks_beyond_the_workers_wait_their_turn(harness: Harness) -> None:
    outcome = harness.run(lambda x: x, range(40), size=1)
    assert outcome.list() == list(range(40))
    assert len({end.worker for end in outcome.ends}) <= harness.backend.capacity()


def test_items_run_in_parallel_up_to_the_capacity_and_never_beyond(harness: Harness, tmp_path: Path) -> None:
    """Two items that wait for each other end only where two run at once."""
    capacity = harness.backend.capacity()

    def function(x: int) -> int:
        (tmp_path / f"{x}").touch()
        while len(list(tmp_path.iterdir())) < capacity:
            threading.Event().wait(0.005)
        return x

    outcome = harness.run(function, range(capacity), size=1)
    assert outcome.list() == list(range(capacity))
    outcome = harness.run(lambda x: threading.Event().wait(0.02), range(8), size=1)
    starts = [(span[0], 1) for span in outcome.spans.values()]
    ends = [(span[1], -1) for span in outcome.spans.values()]
    assert max(itertools.accumulate(step for _, step in sorted(starts + ends))) <= capacity


def test_several_tasks_share_the_workers(harness: Harness) -> None:
    tokens = {factor: harness.publish(lambda x, f=factor: x * f) for factor in (2, 3)}
    futures = [
        (factor, x, harness.backend.submit(harness.chunk(tokens[factor], [x])))
        for x in range(10)
        for factor in (2, 3)
    ]
    for factor, x, future in futures:
        outcome = Outcome()
        harness.settle(future, outcome)
        assert outcome.list() == [x * factor]


def test_close_is_idempotent(harness: Harness) -> None:
    if harness.name == "loky":
        pytest.skip("shared by all tests; see test_loky")
    harness.backend.close()
    harness.backend.close()


def test_what_a_running_item_prints_is_seen_at_once(harness: Harness, tmp_path: Path) -> None:
    if harness.name == "serial":
        pytest.skip("prints go where they always go")

    def function(x: int) -> int:
        print("working")
        return gated(tmp_path, 0)(x)

    live = Live(harness, function, [0])
    harness.progress_until(live.chunk, live.outcome, lambda: live.outcome.said != {})
    (tmp_path / "open").touch()
    assert live.end().said == {(0, "stdout"): "working\n"}


def test_exceptions_keep_none_of_our_frames(harness: Harness) -> None:
    def function(x: int) -> None:
        raise ValueError(x)

    error = harness.run(function, [1]).failures[0].failure.exception
    if isinstance(error, BaseException):
        assert error.__traceback__ is not None
        assert error.__traceback__.tb_frame.f_code.co_name == "function"
