"""The items of the control panel, looked at a moment after the typing, or when somebody asks for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as w

from . import panel_looks as looks
from .panel_form import Field
from .panel_items import Look, look

PAUSE = 0.5
"""Seconds of no typing after which the items are looked at."""

Later = Callable[[float, Callable[[], None]], None]
"""Calls back on the kernel's own loop after some seconds; may be called from any thread."""


class ItemsCheck:
    """Finds out what the typed items are; on the kernel's own loop, between cells.

    Parameters
    ----------
    field, button
        The items, and what asks for their evaluation.
    namespace
        The notebook's names.
    targets
        Gives the names of the values that an item must have.
    found
        Called when something was found.
    lock
        Held while the form changes.
    """

    def __init__(
        self,
        field: Field,
        button: w.Button,
        namespace: Mapping[str, Any],
        targets: Callable[[], Sequence[str]],
        found: Callable[[], None],
        later: Later,
        lock: threading.RLock,
    ) -> None:
        self._field = field
        self._button = button
        self._namespace = namespace
        self._targets = targets
        self._found = found
        self._later = later
        self._lock = lock
        self.version = 0
        """Counts what makes an earlier look out of date."""
        self.look = Look("", "")
        button.on_click(lambda clicked: self._ask())

    @property
    def text(self) -> str:
        return str(self._field.control.value).strip()

    def forget(self) -> None:
        """Look anew: other items were typed, another function was chosen, what was kept is taken."""
        with self._lock:
            self.look = Look("", "")
            self._button.disabled = True
            self._field.say(
                looks.evaluated(self.text, "is looked at when you stop typing") if self.text else ""
            )
        self._look_later()

    def refresh(self) -> None:
        """Look again, for the names have changed. What was kept stays: it must not be evaluated twice."""
        if not self.look.kept:
            self._look_later()

    def _look_later(self) -> None:
        with self._lock:
            self.version += 1
            version = self.version
        self._later(PAUSE, lambda: self._look_now(version))

    def _ask(self) -> None:
        with self._lock:
            version = self.version
            self._button.disabled = True
            self._field.say(looks.evaluated(self.text, "is evaluated when no cell is running"))
        self._later(0.0, lambda: self._look_now(version, asked=True))

    def _look_now(self, version: int, *, asked: bool = False) -> None:
        text = self.text
        if version != self.version or not text:
            return
        found = look(text, self._namespace, self._targets(), asked=asked)
        with self._lock:
            if version != self.version:
                return
            self.look = found
            self._button.disabled = not found.asks
            self._field.say(_told(found))
        self._found()


def _told(found: Look) -> str:
    if found.problem:
        return looks.problem(found.told)
    if found.asks:
        how = "Check evaluates it now, and Run takes what it gave; without Check, Run evaluates it."
        return looks.evaluated(found.source, f"is {found.told}. {how}")
    taken = "; Run takes these" if found.kept else ""
    return looks.evaluated(found.source, f"gives {found.told}{taken}")
