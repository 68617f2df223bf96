"""Run notebook cells, comprehensions and functions in parallel, live and without losing anything."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Imported when first used, so that `import jupyter_parallel` costs next to nothing.
_HOMES = {
    "CancellationPolicy": "engine.plan",
    "Run": "keeping",
    "Runner": "api",
    "context": "worker.context",
    "errors": "errors",
    "last_run": "session",
    "parallel_map": "api",
}
# What `%parallel [...]` becomes; a name of this package, so that it is found inside workers too.
_HOMES["parallel_line"] = "notebook.line"

__all__ = ["CancellationPolicy", "Run", "Runner", "context", "errors", "last_run", "parallel_map"]

if TYPE_CHECKING:
    from . import errors as errors
    from .api import Runner as Runner
    from .api import parallel_map as parallel_map
    from .engine.plan import CancellationPolicy as CancellationPolicy
    from .keeping import Run as Run
    from .session import last_run as last_run
    from .worker.context import context as context


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f".{home}", __name__)
    value = module if home == name else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(ipython: Any) -> None:
    """Install the magics; IPython calls this for ``%load_ext jupyter_parallel``."""
    from .notebook.magics import load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Remove the magics again."""
    from .notebook.magics import unload

    unload(ipython)
