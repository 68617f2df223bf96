"""The source of a function in one normal form: comments, layout and docstrings do not count."""

from __future__ import annotations

import ast
import linecache
import site
import sysconfig
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from os import sep
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
_PACKAGE = __name__.partition(".")[0]


def function_text(function: FunctionType) -> str:
    """Return the normalised source of a function, or what stands for it where there is no source."""
    node = _node(function)
    if node is not None:
        return normalised(node)
    code = function.__code__
    made = blake2b(_code_bytes(code), digest_size=8).hexdigest()
    return f"def {code.co_name}: ...  # no source; its code is {made}"


def normalised(node: ast.AST | str) -> str:
    """Return source without comments, layout and docstrings."""
    tree = ast.parse(node) if isinstance(node, str) else ast.parse(ast.unparse(node))
    for inner in ast.walk(tree):
        if isinstance(inner, _FUNCTIONS | ast.ClassDef | ast.Module):
            _strip_docstring(inner)
    return ast.unparse(tree)


def _strip_docstring(node: Any) -> None:
    first = node.body[0] if node.body else None
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and type(first.value.value) is str
    ):
        node.body[:1] = [] if len(node.body) > 1 else [ast.Pass()]


def _code_bytes(code: CodeType) -> bytes:
    constants = [
        _code_bytes(one) if isinstance(one, CodeType) else repr(one).encode() for one in code.co_consts
    ]
    return b"|".join([code.co_code, repr(code.co_names).encode(), *constants])


def _node(function: FunctionType) -> ast.AST | None:
    code = function.__code__
    tree = _tree("".join(linecache.getlines(code.co_filename, function.__globals__)))
    if tree is None:
        return None
    return _definition(tree, code) if code.co_name != "<lambda>" else _lambda(tree, code)


@lru_cache(maxsize=64)
def _tree(text: str) -> ast.Module | None:
    try:
        return ast.parse(text) if text else None
    except (SyntaxError, ValueError):  # a cell with our own header: its body comes with the plan
        return None


def _definition(tree: ast.Module, code: CodeType) -> ast.AST | None:
    for node in ast.walk(tree):
        if isinstance(node, _FUNCTIONS) and node.name == code.co_name:
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            if first == code.co_firstlineno:
                return node
    return None


def _lambda(tree: ast.Module, code: CodeType) -> ast.AST | None:
    """Return the smallest lambda around all positions of the code."""
    places = [
        (line, column)
        for line, _, column, _ in code.co_positions()
        if line is not None and column is not None
    ]
    body = [place for place in places if place != (code.co_firstlineno, 0)] or places
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Lambda) and body and _covers(node, min(body), max(body))
    ]
    return min(around, key=lambda node: len(ast.unparse(node)), default=None)


def _covers(node: ast.Lambda, first: tuple[int, int], last: tuple[int, int]) -> bool:
    begin = node.lineno, node.col_offset
    end = node.end_lineno or node.lineno, node.end_col_offset or 0
    return begin <= first and last <= end


# Modules --------------------------------------------------------------------------------------


def is_local(module: ModuleType | None) -> bool:
    """Whether a module is a file of the user's: not of an installed package, not of Python's library."""
    source = getattr(module, "__file__", None)
    if module is None or not isinstance(source, str) or not source.endswith(".py"):
        return False
    return module.__name__.partition(".")[0] != _PACKAGE and not source.startswith(_library_folders())


def module_text(module: ModuleType) -> str:
    """Return the normalised text of a module's file as it is now."""
    try:
        return normalised(Path(str(module.__file__)).read_text())
    except (OSError, SyntaxError, ValueError):
        return "# cannot be read"


@lru_cache(maxsize=1)
def _library_folders() -> tuple[str, ...]:
    folders = {sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders.update([*site.getsitepackages(), site.getusersitepackages()])
    return tuple(folder + sep for folder in folders if folder)


def global_names(code: CodeType) -> Iterator[str]:
    """Yield the names that code, and what is defined in it, reads as globals."""
    import dis

    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"):
            yield str(step.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from global_names(constant)
