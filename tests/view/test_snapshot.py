from __future__ import annotations

import json

import pytest

from jupyter_parallel.engine.overview import ItemState, RunStatus
from jupyter_parallel.view.snapshot import Snapshots, commands, gap, printed_lines

from .fakes import FakeRun


def at(run: FakeRun, seconds: float, snapshots: Snapshots) -> dict[str, object]:
    run.now = run.started + seconds
    return snapshots.take(run)


def finish(run: FakeRun, *indices: int) -> None:
    for index in indices:
        run.succeed(index)


def test_a_snapshot_counts_each_state_that_occurs() -> None:
    run = FakeRun(range(6))
    run.states[:] = bytes(range(6))
    counts = Snapshots(run).take(run)["counts"]
    words = ["success", "failure", "running", "pending", "cancelled", "skipped"]
    assert counts == [[word, 1] for word in words]


def test_success_is_there_from_the_start_and_other_states_when_they_occur() -> None:
    run = FakeRun(range(3))
    assert Snapshots(run).take(run)["counts"] == [["success", 0], ["pending", 3]]


def test_pace_and_rest_are_unknown_until_something_has_ended() -> None:
    run, snapshots = FakeRun(range(100)), None
    snapshots = Snapshots(run)
    first = at(run, 1, snapshots)
    assert (first["rate"], first["remaining"]) == ("", "")


def test_pace_follows_the_last_seconds() -> None:
    run = FakeRun(range(10_000))
    snapshots = Snapshots(run)
    done = 0
    for tick in range(100):  # 10 seconds at 100 items a second, then 10 at 10
        finish(run, *range(done, done + 10))
        done += 10
        fast = at(run, tick / 10 + 0.1, snapshots)
    for tick in range(100):
        finish(run, done)
        done += 1
        slow = at(run, 10 + tick / 10 + 0.1, snapshots)
    assert fast["rate"] == "100 items/s"
    assert slow["rate"] == "10 items/s"
    assert slow["remaining"] == "14:50 left"


