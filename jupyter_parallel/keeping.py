"""What of a run outlives it: its checkpoint, its saver, and what is stored beside the notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .engine.plan import Options
from .engine.ports import Sink, Store
from .engine.run import Run as Run
from .session import session

if TYPE_CHECKING:
    from .store.stored import Summary


@dataclass(frozen=True, slots=True)
class Function:
    """A function as a checkpoint knows it again: itself, how it is called, its source if no file has it."""

    function: Callable[..., Any]
    call: str
    kwargs: Mapping[str, Any]
    text: str


def checkpoint(what: Function, options: Options, targets: Sequence[str]) -> Store:
    """Return the checkpoint of a run; nothing is opened yet."""
    from .store.checkpoint import Checkpoint
    from .store.fingerprint import fingerprint

    function = fingerprint(
        what.function, call=what.call, kwargs=what.kwargs, seed=options.seed, text=what.text
    )
    return Checkpoint(
        session.root,
        options.checkpoint or "",
        function,
        label=options.name or "",
        targets=targets,
        on_change=options.on_change,
        fresh=options.fresh,
        seeded=options.seed is not None,
        key=options.key,
    )


def sink(options: Options) -> Sink | None:
    """Return what takes the values of a run to its saver, if it has one."""
    if options.saver is None:
        return None
    from .store.delivery import Delivery
    from .store.savers import saver_of

    return Delivery(saver_of(options.saver))


def stored_runs() -> list[Summary]:
    """Return what is stored beside the notebook, the latest first; no value is looked at."""
    from .store.stored import summaries

    return summaries(session.root)


def remove_stored(name: str) -> int:
    """Delete a stored run; return the bytes it took."""
    from .store.stored import remove

    return remove(session.root, name)


def export_stored(name: str, path: str) -> int:
    """Write the values of a stored run to a file; return how many there were."""
    from .store.stored import export

    return export(session.root, name, path)


def _open_stored(name: str, trust: bool) -> Run:
    from .store.stored import open_run, sign

    if trust:
        sign(session.root, name)
    return open_run(session.root, name)


Run._opener = _open_stored
