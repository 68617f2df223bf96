"""Statements that Python treats differently in a function than at the top level of a cell.

Two of them: star imports, and class bodies that bind a name they read from outside.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Sequence
from typing import Any

from .scopes import bound_by, evaluated, stored


def without_stars(statements: list[ast.stmt]) -> tuple[list[ast.stmt], str]:
    """Replace ``from m import *`` by the names of ``m`` that are mentioned; functions import no stars."""
    mentioned = {node.id for outer in statements for node in ast.walk(outer) if isinstance(node, ast.Name)}
    stars = _Stars(mentioned)
    return [stars.visit(statement) for statement in statements], stars.note


class _Stars(ast.NodeTransformer):
    def __init__(self, mentioned: set[str]) -> None:
        self.mentioned = mentioned
        self.note = ""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt:
        if node.names[0].name != "*":
            return node
        names = [name for name in self.public(node) if name in self.mentioned]
        if names:
            aliases = [ast.copy_location(ast.alias(name), node) for name in sorted(names)]
            return ast.copy_location(ast.ImportFrom(node.module, aliases, node.level), node)
        # imported for its effects, under a name that no source can spell
        alias = ast.copy_location(ast.alias("__name__", ".star"), node)
        return ast.copy_location(ast.ImportFrom(node.module, [alias], node.level), node)

    def public(self, node: ast.ImportFrom) -> list[str]:
        name = "." * node.level + (node.module or "")
        try:
            module = importlib.import_module(name)
        except Exception as error:  # it may exist in the workers, or a `try` expects this
            self.note += f"\n(`from {name} import *` failed here: {error})"
            return []
        return list(getattr(module, "__all__", [public for public in vars(module) if public[0] != "_"]))


def with_class_names(statements: Sequence[ast.stmt], outer: set[str]) -> list[ast.stmt]:
    """Let a class body read a name of the body that it then binds itself (``class A: x = x``).

    In a cell that works because the outer name is global; inside a function Python would look past it.
    The value goes in under a second name that no source can spell.
    """
    aliases = _ClassNames(outer)
    return [node for statement in statements for node in _as_list(aliases.visit(statement))]


def _as_list(nodes: Any) -> list[ast.stmt]:
    return nodes if isinstance(nodes, list) else [nodes]


class _ClassNames(ast.NodeTransformer):
    def __init__(self, outer: set[str]) -> None:
        self.outer = outer

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        self.generic_visit(node)
        early = _read_before_bound(node, self.outer)
        for place in early:
            place.id = f".{place.id}"
        return [*(_assignment(name, node) for name in sorted({place.id for place in early})), node]


def _read_before_bound(node: ast.ClassDef, outer: set[str]) -> list[ast.Name]:
    shared = stored(node.body) & outer
    bound: set[str | None] = set()
    early = []
    for place in evaluated(node.body):
        reads = isinstance(place, ast.Name) and isinstance(place.ctx, ast.Load)
        if isinstance(place, ast.Name) and reads and place.id in shared and place.id not in bound:
            early.append(place)
        bound.add(bound_by(place))
    return early


def _assignment(alias: str, before: ast.ClassDef) -> ast.stmt:
    target, value = ast.Name(alias, ast.Store()), ast.Name(alias[1:], ast.Load())
    return ast.fix_missing_locations(ast.copy_location(ast.Assign([target], value), before))
