"""The control panel in JupyterLab: choose, run, watch, take the cell; and how that looks."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from . import lab, widget
from .cells import LOAD
from .conftest import Create
from .server import Server
from .test_looks import THEMES

AREA = """
radii = list(range(1, 41))
def load(names):
    return names
def area(radius):
    time.sleep(0.05)
    if radius % 13 == 0:
        raise ValueError(f"{radius} is not a radius")
    return 3.14159 * radius ** 2
"""
PANEL = "%parallel_panel"


@dataclass(frozen=True)
class Panel:
    root: Locator

    def field(self, label: str) -> Locator:
        return self.root.get_by_label(label, exact=True)

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    def shows(self, text: str) -> None:
        expect(self.root).to_contain_text(text, timeout=20_000)

    def cell(self, expected: str) -> None:
        """Wait until the equivalent cell is this."""
        expect(self.root.locator("pre.jpar-desk-cell")).to_have_text(expected, timeout=20_000)

    def choose(self, function: str, items: str) -> None:
        self.field("Function").fill(function)
        self.field("Items").fill(items)


def opened(notebook: lab.Notebook, *before: int) -> Panel:
    """Run the cells before, then the panel's own, which is the last of them."""
    notebook.run(*before)
    root = notebook.cell(before[-1]).locator(".jpar-desk")
    expect(root).to_be_visible(timeout=20_000)
    return Panel(root)


def test_a_newcomer_runs_a_function_and_takes_the_cell(create: Create) -> None:
    notebook = create(LOAD + AREA, PANEL, "results.counts.success")
    panel = opened(notebook, 0, 1)
    expect(panel.button("Run")).to_be_disabled()
    panel.choose("area", "radii")
    panel.shows("gives 40 items: 1, 2, 3, …")
    panel.cell("%%parallel -o results --bg for radius in radii\narea(radius)")
    panel.button("Run").click()
    widget.Widget(panel.root.locator(widget.ROOT)).counts("37 success · 3 failure")
    panel.shows("failed")
    notebook.run(2)
    assert notebook.text(2) == "37"


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", [1280, 620])
def test_pictures_of_the_panel(create: Create, theme: str, width: int, tmp_path: Path) -> None:
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    notebook = create(LOAD + AREA, PANEL)
    page = notebook.page
    page.set_viewport_size({"width": width, "height": 1100})
    page.evaluate(
        "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", THEMES[theme]
    )
    page.wait_for_function(
        "dark => document.body.dataset.jpThemeLight === String(!dark)", arg=theme == "dark"
    )
    panel = opened(notebook, 0, 1)
    panel.root.screenshot(path=folder / f"panel-empty-{theme}-{width}.png")
    panel.choose("area", "radii")
    panel.button("More options").click()
    panel.field("Retries").fill("often")
    panel.shows("not a whole number")
    panel.root.screenshot(path=folder / f"panel-wrong-{theme}-{width}.png")
    panel.field("Retries").fill("1")
    panel.shows("gives 40 items")
    panel.button("Run").click()
    panel.shows("3 failure")
    panel.button("Fewer options").click()
    panel.field("Function").fill("hold")
    panel.field("Items").fill("load(['go', 'go', 'go', 'go'])")
    panel.field("Name of the results").fill("held")
    panel.shows("it calls load")
    panel.button("Check").click()
    panel.shows("Run takes these")
    panel.button("Run").click()
    panel.shows("2 running")
    panel.button("Pause").first.click()
    panel.shows("paused")
    page.screenshot(path=folder / f"panel-page-{theme}-{width}.png")
    notebook.signal("go")
    panel.root.screenshot(path=folder / f"panel-ran-{theme}-{width}.png")


def test_insert_below_puts_the_cell_below_the_panel(create: Create) -> None:
    notebook = create(LOAD + AREA, PANEL, "1 + 1")
    panel = opened(notebook, 0, 1)
    notebook.run(2)  # JupyterLab asks first in a notebook with cells from elsewhere that never ran
    panel.choose("area", "radii")
    panel.button("Insert below").click()
    expect(notebook.cell(2)).to_contain_text("%%parallel -o results --bg for radius in radii")
    assert notebook.count_cells() == 4
    notebook.run(2)
    widget.in_cell(notebook, 2).counts("37 success · 3 failure")
    panel.shows("37 success · 3 failure")


