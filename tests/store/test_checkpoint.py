"""Run, stop, run again: what is stored is taken from there, and nothing else is."""

from __future__ import annotations

import contextlib
import functools
import os
import random
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jupyter_parallel import Run, Runner, errors, parallel_map
from jupyter_parallel.store.places import slug

from .work import calls, logged

BACKENDS = ["serial", "thread", "loky"]


def run(function: Any, items: Any, name: str = "c", **options: Any) -> Run:
    options = {"backend": "thread", "n_jobs": 2, **options}
    with Runner(**options) as runner:
        made = runner.map(function, items, checkpoint=name)
        assert made.wait(30)
    return made


def square(x: Any) -> Any:
    return x * x


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_second_run_computes_nothing_and_says_so(backend: str) -> None:
    first = run(logged(square), range(20), backend=backend)
    assert len(calls()) == 20
    assert first.counts.restored == 0 and first.overview().saved == 20
    second = run(logged(square), range(20), backend=backend)
    assert calls() == []
    assert list(second) == list(first) == [x * x for x in range(20)]
    assert second.counts.restored == second.counts.success == 20
    assert all(record.restored and record.state == "success" for record in second.records)
    assert "20 of 20 restored from " in second.overview().note
    assert "0 to do" in second.overview().note


def test_start_on_one_backend_and_finish_on_another_with_other_chunks() -> None:
    run(logged(square), range(30), backend="loky", chunk_size=7)
    calls()
    later = run(logged(square), range(40), backend="thread", n_jobs=1, chunk_size=3)
    assert sorted(map(int, calls())) == list(range(30, 40))
    assert list(later) == [x * x for x in range(40)]
    again = run(logged(square), range(40), backend="serial")
    assert calls() == [] and list(again) == list(later)


def test_only_failed_and_new_items_run_again() -> None:
    def picky(x: int) -> int:
        if Path(f"bad-{x}").exists():
            raise ValueError(x)
        return -x

    for bad in (3, 7):
        Path(f"bad-{bad}").touch()
    first = run(logged(picky), range(10))
    assert first.counts.failure == 2
    calls()
    Path("bad-3").unlink()
    second = run(logged(picky), range(12))
    assert sorted(map(int, calls())) == [3, 7, 10, 11]
    assert [record.index for record in second.failures] == [7]
    assert second.counts.restored == 8
    assert "8 of 12 restored" in second.overview().note and "4 to do" in second.overview().note


def test_reordered_shortened_and_repeated_items_reuse_what_there_is() -> None:
    items = list(range(50))
    run(logged(square), items)
    calls()
    random.Random(1).shuffle(items)
    assert list(run(logged(square), items)) == [x * x for x in items]
    assert list(run(logged(square), items[:7])) == [x * x for x in items[:7]]
    assert calls() == []
    doubled = [*items, *items[:5]]
    assert list(run(logged(square), doubled)) == [x * x for x in doubled]
    assert sorted(map(int, calls())) == sorted(items[:5])


def test_equal_items_have_a_result_each() -> None:
    def draw(x: int) -> float:
        return random.random()

    first = run(logged(draw), [1] * 10)
    assert len(set(first)) == 10
    calls()
    second = run(logged(draw), [1] * 12)
    assert list(second)[:10] == list(first) and len(calls()) == 2


def test_the_type_of_an_item_counts() -> None:
    run(logged(square), [1, 2, 3])
    calls()
    run(logged(square), [1.0, True, 3])
    assert sorted(calls()) == ["1.0", "True"]


def test_with_a_seed_the_index_belongs_to_the_item() -> None:
    def draw(x: Any) -> float:
        return random.random()

    first = run(logged(draw), ["a", "b", "c"], seed=5)
    calls()
    assert list(run(logged(draw), ["a", "b", "c"], seed=5)) == list(first) and calls() == []
    swapped = run(logged(draw), ["b", "a", "c"], seed=5)
    assert sorted(calls()) == ["'a'", "'b'"]
    assert list(swapped) == list(first)  # the numbers go by index


