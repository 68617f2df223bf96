"""The form of the control panel: a control with a label for each choice, and what is wrong beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as w

from .. import launch
from ..engine.plan import MISSING, Options
from ..session import session
from . import panel_looks as looks
from .option_table import BY_FLAG, Option

MAIN = ("--out", "--jobs", "--backend")
MORE = (
    ("How it runs", ("--chunk-size", "--seed", "--name")),
    ("When items fail", ("--on-error", "--retries", "--timeout", "--time-limit", "--max-failures")),
)
_LABELS = {"--out": "Name of the results", "--jobs": "Workers", "--name": "Title"}
_EMPTY = {
    "--out": "no name",
    "--backend": "loky",
    "--on-error": "raise",
    "--jobs": "all that may be used",
    "--chunk-size": "auto",
    "--retries": "0",
    "--seed": "no seed",
    "--name": "the name of the results",
}
"""What an empty field means."""


class Field:
    """A control, and one line under it: what it is for, or what is wrong with it."""

    def __init__(self, control: w.DOMWidget, help: str = "") -> None:
        self.control = control
        control.add_class("jpar-desk-field")
        self._help = looks.note(help)
        self._line = w.HTML(self._help, layout=w.Layout(margin="0 2px 6px"))
        self.box = w.VBox([control, self._line], layout=w.Layout(min_width="0"))

    def say(self, markup: str = "") -> None:
        """Show a line; the help of the field where there is none."""
        self._line.value = markup or self._help

    @property
    def line(self) -> str:
        return str(self._line.value)


class Form:
    """What somebody chose.

    Parameters
    ----------
    changed
        Called when an option has another value.
    retargeted
        Called when the function or the items have.
    """

    def __init__(self, changed: Callable[[], None], retargeted: Callable[[], None]) -> None:
        # Boxes to type in rather than lists to choose from: JupyterLab takes arrows and letters away
        # from a list, to move between cells or cut them, and leaves them to whatever takes text.
        self.function = Field(w.Combobox(placeholder="type or choose a function", **_labelled("Function")))
        self.items = Field(
            w.Text(placeholder="for example: range(100)", continuous_update=True, **_labelled("Items"))
        )
        self.check = w.Button(description="Check", disabled=True)
        self.check.add_class("jpar-desk-button")
        self.check.tooltip = "Evaluate the items now, once"
        self.options = {long: _field(BY_FLAG[long]) for long in _shown() if long in BY_FLAG}
        self.more = w.ToggleButton(value=False, description="More options")
        self.more.add_class("jpar-desk-button")
        self.more.layout.align_self = "flex-start"
        self._rest = w.VBox([self._group(title, flags) for title, flags in MORE])
        self.more.observe(self._unfold, "value")
        self._unfold()
        self.box = w.VBox([self._what(), self._grid(MAIN), self.more, self._rest])
        for field in self.options.values():
            field.control.observe(lambda change: changed(), "value")
        for field in (self.function, self.items):
            field.control.observe(lambda change: retargeted(), "value")

    @property
    def given(self) -> dict[str, str]:
        """What was typed or chosen for each option, by long flag."""
        return {long: field.control.value or "" for long, field in self.options.items()}

    def offer(self, names: Sequence[str]) -> None:
        """Offer these functions."""
        self.function.control.options = tuple(names)

    def show_defaults(self) -> None:
        """Write into empty fields what the session's defaults are."""
        for long, field in self.options.items():
            field.control.placeholder = _default(BY_FLAG[long]) or _EMPTY.get(long, "none")

    def _what(self) -> w.Widget:
        self.items.control.layout.flex = "1 1 auto"
        line = w.HBox([self.items.control, self.check], layout=w.Layout(align_items="flex-end"))
        self.items.box.children = (line, self.items.box.children[1])
        return _side_by_side([self.function.box, self.items.box])

    def _grid(self, flags: Sequence[str]) -> w.Widget:
        return _side_by_side([self.options[long].box for long in flags if long in self.options])

    def _group(self, title: str, flags: Sequence[str]) -> w.Widget:
        return w.VBox([w.HTML(f"<h4>{title}</h4>"), self._grid(flags)])

    def _unfold(self, change: Any = None) -> None:
        self._rest.layout.display = "" if self.more.value else "none"
        self.more.description = "Fewer options" if self.more.value else "More options"


def _shown() -> list[str]:
    return [*MAIN, *(long for _, flags in MORE for long in flags)]


def _labelled(label: str) -> dict[str, Any]:
    return {"description": label, "layout": w.Layout(width="auto", min_width="0")}


def _label(option: Option) -> str:
    return _LABELS.get(option.long, option.long.strip("-").replace("-", " ").capitalize())


def _field(option: Option) -> Field:
    missing = map(launch.how_to_install, option.values if option.keyword == "backend" else ())
    help = ". ".join([option.help, *filter(None, missing)])
    return Field(w.Combobox(options=option.values, **_labelled(_label(option))), help)


def _default(option: Option) -> str:
    """Return the session's own default of an option, empty where it has none."""
    if not option.keyword:
        return ""
    value = getattr(session.options, option.keyword)
    known = value is None or value is MISSING or value == getattr(Options(), option.keyword)
    return "" if known else f"{value}"


def _side_by_side(boxes: Sequence[w.Widget]) -> w.Widget:
    """Return boxes side by side where there is room, under each other where there is none."""
    columns = f"repeat(auto-fit, minmax(min({looks.SHORTEST}, 100%), 1fr))"
    return w.GridBox(
        list(boxes), layout=w.Layout(grid_template_columns=columns, grid_gap="0 20px", width="100%")
    )
