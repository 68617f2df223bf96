"""Pictures for people to look at, light and dark; set SCREENSHOTS to keep them in a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from . import widget
from .cells import HELD, LOAD
from .conftest import Create

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

MIXED = """
%%parallel -o results -j 2 -c 1 --on-error collect --name "areas of cylinders" for radius, height in cylinders
time.sleep(0.01)
if radius % 17 == 5:
    raise ValueError(f"radius {radius} is not a radius")
if radius == 60:
    print("half way")
    hold("go")
{"area": radius * height, "name": f"cylinder {radius}"}
"""


@pytest.mark.parametrize("theme", THEMES)
def test_pictures_of_a_run(create: Create, theme: str, tmp_path: Path) -> None:
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    notebook = create(LOAD + "cylinders = [(n, 2 * n) for n in range(120)]", MIXED, HELD)
    notebook.page.evaluate(
        "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", THEMES[theme]
    )
    notebook.page.wait_for_function(
        "dark => document.body.dataset.jpThemeLight === String(!dark)", arg=theme == "dark"
    )
    notebook.run(0)
    notebook.start(1)
    shown = widget.in_cell(notebook, 1)
    shown.shows("item 60 running")
    shown.root.screenshot(path=folder / f"running-{theme}.png")
    notebook.signal("go")
    notebook.wait_ended(1)
    shown.counts("113 success · 7 failure")
    notebook.run(2)
    notebook.page.screenshot(path=folder / f"page-{theme}.png")
    shown.root.screenshot(path=folder / f"ended-{theme}.png")
    colours = shown.root.evaluate(
        "e => [getComputedStyle(e).color, getComputedStyle(document.body).backgroundColor]"
    )
    assert colours[0] != colours[1]
