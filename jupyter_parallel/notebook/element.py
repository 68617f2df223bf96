"""The element of a comprehension line: a lambda of the notebook, detached from it."""

from __future__ import annotations

import ast
import builtins
import linecache
from collections.abc import Callable, Mapping, Sequence
from types import CellType, CodeType, FunctionType
from typing import Any

from ..errors import UndefinedName, UsageError
from .header import Comprehension
from .names import exists, global_names, refuse_undefined, take
from .refusals import Source


def parse_comprehension(source: Source, text: str, first_line: int) -> Comprehension:
    tree = ast.parse(text, source.filename, "eval").body
    ast.increment_lineno(tree, first_line - 1)
    if not isinstance(tree, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        raise UsageError(f"{text} is not a comprehension")
    return tree


def element_of(tree: Comprehension) -> list[ast.expr]:
    """Return what is computed per item."""
    return [tree.key, tree.value] if isinstance(tree, ast.DictComp) else [tree.elt]


def closed_over(
    source: Source, element: FunctionType, nodes: Sequence[ast.expr], targets: Sequence[str]
) -> dict[str, Any]:
    """Return the values a lambda takes from around it: its closure, and the notebook's names it reads."""
    cells = dict(zip(element.__code__.co_freevars, element.__closure__ or (), strict=True))
    namespace = element.__globals__
    names = global_names(element.__code__)
    if "get_ipython" in names:
        raise UsageError(
            "get_ipython() cannot stand in the element: there is no IPython in a worker\n"
            "Use it in the notebook, and let the element use what it gave"
        )
    missing = [name for name in names if not exists(name, namespace)]
    refuse_undefined(source, missing, nodes, {*namespace, *cells, *targets})
    closure = {name: _content(name, cell) for name, cell in cells.items()}
    return {**take(names, namespace), **closure, **(element.__kwdefaults__ or {})}


def _content(name: str, cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        raise UndefinedName(
            f"the name `{name}` has no value yet; assign it before the %parallel line"
        ) from None


def detached(element: FunctionType, captured: Mapping[str, Any], awaits: bool) -> Callable[..., Any]:
    """Return the lambda with a snapshot of what it captured, so that rebinding a name changes nothing."""
    code = element.__code__
    defaults = element.__kwdefaults__
    local = {*code.co_freevars, *(defaults or {})}
    names = {name: value for name, value in captured.items() if name not in local}
    cells = tuple(CellType(captured[name]) for name in code.co_freevars)
    scope = {**names, "__name__": "__main__", "__builtins__": builtins}
    function = FunctionType(code, scope, "<element>", None, cells)
    function.__kwdefaults__ = defaults
    return _only_value(function) if awaits else function


def in_its_cell(element: FunctionType, text: str, nodes: Sequence[ast.expr], awaits: bool) -> str:
    """Return the cell of a line with the line as it was typed: what tracebacks quote.

    Parameters
    ----------
    text
        Source of the comprehension.
    nodes
        The element in it.
    """
    code = element.__code__
    cell = linecache.getlines(code.co_filename)
    above = cell[: code.co_firstlineno - 1] or ["\n"] * (code.co_firstlineno - 1)
    typed = (" " * _shift(code, nodes, awaits) + text + "\n").splitlines(keepends=True)
    return "".join([*above, *typed, *cell[len(above) + len(typed) :]])


def _shift(code: CodeType, nodes: Sequence[ast.expr], awaits: bool) -> int:
    """Return how much further right the element's code stands than its source, for tracebacks."""
    first = code.co_firstlineno
    columns = [column for line, _, column, end in code.co_positions() if line == first and column and end]
    # A pair begins with its bracket, what awaits with one bracket more.
    begin = -1 if awaits else nodes[0].col_offset if len(nodes) == 1 else 0
    return max(min(columns, default=begin) - begin, 0)


async def _first(*item: Any) -> Any:
    # To its end: a generator left in the middle is finalised by the loop, with a complaint.
    values = [value async for value in element(*item)]  # type: ignore[name-defined]  # noqa: F821
    return values[0]


def _only_value(element: Callable[..., Any]) -> Callable[..., Any]:
    """Return a coroutine function for the only value of an asynchronous generator.

    It lives in a namespace of its own, so that it travels by value to workers without this package.
    """
    scope = {"element": element, "__name__": "__main__", "__builtins__": builtins}
    return FunctionType(_first.__code__, scope, "<element>")
