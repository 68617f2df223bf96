"""Our errors are shown by what they say, not by where in this package they were raised.

An error of the notebook's own code, which our frames only lead to, is shown without them.

IPython asks an exception for ``_render_traceback_``, with two gaps that this closes: syntax errors go
another way, and exception groups are printed to the standard error stream instead of being sent as
the error of the cell, so that a saved notebook and nbclient would not know of them
(``InteractiveShell.showtraceback`` of IPython 9).
"""

from __future__ import annotations

import os
from types import TracebackType
from typing import Any

from ..errors import JupyterParallelError, RunFailed
from ..session import session

_OURS = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")

_MARK = "_jupyter_parallel_plain"


def install(shell: Any) -> None:
    """Show our errors in a shell. Idempotent."""
    plain = shell.showtraceback
    if hasattr(plain, _MARK):
        return

    def showtraceback(exc_tuple: Any = None, *arguments: Any, **keywords: Any) -> None:
        try:
            kind, error, trace = shell._get_exc_info(exc_tuple)
        except ValueError:
            error = trace = None
        if isinstance(error, JupyterParallelError | RunFailed):
            shell._showtraceback(kind, error, error._render_traceback_())
        else:
            _take_our_frames_out(trace)
            plain(exc_tuple, *arguments, **keywords)

    setattr(showtraceback, _MARK, plain)
    shell.showtraceback = showtraceback


def _take_our_frames_out(step: TracebackType | None) -> None:
    """Join frames that only ours stand between, where they lead to code of the notebook.

    Elsewhere they stay: a mistake of this package should be seen as one.
    """
    while step is not None:
        after = step.tb_next
        while after is not None and after.tb_frame.f_code.co_filename.startswith(_OURS):
            after = after.tb_next
        if after is not None and session.label(after.tb_frame.f_code.co_filename):
            step.tb_next = after
        step = step.tb_next


def uninstall(shell: Any) -> None:
    """Leave errors to IPython again. Idempotent."""
    if hasattr(shell.showtraceback, _MARK):
        shell.showtraceback = getattr(shell.showtraceback, _MARK)
