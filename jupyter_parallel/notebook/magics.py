"""The magics: thin glue between IPython, the language of this room and the runs of ``api``.

``%%parallel`` runs a cell body per item, ``%parallel [...]`` reaches :meth:`Magics.line` through the
token transformer, ``%parallel_config`` and ``%parallel_runs`` speak about the session.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.magic import no_var_expand

from ..errors import UsageError
from . import clause, completion, guard, options, stored_runs, tracebacks, transform

if TYPE_CHECKING:
    from ..api import Plan
    from ..engine.run import Run

ATTRIBUTE = "parallel_line"
"""What the token transformer calls on the shell."""


TITLE = 40
"""Characters of a run's title when it is made from its source."""


class Magics:
    """The magics of one shell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    # %%parallel -------------------------------------------------------------------------------

    def cell(self, line: str, cell: str) -> Any:
        from .. import api

        first_line = line.count("\n") + 2
        typed, header = options.split(line)
        parsed = options.parse(typed, evaluate=self._evaluate, form="cell")
        if parsed.help:
            print(options.help_text())
            return None
        chosen = api.session.options.updated(parsed.keywords)
        chosen = replace(chosen, name=chosen.name or parsed.out or _title(header))
        self._refuse_live(parsed.out)
        filename, label = self._cached(line, cell)
        program = clause.compile_cell(
            header,
            cell,
            self._shell.user_ns,
            filename=filename,
            first_line=first_line,
            label=label,
            options=typed.strip(),
            flags=self._shell.compile.flags,
        )
        plan = _plan(program, chosen)
        if chosen.only is not None:
            return plan.debug(chosen.only)
        run = self._start(plan, program, parsed.out)
        if chosen.wait:
            api.wait_for(run, chosen, detachable=True)
            if parsed.out is None and chosen.display:
                print("results = jupyter_parallel.last_run()")
        return None

    # %parallel [...] --------------------------------------------------------------------------

    def line(
        self,
        typed: str,
        kind: str,
        *program: Any,
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
        program, more
            Pieces of the comprehension, for ``clause.program_of_line``.
        values
            Evaluates the expressions among the options where the line stands.
        """
        from .. import api

        given = values or {}
        parsed = options.parse(typed, evaluate=lambda text: given[text](), form="line")
        if parsed.help:
            print(options.help_text())
            return None
        compiled = clause.program_of_line(*program, **more)
        chosen = api.session.options.updated(parsed.keywords)
        plan = _plan(compiled, replace(chosen, name=chosen.name or _title(program[3])))
        if chosen.only is not None:
            return plan.debug(chosen.only)
        if kind == "run":
            return self._start(plan, compiled, None, background=True)
        if not chosen.wait:
            raise UsageError("a list, dict or set waits for its values; for a live run write %parallel (...)")
        return {"list": list, "dict": dict, "set": set}[kind](self._values(plan, compiled))

    def _values(self, plan: Plan, program: clause.Program) -> list[Any]:
        from .. import api

        run = self._start(plan, program, None)
        return api.values_of(run, plan.options)

    def plain_line(self, line: str) -> None:
        """What reaches IPython as an ordinary line magic: ``-h``, or something written wrongly."""
        typed, rest = options.split(line)
        if not rest.strip() and options.parse(typed, evaluate=self._evaluate, form="line").help:
            print(options.help_text())
            return
        raise transform.explain_line(line)

    # %parallel_config, %parallel_runs ---------------------------------------------------------

    def config(self, line: str) -> None:
        from .. import api

        if line.strip():
            parsed = options.parse(line, evaluate=self._evaluate, form="config")
            api.session.options = api.session.options.updated(parsed.keywords)
            return
        for option in fields(api.session.options):
            value = getattr(api.session.options, option.name)
            changed = "" if value is option.default or value == option.default else "  (set in this session)"
            print(f"{option.name:14} {_told(value)}{changed}")

    def runs(self, line: str) -> None:
        """Show the runs of this session and those that are stored.

        ``%parallel_runs rm NAME`` deletes a stored run, ``%parallel_runs export NAME file.parquet`` writes
        its values to a file (or .jsonl, .csv, .npy), ``%parallel_runs trust NAME`` signs one that comes from
        somebody else with your key.
        """
        stored_runs.command(line)

    # Inside -----------------------------------------------------------------------------------

    def _start(
        self, plan: Plan, program: clause.Program, out: str | None, *, background: bool | None = None
    ) -> Run:
        from .. import api

        if program.hint and plan.options.display:
            print(program.hint, file=sys.stderr)

        def announce(run: Run) -> None:
            if out is not None:
                self._shell.user_ns[out] = run
            if not run.shares_memory:
                for warning in program.warnings:
                    print(warning, file=sys.stderr)

        in_background = not plan.options.wait if background is None else background
        if not in_background:
            return api.start(plan, announce)
        run = api.in_background(plan, announce)
        if background is None and plan.options.display:
            show(run, waits=False)
        return run

    def _evaluate(self, expression: str) -> Any:
        return eval(compile(expression, "<option>", "eval"), self._shell.user_global_ns, self._shell.user_ns)

    def _refuse_live(self, out: str | None) -> None:
        run = self._shell.user_ns.get(out) if out else None
        ended = getattr(run, "state", None) not in ("pending", "running", "paused")
        if ended or not hasattr(run, "cancel"):
            return
        raise UsageError(
            f"{out} is a run that is still {run.state} ({run!r}); wait for it with {out}.wait(), "  # type: ignore[union-attr]
            f"or end it with {out}.cancel(), and run the cell again"
        )

    def _cached(self, line: str, cell: str) -> tuple[str, str]:
        """Register the cell's source for tracebacks; return its file name and what people call it."""
        above = len(line) - len(line.lstrip("\n"))
        text = "\n" * above + "%%parallel" + line[above:] + "\n" + cell
        # The display hook knows the number of the cell that runs; IPython 9 counts up before it runs one.
        count = self._shell.displayhook.prompt_count
        filename = self._shell.compile.cache(text, count, raw_code=text)
        return filename, f"Cell In[{count}]"


