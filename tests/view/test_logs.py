from __future__ import annotations

import json

from jupyter_parallel.engine.ports import Output
from jupyter_parallel.view import logs
from jupyter_parallel.view.logs import log
from tests.view.fakes import FakeRun


def printing(*outputs: Output) -> FakeRun:
    run = FakeRun(range(3))
    run.outputs[1] = list(outputs)
    return run


def texts(run: FakeRun) -> list[str]:
    return [line["text"] for line in log(run, 1)["lines"]]


def test_an_item_that_printed_nothing_has_an_empty_log() -> None:
    assert log(FakeRun(range(3)), 1) == {"index": 1, "state": "pending", "dropped": 0, "lines": []}


def test_lines_that_came_in_pieces_are_whole_and_streams_stay_apart() -> None:
    run = printing(Output(1, "stdout", "one\ntw"), Output(1, "stdout", "o\n"), Output(1, "stderr", "hm\n"))
    assert log(run, 1)["lines"] == [
        {"stream": "stdout", "text": "one"},
        {"stream": "stdout", "text": "two"},
        {"stream": "stderr", "text": "hm"},
    ]


def test_what_the_worker_dropped_is_counted() -> None:
    assert log(printing(Output(1, "stdout", "a\n"), Output(1, "stdout", "b\n", 500)), 1)["dropped"] == 500


def test_of_many_lines_the_newest_are_shown_and_the_others_counted() -> None:
    run = printing(Output(1, "stdout", "".join(f"{n:04}\n" for n in range(1000))))
    told = log(run, 1)
    assert texts(run) == [f"{n:04}" for n in range(1000 - logs.LINES, 1000)]
    assert told["dropped"] == 5 * (1000 - logs.LINES)


def test_one_endless_line_is_cut_and_a_flood_of_control_characters_stays_small() -> None:
    run = printing(Output(1, "stdout", "x" * 1_000_000))
    assert len(texts(run)[0]) == 2000
    assert log(run, 1)["dropped"] == 1_000_000 - logs.CHARACTERS
    flood = printing(Output(1, "stdout", ("\x07\u202e" * 50 + "\n") * 10_000))
    assert len(json.dumps(log(flood, 1))) < 50_000


def test_terminal_sequences_and_markup_are_text() -> None:
    run = printing(Output(1, "stdout", "\x1b[31mred\x1b[0m <b>bold</b> \u202e\n"))
    assert texts(run) == ["red <b>bold</b> \\u202e"]
