"""A run as text: one line, a few lines, or a live bar in a terminal."""

from __future__ import annotations

import sys
from typing import Any, TextIO

from .format import GLYPHS, count, plural
from .snapshot import LINES, Snapshots, printed_lines
from .source import RunSource


def counts_text(snapshot: dict[str, Any]) -> str:
    """Return ``612 success · 3 failure · 8 running``."""
    return " · ".join(f"{count(number)} {state}" for state, number in snapshot["counts"])


def line(snapshot: dict[str, Any]) -> str:
    """Return the whole run in one line: ``✓ areas: 996 success · 4 failure in 12.4 s``."""
    status = snapshot["status"]
    head = f"{GLYPHS[status]} {snapshot['name']}: "
    told = {"finished": "", "failed": ""}.get(status, f"{status}, ")
    if snapshot["total"] == 0:
        return f"{head}{told}no items"
    return f"{head}{told}{counts_text(snapshot)} in {snapshot['elapsed']}"


def failure_text(failure: dict[str, Any]) -> str:
    """Return which item failed first, and why."""
    place = f" ({failure['where']})" if failure["where"] else ""
    item = f" ({failure['item']})" if failure["item"] else ""
    return f"item {count(failure['index'])}{item} failed: {failure['error']}{place}"


def lines(snapshot: dict[str, Any], printed: dict[str, Any] | None = None) -> str:
    """Return the run in a few lines: what items printed, counts, the first failure, what to know."""
    failure = snapshot["failure"]
    parts = [
        *printed_texts(printed or {"total": 0, "lines": []}),
        line(snapshot),
        failure_text(failure) if failure else "",
        snapshot["note"],
    ]
    return "\n".join(part for part in parts if part)


def printed_texts(printed: dict[str, Any]) -> list[str]:
    """Return ``[#12] …`` for each printed line, and how many earlier ones are not there."""
    earlier = printed["total"] - len(printed["lines"])
    head = [f"… {plural(earlier, 'earlier line')}"] if earlier > 0 else []
    return head + [f"[#{one['index']}] {one['text']}" for one in printed["lines"]]


def summary(source: RunSource) -> str:
    """Return the one-line summary of a run; what ``repr`` and terminals show."""
    return line(Snapshots(source).take(source))


class TerminalBar:
    """A tqdm bar fed from snapshots, and the items' prints above it.

    Without a terminal behind ``stream`` there is no bar, only what is printed and the last line.
    """

    def __init__(self, source: RunSource, stream: TextIO | None = None) -> None:
        self._snapshots = Snapshots(source)
        self._stream = stream or sys.stderr
        self._bar: Any = None
        self._seen = -1
        self._shown = 0

    def draw(self, source: RunSource) -> None:
        """Bring the bar up to date."""
        snapshot = self._snapshots.take(source)
        self._print_new(source)
        if self._bar is None:
            self._bar = self._open(snapshot)
        self._bar.total = snapshot["total"]
        self._bar.n = snapshot["complete"]
        self._bar.set_postfix_str(
            ", ".join(f"{number} {state}" for state, number in snapshot["counts"][1:]), refresh=True
        )

    def _open(self, snapshot: dict[str, Any]) -> Any:
        from tqdm import tqdm

        return tqdm(
            total=snapshot["total"],
            desc=snapshot["name"],
            unit="item",
            file=self._stream,
            leave=False,
            dynamic_ncols=True,
            disable=not self._stream.isatty(),
        )

    def _print_new(self, source: RunSource) -> None:
        new = [one for one in printed_lines(source)["lines"] if one["n"] > self._seen]
        for text in printed_texts({"total": 0, "lines": new}):
            if self._shown < LINES:
                self._write(text)
            elif self._shown == LINES:
                self._write("… more lines were printed; run.records keeps them")
            self._shown += 1
        if new:
            self._seen = new[-1]["n"]

    def _write(self, text: str) -> None:
        if self._bar is None:
            print(text, file=self._stream)
        else:
            self._bar.write(text, file=self._stream)

    def close(self, source: RunSource) -> None:
        """Take the bar away and leave the summary."""
        self._print_new(source)
        if self._bar is not None:
            self._bar.close()
        print(lines(self._snapshots.take(source)), file=self._stream)