def test_everything_goes_by_keyboard(create: Create) -> None:
    notebook = create(LOAD + AREA, PANEL, "1 + 1")
    panel = opened(notebook, 0, 1)
    keys = notebook.page.keyboard
    panel.field("Function").focus()
    keys.type("are")
    panel.shows("one of area")
    keys.type("a")
    keys.press("Tab")
    expect(panel.field("Items")).to_be_focused()
    keys.type("radii")
    panel.shows("gives 40 items")
    for label in ("Name of the results", "Workers", "Backend"):
        keys.press("Tab")
        expect(panel.field(label)).to_be_focused()
    keys.press("Tab")
    expect(panel.button("More options")).to_be_focused()
    keys.press("Space")
    expect(panel.button("Fewer options")).to_be_focused()
    keys.press("Space")  # Enter on a button is JupyterLab's: it goes to the cell's editor
    expect(panel.button("More options")).to_be_focused()
    keys.press("Tab")
    expect(panel.button("Run")).to_be_focused()
    keys.press("Space")
    panel.shows("37 success · 3 failure")
    assert notebook.count_cells() == 3


BUSY = """
def waits(name):
    return hold(name)
"""


def test_the_panel_answers_while_a_cell_runs(create: Create) -> None:
    notebook = create(LOAD + BUSY, PANEL, "hold('cell')", "later.result()")
    panel = opened(notebook, 0, 1)
    panel.choose("waits", "['item', 'item', 'item']")
    panel.field("Workers").fill("2")
    panel.shows("gives 3 items")
    panel.button("Run").click()
    panel.shows("2 running · 1 pending")
    notebook.start(2)
    notebook.page.wait_for_function("path => window.jparKernel(path)?.status === 'busy'", arg=notebook.path)
    panel.field("Workers").fill("two")
    panel.shows("-j two: that is not a whole number")
    panel.field("Workers").fill("2")
    panel.button("Pause").first.click()
    panel.shows("paused")
    panel.field("Name of the results").fill("later")
    panel.button("Run").click()
    panel.shows("Starts when no cell is running…")
    assert notebook.is_waiting(2)
    notebook.signal("cell")
    notebook.wait_ended(2)
    panel.shows("its results are in later")
    notebook.signal("item")
    panel.button("Resume").first.click()
    notebook.run(3)
    assert notebook.text(3) == "['item', 'item', 'item']"


def test_hostile_text_stays_text(create: Create) -> None:
    hostile = "<img src=x onerror='window.hacked=1'>"
    notebook = create(
        LOAD + f"class Odd:\n    def __repr__(self): return {hostile!r}\ndef show(x): raise ValueError(x)",
        PANEL,
    )
    panel = opened(notebook, 0, 1)
    panel.choose("show", "[Odd()]")
    panel.shows("it calls Odd")
    panel.button("Check").click()
    panel.shows(f"gives 1 item: {hostile}")
    panel.choose("show", f"[{hostile!r}]")
    panel.button("More options").click()
    panel.field("Title").fill(hostile)
    panel.shows(f"gives 1 item: {hostile!r}")
    panel.button("Run").click()
    panel.shows("1 failure")
    assert panel.root.locator("img").count() == 0
    assert notebook.page.evaluate("window.hacked") is None


def test_it_works_in_notebook_7(browser: Browser, lab_server: Server) -> None:
    page = lab.opened(browser, lab_server, start=False)
    notebook = page.write("panel7", [LOAD + AREA, PANEL])
    page.page.goto(f"{lab_server.url}/notebooks/{notebook.path}", wait_until="domcontentloaded")
    page.wait_restored()
    notebook.wait_ready()
    panel = opened(notebook, 0, 1)
    panel.choose("area", "radii")
    panel.shows("gives 40 items")
    panel.button("Run").click()
    panel.shows("37 success · 3 failure")
    panel.button("Insert below").click()
    expect(notebook.cell(2)).to_contain_text("area(radius)")
    assert page.unexpected_errors() == []
    page.page.context.close()


def test_a_saved_panel_says_how_to_get_it_back(create: Create) -> None:
    notebook = create(LOAD + AREA, PANEL)
    opened(notebook, 0, 1)
    assert "run %parallel_panel again" in notebook.text(1)


def test_a_second_cell_shows_the_same_panel(create: Create) -> None:
    notebook = create(LOAD + AREA, PANEL, PANEL)
    first = opened(notebook, 0, 1)
    first.choose("area", "radii")
    first.shows("gives 40 items")
    second = opened(notebook, 2)
    expect(second.field("Items")).to_have_value("radii")
    second.field("Workers").fill("2")
    expect(first.field("Workers")).to_have_value("2")
