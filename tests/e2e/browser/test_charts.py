"""Timeline and Plot in a real page; set SCREENSHOTS to keep pictures in a folder."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from . import widget
from .cells import LOAD
from .conftest import Create
from .test_looks import THEMES

# Eighty chunks of unequal length; item 70 holds its worker while the others end.
UNEVEN = """
%%parallel --bg -o run -j 2 -c 1 for radius in [n / 4 for n in range(80)]
time.sleep(0.005 + (radius * 4 % 7) / 200)
if radius == 17.5:
    hold("go")
{"area": 3.14159 * radius ** 2, "name": f"disc {radius}"}
"""

TEXTS = '%%parallel --bg -o run -j 2 for x in range(40)\ntime.sleep(0.02)\nf"<b>{x}</b>"'


def has_ink(canvas: Locator) -> bool:
    """Say whether anything was painted."""
    painted: bool = canvas.evaluate(
        """c => c.width > 0 && c.getContext("2d").getImageData(0, 0, c.width, c.height)
            .data.some(byte => byte > 0)"""
    )
    return painted


@pytest.mark.parametrize("theme", THEMES)
def test_the_timeline_and_the_plot_of_a_run(create: Create, theme: str, tmp_path: Path) -> None:
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    notebook = create(LOAD, UNEVEN)
    notebook.page.evaluate(
        "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", THEMES[theme]
    )
    notebook.page.wait_for_function(
        "dark => document.body.dataset.jpThemeLight === String(!dark)", arg=theme == "dark"
    )
    notebook.run(0, 1)
    shown = widget.in_cell(notebook, 1)
    shown.counts("79 success · 1 running")

    shown.press("Timeline")
    timeline = shown.root.locator(".jpar-timeline")
    expect(timeline).to_contain_text("2 workers")
    expect(timeline).to_contain_text("79 chunks")
    expect(timeline.get_by_role("table", name="Workers").get_by_role("row")).to_have_count(3)
    plot = timeline.get_by_role("group")
    box = plot.bounding_box()
    assert box is not None
    plot.press("Home")
    plot.press("ArrowRight")
    expect(timeline.get_by_role("status")).to_contain_text(re.compile(r"item \d+ · \d"))
    plot.hover(position={"x": box["width"] / 2, "y": 15})
    expect(timeline.get_by_role("status")).to_contain_text("worker-1: ")
    assert has_ink(timeline.locator("canvas"))
    shown.root.screenshot(path=folder / f"timeline-{theme}.png")
    # The table for screen readers must not make the output taller than what is seen.
    assert shown.root.evaluate("e => e.scrollHeight - e.clientHeight") <= 1

    shown.press("Plot")
    chart = shown.root.locator(".jpar-plot")
    expect(chart).to_contain_text("area 0 to")
    chart.get_by_role("combobox", name="Against").select_option("radius")
    expect(chart.get_by_role("group", name="area against radius")).to_be_visible()
    assert has_ink(chart.locator("canvas"))
    chart.get_by_role("group").press("End")
    expect(chart.get_by_role("status")).to_have_text("item 79, radius 19.75: area 1225.42")
    shown.root.screenshot(path=folder / f"scatter-{theme}.png")

    chart.get_by_role("combobox", name="Show").select_option("how long items took")
    expect(chart).to_contain_text("median")
    chart.get_by_label("logarithmic").check()
    expect(chart.get_by_role("table", name="Histogram")).to_be_attached()
    shown.root.screenshot(path=folder / f"histogram-{theme}.png")
    notebook.signal("go")
    shown.counts("80 success")


def test_values_that_are_no_numbers_are_explained(create: Create) -> None:
    notebook = create(LOAD, TEXTS)
    notebook.run(0, 1)
    shown = widget.in_cell(notebook, 1)
    shown.counts("40 success")
    shown.press("Plot")
    shown.shows("values are no numbers, so only times can be drawn ('<b>0</b>')")
