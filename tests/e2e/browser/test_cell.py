"""A parallel cell in JupyterLab: what the page shows while it runs and when it has ended."""

from __future__ import annotations

from playwright.sync_api import expect

from ..waiting import wait_until
from . import widget
from .cells import AREAS, HELD, LOAD
from .conftest import Create


def test_counts_and_table_are_in_the_page(create: Create) -> None:
    notebook = create(LOAD, AREAS)
    notebook.run(0, 1)
    shown = widget.in_cell(notebook, 1)
    shown.shows("areas")
    shown.counts("30 success")
    wait_until(lambda: shown.indices()[:5] == [0, 1, 2, 3, 4], "the first rows are drawn")
    _, radius, height, value, *_ = shown.rows()[4]
    assert (radius, height, value) == ("4", "5", "20")


def test_the_table_fills_in_order_while_the_cell_waits(create: Create) -> None:
    notebook = create(LOAD, HELD.replace("(2, 3)", "(2,)"))
    notebook.run(0)
    notebook.start(1)
    shown = widget.in_cell(notebook, 1)
    shown.counts("7 success · 1 running")
    shown.shows("item 2 running for")
    shown.shows("5 later items are done")
    wait_until(lambda: shown.indices() == [0, 1], "only the finished prefix is in the table")
    assert notebook.is_waiting(1)
    notebook.signal("go")
    notebook.wait_ended(1)
    shown.counts("8 success")
    wait_until(lambda: shown.indices() == list(range(8)), "all rows are in the table")


def test_the_first_failure_is_shown_with_its_item(create: Create) -> None:
    notebook = create(LOAD, "%%parallel -o run -j 2 for x in range(20)\ntime.sleep(0.03)\n1 / (x - 4)")
    notebook.run(0, 1)
    shown = widget.in_cell(notebook, 1)
    shown.counts("19 success · 1 failure")
    for text in ("item 4 failed", "ZeroDivisionError: division by zero", "x=4"):
        expect(shown.root.locator(".jpar-first-failure")).to_contain_text(text)
    assert notebook.error(1) == "RunFailed"


def test_prints_of_items_are_shown_with_their_index(create: Create) -> None:
    notebook = create(LOAD, "%%parallel -o run -j 2 for x in range(4)\ntime.sleep(0.2)\nprint('hello', x)\nx")
    notebook.run(0, 1)
    widget.in_cell(notebook, 1).shows("[#3] hello 3")


def test_a_quick_run_leaves_one_line(create: Create) -> None:
    notebook = create(
        LOAD, "%parallel -j 2 [x for x in range(4)]", "%%parallel -o run -j 2 for x in range(4)\nx"
    )
    notebook.run(0, 1, 2)
    expect(notebook.cell(2)).to_contain_text("4 success")
    assert notebook.cell(2).locator(widget.ROOT).count() == 0


def test_a_comprehension_is_live_too(create: Create) -> None:
    notebook = create(LOAD, "sum(%parallel -j 2 [(time.sleep(0.05), x)[1] for x in range(20)])")
    notebook.run(0, 1)
    widget.in_cell(notebook, 1).counts("20 success")
    assert "190" in notebook.text(1)


def test_a_million_items_scroll_by_pages(create: Create) -> None:
    notebook = create(LOAD, "%%parallel -o run -j 2 for x in range(1_000_000)\nx")
    notebook.run(0)
    notebook.run(1, timeout=60)
    shown = widget.in_cell(notebook, 1)
    shown.counts("1,000,000 success")
    wait_until(lambda: shown.indices()[:3] == [0, 1, 2], "the first rows are drawn")
    assert len(shown.indices()) < 300
    shown.table.evaluate("element => { element.scrollTop = element.scrollHeight; }")
    wait_until(lambda: 999_999 in shown.indices(), "the last rows are drawn")
