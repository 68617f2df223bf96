"""The control panel: choose a function and its items, run it, watch it, and take the cell that does the same.

What the panel runs *is* that cell: it is handed to ``%%parallel`` itself, so its rules are the magic's.
Clicks and typing may be handled on a thread of their own while a cell runs; they only look at the form.
What touches the notebook's names, looking at the items and starting a run, is left to the kernel's own
loop, between cells.
"""

from __future__ import annotations

import difflib
import itertools
import threading
import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as w

from ..engine.run import Run
from ..errors import UsageError
from . import panel_looks as looks
from .display import WIDGET_VIEW
from .panel_cell import Cell, field_of, field_problem, line_problem, option_line, write
from .panel_check import ItemsCheck, Later
from .panel_form import Form
from .panel_functions import ITEM, Callee, callee, offered
from .panel_items import in_one_line
from .panel_runs import RunsView, answer_while_busy

TEXT = "control panel of jupyter_parallel; run %parallel_panel again to use it"
START = (
    "<h3>Run a function in parallel</h3>"
    "<p>Choose a function and what it shall be called with. Everything else can stay empty.</p>"
)

Start = Callable[[str, str, Sequence[Any]], Run]


class Panel:
    """The panel of one notebook.

    Parameters
    ----------
    shell
        The notebook's shell.
    start
        Starts a cell in the background: ``Magics.start``.
    later
        How to get to the kernel's own loop.
    reach
        Messages are handled although a cell runs.
    """

    def __init__(self, shell: Any, start: Start, later: Later, *, reach: bool = True) -> None:
        self._shell = shell
        self._start = start
        self._later = later
        self._lock = threading.RLock()
        self._starting = False
        self.form = form = Form(self._changed, self._retargeted)
        self._check = ItemsCheck(
            form.items, form.check, shell.user_ns, self._targets, self._changed, later, self._lock
        )
        self.run = w.Button(description="Run", button_style="primary", disabled=True)
        self.run.add_class("jpar-desk-button")
        self.run.on_click(lambda button: self._run())
        self.status = w.HTML(layout=w.Layout(flex="1 1 200px", min_width="0", margin="0 0 0 8px"))
        self.cell = w.HTML()
        self.runs = RunsView(reach=reach)
        self.root = w.VBox(
            [w.HTML(looks.STYLE + START), self.form.box, self._actions(), self.cell, self.runs.box]
        )
        self.root.add_class("jpar-desk")
        answer_while_busy([*self._controls(), *self.runs.controls()])
        self._after_cell = _weak(self.refresh)
        shell.events.register("post_run_cell", self._after_cell)
        self.form.options["--out"].control.value = self._free_name("results")
        self.refresh()

    def _free_name(self, name: str) -> str:
        """Return a name that replaces nothing of the notebook's."""
        names = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(2)))
        return next(one for one in names if one not in self._shell.user_ns)

    def _actions(self) -> w.Widget:
        layout = w.Layout(flex_flow="row wrap", align_items="center", margin="6px 0 0 0")
        return w.HBox([self.run, self.status], layout=layout)

    def _controls(self) -> list[w.Widget]:
        fields = [self.form.function, self.form.items, *self.form.options.values()]
        return [self.run, self.form.check, self.form.more, *(field.control for field in fields)]

    # What the notebook sees -------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """The widgets are gone, for example by ``Widget.close_all``."""
        return self.root.comm is None

    def show(self) -> None:
        """Show the panel in the cell that runs."""
        view = {"version_major": 2, "version_minor": 0, "model_id": self.root.model_id}
        self._shell.display_pub.publish({WIDGET_VIEW: view, "text/plain": TEXT}, {})
        self.runs.mark()

    def close(self) -> None:
        """Take the panel out of the page and stop everything that it does."""
        self._shell.events.unregister("post_run_cell", self._after_cell)
        self.runs.close()
        _close(self.root)

    def refresh(self) -> None:
        """Offer the functions that the notebook has now, and look at the items again."""
        hidden = [
            name
            for name, value in self._shell.user_ns_hidden.items()
            if self._shell.user_ns.get(name) is value
        ]
        with self._lock:
            self.form.offer(offered(self._shell.user_ns, hidden))
            self.form.show_defaults()
            self._changed()
        self._check.refresh()
        self.runs.mark()

    # Looking at the form ----------------------------------------------------------------------

    @property
    def function(self) -> str:
        """The name that was typed or chosen."""
        return str(self.form.function.control.value).strip()

    @property
    def callee(self) -> Callee | None:
        """How the chosen function is called."""
        name = self.function
        known = name in self.form.function.control.options and name in self._shell.user_ns
        return callee(name, self._shell.user_ns[name]) if known else None

    @property
    def written(self) -> Cell | None:
        """The cell that does what the form says; None while something is missing or wrong."""
        chosen, items = self.callee, self.form.items.control.value
        if chosen is None or chosen.problem or not items.strip() or self._check.look.problem or self._wrong():
            return None
        try:
            return write(chosen, items, self.form.given)
        except UsageError:
            return None

    def _wrong(self) -> dict[str, str]:
        """Return what the magic says about the options, by long flag."""
        given = self.form.given
        wrong = {long: field_problem(long, text, _no_names) for long, text in given.items()}
        if not any(wrong.values()):
            message = line_problem(option_line(given), _no_names)
            wrong[field_of(message) or "--backend"] = message
        return {long: message for long, message in wrong.items() if message}

    def _changed(self) -> None:
        with self._lock:
            wrong = self._wrong()
            for long, field in self.form.options.items():
                field.say(looks.problem(wrong.get(long, "")))
            self._name_in_use()
            self._show_function()
            self._show_cell()

    def _name_in_use(self) -> None:
        """Say that the results would replace something of the notebook's."""
        field = self.form.options["--out"]
        name = field.control.value.strip()
        old = self._shell.user_ns.get(name)
        if old is not None and not issubclass(type(old), Run) and "jpar-desk-problem" not in field.line:
            field.say(looks.note(f"replaces {name}, a {type(old).__name__} of the notebook"))

    def _show_cell(self) -> None:
        cell = self.written
        self.run.disabled = cell is None or self._starting
        self.cell.value = _shown_cell(cell)
        if not self._starting:
            self.status.value = looks.note("" if cell else self._missing())

    def _missing(self) -> str:
        if self.callee is None:
            return "Choose a function first."
        if not self.form.items.control.value.strip():
            return "Say what the items are: any Python expression."
        return "Something above must be changed first."

    def _retargeted(self) -> None:
        self._check.forget()
        self._changed()

    def _targets(self) -> tuple[str, ...]:
        chosen = self.callee
        return chosen.targets if chosen else (ITEM,)

    def _show_function(self) -> None:
        chosen = self.callee
        if chosen is None:
            self.form.function.say(self._no_function())
        else:
            self.form.function.say(looks.problem(chosen.problem) or looks.note(_called(chosen)))

    def _no_function(self) -> str:
        name, known = self.function, self.form.function.control.options
        if not known:
            return looks.note("no functions yet: define one in a cell, def area(radius): ...")
        close = [one for one in known if one.startswith(name)] if name else known
        names = ", ".join(close[:5]) + (", …" if len(close) > 5 else "")
        if close:
            return looks.note(f"one of {names}")
        meant = difflib.get_close_matches(name, known, 1)
        return looks.problem(
            f"there is no function {name}" + (f"; did you mean {meant[0]}?" if meant else "")
        )

    # Running ----------------------------------------------------------------------------------

    def _run(self) -> None:
        with self._lock:
            cell, kept, version = self.written, self._check.look.kept, self._check.version
            if self._starting or cell is None:
                return
            self._starting = True
            self.run.disabled = True
            self.status.value = looks.note("Starts when no cell is running…")
        self._later(0.0, lambda: self._run_now(cell, kept, version))

    def _run_now(self, cell: Cell, kept: tuple[Any, ...], version: int) -> None:
        """Start the cell that was there when Run was pressed; on the kernel's own loop."""
        if version == self._check.version:
            kept = self._check.look.kept  # a Check that was pressed before has been done by now
        try:
            told = self._started(cell, kept)
        except BaseException as error:  # nothing may get into the kernel's loop
            self._refused(error)
            return
        if kept:  # They are taken; another run needs others.
            self._check.forget()
        self._ready(looks.note(told))

    def _started(self, cell: Cell, kept: tuple[Any, ...]) -> str:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            run = self._start(cell.line, cell.body, kept)
        self.runs.show(run)
        name = self.form.given["--out"].strip()
        where = f"its results are in {name}" if name else "its results: jupyter_parallel.last_run()"
        return ". ".join(["Started; " + where, *(str(one.message) for one in caught)])

    def _ready(self, markup: str) -> None:
        with self._lock:
            self._starting = False
            self._changed()
            self.status.value = markup

    def _refused(self, error: BaseException) -> None:
        message = str(error) if isinstance(error, UsageError) else in_one_line(error)
        field = self.form.options.get(field_of(message))
        self._ready(looks.problem(message) if field is None else "")
        if field is not None:
            field.say(looks.problem(message))


