from __future__ import annotations

import contextlib
import gc
import threading
import time
import weakref
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from jupyter_parallel.engine.overview import RunStatus
from jupyter_parallel.notebook import display as display_module
from jupyter_parallel.notebook.display import WIDGET_VIEW, NotebookDisplay, show, show_value
from tests.view.fakes import FakeRun


class Publisher:
    """What the notebook would show."""

    def __init__(self) -> None:
        self.outputs: list[dict[str, Any]] = []
        self.names: list[str | None] = []
        self.updates: list[tuple[str, dict[str, Any]]] = []
        self.changed = threading.Condition()

    def publish(
        self, data: dict[str, Any], metadata: Any = None, *, transient: Any = None, update: bool = False
    ) -> None:
        with self.changed:
            name = (transient or {}).get("display_id")
            if update:
                self.updates.append((name, data))
            else:
                self.outputs.append(data)
                self.names.append(name)
            self.changed.notify_all()

    def wait_for(self, outputs: int = 0, updates: int = 0) -> None:
        with self.changed:
            assert self.changed.wait_for(
                lambda: len(self.outputs) >= outputs and len(self.updates) >= updates, timeout=10
            )


class FakeWidget:
    """Stands for the live widget: this file is about outputs, not about comms."""

    model_id = "m1"

    def __init__(self, run: FakeRun, *, key: str, reach: bool) -> None:
        self.run, self.key, self.reach = weakref.ref(run), key, reach
        self.drawn: list[str] = []

    def update(self) -> bool:
        run = self.run()
        if run is None:
            return False
        self.drawn.append(str(run.status))
        return not run.status.ended


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Publisher:
    publisher = Publisher()
    kernel = SimpleNamespace(kernel_info={"supported_features": ["kernel subshells"]})
    shell = SimpleNamespace(display_pub=publisher, kernel=kernel)
    monkeypatch.setattr(display_module, "get_ipython", lambda: shell)
    monkeypatch.setattr("jupyter_parallel.notebook.widget.RunWidget", FakeWidget)
    return publisher


@contextlib.contextmanager
def patience(monkeypatch: pytest.MonkeyPatch, seconds: float) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(display_module, "PATIENCE", seconds)
        yield


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with patience(monkeypatch, 0.0):
        yield


