"""The static picture of a run for saved notebooks: escaped HTML, no script, no external anything.

Inline styles use only what JupyterLab's sanitizer leaves in an untrusted notebook (no ``var()``,
no SVG, ``style`` attributes only) and colours that are readable on light and on dark. The one
``<style>`` element is dropped there; where it survives it hides the dead widget of a reopened
notebook and the picture itself while the widget lives.
"""

from __future__ import annotations

import time
from html import escape
from typing import Any

from ..engine.overview import ItemState
from .format import GLYPHS, count
from .palette import COLORS, STATUS
from .strip import FULL, HEADER
from .text import counts_text, failure_text, line, printed_texts

ROWS = 8
"""Rows of the results in the picture at most."""

_SPANS = 160
"""Pieces of the strip at most."""

_MUTED = "opacity:0.7"
_CELL = "padding:1px 16px 1px 0px;text-align:left;white-space:nowrap;border:none"
_NEXT = "margin-left:6px"
_CODE = "font-family:monospace;font-size:12px"
_LINE = "1px solid rgba(128,128,128,0.35)"


def snapshot_html(
    snapshot: dict[str, Any], strip: bytes, page: dict[str, Any], printed: dict[str, Any], *, key: str
) -> str:
    """Return the picture of a run.

    Parameters
    ----------
    snapshot, strip, page, printed
        As made by ``snapshot.Snapshots``, ``strip.Strip``, ``rows.page`` and ``snapshot.printed_lines``.
    key
        Joins the picture to the live widget right above, which hides it; a plain word, empty without one.
    """
    parts = [
        _header(snapshot),
        _strip(strip),
        _failure(snapshot["failure"]),
        _printed(printed),
        _table(page, snapshot),
        _note(snapshot),
    ]
    body = "".join(parts)
    style = "font-size:13px;line-height:1.5;padding:4px 0px;max-width:960px"
    rules = _rules() if key else ""
    return f'{rules}<div class="jpar-snapshot jpar-run-{escape(key)}" style="{style}">{body}</div>'


def line_html(snapshot: dict[str, Any], printed: dict[str, Any]) -> str:
    """Return a quick run as one line, below what its items printed."""
    glyph, _, rest = line(snapshot).partition(" ")
    note = f' <span style="{_MUTED}">{escape(snapshot["note"])}</span>' if snapshot["note"] else ""
    return (
        f'<div class="jpar-quick" style="font-size:13px">{_printed(printed)}'
        f'<span style="color:{STATUS[snapshot["status"]]}">{escape(glyph)}</span> {escape(rest)}{note}</div>'
    )


def _printed(printed: dict[str, Any]) -> str:
    lines = "\n".join(escape(text) for text in printed_texts(printed))
    style = f"margin:4px 0px;padding:0px 8px;border-left:{_LINE};{_CODE};white-space:pre-wrap"
    return f'<pre style="{style}">{lines}</pre>' if lines else ""


def _rules() -> str:
    # Lab puts "model not found" or "Loading widget" where the widget was, in an element without a
    # mime type; a living view is a .jpar-root that is not hidden.
    alive, rendered = ".jpar-root:not([hidden])", "[data-mime-type]"
    dead = f".jp-OutputArea-child:not(:has({alive}, {rendered})):has(+ .jp-OutputArea-child .jpar-snapshot)"
    return f"<style>{dead} {{ display: none; }}</style>"


def _header(snapshot: dict[str, Any]) -> str:
    status = snapshot["status"]
    color = STATUS[status]
    times = " · ".join(filter(None, [snapshot["rate"], snapshot["elapsed"]]))
    return (
        f'<div><span style="color:{color}">{GLYPHS[status]}</span> <b>{escape(snapshot["name"])}</b>'
        f' <span style="{_NEXT};color:{color}">{status}</span>'
        f' <span style="{_NEXT};{_MUTED}">{escape(snapshot["backend"])}</span></div>'
        f'<div>{escape(counts_text(snapshot))} <span style="{_NEXT};{_MUTED}">{escape(times)}</span></div>'
    )


