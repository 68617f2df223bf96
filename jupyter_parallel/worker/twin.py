"""Making a worker the kernel's twin: working directory, import path, environment, edited modules."""

from __future__ import annotations

import contextlib
import importlib
import os
import site
import sys
import sysconfig
from dataclasses import dataclass
from typing import Any

Stamp = tuple[int, int]
"""Modification time in ns and size of a source file."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where the kernel stands when a task is published."""

    directory: str | None
    path: tuple[str, ...]
    environment: dict[str, str]

    @classmethod
    def here(cls) -> Surroundings:
        try:
            directory: str | None = os.getcwd()
        except OSError:  # the kernel's own directory was deleted: there is nothing to follow
            directory = None
        path = tuple(entry for entry in sys.path if isinstance(entry, str))
        return cls(directory, path, dict(os.environ))


class Twin:
    """What this worker has taken over from the kernel so far.

    Parameters
    ----------
    own
        Variables that belong to the worker itself, such as thread limits; the kernel's win.
    """

    def __init__(self, own: dict[str, str]) -> None:
        self._own = own
        self._loaded: dict[str, Stamp] = {}
        self._seen: set[str] = set()
        self._library = _library_folders()

    def follow(self, kernel: Surroundings) -> None:
        """Take over directory, path and environment."""
        if kernel.directory is not None and _directory() != kernel.directory:
            with contextlib.suppress(OSError):
                os.chdir(kernel.directory)
        if sys.path != list(kernel.path):
            sys.path[:] = kernel.path
        target = {**self._own, **kernel.environment}
        if dict(os.environ) != target:
            for name in set(os.environ) - set(target):
                del os.environ[name]
            os.environ.update(target)
        # A module written a moment ago may be missing in the finders' listings of its folder.
        importlib.invalidate_caches()

    def remember(self) -> None:
        """Note the state of the source files of modules that were imported since the last call."""
        if len(sys.modules) == len(self._seen):
            return
        for name in set(sys.modules) - self._seen:
            self._seen.add(name)
            source = self._local_source(sys.modules.get(name))
            if source is not None:
                with contextlib.suppress(OSError):
                    self._loaded[source] = _stamp(source)

    def outdated(self) -> str | None:
        """Return a local file that changed since it was imported here, if there is one."""
        self.remember()
        for source, before in self._loaded.items():
            try:
                if _stamp(source) != before:
                    return source
            except OSError:  # deleted: nothing newer to run
                continue
        return None

    def _local_source(self, module: Any) -> str | None:
        source = getattr(module, "__file__", None)
        if not isinstance(source, str) or not source.endswith(".py"):
            return None
        return None if source.startswith(self._library) else source


def _directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None


def _stamp(source: str) -> Stamp:
    status = os.stat(source)
    return status.st_mtime_ns, status.st_size


def _library_folders() -> tuple[str, ...]:
    folders = {sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders.update(site.getsitepackages())
    folders.add(site.getusersitepackages())
    # Our own files: a worker of a checkout must not be replaced for them at every edit.
    folders.add(os.path.dirname(os.path.dirname(__file__)))
    return tuple(folder + os.sep for folder in folders if folder)
