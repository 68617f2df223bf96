"""What a function captures, and which of it cannot or must not be sent to other processes."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from ..errors import CannotTravel, UsageError
from ..worker.payload import NotebookPickler, Task

_CACHED = type(functools.cache(len))
_CALLED = (type, FunctionType, functools.partial, _CACHED)
_LOADS_GLOBAL = {"LOAD_GLOBAL", "LOAD_NAME"}
_GENERATORS = {
    ("random", "Random"),
    ("numpy.random._generator", "Generator"),
    ("numpy.random.mtrand", "RandomState"),
}


def captured(function: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    """Yield names and values that a function takes along, also through notebook functions it reaches."""
    seen: set[int] = set()
    pending: list[Any] = [function]
    while pending:
        thing = pending.pop()
        if isinstance(thing, functools.partial):
            yield from thing.keywords.items()
            yield from ((f"argument {place + 1}", value) for place, value in enumerate(thing.args))
        for inner in _functions(thing):
            if id(inner) in seen:
                continue
            seen.add(id(inner))
            for name, value in _variables(inner):
                yield name, value
                callee = value if isinstance(value, _CALLED) else type(value)
                if getattr(callee, "__module__", None) == "__main__" or isinstance(callee, functools.partial):
                    pending.append(callee)


def files_of(function: Callable[..., Any]) -> set[str]:
    """Return the file names of the code that a function may run, as far as it takes it along."""
    reached = [function, *(value for _, value in captured(function))]
    own = [type(value) for value in reached if type(value).__module__ == "__main__"]
    return {inner.__code__.co_filename for thing in (*reached, *own) for inner in _functions(thing)}


def _functions(thing: Any) -> Iterator[FunctionType]:
    """Yield the Python functions that calling ``thing`` may run."""
    if isinstance(thing, FunctionType):
        yield thing
    elif isinstance(thing, _CACHED):
        yield from _functions(thing.__wrapped__)
    elif isinstance(thing, MethodType):
        yield from _functions(thing.__func__)
    elif isinstance(thing, type):
        for member in vars(thing).values():
            if not isinstance(member, type):
                yield from _functions(getattr(member, "__func__", member))
    elif isinstance(thing, functools.partial):
        yield from _functions(thing.func)


def _variables(function: FunctionType) -> Iterator[tuple[str, Any]]:
    for name in _global_names(function.__code__):
        if name in function.__globals__:
            yield name, function.__globals__[name]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # assigned only later
            continue
    code = function.__code__
    positional = code.co_varnames[: code.co_argcount]
    defaults = function.__defaults__ or ()
    yield from zip(positional[len(positional) - len(defaults) :], defaults, strict=True)
    yield from (function.__kwdefaults__ or {}).items()


def _global_names(code: CodeType) -> list[str]:
    import dis

    # Not ``co_names``, which holds attributes too: the ``rng`` of ``context().rng`` is no variable.
    names = [step.argval for step in dis.get_instructions(code) if step.opname in _LOADS_GLOBAL]
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names += _global_names(constant)
    return list(dict.fromkeys(names))


def refuse_generators(task: Task) -> None:
    """Raise ``UsageError`` if the task takes along a random generator of its own."""
    for name, value in [*captured(task.function), *task.kwargs.items()]:
        for part in _parts(value):
            if _is_generator(part):
                kind = f"{type(part).__module__.partition('.')[0]}.{type(part).__name__}"
                raise UsageError(
                    f"`{name}` is a random generator ({kind}): every worker would draw the same numbers;"
                    " use `--seed` and `context().rng`"
                )


def _parts(value: Any) -> list[Any]:
    """Return a value, and what a small plain container holds."""
    if type(value) in (list, tuple, set) and len(value) <= 100:
        return [value, *value]
    if type(value) is dict and len(value) <= 100:
        return [value, *value.values()]
    return [value]


def _is_generator(value: Any) -> bool:
    return any((kind.__module__, kind.__qualname__) in _GENERATORS for kind in type(value).__mro__)


def cannot_travel(task: Task, error: Exception) -> CannotTravel:
    """Return an error that names the variable which pickling the task failed on."""
    for name, value in [*captured(task.function), *task.kwargs.items()]:
        if isinstance(value, ModuleType | FunctionType | type):
            continue
        problem = _problem(value)
        if problem is not None:
            if isinstance(problem, CannotTravel):
                return CannotTravel(
                    f"`{name}` cannot be sent to workers: {str(problem).replace('run.', name + '.')}"
                )
            kind = type(value)
            told = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
            held = "" if kind.__name__ in str(problem) else f" ({problem})"
            return CannotTravel(
                f"`{name}` ({told}) cannot be sent to workers{held}: create it inside the body"
            )
    return CannotTravel(f"the function cannot be sent to workers: {type(error).__name__}: {error}")


def _problem(value: Any) -> Exception | None:
    try:
        NotebookPickler(io.BytesIO(), {}, buffer_callback=lambda buffer: None).dump(value)
    except Exception as problem:
        return problem
    return None
