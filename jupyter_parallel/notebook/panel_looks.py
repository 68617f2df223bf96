"""How the control panel looks: its style sheet, and the pieces of escaped HTML it is made of."""

from __future__ import annotations

import html
import json
from typing import Any

from ..view.format import GLYPHS
from ..view.palette import COLORS, STATUS
from ..view.text import counts_text

SHORTEST = "260px"
"""Width below which fields stand under each other."""

STYLE = """
<style>
.jpar-desk {
  --jpar-text: var(--jp-ui-font-color1, var(--vscode-foreground, #1f1f1f));
  --jpar-muted: var(--jp-ui-font-color2, var(--vscode-descriptionForeground, #6b6b6b));
  --jpar-rule: var(--jp-border-color2, var(--vscode-panel-border, #e0e0e0));
  --jpar-ground: var(--jp-layout-color2, var(--vscode-textCodeBlock-background, #eeeeee));
  --jpar-code: var(--jp-code-font-family, ui-monospace, Menlo, Consolas, monospace);
  --jpar-wrong: #b8400f;
  max-width: 1000px; color: var(--jpar-text); font-size: 13px; line-height: 1.45;
}
[data-jp-theme-light="false"] .jpar-desk, .vscode-dark .jpar-desk, html[theme="dark"] .jpar-desk {
  --jpar-wrong: #ff8a57;
}
.jpar-desk .widget-html-content, .jpar-desk .widget-html { line-height: 1.45; height: auto; min-width: 0; }
.jpar-desk .jpar-desk-field { flex-direction: column; align-items: stretch; height: auto; }
.jpar-desk .jpar-desk-field > .widget-label { width: auto; text-align: left; color: var(--jpar-text);
  line-height: 20px; height: 20px; }
.jpar-desk .jpar-desk-field > input { flex: 0 0 28px; width: 100%; }
.jpar-desk .jpar-desk-field > input::-webkit-calendar-picker-indicator { opacity: 0.75; }
[data-jp-theme-light="false"] .jpar-desk .jpar-desk-field > input { color-scheme: dark; }
.jpar-desk .jpar-desk-button { width: auto; min-width: 64px; padding: 0 10px; flex: 0 0 auto; }
.jpar-desk h3, .jpar-desk h4 { margin: 6px 0 2px; font-size: 13px; font-weight: 600; }
.jpar-desk h3 { font-size: 15px; }
.jpar-desk p { margin: 0; color: var(--jpar-muted); }
.jpar-desk .jpar-desk-note { color: var(--jpar-muted); font-size: 12px; overflow-wrap: anywhere; }
.jpar-desk .jpar-desk-problem { color: var(--jpar-wrong); font-size: 12px; overflow-wrap: anywhere;
  white-space: pre-wrap; }
.jpar-desk code { font: 12px var(--jpar-code); color: var(--jpar-text); background: var(--jpar-ground);
  padding: 0 3px; border-radius: 2px; }
.jpar-desk pre.jpar-desk-cell { margin: 2px 0; padding: 8px 10px; font: 13px/1.5 var(--jpar-code);
  color: var(--jpar-text); background: var(--jpar-ground); border-left: 3px solid var(--jpar-rule);
  border-radius: 2px; white-space: pre-wrap; word-break: normal; overflow-wrap: anywhere;
  user-select: all; cursor: copy; }
.jpar-desk .jpar-desk-below { border-top: 1px solid var(--jpar-rule); margin-top: 6px; padding-top: 4px; }
.jpar-desk .jpar-desk-run-line { display: flex; flex-wrap: wrap; gap: 0 10px; align-items: baseline; }
.jpar-desk .jpar-desk-run-line b { overflow-wrap: anywhere; }
.jpar-desk .jpar-desk-run-line span { color: var(--jpar-muted); }
.jpar-desk .jpar-desk-bar { display: flex; height: 5px; margin-top: 3px; border-radius: 2px;
  overflow: hidden; background: #80808040; }
.jpar-desk button:focus-visible { outline: 2px solid var(--jp-brand-color1, #1976d2); outline-offset: 1px; }
.jpar-desk .jpar-desk-take { display: flex; flex-wrap: wrap; align-items: center; gap: 2px 10px; }
.jpar-desk .jpar-desk-insert { display: none; }
[data-jp-theme-name] .jpar-desk .jpar-desk-insert { display: inline-block; }
</style>
"""

_BAR = ("success", "failure", "cancelled", "skipped")


def _safe(text: str) -> str:
    """Return text that is markup nowhere; half a surrogate pair could not even be sent."""
    return html.escape(text.encode("utf-8", "backslashreplace").decode())


def note(text: str) -> str:
    """Return what helps, said quietly."""
    return f'<div class="jpar-desk-note">{_safe(text)}</div>' if text else ""


def evaluated(source: str, told: str) -> str:
    """Return what an expression gave, and that it was this one."""
    return f'<div class="jpar-desk-note" role="status"><code>{_safe(source)}</code> {_safe(told)}</div>'


def problem(text: str) -> str:
    """Return what is wrong; read aloud when it appears."""
    return f'<div class="jpar-desk-problem" role="alert">✗ {_safe(text)}</div>' if text else ""


def cell(text: str) -> str:
    """Return a cell as text that one click selects, and a button that puts it below the panel.

    The button names commands of JupyterLab and Notebook, which run them when it is clicked; where the
    page is neither, the style sheet hides it.
    """
    commands = ["notebook:insert-cell-below", "notebook:replace-selection"]
    arguments = json.dumps({"commands": commands, "args": {"text": text}})
    return (
        f'<pre class="jpar-desk-cell" title="One click selects all of it">{_safe(text)}</pre>'
        '<div class="jpar-desk-take">'
        '<button class="jpar-desk-insert jpar-desk-button jupyter-button widget-button" '
        'data-commandlinker-command="apputils:run-all-enabled" '
        f'data-commandlinker-args="{_safe(arguments)}">Insert below</button>'
        f"{note('Or click the text, copy it, and paste it into a cell of yours.')}</div>"
    )


def run_line(snapshot: dict[str, Any]) -> str:
    """Return a run in one line with its bar."""
    status, name = snapshot["status"], _safe(snapshot["name"])
    times = " · ".join(filter(None, [snapshot["elapsed"], snapshot["remaining"]]))
    return (
        f'<div class="jpar-desk-run-line"><b><i style="font-style:normal;color:{STATUS[status]}">'
        f"{GLYPHS[status]}</i> {name}</b> {status} "
        f"<span>{_safe(counts_text(snapshot))}</span> <span>{_safe(times)}</span></div>"
        f"{_bar(snapshot, name)}"
    )


def _bar(snapshot: dict[str, Any], name: str) -> str:
    numbers = dict(snapshot["counts"])
    total = snapshot["total"] or max(snapshot["known"], 1)
    done = min(100, 100 * snapshot["complete"] // max(total, 1))
    pieces = "".join(
        f'<i style="width:{100 * numbers[state] / max(total, 1):.2f}%;background:{COLORS[state]}"></i>'
        for state in _BAR
        if numbers.get(state)
    )
    return (
        f'<div class="jpar-desk-bar" role="progressbar" aria-label="Progress of {name}" aria-valuemin="0"'
        f' aria-valuemax="100" aria-valuenow="{done}">{pieces}</div>'
    )
