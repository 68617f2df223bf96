"""The magics: thin glue between IPython, the language of this room and the runs of ``api``.

``%%parallel`` runs a cell body per item, ``%parallel [...]`` reaches :mod:`.line` through the
token transformer, ``%parallel_config`` and ``%parallel_runs`` speak about the session.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.magic import no_var_expand

from ..errors import UsageError
from . import clause, completion, guard, options, stored_runs, tracebacks, transform
from .line import announcing, plan_of, title_of

if TYPE_CHECKING:
    from ..engine.run import Run


class Magics:
    """The magics of one shell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    # %%parallel -------------------------------------------------------------------------------

    def cell(self, line: str, cell: str) -> Any:
        from .. import launch
        from ..session import session

        first_line = line.count("\n") + 2
        typed, header = options.split(line)
        parsed = options.parse(typed, evaluate=self._evaluate, form="cell")
        if parsed.help:
            print(options.help_text())
            return None
        chosen = session.options.updated(parsed.keywords)
        chosen = replace(chosen, name=chosen.name or parsed.out or title_of(header))
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
        plan = plan_of(program, chosen)
        if chosen.only is not None:
            return plan.debug(chosen.only)
        announce = announcing(plan, program, lambda run: self._bind(parsed.out, run))
        if not chosen.wait:
            run = launch.in_background(plan, announce)
            if chosen.display:
                show(run, waits=False)
            return None
        launch.in_foreground(plan, announce, detachable=True)
        if parsed.out is None and chosen.display:
            print("results = jupyter_parallel.last_run()")
        return None

    def plain_line(self, line: str) -> None:
        """What reaches IPython as an ordinary line magic: ``-h``, or something written wrongly."""
        typed, rest = options.split(line)
        if not rest.strip() and options.parse(typed, evaluate=self._evaluate, form="line").help:
            print(options.help_text())
            return
        raise transform.explain_line(line)

    # %parallel_config, %parallel_runs ---------------------------------------------------------

    def config(self, line: str) -> None:
        from ..session import session

        if line.strip():
            parsed = options.parse(line, evaluate=self._evaluate, form="config")
            session.options = session.options.updated(parsed.keywords)
            return
        for option in fields(session.options):
            value = getattr(session.options, option.name)
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

    def _bind(self, out: str | None, run: Run) -> None:
        if out is not None:
            self._shell.user_ns[out] = run

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
    from ..session import session

    # A notebook's kernel starts beside it; a later %cd must not hide its checkpoints.
    session.folder = session.folder or Path.cwd()
    magics = Magics(shell)
    for name, function, kind in (
        ("parallel", magics.cell, "cell"),
        ("parallel", magics.plain_line, "line"),
        ("parallel_config", magics.config, "line"),
        ("parallel_runs", magics.runs, "line"),
    ):
        shell.register_magic_function(_documented(function), kind, name)
    transform.install(shell)
    completion.install(shell)
    guard.install(shell)
    tracebacks.install(shell)
    _show_runs(shell)


def unload(shell: Any) -> None:
    """Take everything out again. Idempotent."""
    from ..session import session

    session.folder = None
    for kind, names in (("cell", ("parallel",)), ("line", ("parallel", "parallel_config", "parallel_runs"))):
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)
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
    from ..session import session

    def show_value(run: Any) -> None:
        from .display import show_value as show_it

        show_it(run)

    session.screen = _screen
    if shell.display_formatter is not None:
        formatter = shell.display_formatter.ipython_display_formatter
        formatter.for_type_by_name("jupyter_parallel.engine.run", "Run", show_value)
