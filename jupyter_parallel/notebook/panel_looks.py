"""How the control panel looks: its style sheet, and the pieces of escaped HTML it is made of."""

from __future__ import annotations

from html import escape
from typing import Any

from ..view.format import GLYPHS
from ..view.palette import COLORS, STATUS
from ..view.text import counts_text

SHORTEST = "260px"
"""Width below which fields stand under each other."""

STYLE = """
<style>
.jpar-panel {
  --jpar-text: var(--jp-ui-font-color1, var(--vscode-foreground, #1f1f1f));
  --jpar-muted: var(--jp-ui-font-color2, var(--vscode-descriptionForeground, #6b6b6b));
  --jpar-rule: var(--jp-border-color2, var(--vscode-panel-border, #e0e0e0));
  --jpar-ground: var(--jp-layout-color2, var(--vscode-textCodeBlock-background, #eeeeee));
  --jpar-code: var(--jp-code-font-family, ui-monospace, Menlo, Consolas, monospace);
  --jpar-wrong: #b8400f;
  max-width: 1000px; color: var(--jpar-text); font-size: 13px; line-height: 1.45;
}
[data-jp-theme-light="false"] .jpar-panel, .vscode-dark .jpar-panel, html[theme="dark"] .jpar-panel {
  --jpar-wrong: #ff8a57;
}
.jpar-panel .widget-html-content, .jpar-panel .widget-html { line-height: 1.45; height: auto; min-width: 0; }
.jpar-panel .widget-label { color: var(--jpar-text); }
.jpar-panel h3, .jpar-panel h4 { margin: 6px 0 2px; font-size: 13px; font-weight: 600; }
.jpar-panel h3 { font-size: 15px; }
.jpar-panel p { margin: 0; color: var(--jpar-muted); }
.jpar-panel .jpar-note { color: var(--jpar-muted); font-size: 12px; overflow-wrap: anywhere; }
.jpar-panel .jpar-problem { color: var(--jpar-wrong); font-size: 12px; overflow-wrap: anywhere;
  white-space: pre-wrap; }
.jpar-panel code { font: 12px var(--jpar-code); color: inherit; background: var(--jpar-ground);
  padding: 0 3px; border-radius: 2px; }
.jpar-panel pre.jpar-cell { margin: 2px 0; padding: 8px 10px; font: 13px/1.5 var(--jpar-code);
  color: var(--jpar-text); background: var(--jpar-ground); border-left: 3px solid var(--jpar-rule);
  border-radius: 2px; white-space: pre-wrap; overflow-wrap: anywhere; user-select: all; cursor: copy; }
.jpar-panel .jpar-below { border-top: 1px solid var(--jpar-rule); margin-top: 6px; padding-top: 4px; }
.jpar-panel .jpar-run-line { display: flex; flex-wrap: wrap; gap: 0 10px; align-items: baseline; }
.jpar-panel .jpar-run-line b { overflow-wrap: anywhere; }
.jpar-panel .jpar-run-line span { color: var(--jpar-muted); }
.jpar-panel .jpar-bar { display: flex; height: 5px; margin-top: 3px; border-radius: 2px; overflow: hidden;
  background: #80808040; }
.jpar-panel button:focus-visible { outline: 2px solid var(--jp-brand-color1, #1976d2); outline-offset: 1px; }
.jpar-panel .jpar-insert { display: none; }
[data-jp-theme-name] .jpar-panel .jpar-insert { display: inline-block; }
</style>
"""

_BAR = ("success", "failure", "cancelled", "skipped")


def note(text: str) -> str:
    """Return what helps, said quietly."""
    return f'<div class="jpar-note">{escape(text)}</div>' if text else ""


def evaluated(source: str, told: str) -> str:
    """Return what an expression gave, and that it was this one."""
    return f'<div class="jpar-note" role="status"><code>{escape(source)}</code> {escape(told)}</div>'


def problem(text: str) -> str:
    """Return what is wrong; read aloud when it appears."""
    return f'<div class="jpar-problem" role="alert">✗ {escape(text)}</div>' if text else ""


def cell(text: str) -> str:
    """Return a cell as text that one click selects."""
    return f'<pre class="jpar-cell" title="One click selects all of it">{escape(text)}</pre>'


def run_line(snapshot: dict[str, Any]) -> str:
    """Return a run in one line with its bar."""
    status, name = snapshot["status"], escape(snapshot["name"])
    times = " · ".join(filter(None, [snapshot["elapsed"], snapshot["remaining"]]))
    return (
        f'<div class="jpar-run-line"><b><i style="font-style:normal;color:{STATUS[status]}">'
        f"{GLYPHS[status]}</i> {name}</b> {status} "
        f"<span>{escape(counts_text(snapshot))}</span> <span>{escape(times)}</span></div>"
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
        f'<div class="jpar-bar" role="progressbar" aria-label="Progress of {name}" aria-valuemin="0"'
        f' aria-valuemax="100" aria-valuenow="{done}">{pieces}</div>'
    )
