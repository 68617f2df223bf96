from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from jupyter_parallel.notebook import handles, retrying
from jupyter_parallel.notebook.messages import Answers, parse
from tests.view.fakes import FakeRun


@pytest.fixture
def run() -> FakeRun:
    run = FakeRun(range(10))
    for index in (2, 4):
        run.fail(index, "ValueError", where="line 1")
    run.fail(6, "KeyError", where="line 2")
    return run


@pytest.mark.parametrize(
    ("scope", "index", "only"),
    [("all", 0, None), ("failed", 0, [2, 4, 6]), ("group", 4, [2, 4]), ("item", 4, [4])],
)
def test_a_scope_says_which_items_run_again(
    run: FakeRun, scope: str, index: int, only: list[int] | None
) -> None:
    retrying.retry(run, scope, index)
    assert [None if one is None else sorted(one) for one in run.retried] == [only]


@pytest.mark.parametrize(("scope", "index"), [("group", 1), ("item", 1), ("item", 10**9)])
def test_items_that_did_not_fail_are_left_alone(run: FakeRun, scope: str, index: int) -> None:
    answered = Answers().answer(parse({"kind": "retry", "mid": "a", "scope": scope, "index": index}), run)
    assert run.retried == []
    assert not answered["ok"]
    assert "nothing to retry" in answered["error"]


def test_a_serial_run_does_not_keep_the_other_buttons_waiting(run: FakeRun) -> None:
    run.runs_in_waiter = True
    begun, leave = threading.Event(), threading.Event()

    def slow(only: Any = None) -> None:
        begun.set()
        assert leave.wait(10)

    run.retry = slow  # type: ignore[method-assign]
    retrying.retry(run, "all", 0)
    assert begun.wait(10)
    leave.set()


def test_a_retry_that_is_sent_again_acts_once(run: FakeRun) -> None:
    answers = Answers()
    request = parse({"kind": "retry", "mid": "a", "scope": "all", "index": 0})
    assert answers.claim("a")[0]
    given = answers.answer(request, run)
    assert given["ok"]
    assert answers.claim("a") == (False, given)


def test_the_frames_of_an_item_nobody_knows_are_refused(run: FakeRun) -> None:
    answered = Answers().answer(parse({"kind": "failure", "mid": "a", "index": 10}), run)
    assert not answered["ok"]
    assert "no item 10" in answered["error"]


@pytest.mark.parametrize(
    ("namespace", "imported", "last", "line"),
    [
        (("areas", "other"), False, True, "areas.debug(3)"),
        (("other", "_"), False, True, "other.debug(3)"),
        (("_",), True, True, "jupyter_parallel.last_run().debug(3)"),
        ((), False, True, "import jupyter_parallel\njupyter_parallel.last_run().debug(3)"),
        ((), True, False, ""),
    ],
)
def test_the_line_that_debugs_an_item_reaches_the_run(
    run: FakeRun,
    monkeypatch: pytest.MonkeyPatch,
    namespace: tuple[str, ...],
    imported: bool,
    last: bool,
    line: str,
) -> None:
    names = dict.fromkeys(namespace, run) | {"x": 1, **({"jupyter_parallel": 2} if imported else {})}
    shell = SimpleNamespace(user_ns=names)
    monkeypatch.setattr(handles, "get_ipython", lambda: shell)
    monkeypatch.setattr(handles, "session", SimpleNamespace(last=run if last else None))
    assert handles.debug_line(run, 3) == line