def test_another_seed_and_other_keywords_are_another_function() -> None:
    run(square, range(3), seed=1)
    with pytest.raises(errors.FunctionChanged, match=r"seed = 2"):
        run(square, range(3), seed=2)

    def scaled(x: int, k: int) -> int:
        return x * k

    with Runner(backend="thread") as runner:
        runner.map(scaled, range(3), kwargs={"k": 2}, checkpoint="k").result()
        with pytest.raises(errors.FunctionChanged, match=r"\+k=3"):
            runner.map(scaled, range(3), kwargs={"k": 3}, checkpoint="k")


def test_a_generator_is_recalled_while_it_is_pulled() -> None:
    run(logged(square), (x for x in range(300)))
    calls()
    later = run(logged(square), (x for x in range(400)))
    assert list(later) == [x * x for x in range(400)]
    assert sorted(map(int, calls())) == list(range(300, 400))


def test_chunk_functions_and_starred_items_resume_too() -> None:
    def whole(xs: list[int]) -> list[int]:
        return [x + 1 for x in xs]

    def add(a: int, b: int) -> int:
        return a + b

    with Runner(backend="thread", chunk_size=4) as runner:
        runner.map_chunks(whole, range(10), checkpoint="w").result()
        later = runner.map_chunks(whole, range(13), checkpoint="w")
        assert later.result() == list(range(1, 14)) and later.counts.restored == 10
        pairs = [(1, 2), (3, 4)]
        runner.starmap(add, pairs, checkpoint="s").result()
        later = runner.starmap(add, pairs, checkpoint="s")
        assert later.result() == [3, 7] and later.counts.restored == 2


def test_parallel_map_knows_checkpoints() -> None:
    assert parallel_map(logged(square), range(5), backend="serial", checkpoint="p") == [0, 1, 4, 9, 16]
    calls()
    assert parallel_map(logged(square), range(5), backend="serial", checkpoint="p") == [0, 1, 4, 9, 16]
    assert calls() == []


def test_values_are_kept_as_they_were_when_their_item_ended() -> None:
    shared: list[int] = []

    def growing(x: int) -> list[int]:
        held = GROWING
        held.append(x)
        return held

    GROWING.clear()
    assert not shared
    first = run(growing, range(4), backend="serial")
    assert list(first) == [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3]]
    assert list(run(growing, range(4), backend="serial", on_change="keep")) == list(first)


GROWING: list[int] = []


# The function has changed -----------------------------------------------------------------------


def make(k: int) -> Any:
    def scaled(x: int) -> int:
        return x * k

    return scaled


def test_a_changed_function_stops_before_any_work_with_a_difference() -> None:
    run(logged(make(2)), range(6))
    calls()
    with pytest.raises(errors.FunctionChanged) as caught:
        run(logged(make(3)), range(6))
    assert calls() == []
    told = str(caught.value)
    assert "6 finished items" in told
    assert "-    # k = 2" in told and "+    # k = 3" in told
    assert "--on-change keep" in told and "--on-change rerun" in told


def test_keep_uses_old_results_and_goes_on_doing_so() -> None:
    run(make(2), range(4))
    kept = run(make(3), range(6), on_change="keep")
    assert list(kept) == [0, 2, 4, 6, 12, 15]
    # Asked for once, it holds for this function; the old one still finds only its own.
    assert list(run(make(3), range(7))) == [0, 2, 4, 6, 12, 15, 18]
    assert list(run(make(2), range(6))) == [0, 2, 4, 6, 8, 10]


def test_rerun_computes_anew_and_deletes_nothing() -> None:
    run(make(2), range(4))
    assert list(run(make(3), range(4), on_change="rerun")) == [0, 3, 6, 9]
    assert run(make(3), range(4)).counts.restored == 4
    back = run(make(2), range(4))
    assert list(back) == [0, 2, 4, 6] and back.counts.restored == 4


