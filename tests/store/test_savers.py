"""Values in the order of the items, each batch once, to files and objects; an error loses nothing."""

from __future__ import annotations

import collections
import csv
import dataclasses
import json
import threading
from pathlib import Path
from typing import Any

import numpy
import pytest

from jupyter_parallel import Run, Runner, errors, parallel_map

Pair = collections.namedtuple("Pair", "a b")


@dataclasses.dataclass
class Point:
    x: float
    y: float


class Collector:
    """A saver of the user's."""

    def __init__(self, fail_at: int = 10**9) -> None:
        self.batches: list[list[Any]] = []
        self.calls = 0
        self._fail_at = fail_at

    def save(self, values: list[Any]) -> None:
        self.calls += 1
        if self.calls == self._fail_at:
            raise OSError("no space left on device")
        self.batches.append(values)


def run(function: Any, items: Any, **options: Any) -> Run:
    with Runner(**{"backend": "thread", "n_jobs": 2, **options}) as runner:
        made = runner.map(function, items)
        assert made.wait(30)
    return made


def same(x: Any) -> Any:
    return x


@pytest.mark.parametrize("backend", ["serial", "thread", "loky"])
def test_ten_items_by_threes_are_four_batches_in_order(backend: str) -> None:
    saver = Collector()
    made = run(same, range(10), saver=saver, save_every=3, backend=backend, chunk_size=1)
    assert saver.batches == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]
    assert list(made) == list(range(10))  # saving takes nothing away


def test_a_batch_waits_for_the_slowest_of_the_items_before_it() -> None:
    gate = threading.Event()
    saver = Collector()

    def late_first(x: int) -> int:
        if x == 0:
            _GATE[0].wait(20)
        return x

    _GATE[0] = gate
    with Runner(backend="thread", n_jobs=2, chunk_size=1) as runner:
        made = runner.map(late_first, range(9), saver=saver, save_every=2)
        made[8]
        assert saver.batches == []
        gate.set()
        assert made.wait(20)
    assert saver.batches == [[0, 1], [2, 3], [4, 5], [6, 7], [8]]


_GATE: dict[int, threading.Event] = {}


def test_items_without_a_value_are_left_out_or_stood_in_for() -> None:
    def odd(x: int) -> int:
        return 1 // (x % 3) + x

    saver = Collector()
    run(odd, range(7), saver=saver, save_every=4, on_error="collect")
    assert saver.batches == [[2, 2], [5, 5]]
    saver = Collector()
    run(odd, range(7), saver=saver, save_every=4, on_error="collect", default=-1)
    assert saver.batches == [[-1, 2, 2, -1], [5, 5, -1]]


def test_a_saver_that_raises_is_told_once_and_loses_nothing() -> None:
    saver = Collector(fail_at=2)
    made = run(same, range(10), saver=saver, save_every=3)
    assert saver.batches == [[0, 1, 2]] and saver.calls == 2
    assert made.state == "failed" and list(made) == made.result() == list(range(10))
    with pytest.raises(
        errors.SaverFailed, match=r"OSError: no space left on device.*the 10 values"
    ) as caught:
        parallel_map(same, range(10), backend="serial", saver=Collector(fail_at=2), save_every=3)
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.run.result() == list(range(10))


def test_a_cancelled_run_saves_its_contiguous_part_and_a_retry_the_rest() -> None:
    saver = Collector()
    with Runner(backend="thread", n_jobs=1, chunk_size=1) as runner:
        made = runner.map(same, range(3000), saver=saver, save_every=7)
        made[20]
        made.cancel()
        assert made.wait(20)
        saved = [value for batch in saver.batches for value in batch]
        assert saved == list(range(len(saved))) and len(saved) >= 20
        made.retry()
        assert made.wait(20)
    assert [value for batch in saver.batches for value in batch] == list(range(3000))


def test_restored_values_go_to_the_saver_too() -> None:
    run(same, range(10), checkpoint="c")
    saver = Collector()
    made = run(same, range(12), checkpoint="c", saver=saver, save_every=5)
    assert made.counts.restored == 10
    assert saver.batches == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11]]


# Files ------------------------------------------------------------------------------------------


def numbers(x: int) -> dict[str, Any]:
    return {"x": x, "half": x / 2, "name": f"n{x}"}


def test_json_lines() -> None:
    run(numbers, range(5), saver="out.jsonl", save_every=2)
    lines = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert lines == [{"index": x, "value": numbers(x)} for x in range(5)]


def test_json_lines_of_arrays_paths_and_dataclasses() -> None:
    values = [numpy.arange(2), numpy.float64(1.5), Point(1, 2), Path("a"), {3, 1}, None, "ü"]
    run(lambda x: values[x], range(len(values)), saver=Path("out.jsonl"), backend="serial")
    found = [json.loads(line)["value"] for line in Path("out.jsonl").read_text().splitlines()]
    assert found == [[0, 1], 1.5, {"x": 1, "y": 2}, "a", [1, 3], None, "ü"]


