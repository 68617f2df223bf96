"""Our errors are shown by what they say, not by where in this package they were raised.

IPython asks an exception for ``_render_traceback_``, with two gaps that this closes: syntax errors go
another way, and exception groups are printed to the standard error stream instead of being sent as
the error of the cell, so that a saved notebook and nbclient would not know of them
(``InteractiveShell.showtraceback`` of IPython 9).
"""

from __future__ import annotations

from typing import Any

from ..errors import JupyterParallelError, RunFailed

_MARK = "_jupyter_parallel_plain"


def install(shell: Any) -> None:
    """Show our errors in a shell. Idempotent."""
    plain = shell.showtraceback
    if hasattr(plain, _MARK):
        return

    def showtraceback(exc_tuple: Any = None, *arguments: Any, **keywords: Any) -> None:
        try:
            kind, error, _ = shell._get_exc_info(exc_tuple)
        except ValueError:
            error = None
        if isinstance(error, JupyterParallelError | RunFailed):
            shell._showtraceback(kind, error, error._render_traceback_())
        else:
            plain(exc_tuple, *arguments, **keywords)

    setattr(showtraceback, _MARK, plain)
    shell.showtraceback = showtraceback


def uninstall(shell: Any) -> None:
    """Leave errors to IPython again. Idempotent."""
    if hasattr(shell.showtraceback, _MARK):
        shell.showtraceback = getattr(shell.showtraceback, _MARK)
