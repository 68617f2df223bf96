from __future__ import annotations

import json
import os
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_parallel.engine.spans import Span
from jupyter_parallel.view import timeline
from jupyter_parallel.view.timeline import BARS, COLUMNS, LANES, Timeline
from tests.view.fakes import FakeRun

FIXTURE = Path(__file__).parents[1] / "fixtures" / "messages" / "reply_timeline.json"


def spans_of(*spans: tuple[str, float, float]) -> FakeRun:
    """A run that started at 100 s and did these chunks of ten items: worker, sent and done after that."""
    run = FakeRun(range(100))
    for number, (worker, sent, done) in enumerate(spans):
        run.done.append(Span(worker, 10 * number, 10 * number + 10, 100 + sent, 100 + done))
        run.now = max(run.now, 100 + done)
    return run


def busy_by_column(answer: dict[str, Any], lane: int) -> list[float]:
    return [byte / 255 for byte in b64decode(answer["grid"][lane])]


def test_a_chunk_is_a_bar_of_its_worker() -> None:
    answer = Timeline().answer(spans_of(("w1", 0, 2), ("w2", 0.5, 3), ("w1", 2, 4)))
    assert answer["lanes"] == [["w1", 4, 2], ["w2", 2.5, 1]]
    assert answer["bars"] == [[0, 0, 10, 0, 2], [1, 10, 20, 0.5, 3], [0, 20, 30, 2, 4]]
    assert (answer["elapsed"], answer["chunks"], answer["grid"], answer["more"]) == (4, 3, [], False)


def test_a_view_gets_the_bars_it_does_not_know() -> None:
    run = spans_of(("w1", 0, 2), ("w1", 2, 4))
    kept = Timeline()
    kept.answer(run)
    answer = kept.answer(run, 1)
    assert (answer["first"], answer["bars"]) == (1, [[0, 10, 20, 2, 4]])
    assert kept.answer(run, 99)["first"] == 2, "a view that knows more than there is starts again"


def test_a_chunk_sent_ahead_starts_when_its_worker_is_free() -> None:
    answer = Timeline().answer(spans_of(("w1", 0, 2), ("w1", 0.1, 3)))
    assert [bar[3:] for bar in answer["bars"]] == [[0, 2], [2, 3]]
    assert answer["lanes"] == [["w1", 3, 2]]


def test_what_runs_now_is_told_from_its_chunk_being_sent() -> None:
    run = spans_of(("w3", 0, 2))
    run.run(3)
    run.now += 1
    assert Timeline().answer(run)["running"] == [[0, 3, 2]]


def test_nothing_is_drawn_before_the_start() -> None:
    run = FakeRun(range(3))
    run.started = None  # type: ignore[assignment]
    answer = Timeline().answer(run)
    assert (answer["elapsed"], answer["lanes"], answer["bars"]) == (0, [], [])


def test_many_chunks_become_columns_of_time() -> None:
    run = spans_of(*((f"w{i % 2}", i // 2, i // 2 + (1 if i % 2 else 0.5)) for i in range(2 * BARS)))
    answer = Timeline().answer(run)
    assert answer["bars"] == []
    assert answer["column"] > 0
    assert [lane[1] for lane in answer["lanes"]] == [BARS / 2, BARS]
    idle, busy = busy_by_column(answer, 0), busy_by_column(answer, 1)
    assert len(busy) <= COLUMNS
    assert min(busy[:-1]) > 0.99
    assert sum(idle[:-1]) / len(idle[:-1]) == pytest.approx(0.5, abs=0.02)


def test_an_idle_gap_stays_a_gap_in_columns() -> None:
    times = [i / 1000 for i in range(BARS + 1)]
    run = spans_of(*(("w", t, t + 0.001) for t in times), ("w", 10, 11))
    answer = Timeline().answer(run)
    parts = busy_by_column(answer, 0)
    assert parts[int(5 / answer["column"])] == 0
    assert parts[int(10.5 / answer["column"])] > 0.99


def test_workers_beyond_what_can_be_drawn_are_counted() -> None:
    run = spans_of(*((f"w{i}", 0, 1) for i in range(LANES + 5)))
    answer = Timeline().answer(run)
    assert (len(answer["lanes"]), answer["others"], answer["chunks"]) == (LANES, 5, LANES + 5)


def test_one_request_reads_for_a_bounded_time_and_the_next_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "BUDGET", -1)
    run = spans_of(*(("w", i, i + 1) for i in range(1200)))
    kept, read = Timeline(), []
    for _ in range(3):
        answer = kept.answer(run)
        read.append((answer["chunks"], answer["more"]))
    assert read == [(500, True), (1000, True), (1200, False)]


def test_an_answer_about_a_million_items_is_small() -> None:
    run = spans_of(*((f"w{i % 64}", i // 64, i // 64 + 0.9) for i in range(20_000)))
    kept = Timeline()
    while (answer := kept.answer(run))["more"]:
        pass
    assert len(json.dumps(answer)) < 50_000


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 500), st.floats(0, 500)), max_size=60))
def test_a_worker_is_never_busier_than_all_the_time(chunks: list[tuple[int, float, float]]) -> None:
    run = spans_of(*((f"w{worker}", min(a, b), max(a, b)) for worker, a, b in sorted(chunks, key=max_of)))
    kept = Timeline()
    answer = kept.answer(run)
    for _, busy, _ in answer["lanes"]:
        assert busy <= answer["elapsed"] + 1e-6
    for lane in kept._lanes.values():
        assert sum(lane.columns) == pytest.approx(lane.busy, abs=1e-6)
        assert max(lane.columns) <= kept._width + 1e-9


def max_of(chunk: tuple[int, float, float]) -> float:
    return max(chunk[1:])


def test_foreign_names_are_made_visible() -> None:
    assert Timeline().answer(spans_of(("a\u202eb\n", 0, 1)))["lanes"][0][0] == "a\\u202eb"


def test_the_answer_in_the_fixtures_is_what_the_kernel_sends() -> None:
    run = spans_of(("loky-1", 0, 2), ("loky-2", 0, 1.5), ("loky-2", 2, 3))
    run.since[30] = 103.0  # On the worker "w6".
    run.now += 1
    content = {"kind": "reply", "mid": "v1-8", "ok": True, "body": Timeline().answer(run)}
    message = {"about": "Chunks by worker", "to": "browser", "content": content}
    if os.environ.get("UPDATE_FIXTURES"):
        FIXTURE.write_text(json.dumps(message, indent=2) + "\n")
    assert json.loads(FIXTURE.read_text()) == message
