"""More than one look at a run: a reloaded page, a second view, a second browser window."""

from __future__ import annotations

from playwright.sync_api import Browser

from . import lab, widget
from .cells import HELD, LOAD
from .conftest import Create

BACKGROUND = HELD.replace("-o run", "--bg -o run")


def test_a_reloaded_page_finds_a_background_run_as_it_is(create: Create) -> None:
    notebook = create(LOAD, BACKGROUND)
    notebook.run(0, 1)
    widget.in_cell(notebook, 1).counts("2 success · 2 running · 4 pending")
    notebook.save()
    notebook.lab.reload()
    notebook.wait_ready()
    again = widget.in_cell(notebook, 1)
    again.counts("2 success · 2 running · 4 pending")
    again.press("Pause")
    again.shows("paused")
    again.press("Resume")
    notebook.signal("go")
    again.counts("8 success")


def test_a_page_reloaded_while_the_cell_waits_finds_the_run_when_it_ends(create: Create) -> None:
    notebook = create(LOAD, HELD)
    notebook.run(0)
    notebook.start(1)
    widget.in_cell(notebook, 1).counts("2 success · 2 running · 4 pending")
    notebook.save()
    notebook.lab.reload()
    notebook.wait_ready(kernel=False)
    notebook.signal("go")
    widget.in_cell(notebook, 1).counts("8 success")


def test_a_second_view_of_the_run_shows_the_same_and_commands_it(create: Create) -> None:
    notebook = create(LOAD, BACKGROUND, "run")
    notebook.run(0, 1, 2)
    first, second = widget.in_cell(notebook, 1), widget.in_cell(notebook, 2)
    second.counts("2 success · 2 running · 4 pending")
    second.press("Pause")
    first.shows("paused")
    first.press("Resume")
    notebook.signal("go")
    first.counts("8 success")
    second.counts("8 success")


def test_a_new_view_of_the_output_shows_the_same(create: Create) -> None:
    notebook = create(LOAD, BACKGROUND)
    notebook.run(0, 1)
    first = widget.in_cell(notebook, 1)
    first.counts("2 success · 2 running · 4 pending")
    notebook.lab.command("notebook:create-output-view")
    view = widget.Widget(notebook.page.locator(f".jp-LinkedOutputView {widget.ROOT}"))
    view.counts("2 success · 2 running · 4 pending")
    notebook.signal("go")
    view.counts("8 success")
    first.counts("8 success")


def test_a_second_window_shows_the_run_and_can_cancel_it(browser: Browser, create: Create) -> None:
    notebook = create(LOAD, BACKGROUND)
    notebook.run(0, 1)
    widget.in_cell(notebook, 1).counts("2 success · 2 running · 4 pending")
    notebook.save()
    other = lab.opened(browser, notebook.lab.server)
    there = other.open(notebook.path)
    second = widget.in_cell(there, 1)
    second.counts("2 success · 2 running · 4 pending")
    second.press("Cancel")
    widget.in_cell(notebook, 1).counts("2 success · 6 cancelled")
    other.page.context.close()
