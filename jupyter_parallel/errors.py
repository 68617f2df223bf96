"""Every error this package raises on purpose.

::

    JupyterParallelError
    ├── UsageError                bad input; raised before anything starts
    │   ├── UnknownBackend        a backend name that does not exist
    │   ├── BackendNotInstalled   a backend whose package is missing
    │   ├── UndefinedName         a free name of the body exists nowhere (also a NameError)
    │   ├── BodySyntaxError       the cell cannot be parsed (also a SyntaxError)
    │   ├── CannotTravel          a captured object cannot be sent to workers
    │   └── FunctionChanged       a checkpoint holds results of different code
    ├── InputError                the items iterable itself failed
    ├── BackendBroken             workers cannot be started or kept alive
    ├── CheckpointError           a checkpoint cannot be used
    │   ├── CheckpointBusy        somebody else writes it
    │   ├── CheckpointDamaged     its file is no longer readable
    │   └── UntrustedCheckpoint   its results were not signed by this user
    ├── SaverFailed               the saver raised; the values are kept in the run
    ├── NotReady                  a value was asked for while the kernel answers an inspection
    ├── RunCancelled              the run was cancelled while somebody waited for it
    │   └── RunTimeout            it reached its time limit
    ├── ItemError                 an item that has no value; ``.index`` says which
    │   ├── ItemFailed
    │   ├── ItemCancelled
    │   └── ItemSkipped
    ├── ValueNotKept              the value was saved and, as asked for, not kept in memory
    └── ResultUndecodable         the bytes of a value cannot be turned into an object here

    RunFailed                     ExceptionGroup of ItemFailed, with ``.run``

All of them survive pickling: they are built from their ``args`` alone.
"""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from typing import Any


class JupyterParallelError(Exception):
    """Base class, so that one ``except`` catches whatever this package raises on purpose."""

    run: Any = None
    """The run the error belongs to, where there is one."""

    def __reduce__(self) -> tuple[Any, ...]:
        # A run holds threads and never travels; the error does.
        state = {key: value for key, value in self.__dict__.items() if key != "run"}
        return type(self), self.args, state

    def _render_traceback_(self) -> list[str]:
        # IPython asks this method: our frames would only hide the message.
        return [f"{type(self).__name__}: {self}"]


class UsageError(JupyterParallelError, ValueError):
    """Input that cannot work; raised before anything starts."""


class UnknownBackend(UsageError):
    """A backend name that does not exist."""


class BackendNotInstalled(UsageError):
    """A backend whose package is not installed."""


class UndefinedName(UsageError, NameError):
    """A free name of the body that exists neither in the notebook nor in builtins."""


class BodySyntaxError(UsageError, SyntaxError):
    """Source of a parallel cell or line that is not valid there."""

    def __init__(self, *args: Any) -> None:
        # ValueError stands before SyntaxError in the order of bases, and would keep msg and lineno unset.
        SyntaxError.__init__(self, *args)

    def _render_traceback_(self) -> list[str]:
        shown = traceback.format_exception_only(SyntaxError, self)
        return [
            f"{type(self).__name__}: line {self.lineno}: {self.msg}",
            *(line.rstrip("\n") for line in shown[1:-1]),
        ]


class CannotTravel(UsageError, TypeError):
    """A function or captured object that cannot be sent to a worker."""


class FunctionChanged(UsageError):
    """A checkpoint holds results of a function that has changed; shows what has."""


class CheckpointError(JupyterParallelError):
    """A checkpoint that cannot be used."""


class CheckpointBusy(CheckpointError):
    """Another run writes the checkpoint."""


class CheckpointDamaged(CheckpointError):
    """The file of a checkpoint is no longer readable as one."""


class UntrustedCheckpoint(CheckpointError):
    """Results in a checkpoint that this user has not signed: opening them could run foreign code."""


class SaverFailed(JupyterParallelError):
    """The saver raised; what it was given and all else is kept in ``.run``."""


class InputError(JupyterParallelError):
    """The items iterable raised, or is not an iterable of items."""


class BackendBroken(JupyterParallelError):
    """Workers die before they can run anything."""


class NotReady(JupyterParallelError):
    """A value was asked for by an inspection or completion request, which must not wait."""


class RunCancelled(JupyterParallelError):
    """The run was cancelled; values that were finished are kept in ``.run``."""


class RunTimeout(RunCancelled):
    """The run reached its time limit; values that were finished are kept in ``.run``."""


class ItemError(JupyterParallelError):
    """An item that has no value.

    Parameters
    ----------
    message
        What happened.
    index
        Position of the item in the run.
    """

    def __init__(self, message: str, index: int = -1) -> None:
        super().__init__(message, index)
        self.index = index

    def __str__(self) -> str:
        return str(self.args[0])


class ItemFailed(ItemError):
    """The item raised, crashed its worker or ran out of time; the original is ``__cause__``."""


class ItemCancelled(ItemError):
    """The item was cancelled before it had a value."""


class ItemSkipped(ItemError):
    """The item never ran."""


class ValueNotKept(ItemError):
    """The item's value was saved and then dropped from memory, as ``keep=False`` asks."""


class ResultUndecodable(ItemError):
    """The item succeeded, but its bytes cannot be turned into an object in this process."""


class RunFailed(ExceptionGroup[ItemFailed]):
    """Items failed; one ``ItemFailed`` each, and the run with all other values in ``.run``."""

    run: Any = None

    def derive(self, excs: Sequence[Exception]) -> RunFailed:  # type: ignore[override]
        group = RunFailed(self.message, excs)  # type: ignore[arg-type]
        group.run = self.run
        return group

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, list(self.exceptions))

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self.message}"]
