"""What ``%parallel [...]`` calls: a comprehension, started where it stands.

The call reaches this module as ``jupyter_parallel.parallel_line`` and needs no IPython: a notebook
function with a ``%parallel`` in it also works inside an item, where its run is serial.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import FunctionType
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from . import clause, option_table, options

if TYPE_CHECKING:
    from ..engine.run import Run
    from ..launch import Plan

TITLE = 40
"""Characters of a run's title when it is made from its source."""


def parallel_line(
    typed: str,
    kind: str,
    element: FunctionType,
    outer: Any,
    targets: tuple[str, ...],
    text: str,
    *,
    key: Callable[..., Any] | None = None,
    values: Mapping[str, Callable[[], Any]] | None = None,
    **more: Any,
) -> Any:
    """Run a comprehension; called by what the token transformer writes.

    Parameters
    ----------
    typed
        The option text.
    kind
        What comes back: ``"list"``, ``"dict"``, ``"set"`` or ``"run"``.
    element, outer, targets, text, more
        Pieces of the comprehension, for ``clause.program_of_line``.
    key
        Gives the key of a dict from the targets, for items that have no value.
    values
        Evaluates the expressions among the options where the line stands.
    """
    from .. import launch
    from ..session import session

    given = values or {}
    parsed = options.parse(typed, evaluate=lambda expression: given[expression](), form="line")
    if parsed.help:
        print(option_table.help_text())
        return None
    label = session.label(element.__code__.co_filename) or "%parallel"
    program = clause.program_of_line(element, outer, targets, text, label=label, **more)
    chosen = session.options.updated(parsed.keywords)
    plan = plan_of(program, replace(chosen, name=chosen.name or title_of(text)))
    if chosen.only is not None:
        return plan.debug(chosen.only)
    announce = announcing(plan, program)
    if kind == "run":
        return launch.in_background(plan, announce)
    if not chosen.wait:
        raise UsageError("a list, dict or set waits for its values; for a live run write %parallel (...)")
    if kind == "dict":
        return dict(launch.values_of(plan, announce, _pair_of(plan, key)))
    return {"list": list, "set": set}[kind](launch.values_of(plan, announce))


def _pair_of(plan: Plan, key: Callable[..., Any] | None) -> Callable[[Any], Any]:
    """Return what makes a dict's pair for an item without a value: its key, and the default."""

    def pair(item: Any) -> tuple[Any, Any]:
        if key is None:
            raise UsageError(
                "a dict whose key or value awaits cannot take --default; run.successes() has the others"
            )
        return key(*item) if plan.call == "star" else key(item), plan.options.default

    return pair


def plan_of(program: clause.Program, chosen: Any) -> Plan:
    """Return the plan of a cell or line."""
    from ..engine.state import Source
    from ..launch import Plan

    return Plan(
        program.function,
        program.items,
        chosen,
        call="star" if program.star else "item",
        sources=program.sources,
        source=Source(program.length, eager=program.bounded),
        text=program.text,
        targets=program.targets or ("item",),
    )


def announcing(
    plan: Plan, program: clause.Program, bind: Callable[[Run], None] | None = None
) -> Callable[[Run], None]:
    """Return what happens between "everything is valid" and "the first item starts"."""

    def announce(run: Run) -> None:
        if bind is not None:
            bind(run)
        if program.hint and plan.options.display:
            print(program.hint, file=sys.stderr)
        for warning in () if run.shares_memory else program.warnings:
            print(warning, file=sys.stderr)

    return announce


def title_of(source: str) -> str:
    """Return a title for a run that has no name: its own source, on one short line."""
    line = " ".join(source.split()) or "parallel"
    for bracket in "[{(":
        line = line.replace(f"{bracket} ", bracket)
    return line if len(line) <= TITLE else line[: TITLE - 1] + "…"
