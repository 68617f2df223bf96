"""Random generators of the notebook must not travel: every worker would draw the same numbers.

A generator hides well: in what a notebook function reads, behind ``draw = rng.normal``, and behind
``from random import randint``, which is a method of the module's own hidden generator and takes a
copy of it along when it is pickled.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any

from ..errors import UsageError
from .names import global_names

_KINDS = {
    ("numpy", "Generator"): "numpy.random.Generator",
    ("numpy", "RandomState"): "numpy.random.RandomState",
    ("random", "Random"): "random.Random",
    ("random", "SystemRandom"): "",  # draws from the operating system
}


def refuse_generators(captured: Mapping[str, Any]) -> None:
    """Refuse captured random generators, also those that captured notebook functions use."""
    seen: set[int] = set()
    for name, value in captured.items():
        for user, culprit, what in _found(name, value, seen):
            subject = f"`{name}` is" if user == name else f"`{name}` uses `{user}`, which is"
            raise UsageError(
                f"{subject} {what}: every worker would draw the same numbers\n{_remedy(culprit)}"
            )


def _found(name: str, value: Any, seen: set[int]) -> Iterator[tuple[str, Any, str]]:
    """Yield each generator that a value is or uses, under its own name, and what it is."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if kind := _kind(value):
        yield name, value, f"a {kind} of the notebook"
    elif kind := _kind(getattr(value, "__self__", None)):
        yield name, value, f"a method of a {kind}, which it takes along"
    for inner, used in _used_by(value):
        yield from _found(inner, used, seen)


def _used_by(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield what a function of the notebook takes along: its closure, and the names it reads."""
    if not isinstance(value, FunctionType) or value.__module__ != "__main__":
        return
    for name in global_names(value.__code__):
        if name in value.__globals__:
            yield name, value.__globals__[name]
    for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not assigned yet
            continue


def _kind(value: Any) -> str:
    """Return the kind of a random generator; recognised by name, so that nothing is imported for it."""
    for kind in type(value).__mro__:
        place = (kind.__module__.partition(".")[0], kind.__name__)
        if place in _KINDS:
            return _KINDS[place]
    return ""


def _remedy(value: Any) -> str:
    """Return what to write instead; a function of a module's own generator is fine through the module."""
    name = getattr(value, "__name__", "")
    for home in ("random", "numpy.random"):
        if name and getattr(sys.modules.get(home), name, None) == value:
            return f"Write `import {home}` and `{home}.{name}(...)`, which `--seed` seeds for each item."
    return "Give the run `--seed` and draw from `jupyter_parallel.context().rng` instead."
