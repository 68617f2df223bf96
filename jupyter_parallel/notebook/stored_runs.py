"""``%parallel_runs``: the runs of this session, and those that are stored beside the notebook."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable

from .. import keeping
from ..engine.run import Run
from ..errors import UsageError
from ..session import session
from ..view.format import count, duration, one_line
from ..view.text import summary

_UNITS = ("B", "kB", "MB", "GB", "TB")


def command(line: str) -> None:
    """Do what stands behind ``%parallel_runs``; nothing: show the tables."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"%parallel_runs {line}: {error}") from None
    if not words:
        _show()
        return
    verb = _VERBS.get(words[0])
    if verb is None or len(words) != len(verb[0].split()):
        forms = ", ".join(f"%parallel_runs {form}" for form, _ in _VERBS.values())
        raise UsageError(
            f"%parallel_runs {line.strip()} is not known; write %parallel_runs alone, or {forms}"
        )
    verb[1](words[1:])


def _show() -> None:
    stored = keeping.stored_runs()
    for run in session.runs:
        print(f"{run.id:4}  {summary(run)}")
    if not session.runs and not stored:
        print("no runs yet")
    if stored:
        rows = [("stored", "function", "done", "failed", "saved", "size")]
        rows += [
            (one.name, one.function, count(one.done), count(one.failed), _age(one.saved), _size(one.size))
            if not one.problem
            else (one.name, f"cannot be read: {one.problem}", "", "", _age(one.saved), _size(one.size))
            for one in stored
        ]
        print(_table([tuple(one_line(cell, 60) for cell in row) for row in rows]))


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _age(moment: float) -> str:
    return f"{duration(max(0.0, time.time() - moment))} ago" if moment else "never"


def _size(size: int) -> str:
    number, unit = float(size), 0
    while number >= 999.5 and unit < len(_UNITS) - 1:
        number, unit = number / 1000, unit + 1
    return f"{number:.0f} {_UNITS[unit]}" if number >= 9.95 or not unit else f"{number:.1f} {_UNITS[unit]}"


def _remove(words: list[str]) -> None:
    print(f"deleted {words[0]}: {_size(keeping.remove_stored(words[0]))}")


def _export(words: list[str]) -> None:
    number = keeping.export_stored(*words)
    print(f"wrote {count(number)} values of {words[0]} to {words[1]}")


def _trust(words: list[str]) -> None:
    run = Run.open(words[0], trust=True)
    print(f"signed with your key: {summary(run)}")


_VERBS: dict[str, tuple[str, Callable[[list[str]], None]]] = {
    "rm": ("rm NAME", _remove),
    "export": ("export NAME FILE", _export),
    "trust": ("trust NAME", _trust),
}