def test_fresh_computes_anew_and_is_what_counts_from_then_on() -> None:
    def draw(x: int) -> float:
        return random.random()

    first = list(run(draw, range(5)))
    second = list(run(draw, range(5), fresh=True))
    assert first != second
    assert list(run(draw, range(5))) == second


def test_nothing_finished_means_nothing_to_ask() -> None:
    def failing(x: int) -> int:
        raise ValueError

    run(failing, range(3))
    assert list(run(make(3), range(3))) == [0, 3, 6]


def test_what_cannot_be_compared_is_named() -> None:
    import threading

    guard = threading.Lock()

    def guarded(x: int) -> int:
        with guard:
            return x

    assert "not checked: guard (_thread.lock)" in run(guarded, range(3)).overview().note
    assert run(guarded, range(3)).counts.restored == 3


def test_other_versions_of_packages_are_told_and_change_nothing(home: Path) -> None:
    run(square, range(3))
    with contextlib.closing(sqlite3.connect(home / ".jupyter_parallel" / "c.sqlite")) as connection:
        connection.execute("update epoch set versions = ?", ('{"python": "3.9.1"}',))
        connection.commit()
    again = run(square, range(3))
    assert again.counts.restored == 3
    assert "stored with other versions: python was 3.9.1 and is 3." in again.overview().note


# Items ------------------------------------------------------------------------------------------


def test_an_item_without_content_is_refused_with_a_way_out() -> None:
    import threading

    items = [{"id": n, "lock": threading.Lock()} for n in range(3)]
    ids = lambda item: item["id"]  # noqa: E731
    refused = run(ids, items)
    assert refused.counts.success == 0
    with pytest.raises(errors.InputError, match=r"_thread\.lock.*give key="):
        refused.result()
    assert run(ids, items, name="k", key=ids).result() == [0, 1, 2]
    assert run(ids, items, name="k", key=ids).counts.restored == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"checkpoint": ""}, "must be a text that is not empty"),
        ({"fresh": True}, "fresh belongs to a checkpoint"),
        ({"key": str}, "key belongs to a checkpoint"),
        ({"checkpoint": "c", "key": "id"}, "must be a function of an item"),
        ({"checkpoint": "c", "on_change": "ask"}, "must be 'fail', 'keep' or 'rerun'"),
        ({"keep": False}, "give saver= too"),
        ({"saver": "x.txt"}, r"must end in \.jsonl"),
        ({"saver": object()}, r"an object with a method save\(list\)"),
        ({"saver": "x.csv", "save_every": 0}, "whole number from 1"),
    ],
)
def test_wrong_options_are_refused_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises(errors.UsageError, match=message):
        parallel_map(square, range(3), **options)


# Cancel, retry, pause ---------------------------------------------------------------------------


def test_a_cancelled_run_keeps_what_was_finished_and_its_retry_goes_on_saving() -> None:
    with Runner(backend="thread", n_jobs=1, chunk_size=1) as runner:
        made = runner.map(square, range(2000), checkpoint="c")
        made[20]
        made.cancel()
        assert made.wait(10)
        done = made.counts.success
        assert done > 20 and made.overview().saved == done
        made.retry()
        assert made.wait(30)
        assert made.result() == [x * x for x in range(2000)]
    assert run(square, range(2000)).counts.restored == 2000


def test_a_retry_of_failed_items_is_saved() -> None:
    def picky(x: int) -> int:
        if x == 2 and not Path("good").exists():
            raise ValueError
        return x

    with Runner(backend="thread") as runner:
        made = runner.map(picky, range(4), checkpoint="c")
        made.wait(10)
        Path("good").touch()
        made.retry()
        assert made.wait(10) and made.result() == [0, 1, 2, 3]
    assert run(picky, range(4)).counts.restored == 4


# Stored runs ------------------------------------------------------------------------------------


