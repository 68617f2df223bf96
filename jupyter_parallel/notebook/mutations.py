"""Warnings for a body that changes a captured object: on process and remote backends it changes a copy."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .scopes import stored

_LIST = frozenset("append extend insert remove pop clear sort reverse".split())
_METHODS: dict[tuple[str, str], frozenset[str]] = {
    ("builtins", "list"): _LIST,
    ("builtins", "bytearray"): _LIST,
    ("builtins", "dict"): frozenset("update pop popitem setdefault clear move_to_end subtract".split()),
    ("builtins", "set"): frozenset(
        "add remove discard pop clear update intersection_update difference_update"
        " symmetric_difference_update".split()
    ),
    ("collections", "deque"): _LIST | frozenset("appendleft extendleft popleft rotate".split()),
    ("numpy", "ndarray"): frozenset("sort fill put partition resize itemset".split()),
    ("pandas", "DataFrame"): frozenset("insert pop update".split()),
    ("pandas", "Series"): frozenset("pop update".split()),
}


def mutation_warnings(
    statements: Sequence[ast.AST], captured: Mapping[str, Any], started: Mapping[str, Any]
) -> tuple[str, ...]:
    """Return one warning per captured name that the body changes.

    Parameters
    ----------
    captured
        Names that have the notebook's value.
    started
        Those of them that the body also assigns; each item starts with the notebook's value.
    """
    rebound = _rebound(statements)
    found: dict[str, str] = {}
    for name, line, text in _changes(statements, captured, rebound, started):
        found.setdefault(name, _warning(name, line, text))
    return tuple(found.values())


def _warning(name: str, line: int, text: str) -> str:
    shown = text if len(text) <= 60 else text[:59] + "…"
    return (
        f"line {line}: `{shown}` changes `{name}`, but workers change their own copy: "
        f"the notebook's `{name}` stays as it is. Make what it collects the item's value (the last line)."
    )


def _changes(
    statements: Sequence[ast.AST], captured: Mapping[str, Any], rebound: set[str], started: Mapping[str, Any]
) -> Iterator[tuple[str, int, str]]:
    """Yield name, line and source of each change."""
    for node in (inner for outer in statements for inner in ast.walk(outer)):
        match node:
            case ast.AugAssign(target=ast.Name(id=name)) if name in started and name not in rebound:
                yield name, node.lineno, ast.unparse(node)
            case ast.Subscript(ctx=ast.Store() | ast.Del()) | ast.Attribute(ctx=ast.Store() | ast.Del()):
                root = _root(node)
                if root and _mutable(captured, root, rebound):
                    text = ast.unparse(node)
                    yield (
                        root,
                        node.lineno,
                        f"del {text}" if isinstance(node.ctx, ast.Del) else f"{text} = ...",
                    )
            case ast.Call(func=ast.Attribute(value=value, attr=method)):
                root = _root(value)
                if (
                    root
                    and _mutable(captured, root, rebound)
                    and _changes_by(captured[root], method, node, value)
                ):
                    yield root, node.lineno, ast.unparse(node)


def _changes_by(captured: Any, method: str, call: ast.Call, receiver: ast.expr) -> bool:
    if any(word.arg == "inplace" and getattr(word.value, "value", False) is True for word in call.keywords):
        return True
    if isinstance(receiver, ast.Name):
        return method in _methods(captured)
    # `groups[key].append(x)`: the element's type is unknown, the name of the method tells enough
    return method in _LIST | {"add", "update", "setdefault"}


def _root(node: ast.expr) -> str | None:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _mutable(captured: Mapping[str, Any], name: str, rebound: set[str]) -> bool:
    return name in captured and name not in rebound and bool(_methods(captured[name]))


def _methods(value: Any) -> frozenset[str]:
    """Return the methods that change a value; types are recognised by name, so that nothing is imported."""
    for kind in type(value).__mro__:
        methods = _METHODS.get((kind.__module__.partition(".")[0], kind.__name__))
        if methods is not None:
            return methods
    return frozenset()


def _rebound(statements: Sequence[ast.AST]) -> set[str]:
    """Return names that somewhere in the body stand for something else: assigned, or an argument."""
    plain = [_Plain().visit(copy.deepcopy(node)) for node in statements]
    arguments = {node.arg for outer in statements for node in ast.walk(outer) if isinstance(node, ast.arg)}
    return stored(plain) | arguments


class _Plain(ast.NodeTransformer):
    """Takes out what changes a name without giving it a new meaning."""

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        return ast.copy_location(ast.Expr(node.value), node)

    def visit_Delete(self, node: ast.Delete) -> ast.AST:
        return ast.copy_location(ast.Pass(), node)
