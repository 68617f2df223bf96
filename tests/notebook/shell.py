"""A real IPython shell in which ``%parallel`` runs at once, in this process."""

from __future__ import annotations

import asyncio
import atexit
import inspect
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import patch

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import no_var_expand

import jupyter_parallel
from jupyter_parallel.notebook.clause import Program, program_of_line
from jupyter_parallel.notebook.mistakes import explain_line
from jupyter_parallel.notebook.options import parse


class Notebook:
    """Runs cells, and remembers what reached the magics."""

    def __init__(self, folder: Path) -> None:
        self.shell = InteractiveShell(ipython_dir=str(folder), history_length=0)
        self.shell.enable_html_pager = False
        self._given = set(self.shell.user_ns)
        self.lines: list[tuple[str, str, Program]] = []
        self.cells: list[tuple[str, str]] = []
        self.shell.register_magic_function(
            no_var_expand(lambda *arguments: self.cell(*arguments)), "line_cell", "parallel"
        )

    def line(
        self,
        options: str,
        kind: str,
        *pieces: Any,
        key: Callable[..., Any] | None = None,
        values: Mapping[str, Callable[[], Any]] | None = None,
        **more: Any,
    ) -> Any:
        known = values or {}
        parse(options, evaluate=lambda text: known[text](), form="line")
        program = program_of_line(*pieces, **more)
        self.lines.append((options, kind, program))
        found = [_called(program, item) for item in program.items]
        return {"list": list, "set": set, "dict": dict, "run": iter}[kind](found)

    def cell(self, line: str, cell: str | None = None) -> None:
        if cell is None:
            raise explain_line(line)
        self.cells.append((line, cell))

    def run(self, source: str) -> Any:
        """Run a cell; return its value, or raise what it raised."""
        with patch.object(jupyter_parallel, "parallel_line", self.line, create=True):
            result = self.shell.run_cell(source)
        result.raise_error()
        return result.result

    def clear(self) -> None:
        """Forget all names and what was remembered."""
        for name in self.names.keys() - self._given:
            del self.names[name]
        self.lines.clear()
        self.cells.clear()

    @property
    def names(self) -> dict[str, Any]:
        return self.shell.user_ns


def _called(program: Program, item: Any) -> Any:
    value = program.function(*item) if program.star else program.function(item)
    if not inspect.iscoroutine(value):
        return value
    with ThreadPoolExecutor(1) as aside:  # the cell's own loop may be running
        return aside.submit(asyncio.run, value).result()


def opened(folder: Path, *rooms: Any) -> Iterator[Notebook]:
    """Yield a notebook in which the given rooms are installed."""
    notebook = Notebook(folder)
    for room in rooms:
        room.install(notebook.shell)
    yield notebook
    for room in rooms:
        room.uninstall(notebook.shell)
    # Else the shell writes its history when Python ends, into a folder that is gone by then.
    atexit.unregister(notebook.shell.atexit_operations)
    notebook.shell.atexit_operations()
    notebook.shell.restore_sys_module_state()
