"""A saved notebook, opened again without a kernel, shows how the run ended."""

from __future__ import annotations

import nbformat
import pytest
from playwright.sync_api import expect

from . import widget
from .cells import AREAS, LOAD
from .conftest import Create
from .lab import Notebook

FAILING = "%%parallel -o run -j 2 --on-error collect for x in range(20)\ntime.sleep(0.03)\n1 / (x - 4)"


@pytest.fixture
def saved(create: Create) -> Notebook:
    """A notebook with two runs, saved and closed."""
    notebook = create(LOAD, AREAS, FAILING)
    notebook.run(0, 1, 2)
    widget.in_cell(notebook, 1).counts("30 success")
    widget.in_cell(notebook, 2).counts("19 success · 1 failure")
    notebook.save()
    notebook.close()
    return notebook


def shows_the_end(notebook: Notebook) -> None:
    first = notebook.cell(1).locator(widget.SNAPSHOT)
    expect(first).to_be_visible()
    expect(first).to_contain_text("areas")
    expect(first).to_contain_text("30 success")
    second = notebook.cell(2).locator(widget.SNAPSHOT)
    expect(second).to_contain_text("19 success · 1 failure")
    expect(second).to_contain_text("ZeroDivisionError")


@pytest.mark.parametrize("kernel", [False, True], ids=["no-kernel", "new-kernel"])
def test_a_trusted_notebook_shows_the_end_and_no_complaint(saved: Notebook, kernel: bool) -> None:
    reopened = saved.lab.open(saved.path, kernel)
    shows_the_end(reopened)
    for complaint in ("model not found", "Loading widget"):
        for found in reopened.cell(1).get_by_text(complaint).all():
            expect(found).to_be_hidden()
    reopened.close()


def test_an_untrusted_notebook_shows_the_end(saved: Notebook) -> None:
    path = saved.lab.server.root / saved.path
    document = nbformat.read(path, as_version=4)
    document.cells.append(nbformat.v4.new_code_cell("'from elsewhere'"))
    nbformat.write(document, path)
    reopened = saved.lab.open(saved.path, kernel=False)
    shows_the_end(reopened)
    reopened.close()


def test_the_file_holds_the_end_as_text_for_every_other_reader(saved: Notebook) -> None:
    document = nbformat.read(saved.lab.server.root / saved.path, as_version=4)
    texts = [output.data.get("text/plain", "") for output in document.cells[1].outputs if "data" in output]
    assert any("30 success" in text for text in texts)
    markup = [output.data.get("text/html", "") for output in document.cells[1].outputs if "data" in output]
    assert any("30 success" in text for text in markup)
    assert "<script" not in "".join(markup)


def test_the_snapshot_is_hidden_while_the_widget_lives(create: Create) -> None:
    notebook = create(LOAD, AREAS)
    notebook.run(0, 1)
    widget.in_cell(notebook, 1).counts("30 success")
    expect(notebook.cell(1).locator(widget.SNAPSHOT)).to_be_hidden()
