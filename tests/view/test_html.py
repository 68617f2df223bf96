from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_parallel.engine.overview import ItemState, RunStatus
from jupyter_parallel.view.html import line_html, snapshot_html, strip_runs
from jupyter_parallel.view.rows import ValueColumns, page
from jupyter_parallel.view.snapshot import Snapshots, printed_lines
from jupyter_parallel.view.strip import Strip

from .fakes import FakeRun

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</div></td></table></style></pre><b>",
    "\"' onmouseover='alert(1)",
    "&lt;script&gt;",
    "<!-- ",
    "]]>",
    "\u202egnp.exe",
    "\x1b[31m\x00",
    "{{ 7*7 }} ${x}",
    "javascript:alert(1)",
]
TAGS = {"style", "div", "span", "b", "pre", "table", "thead", "tbody", "tr", "th", "td"}
ATTRIBUTES = {"class", "style", "aria-hidden", "colspan"}


class Reader(HTMLParser):
    """Reads markup as a browser would: which elements, which attributes, which text."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")


def picture(run: FakeRun) -> str:
    rows = page(run, 0, 8, ValueColumns())
    return snapshot_html(Snapshots(run).take(run), Strip().update(run), rows, printed_lines(run), key="k1")


def hostile_run(text: str) -> FakeRun:
    run = FakeRun([text, (text, text)], targets=(text, text), name=text)
    run.succeed(0, {text: text})
    run.fail(1, text, text, text)
    run.say(0, text)
    run.note = run.backend = text
    run.end(RunStatus.FAILED)
    return run


@pytest.mark.parametrize("text", HOSTILE)
def test_no_string_becomes_markup(text: str) -> None:
    run = hostile_run(text)
    line = line_html(Snapshots(run).take(run), printed_lines(run))
    for reader in (Reader(picture(run)), Reader(line)):
        assert {tag for tag, _ in reader.elements} <= TAGS
        assert {name for _, attributes in reader.elements for name in attributes} <= ATTRIBUTES
        assert reader.open == []


@given(st.text())
def test_any_string_arrives_as_text(text: str) -> None:
    plain, hostile = Reader(picture(hostile_run("x"))), Reader(picture(hostile_run("x" + text)))
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in plain.elements]


def test_markup_stays_as_the_sanitizer_of_an_untrusted_notebook_leaves_it() -> None:
    markup = picture(hostile_run("x"))
    body = re.sub(r"<style>.*?</style>", "", markup)
    assert "var(" not in body
    assert "<script" not in markup
    assert "<svg" not in markup
    assert "url(" not in markup


def test_the_picture_shows_header_counts_failure_rows_and_what_is_not_shown() -> None:
    run = FakeRun([(float(i), 2.0) for i in range(20)], targets=("radius", "height"))
    for index in range(19):
        run.succeed(index, f"{index}.5")
    run.fail(19, "ValueError", "bad radius", "cell 3, line 2")
    run.now += 3
    run.end(RunStatus.FAILED)
    text = Reader(picture(run)).text
    for part in (
        "areas",
        "failed",
        "loky · 8 workers",
        "19 success · 1 failure",
        "3.0 s",
        "item 19 (radius=19.0, height=2.0) failed: ValueError: bad radius (cell 3, line 2)",
        "0.5",
        "… 12 more",
    ):
        assert part in text


def test_a_picture_of_a_live_run_says_when_it_was_taken() -> None:
    run = FakeRun(range(3))
    assert re.search(r"as of \d\d:\d\d:\d\d, while it was running", Reader(picture(run)).text)


def test_a_picture_without_a_widget_above_hides_nothing() -> None:
    run = FakeRun(range(3))
    rows = page(run, 0, 8, ValueColumns())
    alone = snapshot_html(Snapshots(run).take(run), b"", rows, printed_lines(run), key="")
    assert "<style" not in alone
    assert "<style" in picture(run)


def test_neighbours_alike_are_one_piece_of_the_strip() -> None:
    run = FakeRun(range(10))
    run.states[:] = bytes([2, 2, 2, 3, 2, 2, 1, 0, 0, 0])
    strip = Strip().update(run)
    expected = [("success", 3), ("failure", 1), ("success", 2), ("running", 1), ("pending", 3)]
    assert strip_runs(strip) == expected


def test_a_strip_of_two_thousand_cells_becomes_few_pieces_and_keeps_its_failures() -> None:
    run = FakeRun(range(2000))
    run.states[:] = bytes([ItemState.SUCCESS]) * 2000
    for index in range(0, 2000, 50):
        run.fail(index)
    runs = strip_runs(Strip().update(run))
    assert len(runs) <= 160
    assert [state for state, _ in runs].count("failure") == 40


def test_a_quick_run_is_one_line_below_what_it_printed() -> None:
    run = FakeRun(range(2))
    run.succeed(0)
    run.succeed(1)
    run.say(1, "hello")
    run.note = "see the log"
    run.end()
    text = Reader(line_html(Snapshots(run).take(run), printed_lines(run))).text
    assert text == "[#1] hello✓ areas: 2 success in 0 µs see the log"
