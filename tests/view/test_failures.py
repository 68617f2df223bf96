from __future__ import annotations

import json

from jupyter_parallel.view import failures
from tests.view.fakes import FakeRun


def failing() -> FakeRun:
    run = FakeRun([(n, -n) for n in range(40)], targets=("radius", "height"))
    for index in range(20):
        run.fail(index, "ValueError", f"radius {index}", "cell 3, line 2", "Traceback\n  line\x1b[31m 2")
    run.fail(30, "KeyError", "'area'", "cell 3, line 4")
    return run


def test_failures_come_in_groups_with_counts_and_some_indices() -> None:
    told = failures.groups(failing())
    assert (told["total"], told["failed"]) == (2, 21)
    first, second = told["groups"]
    assert (first["type"], first["where"], first["count"]) == ("ValueError", "cell 3, line 2", 20)
    assert first["message"] == "radius 0"
    assert first["indices"] == list(range(failures.INDICES))
    assert second["indices"] == [30]


def test_groups_stay_small_whatever_fails() -> None:
    run = FakeRun(range(5000))
    for index in range(5000):
        run.fail(index, f"Error{index}" * 50, "no " * 5000, f"line {index} " * 100)
    assert len(json.dumps(failures.groups(run))) < 50_000


def test_a_failure_has_its_inputs_and_frames_as_visible_text() -> None:
    told = failures.failure(failing(), 3)
    assert told["item"] == [["radius", "3"], ["height", "-3"]]
    assert told["error"] == "ValueError: radius 3"
    assert told["frames"] == "Traceback\n  line 2"


def test_an_item_that_did_not_fail_says_how_it_stands() -> None:
    run = failing()
    run.succeed(39)
    told = failures.failure(run, 39)
    assert (told["state"], told["error"], told["frames"]) == ("success", "", "")


def test_an_endless_traceback_loses_its_middle() -> None:
    text = failures.frames("\n".join(f"line {n} " + "x" * 10_000 for n in range(10_000)))
    lines = text.split("\n")
    assert lines[0].startswith("line 0 ")
    assert lines[-1].startswith("line 9999 ")
    assert "… 9880 more lines …" in lines
    assert len(text) < 60_000
