"""The live widget: one anywidget per view of a run.

The kernel side of a widget is touched from three places, and each only does what is safe there:
the engine's thread marks it dirty; one plain thread per display (:class:`..view.pulse.Pulse`)
sets its traits; comm messages arrive on the main thread or on a subshell thread while the cell
waits, hand a command to the engine, and leave everything slower to the reading thread.
"""

from __future__ import annotations

import logging
import queue
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ..view.snapshot import Snapshots, printed_lines
from ..view.source import RunSource
from ..view.strip import Strip
from .messages import COMMANDS, Answers, BadMessage, Request, parse, refusal

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"


class NotBuilt(RuntimeError):
    """The front end is missing: a checkout that was not installed."""


def front_end(name: str) -> str:
    """Return the text of a built file of the front end."""
    try:
        return (STATIC / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotBuilt(
            f"the widget's {name} is not built; run `pip install -e .` or `npm run build` in js/"
        ) from None


class RunWidget(anywidget.AnyWidget):
    """A view of a run in the browser.

    Parameters
    ----------
    run
        Held weakly: a widget never keeps results in memory.
    key
        Word that joins the widget to its static picture.
    reach
        Buttons work now: the kernel handles messages although a cell waits.
    """

    snapshot = traitlets.Dict().tag(sync=True)
    """The state of the run as ``view.snapshot`` makes it; a late or second view draws from it alone."""
    strip = traitlets.Bytes().tag(sync=True)
    """The state strip as ``view.strip`` makes it."""
    printed = traitlets.Dict().tag(sync=True)
    """The last printed lines."""
    key = traitlets.Unicode().tag(sync=True)
    """Word that joins the widget to its static picture, which hides while the widget lives."""
    reach = traitlets.Bool(True).tag(sync=True)
    """Whether messages are handled while the cell waits; the buttons say so when not."""

    def __init__(self, run: RunSource, *, key: str = "", reach: bool = True) -> None:
        self._run = weakref.ref(run)
        self._snapshots = Snapshots(run)
        self._cells = Strip()
        self._answers = Answers()
        super().__init__(
            _esm=front_end("widget.js"),
            _css=front_end("widget.css"),
            snapshot=self._snapshots.take(run),
            strip=self._cells.update(run),
            printed=printed_lines(run),
            key=key,
            reach=reach,
        )
        answer_on_subshells(self)

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)

    def update(self) -> bool:
        """Send what changed in one message. Say whether there will be more."""
        run = self._run()
        if run is None:
            return False
        snapshot = self._snapshots.take(run)
        with self.hold_sync():
            self.snapshot = snapshot
            self.strip = self._cells.update(run)
            self.printed = printed_lines(run)
        return not snapshot["ended"]

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Ignore trait changes from the browser: what a run is, only the kernel says."""

    def _handle_custom_msg(self, content: Any, buffers: Any) -> None:
        try:
            request = parse(content)
        except BadMessage as problem:
            self.send(refusal(problem.mid, str(problem)))
            return
        new, given = self._answers.claim(request.mid)
        if given is not None:
            self.send(given)
        elif new and request.kind in COMMANDS:
            self._serve(request)
        elif new:
            reading.call(lambda: self._serve(request))

    def _serve(self, request: Request) -> None:
        try:
            answer = self._answers.answer(request, self._run())
        except Exception as error:
            log.exception("the widget could not answer %s", request.kind)
            answer = refusal(request.mid, f"{request.kind} failed: {type(error).__name__}")
        self.send(answer)

    def __repr__(self) -> str:
        # Stable, for notebooks whose outputs are compared.
        return "RunWidget()"


def answer_on_subshells(widget: RunWidget) -> None:
    """Let messages be handled while a cell runs, without IPython's execution hooks around them."""
    comm = widget.comm
    # ipykernel 7.4 sends a message to the shell that last published on its comm: the blocked one.
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = None
    # The comm would fire pre_execute and post_execute on the subshell thread during the user's cell.
    if hasattr(comm, "handle_msg"):
        comm.handle_msg = widget._handle_msg


class Reading:
    """One daemon thread, while needed, that makes the pages views ask for.

    Texts of items may run a ``repr`` of the user's; a slow one must not keep the next Cancel from
    being handled.
    """

    IDLE = 10.0
    """Seconds after which the thread ends; the next request starts another."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._alive = False

    def call(self, work: Callable[[], None]) -> None:
        """Have something done soon; returns at once."""
        with self._lock:
            self._calls.put(work)
            if not self._alive:
                self._alive = True
                threading.Thread(target=self._loop, name="jupyter-parallel-pages", daemon=True).start()

    def _loop(self) -> None:
        while True:
            try:
                work = self._calls.get(timeout=self.IDLE)
            except queue.Empty:
                with self._lock:
                    if self._calls.empty():
                        self._alive = False
                        return
                continue
            try:
                work()
            except Exception:
                log.exception("a page of results could not be sent")


reading = Reading()
