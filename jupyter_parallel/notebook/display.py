"""Showing a run where it was started: widget and picture in a notebook, a bar in a terminal.

``show(run, quiet=False)`` is called once, before the first item; ``finish()`` on what it returns
when the cell stops waiting::

    display = show(run, quiet=options.quiet)
    try:
        ...wait for the run...
    finally:
        display.finish()
"""

from __future__ import annotations

import contextvars
import logging
import threading
import uuid
import weakref
from typing import Any, Protocol

from IPython.core.getipython import get_ipython

from ..engine.overview import RunStatus
from ..view import text
from ..view.html import ROWS, line_html, snapshot_html
from ..view.pulse import Pulse
from ..view.rows import ValueColumns, page
from ..view.snapshot import Snapshots, printed_lines
from ..view.source import RunSource
from ..view.strip import Strip

log = logging.getLogger(__name__)

PATIENCE = 0.2
"""Seconds a run may take and still leave a single line."""

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class Display(Protocol):
    """What ``show`` returns."""

    def finish(self) -> None:
        """Show the final state, or leave a run that goes on to its thread. Idempotent; a second at most."""


class Nothing:
    """A quiet run."""

    def finish(self) -> None:
        return None


def _nothing() -> None:
    return None


def show(run: RunSource, *, quiet: bool = False, waits: bool = True) -> Display:
    """Show a run from the cell that starts it; call it on the cell's thread.

    Parameters
    ----------
    run
        Held weakly: it stays in memory only as long as somebody else wants it.
    quiet
        Show nothing.
    waits
        The caller waits for the run and calls ``finish``. False for a run in the background,
        which is drawn at once and updates itself.
    """
    if quiet:
        return Nothing()
    shell = get_ipython()
    if shell is None or getattr(shell, "kernel", None) is None:
        return TerminalDisplay(run) if waits else Nothing()
    display = NotebookDisplay(run, shell)
    display.start(at_once=not waits)
    return display


def show_value(run: RunSource) -> None:
    """Show a run as the value of a cell: live when it is, its final state otherwise."""
    shell = get_ipython()
    if shell is None or getattr(shell, "kernel", None) is None:
        print(text.summary(run))
    else:
        NotebookDisplay(run, shell).start(at_once=True)


class TerminalDisplay:
    """A tqdm bar on the standard error stream."""

    def __init__(self, run: RunSource) -> None:
        self._run = weakref.ref(run)
        self._bar = text.TerminalBar(run)
        self._finished = False
        self._pulse = Pulse(self._draw, delay=PATIENCE)
        self._unsubscribe = run.subscribe(self._pulse.mark)
        self._pulse.start()

    def _draw(self) -> bool:
        run = self._run()
        if run is None or run.overview().status.ended or self._finished:
            return False
        self._bar.draw(run)
        return True

    def finish(self) -> None:
        """Take the bar away, leave the summary."""
        if self._finished:
            return
        self._finished = True
        self._unsubscribe()
        self._unsubscribe = _nothing
        self._pulse.flush()
        run = self._run()
        if run is not None:
            self._bar.close(run)


