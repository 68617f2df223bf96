"""Pause, Cancel and Detach work while the cell they belong to waits."""

from __future__ import annotations

from playwright.sync_api import expect

from . import widget
from .cells import HELD, LOAD
from .conftest import Create
from .lab import Notebook


def waiting(create: Create, cell: str = HELD, *more: str) -> tuple[Notebook, widget.Widget]:
    """Start a cell that holds, and return when two of its items run."""
    notebook = create(LOAD, cell, *more)
    notebook.run(0)
    notebook.start(1)
    shown = widget.in_cell(notebook, 1)
    shown.counts("2 success · 2 running · 4 pending")
    assert notebook.is_waiting(1)
    return notebook, shown


def test_cancel_ends_the_cell_and_keeps_what_was_finished(create: Create) -> None:
    notebook, shown = waiting(create, HELD, "run.counts.success, run[1]")
    shown.press("Cancel")
    notebook.wait_ended(1, timeout=4)
    assert notebook.error(1) == "RunCancelled"
    shown.shows("cancelled")
    shown.counts("2 success · 6 cancelled")
    notebook.run(2)
    assert notebook.text(2) == "(2, 10)"


def test_cancel_after_the_running_items_lets_them_end(create: Create) -> None:
    notebook, shown = waiting(create)
    shown.root.get_by_title("Other ways to cancel").click()
    shown.root.get_by_role("menuitem", name="After the running items").click()
    shown.counts("2 success · 2 running · 4 cancelled")
    assert notebook.is_waiting(1)
    notebook.signal("go")
    notebook.wait_ended(1)
    shown.counts("4 success · 4 cancelled")
    assert notebook.error(1) == "RunCancelled"


def test_pause_starts_no_further_item_and_resume_goes_on(create: Create) -> None:
    notebook, shown = waiting(create)
    shown.press("Pause")
    shown.shows("paused")
    notebook.signal("go")
    shown.counts("4 success · 4 pending")
    assert notebook.is_waiting(1)
    shown.press("Resume")
    notebook.wait_ended(1)
    shown.counts("8 success")
    assert notebook.error(1) == ""


def test_detach_ends_the_cell_and_the_run_goes_on(create: Create) -> None:
    notebook, shown = waiting(create, HELD, "run.state", "run.result()")
    shown.press("Detach")
    notebook.wait_ended(1, timeout=4)
    assert notebook.error(1) == ""
    notebook.run(2)
    assert notebook.text(2) == "'running'"
    notebook.signal("go")
    shown.counts("8 success")
    notebook.run(3)
    assert notebook.text(3) == "[0, 10, 20, 30, 40, 50, 60, 70]"


def test_a_line_cannot_be_detached_and_says_why(create: Create) -> None:
    line = "values = %parallel -j 2 -c 1 [hold('go') if x in (2, 3) else x for x in range(8)]"
    notebook, shown = waiting(create, line)
    expect(shown.button("Detach")).to_be_disabled()
    assert shown.button("Detach").get_attribute("title")
    notebook.signal("go")
    notebook.wait_ended(1)


def test_the_interrupt_button_ends_the_cell_within_two_seconds(create: Create) -> None:
    notebook, shown = waiting(create)
    notebook.interrupt()
    notebook.wait_ended(1, timeout=3)
    assert notebook.error(1) == "KeyboardInterrupt"
    shown.counts("2 success · 6 cancelled")


def test_buttons_of_an_ended_run_are_gone(create: Create) -> None:
    notebook, shown = waiting(create)
    notebook.signal("go")
    notebook.wait_ended(1)
    shown.counts("8 success")
    for name in ("Pause", "Cancel", "Detach"):
        expect(shown.button(name)).to_be_hidden()
