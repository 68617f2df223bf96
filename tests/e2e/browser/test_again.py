"""After the end of a run: what failed and why, and going on from where it stopped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from . import widget
from .cells import HELD, LOAD
from .conftest import Create
from .test_looks import THEMES

FLAKY = """
%%parallel -o run -j 2 -c 1 --on-error collect for radius, height in [(n, 2 * n) for n in range(40)]
time.sleep(0.01)
if radius % 5 == 3 and not pathlib.Path("repaired").exists():
    raise ValueError(f"radius {radius} is not a radius")
if radius == 7:
    print("<b>seven</b>")
    {}["area"]
radius * height
"""


def test_a_cancelled_run_continues_to_its_end_and_can_be_cancelled_meanwhile(create: Create) -> None:
    notebook = create(LOAD, HELD, "list(run)")
    notebook.run(0)
    notebook.start(1)
    shown = widget.in_cell(notebook, 1)
    shown.counts("2 success · 2 running · 4 pending")
    shown.press("Cancel")
    notebook.wait_ended(1)
    shown.counts("2 success · 6 cancelled")
    shown.press("Continue")
    shown.counts("2 success · 2 running · 4 pending")
    expect(shown.button("Continue")).to_be_hidden()
    shown.press("Cancel")
    shown.counts("2 success · 6 cancelled")
    notebook.signal("go")
    shown.press("Continue")
    shown.counts("8 success")
    shown.shows("finished")
    notebook.run(2)
    assert notebook.text(2) == "[0, 10, 20, 30, 40, 50, 60, 70]"
    picture = str(notebook.outputs(1)[1]["data"])
    assert "8 success" in picture
    assert "cancelled" not in picture


def test_a_run_told_to_go_on_by_another_cell_is_live_again(create: Create) -> None:
    notebook = create(LOAD, HELD.replace("-o run", "--bg -o run"), "run.cancel(); run.wait()", "run.retry()")
    notebook.run(0, 1)
    shown = widget.in_cell(notebook, 1)
    shown.counts("2 success · 2 running · 4 pending")
    notebook.start(2)
    notebook.signal("go")
    shown.shows("cancelled")
    notebook.wait_ended(2)
    notebook.run(3)
    shown.counts("8 success")


@pytest.mark.parametrize("theme", THEMES)
def test_errors_are_grouped_and_repaired(create: Create, theme: str, tmp_path: Path) -> None:
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    notebook = create(LOAD, FLAKY)
    notebook.page.evaluate(
        "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", THEMES[theme]
    )
    notebook.run(0, 1)
    shown = widget.in_cell(notebook, 1)
    shown.counts("31 success · 9 failure")
    shown.root.get_by_role("button", name="Errors 9").click()
    errors = shown.root.get_by_role("region", name="Errors")
    expect(errors).to_contain_text("9 items failed, in 2 ways")
    toggle = errors.get_by_role("button", name="8 × ValueError")
    toggle.focus()
    notebook.page.keyboard.press("Enter")
    expect(errors).to_contain_text("radius=3")
    expect(errors.locator(".jpar-frames")).to_contain_text(
        'raise ValueError(f"radius {radius} is not a radius")'
    )
    expect(errors.locator(".jpar-debug")).to_have_text("run.debug(3)")
    notebook.page.wait_for_timeout(100)
    shown.root.screenshot(path=folder / f"errors-{theme}.png")
    notebook.signal("repaired")
    errors.get_by_role("button", name="Retry these 8").click()
    shown.counts("39 success · 1 failure")
    expect(errors).to_contain_text("1 item failed")
    errors.get_by_role("button", name="1 × KeyError").click()
    expect(errors.locator(".jpar-debug")).to_have_text("run.debug(7)")
    shown.root.get_by_role("button", name="Results").click()
    assert shown.rows()[3][-1] == "✓ success"
