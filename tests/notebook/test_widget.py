from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from jupyter_parallel.engine.overview import ItemState
from jupyter_parallel.engine.plan import CancellationPolicy
from jupyter_parallel.notebook import widget as widget_module
from jupyter_parallel.notebook.widget import NotBuilt, Reading, RunWidget, front_end
from tests.view.fakes import FakeRun

pytestmark = pytest.mark.skipif(
    not (widget_module.STATIC / "widget.js").is_file(),
    reason="the front end is not built: npm run build in js/",
)


class Comm:
    """A comm that keeps what is sent; the kernel's own have the two attributes that matter."""

    kernel = "there is one"
    comm_id = "c1"

    def __init__(self, **opened: Any) -> None:
        self.opened = opened
        self.hooks_fired = False
        self.sent: list[dict[str, Any]] = []
        self.arrived = threading.Semaphore(0)
        self._reply_subshell_for: Callable[..., str] | None = lambda data, default: "the blocked shell"

    def send(self, data: dict[str, Any], buffers: Any = None, **more: Any) -> None:
        self.sent.append(data)
        self.arrived.release()

    def on_msg(self, callback: Callable[..., None]) -> None:
        self._callback = callback

    def handle_msg(self, message: dict[str, Any]) -> None:
        self.hooks_fired = True
        self._callback(message)

    def close(self, *args: Any, **more: Any) -> None: ...

    def replies(self) -> list[dict[str, Any]]:
        return [data["content"] for data in self.sent if data["method"] == "custom"]

    def updates(self) -> list[set[str]]:
        """The traits that each update brought; binary ones travel beside the others."""
        updates = [data for data in self.sent if data["method"] == "update"]
        return [{*update["state"], *(path[0] for path in update["buffer_paths"])} for update in updates]


@pytest.fixture
def comms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("comm.create_comm", Comm)


@pytest.fixture
def run() -> FakeRun:
    return FakeRun(range(10))


@pytest.fixture
def widget(comms: None, run: FakeRun) -> RunWidget:
    return RunWidget(run, key="k1")


def deliver(widget: RunWidget, content: Any) -> None:
    data = {"method": "custom", "content": content}
    widget.comm.handle_msg({"content": {"data": data}, "buffers": []})


def test_a_late_view_finds_the_whole_state_in_the_traits(widget: RunWidget, run: FakeRun) -> None:
    run.succeed(0)
    run.say(0, "hello")
    widget.update()
    state = widget.get_state()
    assert state["snapshot"]["counts"][0] == ["success", 1]
    assert state["printed"]["total"] == 1
    assert state["strip"][8] & 7 == ItemState.SUCCESS


def test_an_update_is_one_message(widget: RunWidget, run: FakeRun) -> None:
    run.succeed(0)
    run.say(0, "hello")
    before = len(widget.comm.sent)
    widget.update()
    assert len(widget.comm.sent) == before + 1
    assert widget.comm.updates()[-1] == {"snapshot", "strip", "printed"}


def test_what_did_not_change_is_not_sent(widget: RunWidget, run: FakeRun) -> None:
    run.now += 1
    widget.update()
    assert widget.comm.updates()[-1] == {"snapshot"}


def test_messages_go_to_the_subshell_and_past_the_execution_hooks(widget: RunWidget) -> None:
    assert widget.comm._reply_subshell_for is None
    deliver(widget, {"kind": "pause", "mid": "a"})
    assert not widget.comm.hooks_fired


def test_trait_changes_from_the_browser_are_ignored(widget: RunWidget) -> None:
    before = widget.get_state()
    data = {"method": "update", "state": {"snapshot": {"name": "evil"}, "_esm": "alert(1)", "reach": False}}
    widget.comm.handle_msg({"content": {"data": data}, "buffers": []})
    assert widget.get_state() == before
    assert widget.comm.sent == []