def test_a_stored_run_opens_without_running() -> None:
    def area(w: int, h: int) -> dict[str, int]:
        if h == 3:
            raise ValueError("no threes")
        return {"w": w, "area": w * h}

    with Runner(backend="thread") as runner:
        runner.starmap(area, [(1, 2), (2, 3), (3, 4)], checkpoint="areas").wait(10)
    stored = Run.open("areas")
    assert stored[0] == {"w": 1, "area": 2} and stored[2] == {"w": 3, "area": 12}
    with pytest.raises(errors.ItemFailed, match="item 1: ValueError: no threes"):
        stored[1]
    assert [(group.type, group.indices) for group in stored.errors] == [("ValueError", (1,))]
    assert "no threes" in stored.failures[0].traceback
    assert stored.state == "finished" and stored.counts.total == 3 and stored.counts.restored == 2
    glance = stored.glance(2)
    assert [str(part) for part in glance.item] == ["3", "4"]
    assert glance.brief == {"w": "3", "area": "12"} and glance.restored
    with pytest.raises(errors.UsageError, match="run its cell again"):
        stored.retry()


def test_a_stored_run_is_in_the_order_of_its_latest_items() -> None:
    run(square, [1, 2, 3])
    run(square, [3, 1])
    assert list(Run.open("c")) == [9, 1]


def test_a_name_that_is_not_there_lists_what_is() -> None:
    run(square, range(2), name="first one")
    with pytest.raises(errors.CheckpointError, match=r"no checkpoint 'other'.*there are: first one"):
        Run.open("other")


# Files ------------------------------------------------------------------------------------------


def test_folder_and_files_are_private_and_ignored_by_git(home: Path) -> None:
    run(square, range(3))
    folder = home / ".jupyter_parallel"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.glob("c.*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (folder / ".gitignore").read_text() == "*\n"
    assert stat.S_IMODE((home / "data" / "jupyter_parallel_key").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "name", ["../../evil", "/etc/passwd", "a/b", "..", ".", "a\0b", "ü ñ", "x" * 500, "CON"]
)
def test_names_cannot_leave_their_folder(home: Path, name: str) -> None:
    run(square, range(2), name=name)
    inside = {path.parent for path in home.rglob("*.sqlite*")}
    assert inside == {home / ".jupyter_parallel"}
    assert Run.open(name).result() == [0, 1]


def test_different_names_have_different_files() -> None:
    names = ["a b", "a-b", "a/b", "A", "a", "a ", " a", "ä", "ö"]
    assert len({slug(name) for name in names}) == len(names)


def test_links_are_not_followed(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (home / ".jupyter_parallel").symlink_to(elsewhere)
    with pytest.raises(errors.CheckpointError, match="is a symbolic link"):
        run(square, range(2))
    assert list(elsewhere.iterdir()) == []
    (home / ".jupyter_parallel").unlink()
    (home / ".jupyter_parallel").mkdir()
    (home / ".jupyter_parallel" / "c.sqlite").symlink_to(elsewhere / "x")
    with pytest.raises(errors.CheckpointError, match="is a symbolic link"):
        run(square, range(2))
    assert list(elsewhere.iterdir()) == []


def test_a_nested_partial_is_the_same_function_after_a_restart() -> None:
    made = functools.partial(square)
    run(made, range(3))
    assert run(functools.partial(square), range(3)).counts.restored == 3


INTERRUPTED = """
import os, signal, sys, threading, time
from jupyter_parallel import errors, last_run, parallel_map
def slow(x):
    time.sleep(0.01)
    return x
threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    jobs = 1 if sys.argv[1] == "serial" else 2
    parallel_map(slow, range(2000), backend=sys.argv[1], n_jobs=jobs, checkpoint="c")
except KeyboardInterrupt:
    pass
done = [index for index, _ in last_run().successes()]
values = parallel_map(slow, [*done, -1, -2], backend="thread", n_jobs=4, checkpoint="c")
again = last_run()
print(len(done), again.counts.restored, values == [*done, -1, -2])
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_interrupt_loses_nothing_that_was_finished(home: Path, backend: str) -> None:
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", INTERRUPTED, backend]
    done = subprocess.run(
        command,
        env=env,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    finished, restored, right = done.stdout.split()
    assert int(restored) == int(finished) > 0 and right == "True"