class NotebookDisplay:
    """Two outputs in a cell: the live widget, and a static picture of the run for the saved notebook.

    Both appear once the run has lasted a moment or has failed; a quick one leaves a single line.
    """

    def __init__(self, run: RunSource, shell: Any) -> None:
        self._run = weakref.ref(run)
        self._publisher = shell.display_pub
        self._kernel = shell.kernel
        self._picture = Picture(run)
        self._widget: Any = None
        self._appeared = False
        self._finished = False
        self._lock = threading.Lock()
        self._pulse = Pulse(self._draw, delay=PATIENCE)
        self._left: tuple[Any, ...] = ()
        """What the picture shows of a run that has ended."""
        # Outputs of a plain thread land in whatever cell runs then; in the context of this cell
        # they land here. nbclient drops those once the cell has ended: see ``_appear``.
        self._context = contextvars.copy_context()

    def start(self, *, at_once: bool) -> None:
        """Begin to follow the run; draw it now, or when it has lasted a moment."""
        run = self._run()
        if run is None:
            return
        if at_once:
            self._appear(run)
            self._finished = True
        # For as long as the run lives, and never undone: an ended run may go on.
        run.subscribe(self._pulse.mark)
        if run.overview().status.ended:
            self._pulse.rest()
        else:
            self._pulse.start()

    def finish(self) -> None:
        """Bring both outputs to the final state; called by the cell that stops waiting."""
        run = self._run()
        with self._lock:
            if self._finished:
                return
            self._finished = True
        if run is None:
            return
        view = run.overview()
        if not view.status.ended:
            self._appear(run)
        elif self._appeared:
            self._pulse.flush()
        elif view.status is RunStatus.FINISHED and not view.counts.failure:
            self._pulse.flush()
            self._one_line(run)
        else:
            self._appear(run)
            self._pulse.flush()

    def _draw(self) -> bool:
        run = self._run()
        if run is None:
            return False
        if not self._appeared:
            return self._first_draw(run)
        more = self._widget.update() if self._widget is not None else not run.overview().status.ended
        if not more:
            self._leave(run)
        return bool(more)

    def _leave(self, run: RunSource) -> None:
        """Bring the picture to the end of the run, once for each end."""
        view = run.overview()
        left = (view.round, view.status, view.counts)
        if left != self._left:
            self._left = left
            self._publish(self._bundle(run), update=True)

    def _first_draw(self, run: RunSource) -> bool:
        """Appear from the drawing thread, unless the cell is over: then ``finish`` decides."""
        ended = run.overview().status.ended
        with self._lock:
            if self._finished or ended:
                return not ended
            self._context.run(self._appear_now, run)
            return True

    def _appear(self, run: RunSource) -> None:
        with self._lock:
            self._appear_now(run)

    def _appear_now(self, run: RunSource) -> None:
        if self._appeared:
            return
        self._appeared = True
        self._widget = self._live(run)
        if self._widget is not None:
            view = {"version_major": 2, "version_minor": 0, "model_id": self._widget.model_id}
            self._publish({WIDGET_VIEW: view, "text/plain": ""}, transient=False)
        self._publish(self._bundle(run))

    def _live(self, run: RunSource) -> Any:
        # Imported here: a session that shows nothing never pays for it.
        from . import widget

        try:
            return widget.RunWidget(run, key=self._picture.key, reach=self._reach())
        except widget.NotBuilt as problem:
            log.warning("%s; the static picture is shown instead", problem)
            return None

    def _reach(self) -> bool:
        """Whether this kernel handles messages while a cell runs: ipykernel 7 and later do."""
        features = self._kernel.kernel_info.get("supported_features", [])
        return "kernel subshells" in features

    def _bundle(self, run: RunSource) -> dict[str, str]:
        return self._picture.bundle(run, below_widget=self._widget is not None)

    def _one_line(self, run: RunSource) -> None:
        self._publish(self._picture.line(run), transient=False)

    def _publish(self, data: dict[str, Any], *, update: bool = False, transient: bool = True) -> None:
        names = {"display_id": self._picture.key} if transient else {}
        self._publisher.publish(data, {}, transient=names, update=update)


class Picture:
    """The static picture of one run, as HTML and text."""

    def __init__(self, run: RunSource) -> None:
        self.key = uuid.uuid4().hex
        """Display id of the picture, and the word that joins it to its widget."""
        self._snapshots = Snapshots(run)
        self._strip = Strip()
        self._values = ValueColumns()

    def bundle(self, run: RunSource, *, below_widget: bool) -> dict[str, str]:
        """Return the picture as of now; below its widget it hides while that lives."""
        snapshot, printed = self._snapshots.take(run), printed_lines(run)
        rows, key = page(run, 0, ROWS, self._values), self.key if below_widget else ""
        markup = snapshot_html(snapshot, self._strip.update(run), rows, printed, key=key)
        return {"text/plain": text.lines(snapshot, printed), "text/html": markup}

    def line(self, run: RunSource) -> dict[str, str]:
        """Return a quick run that went well, in one line."""
        snapshot, printed = self._snapshots.take(run), printed_lines(run)
        return {"text/plain": text.lines(snapshot, printed), "text/html": line_html(snapshot, printed)}
