"""Backends by name, and the workers a session keeps warm."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import threading
from dataclasses import dataclass
from typing import Any, Protocol

from ..engine.ports import Backend
from ..errors import BackendNotInstalled, UnknownBackend, UsageError


@dataclass(frozen=True, slots=True)
class _Entry:
    module: str
    factory: str
    shared: bool = False
    """One set of workers per session and number of jobs, kept warm between runs."""
    needs: str = ""
    """Package that must be installed; empty: nothing but what we always need."""


_BACKENDS = {
    "loky": _Entry("loky", "LokyBackend", shared=True),
    "serial": _Entry("serial", "SerialBackend"),
    "thread": _Entry("thread", "ThreadBackend"),
}
_ALIASES = {"threading": "thread", "sequential": "serial", "multiprocessing": "loky"}

DEFAULT = "loky"
WARM_SECONDS = 300.0
"""How long unused workers are kept for the next run."""


class _Closes(Protocol):
    def close(self) -> None: ...


def backend_names() -> tuple[str, ...]:
    """Return the names that can be asked for."""
    return tuple(_BACKENDS)


def how_to_install(name: str) -> str:
    """Return what to do about a backend whose package is not installed, empty when it is; imports nothing."""
    entry = _BACKENDS.get(name)
    missing = entry is not None and entry.needs and importlib.util.find_spec(entry.needs) is None
    return f"the backend {name!r} needs {entry.needs}: pip install {entry.needs}" if entry and missing else ""


def resolve_name(name: str) -> str:
    """Return the backend's own name for a name or alias.

    Raises
    ------
    UnknownBackend
        Names what there is, the closest first.
    """
    known = _ALIASES.get(name, name)
    if known in _BACKENDS:
        return known
    close = difflib.get_close_matches(name, [*_BACKENDS, *_ALIASES], n=3, cutoff=0.5)
    ordered = dict.fromkeys([*(_ALIASES.get(match, match) for match in close), *_BACKENDS])
    raise UnknownBackend(f"there is no backend {name!r}; the backends are {', '.join(ordered)}")


def cpu_count() -> int:
    """Return how many CPUs this process may use: affinity and cgroup limits count."""
    from loky import cpu_count as usable

    return int(usable())


def effective_jobs(n_jobs: int | None) -> int:
    """Return a number of workers by joblib's rule: -1 is all CPUs, -2 all but one, and never below 1."""
    if n_jobs is None:
        return cpu_count()
    if n_jobs == 0:
        raise UsageError("n_jobs=0 would run nothing; all CPUs is -1, one worker is 1")
    return n_jobs if n_jobs > 0 else max(1, cpu_count() + 1 + n_jobs)


def choose(backend: Any, n_jobs: int | None) -> tuple[Any, int]:
    """Return which backend to use, by name or as the given instance, and how many workers it will have.

    Only a literal ``n_jobs=1`` without a backend, or ``"serial"``, runs in the kernel: a number that
    comes out as 1, as -1 does on one CPU, is one worker process.
    """
    if backend is None:
        name = "serial" if n_jobs == 1 else DEFAULT
    elif isinstance(backend, str):
        name = resolve_name(backend)
    else:
        return _checked_instance(backend), backend.capacity()
    return name, 1 if name == "serial" else effective_jobs(n_jobs)


def _checked_instance(backend: Any) -> Any:
    missing = [name for name in ("capacity", "publish", "submit", "close") if not hasattr(backend, name)]
    if missing:
        raise UnknownBackend(
            f"backend={backend!r} is neither a backend's name ({', '.join(_BACKENDS)}) nor a backend:"
            f" it has no {', '.join(missing)}"
        )
    return backend


@dataclass(slots=True)
class _Warm:
    backend: Backend
    users: int = 0
    timer: threading.Timer | None = None


_lock = threading.RLock()
_warm: dict[tuple[str, int], _Warm] = {}
_private: dict[int, Backend] = {}


def acquire(backend: Any, n_jobs: int | None) -> Backend:
    """Return a backend to use until ``release``; runs with the same backend and jobs share their workers."""
    choice, workers = choose(backend, n_jobs)
    if not isinstance(choice, str):
        return choice  # type: ignore[no-any-return]
    with _lock:
        if not _BACKENDS[choice].shared:
            made = _make(choice, workers)
            _private[id(made)] = made
            return made
        key = (choice, workers)
        warm = _warm.get(key)
        if warm is None:
            warm = _warm[key] = _Warm(_make(choice, workers))
        if warm.timer is not None:
            warm.timer.cancel()
            warm.timer = None
        warm.users += 1
        return warm.backend


def _make(name: str, workers: int) -> Backend:
    entry = _BACKENDS[name]
    try:
        module = importlib.import_module(f".{entry.module}", __name__)
    except ImportError as error:
        raise BackendNotInstalled(
            f"the backend {name!r} needs {error.name}: pip install {error.name}"
        ) from error
    made: Backend = getattr(module, entry.factory)(workers)
    return made


def release(backend: Backend) -> None:
    """Give a backend back. Shared workers stay warm for a while; an instance of the user's is left alone."""
    with _lock:
        private = _private.pop(id(backend), None)
        if private is None:
            _cool(backend)
            return
    private.close()


def _cool(backend: Backend) -> None:
    for key, warm in _warm.items():
        if warm.backend is backend and warm.users:
            warm.users -= 1
            if not warm.users:
                warm.timer = threading.Timer(WARM_SECONDS, _expire, (key, warm))
                warm.timer.daemon = True
                warm.timer.start()
            return


def _expire(key: tuple[str, int], warm: _Warm) -> None:
    with _lock:
        if warm.users or _warm.get(key) is not warm:
            return
        del _warm[key]
    warm.backend.close()


def shutdown() -> None:
    """Close everything this module made, warm or in use."""
    with _lock:
        closing: list[_Closes] = [*(warm.backend for warm in _warm.values()), *_private.values()]
        for warm in _warm.values():
            if warm.timer is not None:
                warm.timer.cancel()
        _warm.clear()
        _private.clear()
    for backend in closing:
        backend.close()


def _after_fork() -> None:
    """Forget everything: a forked child must never use its parent's workers, nor wait for its lock."""
    global _lock
    _lock = threading.RLock()
    _warm.clear()
    _private.clear()


os.register_at_fork(after_in_child=_after_fork)