def test_a_command_acts_at_once_and_is_answered(widget: RunWidget, run: FakeRun) -> None:
    deliver(widget, {"kind": "cancel", "mid": "a", "policy": "all"})
    assert run.commands == [CancellationPolicy.ALL]
    assert widget.comm.replies() == [{"kind": "reply", "mid": "a", "ok": True, "body": {}}]


def test_a_command_that_is_sent_again_acts_once(widget: RunWidget, run: FakeRun) -> None:
    for _ in range(5):
        deliver(widget, {"kind": "pause", "mid": "a"})
    assert run.commands == ["pause"]
    assert len(widget.comm.replies()) == 5


@pytest.mark.parametrize("content", [None, "pause", {"kind": "pause"}, {"kind": "explode", "mid": "a"}])
def test_a_bad_message_is_answered_and_does_nothing(widget: RunWidget, run: FakeRun, content: Any) -> None:
    deliver(widget, content)
    assert run.commands == []
    assert [answer["ok"] for answer in widget.comm.replies()] == [False]


def test_a_command_that_raises_is_answered(widget: RunWidget, run: FakeRun) -> None:
    def broken() -> None:
        raise RuntimeError("no")

    run.pause = broken  # type: ignore[method-assign]
    deliver(widget, {"kind": "pause", "mid": "a"})
    assert widget.comm.replies() == [
        {"kind": "reply", "mid": "a", "ok": False, "error": "pause failed: RuntimeError"}
    ]


def test_a_page_is_made_away_from_the_thread_that_handles_commands(widget: RunWidget, run: FakeRun) -> None:
    inside, leave = threading.Event(), threading.Event()

    class Slow:
        def __repr__(self) -> str:
            inside.set()
            leave.wait(10)
            return "slow"

    run.items[0] = Slow()
    run.succeed(0)
    deliver(widget, {"kind": "rows", "mid": "r", "start": 0, "stop": 5})
    assert inside.wait(10)
    deliver(widget, {"kind": "cancel", "mid": "c", "policy": "all"})
    assert run.commands == [CancellationPolicy.ALL]
    deliver(widget, {"kind": "rows", "mid": "r", "start": 0, "stop": 5})  # sent again meanwhile
    leave.set()
    while not any(answer["mid"] == "r" for answer in widget.comm.replies()):
        assert widget.comm.arrived.acquire(timeout=10)
    pages = [answer for answer in widget.comm.replies() if answer["mid"] == "r"]
    assert len(pages) == 1
    assert pages[0]["body"]["rows"][0]["item"] == ["slow"]


def test_a_widget_keeps_no_run_in_memory(comms: None) -> None:
    run = FakeRun(range(3))
    widget = RunWidget(run)
    alive = weakref.ref(run)
    del run
    gc.collect()
    assert alive() is None
    assert widget.update() is False
    deliver(widget, {"kind": "pause", "mid": "a"})
    assert "no longer in memory" in widget.comm.replies()[0]["error"]


def test_updates_end_with_the_run(widget: RunWidget, run: FakeRun) -> None:
    assert widget.update() is True
    run.end()
    assert widget.update() is False
    assert widget.snapshot["ended"]


def test_the_text_of_a_widget_is_stable(widget: RunWidget) -> None:
    assert repr(widget) == "RunWidget()"


def test_a_checkout_without_the_front_end_says_how_to_build_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(widget_module, "STATIC", tmp_path)
    with pytest.raises(NotBuilt, match=r"widget.js is not built; run `pip install -e .`"):
        front_end("widget.js")


def test_the_reading_thread_ends_when_idle_and_comes_back() -> None:
    reading = Reading()
    reading.IDLE = 0.01  # type: ignore[misc]
    threads: list[threading.Thread] = []
    for _ in range(3):
        done = threading.Event()
        reading.call(lambda done=done: (threads.append(threading.current_thread()), done.set()))
        assert done.wait(10)
        threads[-1].join(10)
        assert not threads[-1].is_alive()
    assert len(set(threads)) == 3