@pytest.mark.parametrize(
    ("function", "rows"),
    [
        (numbers, [["index", "x", "half", "name"], ["0", "0", "0.0", "n0"], ["1", "1", "0.5", "n1"]]),
        (lambda x: Pair(x, -x), [["index", "a", "b"], ["0", "0", "0"], ["1", "1", "-1"]]),
        (lambda x: Point(x, 1), [["index", "x", "y"], ["0", "0", "1"], ["1", "1", "1"]]),
        (lambda x: f'a,"{x}\n', [["index", "value"], ["0", 'a,"0\n'], ["1", 'a,"1\n']]),
    ],
)
def test_csv(function: Any, rows: list[list[str]]) -> None:
    run(function, range(2), saver="out.csv", save_every=1)
    with Path("out.csv").open(newline="") as file:
        assert list(csv.reader(file)) == rows


def test_a_csv_row_with_a_new_column_is_told() -> None:
    with pytest.raises(errors.SaverFailed, match="item 1 has a new column 'late'"):
        parallel_map(lambda x: {"a": 1} if x == 0 else {"late": 2}, range(2), backend="serial", saver="o.csv")


def test_parquet() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    run(numbers, range(7), saver="out.parquet", save_every=3)
    table = parquet.read_table("out.parquet")
    assert table.to_pylist() == [{"index": x, **numbers(x)} for x in range(7)]
    assert parquet.ParquetFile("out.parquet").num_row_groups == 3


@pytest.mark.parametrize("kind", ["parquet", "npy", "csv", "jsonl"])
def test_a_file_goes_on_after_cancel_and_retry(kind: str) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    with Runner(backend="thread", n_jobs=1, chunk_size=1) as runner:
        made = runner.map(same, range(600), saver=f"out.{kind}", save_every=50)
        made[60]
        made.cancel()
        assert made.wait(20)
        made.retry()
        assert made.wait(20) and made.error() is None
    assert _read(kind) == list(range(600))


def _read(kind: str) -> list[int]:
    if kind == "npy":
        return list(numpy.load("out.npy"))
    if kind == "parquet":
        import pyarrow.parquet

        return [row["value"] for row in pyarrow.parquet.read_table("out.parquet").to_pylist()]
    if kind == "csv":
        with Path("out.csv").open(newline="") as file:
            return [int(row["value"]) for row in csv.DictReader(file)]
    return [json.loads(line)["value"] for line in Path("out.jsonl").read_text().splitlines()]


def test_npy_of_numbers_and_of_arrays() -> None:
    run(lambda x: x / 2, range(7), saver="out.npy", save_every=3)
    assert numpy.array_equal(numpy.load("out.npy"), numpy.arange(7) / 2)
    run(lambda x: numpy.full((2, 3), x), range(7), saver="out.npy", save_every=3)
    loaded = numpy.load("out.npy", mmap_mode="r")
    assert loaded.shape == (7, 2, 3) and (loaded[5] == 5).all()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: 1 // (3 - x), "item 3 has no value"),
        (lambda x: "text" if x < 2 else object(), "no numbers of one shape"),
        (lambda x: numpy.zeros(x % 2 + 1), r"inhomogeneous|of shape"),
        (lambda x: x if x < 2 else x / 2, "float64"),
    ],
)
def test_what_is_no_array_is_told(function: Any, message: str) -> None:
    made = run(function, range(5), saver="out.npy", save_every=1, on_error="collect", backend="serial")
    assert message.split("|")[0] in made.overview().note or message.split("|")[-1] in made.overview().note


@pytest.mark.parametrize(
    ("path", "message"), [("no/such/x.csv", "folder .* does not exist"), ("x.xls", "must end in")]
)
def test_a_path_that_cannot_work_is_refused_before_the_start(path: str, message: str) -> None:
    with pytest.raises(errors.UsageError, match=message):
        run(same, range(3), saver=path)


# keep=False -------------------------------------------------------------------------------------


def test_dropped_values_say_where_they_went_and_the_saver_has_them_all() -> None:
    saver = Collector()
    made = run(same, (x for x in range(50_000)), saver=saver, save_every=500, keep=False, backend="loky")
    assert [value for batch in saver.batches for value in batch] == list(range(50_000))
    assert made.state == "finished" and made.counts.success == 50_000
    with pytest.raises(errors.ValueNotKept, match=r"item 3 was saved and not kept: keep=False"):
        made[3]
    with pytest.raises(errors.ValueNotKept):
        made.result()
    assert len(made._state.results._segments) < 100
    assert made.glance(3).brief is None and made.item_states(3, 4) == b"\x02"


def test_a_saver_that_fails_ends_a_run_that_keeps_nothing() -> None:
    saver = Collector(fail_at=3)
    made = run(same, (x for x in range(10**7)), saver=saver, save_every=100, keep=False, backend="thread")
    assert made.state == "failed" and made.counts.success < 10**6
    assert len(saver.batches) == 2
    assert made[250] == 250  # not saved, so kept