def _strip(strip: bytes) -> str:
    pieces = "".join(
        f'<span style="flex:{length} 1 0px;background-color:{COLORS[state]}"></span>'
        for state, length in strip_runs(strip)
    )
    return (
        '<div aria-hidden="true" style="display:flex;height:10px;margin:4px 0px;border-radius:2px;'
        f'overflow:hidden">{pieces}</div>'
    )


def strip_runs(strip: bytes, limit: int = _SPANS) -> list[tuple[str, int]]:
    """Return ``(state, cells)`` of neighbouring cells alike; at most ``limit`` pieces."""
    cells = strip[HEADER.size :]
    step = -(-len(cells) // limit) or 1
    runs: list[tuple[str, int]] = []
    for at in range(0, len(cells), step):
        state = _shown_state(cells[at : at + step])
        if runs and runs[-1][0] == state:
            runs[-1] = state, runs[-1][1] + 1
        else:
            runs.append((state, 1))
    return runs


def _shown_state(cells: bytes) -> str:
    """Return the state that one piece shows: what went wrong before what went well."""
    states = {cell & 7 for cell in cells}
    for state in (ItemState.FAILURE, ItemState.RUNNING, ItemState.CANCELLED, ItemState.SKIPPED):
        if state in states:
            return state.word
    half = 2 * sum(cell >> 3 for cell in cells) >= FULL * len(cells)
    return ItemState.SUCCESS.word if half else ItemState.PENDING.word


def _failure(failure: dict[str, Any] | None) -> str:
    if failure is None:
        return ""
    sign = f'<span style="color:{COLORS["failure"]}">{GLYPHS["failure"]}</span>'
    return f"<div>{sign} {escape(failure_text(failure))}</div>"


def _table(page: dict[str, Any], snapshot: dict[str, Any]) -> str:
    rows = page["rows"][:ROWS]
    if not rows:
        return ""
    names = ["#", *page["items"], *page["values"], "time", "state"]
    head = "".join(f'<th style="{_CELL};{_MUTED}">{escape(name)}</th>' for name in names)
    body = "".join(_row(row, len(page["values"])) for row in rows)
    left = snapshot["prefix"] - len(rows)
    more = f'<div style="{_MUTED}">… {count(left)} more</div>' if left > 0 else ""
    return (
        f'<table style="border-collapse:collapse;margin:4px 0px;border:none;{_CODE}">'
        f'<thead style="border-bottom:{_LINE}"><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}'
    )


def _row(row: dict[str, Any], width: int) -> str:
    cells = [_cell(str(row["index"])), *(_cell(text) for text in row["item"])]
    if row["error"]:
        cells.append(_cell(row["error"], width))
    else:
        cells += [_cell(text) for text in [*row["value"], *[""] * (width - len(row["value"]))]]
    state = row["state"]
    quiet = state == ItemState.SUCCESS.word
    style = f"{_CELL};{_MUTED}" if quiet else f"{_CELL};color:{COLORS[state]}"
    cells += [_cell(row["time"]), f'<td style="{style}">{GLYPHS[state]} {state}</td>']
    return f"<tr>{''.join(cells)}</tr>"


def _cell(text: str, span: int = 1) -> str:
    shown = text if len(text) <= 60 else text[:59] + "…"
    wide = f' colspan="{span}"' if span > 1 else ""
    return f'<td{wide} style="{_CELL}">{escape(shown)}</td>'


def _note(snapshot: dict[str, Any]) -> str:
    stale = "" if snapshot["ended"] else f"as of {time.strftime('%H:%M:%S')}, while it was running"
    text = " · ".join(filter(None, [snapshot["note"], stale]))
    return f'<div style="{_MUTED}">{escape(text)}</div>' if text else ""
