"""The runs of the session in the control panel: one line and a few buttons each, the live view of one."""

from __future__ import annotations

import logging
import threading
import uuid
import weakref
from collections.abc import Callable
from typing import Any

import ipywidgets as w

from ..engine.plan import CancellationPolicy
from ..engine.run import Run
from ..session import session
from ..view.pulse import Pulse
from ..view.snapshot import Snapshots
from . import panel_looks as looks
from . import retrying
from .widget import NotBuilt, RunWidget, answer_on_subshells

log = logging.getLogger(__name__)

ROWS = 6
"""Runs in the list; ``%parallel_runs`` knows all."""
EVERY = 0.2
"""Least seconds between two updates."""


class Row:
    """One line of the list. Buttons only post commands; what became of them, the next drawing shows."""

    def __init__(self, marked: Callable[[], None], show: Callable[[Run], None]) -> None:
        self._run: Callable[[], Run | None] = lambda: None
        self._snapshots: Snapshots | None = None
        self._marked = marked
        self._show = show
        self._text = w.HTML(layout=w.Layout(flex="1 1 240px", min_width="0", margin="2px 8px 2px 2px"))
        self.pause = self._button("Pause", self._pause)
        self.pause.layout.min_width = "76px"  # "Resume" is wider, and the bars shall end in one place
        self.cancel = self._button("Cancel", lambda run: run.cancel(CancellationPolicy.ALL))
        self.retry = self._button("Retry", lambda run: retrying.retry(run, "all", 0))
        self.show = self._button("Show", show)
        buttons = w.HBox(
            [self.pause, self.cancel, self.retry, self.show], layout=w.Layout(flex_flow="row wrap")
        )
        self.box = w.HBox(
            [self._text, buttons], layout=w.Layout(flex_flow="row wrap", align_items="center", display="none")
        )

    @property
    def text(self) -> str:
        return str(self._text.value)

    def _button(self, name: str, act: Callable[[Run], None]) -> w.Button:
        button = w.Button(description=name)
        button.add_class("jpar-desk-button")
        button.on_click(lambda clicked: self._clicked(act))
        return button

    def _clicked(self, act: Callable[[Run], None]) -> None:
        run = self._run()
        if run is None:
            return
        try:
            act(run)
        except Exception:
            log.exception("the run did not take a command of the control panel")
        self._marked()

    def _pause(self, run: Run) -> None:
        run.resume() if run.state == "paused" else run.pause()

    def draw(self, run: Run | None) -> bool:
        """Show a run, or none. Say whether it will change by itself."""
        if run is not self._run():
            self._point_at(run)
        self.box.layout.display = "none" if run is None else "flex"
        if run is None or self._snapshots is None:
            return False
        snapshot = self._snapshots.take(run)
        self._text.value = looks.run_line(snapshot)
        self._enable(snapshot)
        return not snapshot["ended"]

    def _point_at(self, run: Run | None) -> None:
        self._run = (lambda: None) if run is None else weakref.ref(run)
        self._snapshots = None if run is None else Snapshots(run)

    def _enable(self, snapshot: dict[str, Any]) -> None:
        can, name = set(snapshot["can"]), snapshot["name"]
        resumes = "resume" in can
        self.pause.description = "Resume" if resumes else "Pause"
        self.pause.disabled = not resumes and "pause" not in can
        self.cancel.disabled = "cancel" not in can
        self.retry.disabled = not can & {"retry", "continue"}
        for button in self.buttons:
            button.tooltip = f"{button.description} {name}"

    @property
    def buttons(self) -> tuple[w.Button, ...]:
        return self.pause, self.cancel, self.retry, self.show


class RunsView:
    """The list of runs and the live view of one; one plain thread draws both while any run is live.

    Parameters
    ----------
    reach
        Buttons work although a cell runs.
    """

    def __init__(self, *, reach: bool = True) -> None:
        self._reach = reach
        self._drawing = threading.Lock()
        self._guard = threading.Lock()
        self._pulse: Pulse | None = None
        self._asked = False
        self._closed = False
        self._view: RunWidget | None = None
        self._followed: weakref.WeakSet[Run] = weakref.WeakSet()
        self.rows = [Row(self.mark, self.show) for _ in range(ROWS)]
        self._title = w.HTML()
        self.live = w.VBox([])
        self.box = w.VBox([self._title, *(row.box for row in self.rows), self.live])
        self._unwatch = session.watch(_weakly(self.mark))

    def controls(self) -> list[w.Widget]:
        """Return what sends messages to the kernel."""
        return [button for row in self.rows for button in row.buttons]

    def mark(self) -> None:
        """Say that something may have changed. Returns at once, from any thread."""
        with self._guard:
            if self._closed:
                return
            self._asked = True
            if self._pulse is not None:
                self._pulse.mark()
                return
            self._pulse = Pulse(_while_alive(self._beat), every=EVERY)
            self._pulse.start()

    def _beat(self) -> bool:
        with self._guard:
            self._asked = False
        more = self.draw()
        with self._guard:
            if not self._closed and (more or self._asked):
                return True
            self._pulse = None
            return False

    def draw(self) -> bool:
        """Bring list and live view up to date. Say whether they will change by themselves."""
        with self._drawing:
            if self._closed:
                return False
            runs = session.runs
            latest: list[Run | None] = [*reversed(runs[-ROWS:])]
            latest += [None] * (ROWS - len(latest))
            self._follow(runs[-ROWS:])
            more = [row.draw(run) for row, run in zip(self.rows, latest, strict=True)]
            self._title.value = _heading(len(runs))
            if self._view is not None:
                more.append(self._view.update())
            return any(more)

    def _follow(self, runs: list[Run]) -> None:
        """Hear of changes for as long as a run lives: one that has ended may go on."""
        for run in runs:
            if run not in self._followed:
                self._followed.add(run)
                run.subscribe(_weakly(self.mark))

    def show(self, run: Run) -> None:
        """Show the live view of a run below the list."""
        try:
            view = RunWidget(run, key=uuid.uuid4().hex, reach=self._reach)
        except NotBuilt as problem:
            self.live.children = (w.HTML(looks.note(f"{problem}; the list is all there is to see")),)
            return
        with self._drawing:
            old, self._view = self._view, view
            self.live.children = (view,)
            if old is not None:
                old.close()
        self.mark()

    def close(self) -> None:
        """Stop drawing."""
        with self._guard:
            self._closed = True
            pulse = self._pulse
        if pulse is not None:
            pulse.mark()
        self._unwatch()
        with self._drawing:
            if self._view is not None:
                self._view.close()


def _heading(number: int) -> str:
    if not number:
        return ""
    more = f" (the latest {ROWS} of {number:,}; %parallel_runs lists all)" if number > ROWS else ""
    return f'<div class="jpar-desk-below"><h4>Runs</h4>{looks.note(more)}</div>'


def _weakly(method: Callable[[], None]) -> Callable[[], None]:
    """Return a callback that keeps nothing alive: runs and session outlive panels."""
    weak = weakref.WeakMethod(method)

    def call() -> None:
        target = weak()
        if target is not None:
            target()

    return call


def _while_alive(method: Callable[[], bool]) -> Callable[[], bool]:
    weak = weakref.WeakMethod(method)

    def call() -> bool:
        target = weak()
        return target is not None and target()

    return call


def answer_while_busy(controls: list[w.Widget]) -> None:
    """Let clicks and typing be handled while a cell runs, without IPython's execution hooks."""
    for control in controls:
        answer_on_subshells(control)