def _called(chosen: Callee) -> str:
    others = "" if chosen.call.endswith(chosen.shown) else f"; it is {chosen.shown}"
    return f"runs {chosen.call} for each item{others}"


def _shown_cell(cell: Cell | None) -> str:
    head = '<div class="jpar-desk-below"><h4>The cell that does the same</h4>'
    if cell is None:
        return f"{head}{looks.note('It appears here when function and items are chosen.')}</div>"
    return f"{head}{looks.cell(cell.text)}</div>"


def _no_names(expression: str) -> Any:
    raise NameError(f"{expression} is no name of a backend")


def _weak(method: Callable[[], None]) -> Callable[..., None]:
    weak = weakref.WeakMethod(method)

    def call(*arguments: Any) -> None:
        target = weak()
        if target is not None:
            target()

    return call


def _close(widget: w.Widget) -> None:
    for child in getattr(widget, "children", ()):
        _close(child)
    widget.close()


_panels: weakref.WeakKeyDictionary[Any, Panel] = weakref.WeakKeyDictionary()


def show(shell: Any, start: Start) -> None:
    """Show the panel of a notebook in the cell that runs; it is one and the same in every cell."""
    panel = _panels.get(shell)
    if panel is None or panel.closed:
        features = shell.kernel.kernel_info.get("supported_features", [])
        panel = _panels[shell] = Panel(
            shell, start, _on_loop(shell.kernel.io_loop), reach="kernel subshells" in features
        )
    panel.show()


def close(shell: Any) -> None:
    """Close the panel of a notebook, if it has one."""
    panel = _panels.pop(shell, None)
    if panel is not None:
        panel.close()


def _on_loop(loop: Any) -> Later:
    def later(seconds: float, call: Callable[[], None]) -> None:
        loop.add_callback(loop.call_later, seconds, call)

    return later
