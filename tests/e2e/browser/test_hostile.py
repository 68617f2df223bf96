"""Nothing from the user's data becomes markup: not in the live page, not in the saved notebook."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from . import widget
from .cells import LOAD
from .conftest import Create
from .lab import Notebook

MARKUP = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script><b id="planted">bold</b>'
HOSTILE = [
    MARKUP,
    "</style></div><b id=planted>",
    "' onmouseover=pwned()",
    "a\u202eb",
    "\x1b[31mred\x1b[0m\x00",
    "${pwned}",
]

CELLS = [
    LOAD + f"hostile = {json.dumps(HOSTILE)}",
    """
%%parallel -o run -j 2 --on-error collect --name "<b id=planted>name</b>" for text in hostile * 4
time.sleep(0.05)
print(text)
if text.startswith("a"):
    raise ValueError(hostile[0])
{"value": text, hostile[1]: text}
""",
]


@pytest.fixture
def ran(create: Create) -> Notebook:
    notebook = create(*CELLS)
    notebook.run(0, 1)
    widget.in_cell(notebook, 1).counts("20 success · 4 failure")
    return notebook


def planted(notebook: Notebook) -> list[str]:
    """Return what the data has managed to put into the page."""
    found: list[str] = notebook.page.evaluate(
        """() => [...Array.from(document.querySelectorAll('#planted'), e => e.outerHTML),
            ...(window.pwned === undefined ? [] : ['window.pwned'])]"""
    )
    return found


def test_the_widget_shows_hostile_texts_as_texts(ran: Notebook) -> None:
    shown = widget.in_cell(ran, 1)
    shown.shows("<b id=planted>name</b>")
    shown.shows("onerror")
    shown.root.locator(".jpar-print").first.wait_for()
    assert planted(ran) == []
    assert "\u202e" not in shown.root.inner_text()


def test_the_saved_notebook_shows_hostile_texts_as_texts(ran: Notebook) -> None:
    ran.save()
    ran.close()
    reopened = ran.lab.open(ran.path, kernel=False)
    picture = reopened.cell(1).locator(widget.SNAPSHOT)
    expect(picture).to_contain_text("<b id=planted>name</b>")
    assert planted(reopened) == []
    assert "\u202e" not in picture.inner_text()
    reopened.close()
