"""The magics: thin glue between IPython, the language of this room and the runs of ``api``.

``%%parallel`` runs a cell body per item, ``%parallel [...]`` reaches :mod:`.line` through the
token transformer, ``%parallel_config`` and ``%parallel_runs`` speak about the session,
``%parallel_panel`` shows the control panel.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.magic import needs_local_scope, no_var_expand

from ..errors import UsageError
from . import clause, completion, guard, options, splice, stored_runs, tracebacks, transform
from .line import announcing, plan_of, title_of

if TYPE_CHECKING:
    from ..engine.run import Run
    from ..launch import Plan


_LINES = ("parallel", "parallel_config", "parallel_runs", "parallel_panel")


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A parallel cell that could start now."""

    plan: Plan
    program: clause.Program
    out: str | None


class Magics:
    """The magics of one shell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    # %%parallel -------------------------------------------------------------------------------

    def cell(self, line: str, cell: str) -> Any:
        from .. import launch

        prepared = self._prepared(line, cell)
        if prepared is None:
            print(options.help_text())
            return None
        plan, chosen = prepared.plan, prepared.plan.options
        if chosen.only is not None and prepared.out is not None:
            print(f"--only gives the value of one item here; {prepared.out} stays as it is", file=sys.stderr)
        if chosen.only is not None:
            return plan.debug(chosen.only)
        announce = announcing(plan, prepared.program, lambda run: self._bind(prepared.out, run))
        if not chosen.wait:
            run = launch.in_background(plan, announce)
            if chosen.display:
                show(run, waits=False)
            return None
        launch.in_foreground(plan, announce, detachable=True)
        if prepared.out is None and chosen.display:
            print("results = jupyter_parallel.last_run()")
        return None

    def start(self, line: str, cell: str, given: Sequence[Any] = ()) -> Run:
        """Start a cell in the background, for the control panel.

        Parameters
        ----------
        given
            The items, where they were evaluated before.
        """
        from .. import launch

        prepared = self._prepared(line, cell, label="the control panel", given=given)
        if prepared is None:
            raise UsageError("the control panel starts runs; help is %%parallel?")
        announce = announcing(prepared.plan, prepared.program, lambda run: self._bind(prepared.out, run))
        return launch.in_background(prepared.plan, announce)

    def _prepared(
        self, line: str, cell: str, *, label: str = "", given: Sequence[Any] = ()
    ) -> _Prepared | None:
        """Return what a cell would run, validated and with its items; None where it asks for help."""
        from ..session import session

        first_line = line.count("\n") + 2
        typed, header = options.split(line)
        parsed = options.parse(typed, evaluate=self._evaluate, form="cell")
        if parsed.help:
            return None
        chosen = session.options.updated(parsed.keywords)
        chosen = replace(chosen, name=chosen.name or parsed.out or title_of(header))
        self._refuse_live(parsed.out)
        filename, number = self._cached(line, cell)
        program = clause.compile_cell(
            header,
            cell,
            self._shell.user_ns,
            filename=filename,
            first_line=first_line,
            label=label or number,
            options=typed.strip(),
            flags=self._shell.compile.flags,
            given=given,
        )
        return _Prepared(plan_of(program, chosen), program, parsed.out)

    def plain_line(self, line: str, local_ns: Mapping[str, Any] | None = None) -> Any:
        """What reaches IPython as an ordinary line magic: ``-h``, or something written wrongly.

        Also a good line of the very cell that loads the extension: that was read before we could.
        """
        typed, rest = options.split(line)
        if not rest.strip() and options.parse(typed, evaluate=self._evaluate, form="line").help:
            print(options.help_text())
            return None
        call = splice.call_of(typed, rest.strip())
        if call is None or local_ns is not self._shell.user_ns:
            raise transform.explain_line(line)
        return self._evaluate(call)

    # %parallel_config, %parallel_runs ---------------------------------------------------------

    def config(self, line: str) -> None:
        from ..session import session

        if line.strip():
            parsed = options.parse(line, evaluate=self._evaluate, form="config")
            if parsed.help:
                print(options.help_text())
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

    # %parallel_panel --------------------------------------------------------------------------

    def panel(self, line: str) -> None:
        """Show the control panel: choose a function and its items, run it, watch the runs.

        It writes the cell that does the same, to learn the magic from.
        """
        if line.strip():
            raise UsageError(f"%parallel_panel takes no arguments, not {line.strip()!r}")
        if getattr(self._shell, "kernel", None) is None:
            raise UsageError("the control panel needs a notebook, and this is a terminal; see %%parallel -h")
        from . import panel

        panel.show(self._shell, self.start)

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
        ("parallel_panel", magics.panel, "line"),
    ):
        shell.register_magic_function(_documented(function), kind, name)
    transform.install(shell)
    completion.install(shell)
    guard.install(shell)
    tracebacks.install(shell)
    _show_runs(shell)
    _name_cells(shell)


def unload(shell: Any) -> None:
    """Take everything out again. Idempotent."""
    from ..session import session

    session.folder = None
    for kind, names in (("cell", ("parallel",)), ("line", _LINES)):
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)
    if panel := sys.modules.get(f"{__package__}.panel"):
        panel.close(shell)
    transform.uninstall(shell)
    completion.uninstall(shell)
    guard.uninstall(shell)
    tracebacks.uninstall(shell)


def _documented(function: Any) -> Any:
    def magic(*arguments: str, **scope: Any) -> Any:
        return function(*arguments, **scope)

    if function.__name__ == "plain_line":
        magic = needs_local_scope(magic)
    magic.__doc__ = function.__doc__ if function.__name__ in ("runs", "panel") else options.help_text()
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


def _name_cells(shell: Any) -> None:
    """Let tracebacks of items call code of the notebook what IPython calls it."""
    from ..session import session

    def label(filename: str) -> str | None:
        named = shell.compile.format_code_name(filename)
        return " ".join(named) if named else None

    session.label = label