def _plan(program: clause.Program, chosen: Any) -> Plan:
    from ..api import Plan
    from ..engine.state import Source
    from ..worker.payload import Task

    task = Task(program.function, "star" if program.star else "item", {}, chosen.seed, dict(program.sources))
    source = Source(program.length, eager=program.bounded)
    return Plan(task, program.items, chosen, source, program.targets or ("item",), program.text)


def _title(source: str) -> str:
    """Return a title for a run that has no name: its own source, on one short line."""
    line = " ".join(source.split())
    return line if len(line) <= TITLE else line[: TITLE - 1] + "…"


def _told(value: Any) -> str:
    from ..engine.plan import MISSING

    return "none" if value is None or value is MISSING else str(value)


def show(run: Run, *, waits: bool) -> Any:
    from .display import show as show_run

    return show_run(run, waits=waits)


@contextlib.contextmanager
def _screen(run: Run) -> Iterator[None]:
    display = show(run, waits=True)
    try:
        yield
    finally:
        display.finish()


def load(shell: Any) -> None:
    """Install everything in a shell. Idempotent."""
    from .. import api

    # A notebook's kernel starts beside it; a later %cd must not hide its checkpoints.
    api.session.folder = api.session.folder or Path.cwd()
    magics = Magics(shell)
    for name, function, kind in (
        ("parallel", magics.cell, "cell"),
        ("parallel", magics.plain_line, "line"),
        ("parallel_config", magics.config, "line"),
        ("parallel_runs", magics.runs, "line"),
    ):
        shell.register_magic_function(_documented(function), kind, name)
    setattr(shell, ATTRIBUTE, magics.line)
    transform.install(shell)
    completion.install(shell)
    guard.install(shell)
    tracebacks.install(shell)
    _show_runs(shell)


def unload(shell: Any) -> None:
    """Take everything out again. Idempotent."""
    for kind, names in (("cell", ("parallel",)), ("line", ("parallel", "parallel_config", "parallel_runs"))):
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)
    if hasattr(shell, ATTRIBUTE):
        delattr(shell, ATTRIBUTE)
    transform.uninstall(shell)
    completion.uninstall(shell)
    guard.uninstall(shell)
    tracebacks.uninstall(shell)


def _documented(function: Any) -> Any:
    def magic(*arguments: str) -> Any:
        return function(*arguments)

    magic.__doc__ = options.help_text() if "parallel" not in function.__name__ else function.__doc__
    return no_var_expand(magic)


def _show_runs(shell: Any) -> None:
    """Show a run that is the value of a cell live, and runs of ``parallel_map`` while they are waited for."""
    from .. import api

    def show_value(run: Any) -> None:
        from .display import show_value as show_it

        show_it(run)

    api.session.screen = _screen
    if shell.display_formatter is not None:
        formatter = shell.display_formatter.ipython_display_formatter
        formatter.for_type_by_name("jupyter_parallel.engine.run", "Run", show_value)
