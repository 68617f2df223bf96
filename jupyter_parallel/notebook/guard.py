"""Inspection and completion never wait for a run: access to a value then raises ``NotReady``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..engine.waiting import no_waiting

_MARK = "_jupyter_parallel_unguarded"


def install(shell: Any) -> None:
    """Guard what IPython does to answer Tab, ``?`` and hover. Idempotent."""
    for owner, name in _guarded(shell):
        function = getattr(owner, name, None)
        if function is not None and not hasattr(function, _MARK):
            setattr(owner, name, _without_waiting(function))


def uninstall(shell: Any) -> None:
    """Take the guards away. Idempotent."""
    for owner, name in _guarded(shell):
        plain = getattr(getattr(owner, name, None), _MARK, None)
        if plain is not None:
            setattr(owner, name, plain)


def _guarded(shell: Any) -> list[tuple[Any, str]]:
    return [(shell, "object_inspect_mime"), (shell, "object_inspect_text"), (shell.Completer, "complete"),
            (shell.Completer, "_completions")]  # fmt: skip


def _without_waiting(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def guarded(*arguments: Any, **keywords: Any) -> Any:
        with no_waiting():
            result = function(*arguments, **keywords)
            # Completions come from a generator: it has to run dry while waiting is forbidden.
            return list(result) if hasattr(result, "__next__") else result

    setattr(guarded, _MARK, function)
    return guarded