def test_pace_of_slow_items_is_not_lost_between_two_of_them() -> None:
    run = FakeRun(range(100))
    snapshots = Snapshots(run)
    for second in range(300):
        if second % 30 == 29:
            finish(run, second // 30)
        shown = at(run, second + 1, snapshots)
        if second >= 29:
            assert shown["rate"], second


def test_a_pause_does_not_slow_the_pace_afterwards() -> None:
    run = FakeRun(range(1000))
    snapshots = Snapshots(run)
    for second in range(1, 6):
        finish(run, *range(second * 10 - 10, second * 10))
        at(run, second, snapshots)
    run.status = RunStatus.PAUSED
    assert at(run, 6, snapshots)["rate"] == ""
    run.status = RunStatus.RUNNING
    at(run, 600, snapshots)
    finish(run, *range(50, 60))
    assert at(run, 601, snapshots)["rate"] == "10 items/s"


def test_an_ended_run_shows_its_average_and_its_whole_time() -> None:
    run = FakeRun(range(20))
    finish(run, *range(20))
    run.now += 4
    run.end()
    shown = Snapshots(run).take(run)
    assert (shown["rate"], shown["elapsed"], shown["remaining"]) == ("5.0 items/s", "4.0 s", "")


def test_a_stream_of_unknown_length_has_no_rest() -> None:
    run = FakeRun(range(100))
    run.total = None
    snapshots = Snapshots(run)
    at(run, 0, snapshots)
    finish(run, *range(50))
    assert at(run, 1, snapshots)["remaining"] == ""


def test_the_gap_names_the_item_the_table_waits_for() -> None:
    run = FakeRun(range(702))
    run.run(613)
    finish(run, *range(613), *range(614, 700))
    run.fail(700)
    run.states[701] = ItemState.CANCELLED
    run.now += 4.2
    assert gap(run.overview()) == "item 613 running for 4.2 s; 88 later items are done"
    run.since.clear()
    run.states[613] = ItemState.PENDING
    run.states[614:] = bytes(88)
    finish(run, 620)
    assert gap(run.overview()) == "item 613 is waiting; 1 later item is done"


def test_there_is_no_gap_while_items_end_in_order_or_when_all_is_over() -> None:
    run = FakeRun(range(5))
    finish(run, 0, 1)
    assert gap(run.overview()) == ""
    finish(run, 4)
    run.end(RunStatus.CANCELLED)
    assert gap(run.overview()) == ""


def test_the_gap_is_told_only_when_it_lasts() -> None:
    run = FakeRun(range(5))
    snapshots = Snapshots(run)
    run.run(0)
    finish(run, 1, 2)
    assert at(run, 0.1, snapshots)["gap"] == ""
    assert at(run, 1.2, snapshots)["gap"] == "item 0 running for 1.2 s; 2 later items are done"


def test_the_first_failure_has_index_item_and_message() -> None:
    run = FakeRun([(1.0, 2.0), (-1.0, 2.0)], targets=("radius", "height"))
    run.fail(1, "ValueError", "radius < 0", "cell 3, line 2")
    assert Snapshots(run).take(run)["failure"] == {
        "index": 1,
        "item": "radius=-1.0, height=2.0",
        "error": "ValueError: radius < 0",
        "where": "cell 3, line 2",
    }


@pytest.mark.parametrize(
    ("status", "waiting", "can"),
    [
        (RunStatus.RUNNING, True, ["pause", "cancel", "detach"]),
        (RunStatus.PAUSED, True, ["resume", "cancel", "detach"]),
        (RunStatus.RUNNING, False, ["pause", "cancel"]),
        (RunStatus.PENDING, False, ["pause", "cancel"]),
        (RunStatus.FINISHED, False, []),
        (RunStatus.CANCELLED, False, []),
    ],
)
def test_only_commands_that_make_sense_are_offered(status: RunStatus, waiting: bool, can: list[str]) -> None:
    run = FakeRun(range(2))
    run.status, run.waiting = status, waiting
    assert commands(run.overview()) == can


def test_printed_lines_are_the_last_twenty_and_know_how_many_there_were() -> None:
    run = FakeRun(range(3))
    for number in range(50):
        run.say(1, f"line {number}\x1b[31m!")
    printed = printed_lines(run)
    assert printed["total"] == 50
    assert [line["text"] for line in printed["lines"]] == [f"line {number}!" for number in range(30, 50)]
    assert printed["lines"][0]["index"] == 1


def test_the_very_first_printed_line_is_shown() -> None:
    run = FakeRun(range(1))
    run.say(0, "hello")
    assert [line["text"] for line in printed_lines(run)["lines"]] == ["hello"]


def test_a_snapshot_of_hostile_texts_is_bounded_and_can_be_sent() -> None:
    evil = "\ud800<script>\u202e\x00" * 100_000
    run = FakeRun([evil], targets=(evil,), name=evil)
    run.fail(0, evil, evil, evil)
    run.note, run.backend = evil, evil
    run.say(0, evil)
    sent = json.dumps([Snapshots(run).take(run), printed_lines(run)]).encode()
    assert len(sent) < 10_000


@pytest.mark.parametrize(
    ("status", "states", "total", "can"),
    [
        (RunStatus.FINISHED, "22", 2, []),
        (RunStatus.FINISHED, "23", 2, ["retry"]),
        (RunStatus.FAILED, "35", 2, ["continue", "retry"]),
        (RunStatus.CANCELLED, "24", 2, ["continue"]),
        (RunStatus.CANCELLED, "22", None, ["continue"]),
        (RunStatus.INTERRUPTED, "22", 9, ["continue"]),
        (RunStatus.FAILED, "22", None, []),
    ],
)
def test_an_ended_run_offers_what_is_left_to_do(
    status: RunStatus, states: str, total: int | None, can: list[str]
) -> None:
    run = FakeRun(range(len(states)))
    run.states[:] = bytes(map(int, states))
    run.total = total
    run.end(status)
    assert commands(run.overview()) == can
