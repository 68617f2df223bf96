"""JupyterLab's own shortcuts do not fire from inside the widget: ``d d`` would delete the cell."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator

from . import widget
from .cells import AREAS, HELD, LOAD
from .conftest import Create
from .lab import Notebook

KEYS = ["d d", "x", "i i", "ArrowDown ArrowUp", "ArrowLeft ArrowRight", "z", "a", "b", "m", "0 0", "Enter"]


def places(shown: widget.Widget) -> dict[str, Locator]:
    return {
        "row": shown.drawn.first,
        "strip": shown.root.locator("canvas").first,
        "text": shown.root.locator(".jpar-count").first,
    }


@pytest.mark.parametrize("place", ["row", "strip", "text"])
def test_plain_keys_change_nothing(create: Create, place: str) -> None:
    notebook = create(LOAD, AREAS, "'after'")
    notebook.run(0, 1)
    shown = widget.in_cell(notebook, 1)
    shown.counts("30 success")
    before = sources(notebook)
    for keys in KEYS:
        places(shown)[place].click()
        for key in keys.split():
            notebook.page.keyboard.press(key)
        settle(notebook)
        assert sources(notebook) == before, f"{keys} on the {place} changed the notebook"
        assert shown.root.is_visible()


def test_keys_on_a_button_while_the_cell_waits_change_nothing(create: Create) -> None:
    notebook = create(LOAD, HELD)
    notebook.run(0)
    notebook.start(1)
    shown = widget.in_cell(notebook, 1)
    shown.counts("2 success · 2 running · 4 pending")
    shown.press("Pause")
    shown.shows("paused")
    before = sources(notebook)
    for key in ["d", "d", "x", "i", "i", "0", "0"]:
        notebook.page.keyboard.press(key)
    settle(notebook)
    assert sources(notebook) == before
    assert notebook.is_waiting(1)
    notebook.signal("go")
    shown.press("Resume")
    notebook.wait_ended(1)
    assert notebook.error(1) == ""


def test_the_same_keys_on_the_cell_itself_do_delete_it(create: Create) -> None:
    """The tests above mean something: the keys do reach JupyterLab from elsewhere."""
    notebook = create("'first'", "'second'")
    notebook.cell(1).locator(".jp-InputPrompt").click()
    notebook.page.keyboard.press("d")
    notebook.page.keyboard.press("d")
    notebook.page.wait_for_function(
        "path => window.jparPanel(path).content.widgets.length === 1", arg=notebook.path
    )


def sources(notebook: Notebook) -> list[str]:
    found: list[str] = notebook.page.evaluate(
        """path => window.jparPanel(path).content.widgets
            .map(cell => `${cell.model.type}: ${cell.model.sharedModel.getSource()}`)""",
        notebook.path,
    )
    return found


def settle(notebook: Notebook) -> None:
    """Let JupyterLab act on the keys: it holds a first key of two back for a moment."""
    notebook.page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
