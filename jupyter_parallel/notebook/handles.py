"""How to reach a run from a cell: the line that runs one of its items again."""

from __future__ import annotations

from typing import Any

from IPython.core.getipython import get_ipython

from ..session import session


def debug_line(run: Any, index: int) -> str:
    """Return what to type to run an item again in the kernel; empty when nothing reaches the run."""
    shell = get_ipython()
    namespace: dict[str, Any] = {} if shell is None else shell.user_ns
    names = [name for name, value in list(namespace.items()) if value is run and not name.startswith("_")]
    if names:
        return f"{min(names, key=lambda name: name != run.name)}.debug({index})"
    if session.last is not run:
        return ""
    call = f"jupyter_parallel.last_run().debug({index})"
    return call if "jupyter_parallel" in namespace else f"import jupyter_parallel\n{call}"
