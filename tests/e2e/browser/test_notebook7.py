"""The same widget in Notebook 7, which is another application around the same parts."""

from __future__ import annotations

from playwright.sync_api import Browser

from . import lab, widget
from .cells import HELD, LOAD
from .server import Server


def test_a_cell_runs_and_can_be_cancelled_while_it_waits(browser: Browser, lab_server: Server) -> None:
    page = lab.opened(browser, lab_server, start=False)
    notebook = page.write("notebook7", [LOAD, HELD])
    page.page.goto(f"{lab_server.url}/notebooks/{notebook.path}", wait_until="domcontentloaded")
    page.wait_restored()
    notebook.wait_ready()
    notebook.run(0)
    notebook.start(1)
    shown = widget.in_cell(notebook, 1)
    shown.counts("2 success · 2 running · 4 pending")
    shown.press("Cancel")
    notebook.wait_ended(1, timeout=4)
    shown.counts("2 success · 6 cancelled")
    assert notebook.error(1) == "RunCancelled"
    assert page.unexpected_errors() == []
    page.page.context.close()
