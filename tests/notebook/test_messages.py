from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_parallel.engine.overview import RunStatus
from jupyter_parallel.engine.plan import CancellationPolicy
from jupyter_parallel.notebook.messages import COMMANDS, Answers, BadMessage, Request, parse, refusal, reply
from jupyter_parallel.view.rows import ValueColumns, page
from jupyter_parallel.view.snapshot import Snapshots, printed_lines
from jupyter_parallel.view.strip import Strip
from tests.view.fakes import FakeRun

FIXTURES = Path(__file__).parents[1] / "fixtures" / "messages"
MESSAGES = {path.stem: json.loads(path.read_text()) for path in sorted(FIXTURES.glob("*.json"))}
TO_KERNEL = {name: one for name, one in MESSAGES.items() if one.get("to") == "kernel"}
GOOD = {name: one["content"] for name, one in TO_KERNEL.items() if one["valid"]}
BAD = {name: one for name, one in TO_KERNEL.items() if not one["valid"]}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def half_done() -> FakeRun:
    """The run that all fixtures to the browser are about."""
    run = FakeRun([(1.0, 2.0), (1.0, -3.0), (1.5, 2.0), (1.5, 3.0)], targets=("radius", "height"))
    run.succeed(0, {"area": "6.283", "unit": "'m²'"})
    run.fail(1, "ValueError", "height must be positive", "cell 3, line 2")
    run.run(2)
    run.say(0, "radius 1.0")
    run.say(1, "\x1b[31mhm\x1b[0m", "stderr")
    run.now += 2
    return run


def state_of(run: FakeRun) -> dict[str, Any]:
    """The traits of a widget, as the TypeScript tests take them."""
    return {
        "snapshot": Snapshots(run).take(run),
        "strip": Strip().update(run).hex(),
        "printed": printed_lines(run),
        "page": page(run, 0, 100, ValueColumns()),
    }


@pytest.mark.parametrize("name", GOOD)
def test_messages_of_the_browser_are_understood(name: str) -> None:
    request = parse(GOOD[name])
    assert request.kind == GOOD[name]["kind"]
    assert request.mid == GOOD[name]["mid"]


@pytest.mark.parametrize("name", BAD)
def test_messages_that_are_none_are_refused_with_what_was_expected(name: str) -> None:
    with pytest.raises(BadMessage) as refused:
        parse(BAD[name]["content"])
    assert BAD[name]["error"] in str(refused.value)


def test_cancel_means_everything_or_what_is_pending() -> None:
    assert parse(GOOD["cancel_now"]).policy is CancellationPolicy.ALL
    assert parse(GOOD["cancel_later"]).policy is CancellationPolicy.PENDING


@given(JSON)
def test_whatever_comes_is_understood_or_refused(content: Any) -> None:
    try:
        assert isinstance(parse(content), Request)
    except BadMessage as refused:
        json.dumps(refusal(refused.mid, str(refused))).encode()


@given(st.sampled_from(sorted(GOOD)), st.data())
def test_a_good_message_with_one_thing_wrong_changes_nothing(name: str, data: st.DataObject) -> None:
    content = dict(GOOD[name])
    content[data.draw(st.sampled_from([*content, "extra"]))] = data.draw(JSON)
    run, answers = FakeRun(range(3)), Answers()
    try:
        request = parse(content)
    except BadMessage:
        return
    answers.answer(request, run)
    assert run.commands in ([], [request.kind], [request.policy])


def test_a_command_reaches_the_run() -> None:
    run, answers = FakeRun(range(3)), Answers()
    for name in ("pause", "resume", "cancel_now", "cancel_later", "detach"):
        assert answers.answer(parse(GOOD[name]), run) == reply(GOOD[name]["mid"])
    assert run.commands == ["pause", "resume", CancellationPolicy.ALL, CancellationPolicy.PENDING, "detach"]


def test_a_request_is_new_once_and_keeps_its_answer() -> None:
    run, answers = FakeRun(range(3)), Answers()
    request = parse(GOOD["pause"])
    assert answers.claim(request.mid) == (True, None)
    assert answers.claim(request.mid) == (False, None), "it is being answered: neither again nor yet"
    given = answers.answer(request, run)
    assert answers.claim(request.mid) == (False, given)


def test_a_page_is_made_once_at_a_time_and_never_kept() -> None:
    run, answers = FakeRun(range(3)), Answers()
    request = parse(GOOD["rows"])
    assert answers.claim(request.mid) == (True, None)
    assert answers.claim(request.mid) == (False, None)
    answers.answer(request, run)
    assert answers.claim(request.mid) == (True, None)


def test_old_answers_are_forgotten() -> None:
    answers = Answers()
    for number in range(Answers.KEPT + 1):
        answers.claim(f"m{number}")
    assert answers.claim("m0") == (True, None)


def test_rows_come_as_pages_of_the_finished_prefix() -> None:
    run = FakeRun(range(3))
    run.succeed(0, "1")
    body = Answers().answer(parse(GOOD["rows"] | {"start": 0}), run)["body"]
    assert [row["index"] for row in body["rows"]] == [0]


def test_a_span_counts_states() -> None:
    run = half_done()
    answered = Answers().answer(parse(GOOD["span"] | {"start": 0, "stop": 100}), run)
    assert answered["body"] == {
        "start": 0,
        "stop": 4,
        "counts": [["pending", 1], ["running", 1], ["success", 1], ["failure", 1]],
    }


@pytest.mark.parametrize("name", GOOD)
def test_a_run_that_is_gone_is_told_and_how_to_keep_the_next(name: str) -> None:
    answered = Answers().answer(parse(GOOD[name]), None)
    assert not answered["ok"]
    assert "-o NAME" in answered["error"]


def test_only_commands_are_served_where_they_arrive() -> None:
    assert {"pause", "resume", "cancel", "detach"} == COMMANDS


@pytest.mark.parametrize("name", ["running", "finished"])
def test_the_state_in_the_fixtures_is_what_the_kernel_sends(name: str) -> None:
    run = half_done()
    if name == "finished":
        run.succeed(2, {"area": "9.425", "unit": "'m²'"})
        run.succeed(3, {"area": "14.137", "unit": "'m²'"})
        run.end(RunStatus.FAILED)
    path = FIXTURES / f"state_{name}.json"
    state = json.loads(json.dumps(state_of(run)))
    if os.environ.get("UPDATE_FIXTURES"):
        path.write_text(json.dumps(state, indent=2, ensure_ascii=False) + "\n")
    assert json.loads(path.read_text()) == state
