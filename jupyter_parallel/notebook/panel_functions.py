"""Which functions of the notebook the control panel offers, and how each one is called with an item."""

from __future__ import annotations

import inspect
import keyword
from collections.abc import Container, Mapping
from dataclasses import dataclass
from inspect import Parameter
from types import BuiltinFunctionType, FunctionType
from typing import Any

ITEM = "item"
"""Loop target where a function does not name its parameter."""

_FOREIGN = {"IPython", "ipykernel", "jupyter_parallel"}
_STARS: dict[Any, str] = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}
_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def offered(namespace: Mapping[str, Any], hidden: Container[str] = ()) -> list[str]:
    """Return the names of what can be called: functions of the notebook, imported ones, classes.

    Parameters
    ----------
    namespace
        The notebook's names.
    hidden
        Names that the shell put there itself.
    """
    names = [
        name
        for name, value in namespace.items()
        if _is_name(name) and name not in hidden and callable(value) and _home(value) not in _FOREIGN
    ]
    return sorted(names, key=lambda name: (_rank(namespace[name]), name.lower()))


def _is_name(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("_")


def _home(value: Any) -> str:
    try:
        return str(getattr(value, "__module__", "")).partition(".")[0]
    except Exception:  # an object of the user's may refuse any question
        return ""


def _rank(value: Any) -> int:
    if isinstance(value, type):
        return 3
    if type(value) is FunctionType and _home(value) == "__main__":
        return 0
    return 1 if type(value) in (FunctionType, BuiltinFunctionType) else 2


@dataclass(frozen=True, slots=True)
class Callee:
    """How a function is called once per item.

    Parameters
    ----------
    targets
        Loop targets: one for each value that an item must have.
    call
        Source of the call.
    shown
        The function as people read it, with its parameters.
    problem
        Why it cannot be called with an item; empty when it can.
    """

    targets: tuple[str, ...]
    call: str
    shown: str
    problem: str = ""


def callee(name: str, function: Any) -> Callee:
    """Return how to call a function with the values of an item: one for each parameter without a default."""
    try:
        signature = inspect.signature(function)
    except Exception:  # some builtins have none; ``__signature__`` may be anybody's
        return _called(name, (ITEM,), f"{name}(…)")
    shown = f"{name}({', '.join(map(_shown, signature.parameters.values()))})"
    needed = [one for one in signature.parameters.values() if one.default is Parameter.empty]
    only = [one.name for one in needed if one.kind is Parameter.KEYWORD_ONLY]
    if only:
        problem = (
            f"{name} needs the keyword {only[0]}, which an item cannot give; "
            f"choose a function of the item alone: def one(item): return {name}(item, {only[0]}=...)"
        )
        return Callee((ITEM,), "", shown, problem)
    values = _values(list(signature.parameters.values()))
    targets = tuple(f"{one}_" if one == name else one for one in values)
    called = _called(name, targets, shown)
    awaits = "await " if inspect.iscoroutinefunction(function) else ""
    return Callee(called.targets, awaits + called.call, called.shown)


def _called(name: str, targets: tuple[str, ...], shown: str) -> Callee:
    return Callee(targets or (ITEM,), f"{name}({', '.join(targets)})", shown)


def _values(parameters: list[Parameter]) -> tuple[str, ...]:
    """Return names for the values that a call takes from an item; none for a function of nothing."""
    positional = [one for one in parameters if one.kind in _POSITIONAL]
    required = tuple(one.name for one in positional if one.default is Parameter.empty)
    if required:
        return required
    if positional:
        return (positional[0].name,)
    return (ITEM,) if any(one.kind is Parameter.VAR_POSITIONAL for one in parameters) else ()


def _shown(parameter: Parameter) -> str:
    stars = _STARS.get(parameter.kind, "")
    return f"{stars}{parameter.name}{'' if parameter.default is Parameter.empty else '=…'}"