@pytest.fixture
def never(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with patience(monkeypatch, 3600.0):
        yield


def finished(run: FakeRun) -> FakeRun:
    for index in range(len(run.items)):
        run.succeed(index)
    run.end()
    return run


def test_a_quick_run_leaves_one_line(publisher: Publisher, never: None) -> None:
    run = FakeRun(range(3))
    display = show(run)
    finished(run)
    display.finish()
    (output,) = publisher.outputs
    assert output["text/plain"] == "✓ areas: 3 success in 0 µs"
    assert WIDGET_VIEW not in output
    assert publisher.updates == []


def test_a_run_that_is_over_before_it_is_shown_leaves_its_picture(publisher: Publisher, never: None) -> None:
    good = finished(FakeRun(range(3)))
    show(good).finish()
    failed = FakeRun(range(3))
    failed.fail(1)
    failed.end(RunStatus.FAILED)
    show(failed).finish()
    quick, _, picture = (output["text/plain"] for output in publisher.outputs)
    assert quick == "✓ areas: 3 success in 0 µs"
    assert "item 1 (x=1) failed" in picture


def test_a_quick_run_with_a_failure_leaves_the_whole_picture(publisher: Publisher, never: None) -> None:
    run = FakeRun(range(3))
    display = show(run)
    run.fail(1)
    run.end(RunStatus.FAILED)
    display.finish()
    live, picture = publisher.outputs
    assert WIDGET_VIEW in live
    assert "item 1 (x=1) failed: ValueError: bad radius" in picture["text/plain"]


def test_a_run_that_lasts_shows_widget_and_picture_and_ends_with_the_final_picture(
    publisher: Publisher, at_once: None
) -> None:
    run = FakeRun(range(3))
    display = show(run)
    publisher.wait_for(outputs=2)
    live, picture = publisher.outputs
    assert live[WIDGET_VIEW]["model_id"] == "m1"
    assert "running" in picture["text/html"]
    finished(run)
    display.finish()
    ((name, last),) = publisher.updates
    assert name == publisher.names[1]
    assert "✓ areas: 3 success" in last["text/plain"]
    assert f"jpar-run-{name}" in last["text/html"]


def test_finish_waits_for_the_final_state_and_may_be_called_again(
    publisher: Publisher, at_once: None
) -> None:
    run = FakeRun(range(3))
    display = show(run)
    publisher.wait_for(outputs=2)
    finished(run)
    for _ in range(3):
        display.finish()
    assert len(publisher.updates) == 1
    assert len(publisher.outputs) == 2


def test_a_detached_run_goes_on_and_ends_by_itself(publisher: Publisher, never: None) -> None:
    run = FakeRun(range(3))
    display = show(run)
    run.detach()
    display.finish()
    assert len(publisher.outputs) == 2, "it is visible although the cell is over"
    hurry = display._pulse._hurry  # type: ignore[attr-defined]
    assert not hurry.is_set(), "the cell does not wait for the end of the run"
    hurry.set()  # The test does not wait for the next beat.
    finished(run)
    publisher.wait_for(updates=1)
    assert "✓ areas" in publisher.updates[0][1]["text/plain"]


def test_a_background_run_is_drawn_at_once(publisher: Publisher, never: None) -> None:
    run = FakeRun(range(3))
    show(run, waits=False)
    assert len(publisher.outputs) == 2


def test_a_quiet_run_shows_nothing(publisher: Publisher, at_once: None) -> None:
    run = FakeRun(range(3))
    display = show(run, quiet=True)
    run.fail(0)
    run.end(RunStatus.FAILED)
    display.finish()
    assert publisher.outputs == []
    assert run.observers == []


def test_several_runs_keep_their_outputs_apart(publisher: Publisher, at_once: None) -> None:
    runs = [FakeRun(range(2), name=name) for name in ("one", "two")]
    displays = [show(run) for run in runs]
    publisher.wait_for(outputs=4)
    for run, display in zip(runs, displays, strict=True):
        finished(run)
        display.finish()
    assert len({name for name, _ in publisher.updates}) == 2
    assert {data["text/plain"].split(":")[0] for _, data in publisher.updates} == {"✓ one", "✓ two"}


def test_a_finished_run_as_a_value_shows_its_final_state(publisher: Publisher) -> None:
    run = finished(FakeRun(range(2)))
    show_value(run)
    _, picture = publisher.outputs
    assert "✓ areas: 2 success" in picture["text/plain"]
    assert publisher.updates == []


@pytest.mark.parametrize("shown", ["while it ran", "when it had ended"])
def test_a_run_that_goes_on_after_its_end_is_followed_to_the_next(
    publisher: Publisher, at_once: None, shown: str
) -> None:
    run = FakeRun(range(3))
    if shown == "while it ran":
        display = show(run)
        publisher.wait_for(outputs=2)
        run.end(RunStatus.CANCELLED)
        display.finish()
    else:
        run.end(RunStatus.CANCELLED)
        show_value(run)
    ends = len(publisher.updates)
    run.retry()
    finished(run)
    publisher.wait_for(updates=ends + 1)
    assert publisher.updates[-1][0] == publisher.names[1]
    assert "✓ areas: 3 success" in publisher.updates[-1][1]["text/plain"]


def test_a_late_word_about_an_ended_run_leaves_the_picture_alone(publisher: Publisher, at_once: None) -> None:
    run = FakeRun(range(3))
    display = show(run)
    publisher.wait_for(outputs=2)
    finished(run)
    display.finish()
    run.changed()
    display._pulse.join(10)  # type: ignore[attr-defined]
    assert len(publisher.updates) == 1


def test_a_display_keeps_no_run_in_memory(publisher: Publisher, at_once: None) -> None:
    run = FakeRun(range(3))
    display = show(run)
    publisher.wait_for(outputs=2)
    alive = weakref.ref(run)
    finished(run)
    display.finish()
    run.observers.clear()
    del run
    end = time.monotonic() + 10
    while alive() is not None and time.monotonic() < end:
        gc.collect()
    assert alive() is None


def test_an_old_kernel_is_told_from_one_that_hears_buttons(publisher: Publisher) -> None:
    run = FakeRun(range(3))
    for features, reach in (([], False), (["debugger", "kernel subshells"], True)):
        shell = SimpleNamespace(
            display_pub=publisher, kernel=SimpleNamespace(kernel_info={"supported_features": features})
        )
        assert NotebookDisplay(run, shell)._reach() is reach


def test_without_the_front_end_the_picture_is_shown(
    publisher: Publisher, never: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from jupyter_parallel.notebook import widget

    def missing(*args: Any, **more: Any) -> None:
        raise widget.NotBuilt("the widget's widget.js is not built")

    monkeypatch.setattr(widget, "RunWidget", missing)
    run = FakeRun(range(3))
    show(run, waits=False)
    (picture,) = publisher.outputs
    assert "text/html" in picture
    assert "not built" in caplog.text
    display_id = publisher.names[0]
    finished(run)
    assert display_id


def test_a_terminal_gets_text(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(display_module, "get_ipython", lambda: None)
    run = FakeRun(range(3))
    display = show(run)
    run.say(0, "hello")
    finished(run)
    display.finish()
    display.finish()
    assert capsys.readouterr().err == "[#0] hello\n✓ areas: 3 success in 0 µs\n"


def test_a_background_run_in_a_terminal_is_silent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(display_module, "get_ipython", lambda: None)
    run = FakeRun(range(3))
    show(run, waits=False).finish()
    assert capsys.readouterr() == ("", "")
