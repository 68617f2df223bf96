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


@pytest.mark.parametrize("theme", THEMES)
def test_rows_are_filtered_searched_copied_and_downloaded(create: Create, theme: str, tmp_path: Path) -> None:
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    notebook = create(LOAD, FLAKY)
    notebook.page.evaluate(
        "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", THEMES[theme]
    )
    notebook.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    notebook.run(0, 1)
    shown = widget.in_cell(notebook, 1)
    shown.counts("31 success · 9 failure")
    shown.root.get_by_label("failed only").check()
    shown.shows("9 rows match")
    assert [index for index in shown.indices() if index < 14] == [3, 7, 8, 13]
    shown.root.get_by_label("Search rows").fill("RADIUS 2")
    shown.shows("2 rows match")
    assert shown.indices() == [23, 28]
    shown.drawn.nth(1).click()
    shown.root.screenshot(path=folder / f"found-{theme}.png")
    shown.press("Copy rows")
    expect(shown.button("Copied")).to_be_visible()
    copied = notebook.page.evaluate("() => navigator.clipboard.readText()").splitlines()
    assert copied[0].split("\t") == ["index", "state", "seconds", "error", "radius", "height", "value"]
    assert copied[1].split("\t")[:2] == ["28", "failure"]
    shown.root.get_by_label("Search rows").fill("")
    shown.root.get_by_label("failed only").uncheck()
    shown.shows("40 rows")
    with notebook.page.expect_download() as download:
        shown.press("Download CSV")
    assert download.value.suggested_filename == "run.csv"
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 41
    assert lines[3].split(",")[1] == "success"
    assert "ValueError: radius 3 is not a radius" in lines[4]
    shown.table.focus()
    notebook.page.keyboard.press("Shift+ArrowDown")
    notebook.page.keyboard.press("Shift+ArrowDown")
    shown.shows("2 rows chosen")
    assert notebook.count_cells() == 2


TALKING = """
%%parallel -o run -j 2 -c 1 for x in range(4)
print("<b>begin</b>", x)
if x == 1:
    hold("more")
    print("\\x1b[31mmore\\x1b[0m", flush=True)
    hold("go")
if x == 2:
    print("flood\\n" * 50_000)
x
"""


@pytest.mark.parametrize("theme", THEMES)
def test_the_output_of_an_item_is_followed_live(create: Create, theme: str, tmp_path: Path) -> None:
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    notebook = create(LOAD, TALKING)
    notebook.page.evaluate(
        "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", THEMES[theme]
    )
    notebook.run(0)
    notebook.start(1)
    shown = widget.in_cell(notebook, 1)
    shown.counts("3 success · 1 running")
    shown.root.get_by_role("button", name="Logs").click()
    logs = shown.root.get_by_role("region", name="Logs")
    expect(logs).to_contain_text("latest lines of all items")
    item = logs.get_by_label("Item whose output is shown")
    item.focus()
    notebook.page.keyboard.type("1")
    output = logs.get_by_role("log")
    expect(output).to_have_text("<b>begin</b> 1")
    notebook.signal("more")
    expect(output).to_have_text("<b>begin</b> 1more")
    assert notebook.is_waiting(1), "the item runs still"
    item.fill("2")
    expect(output).to_contain_text("characters dropped")
    shown.root.screenshot(path=folder / f"logs-{theme}.png")
    item.fill("99")
    expect(logs).to_contain_text("there is no item 99")
    notebook.signal("go")
    notebook.wait_ended(1)
    shown.root.get_by_role("button", name="Results").click()
    shown.drawn.nth(3).click()
    shown.root.get_by_role("button", name="Logs").click()
    expect(output).to_have_text("<b>begin</b> 3")
    assert shown.root.locator("b", has_text="begin").count() == 0
