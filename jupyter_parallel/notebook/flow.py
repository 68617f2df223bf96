"""Which names of a body may be read before the body itself has assigned them.

A name that is surely assigned first (``conn = connect()``) does not need the notebook's value, and
must not ship it. The walk follows the order of evaluation and keeps two sets: names assigned on
*every* way here, and names assigned on *some* way. When in doubt a name counts as read too early.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .scopes import COMPREHENSIONS, free_reads, stored


@dataclass
class Flow:
    """What straight-line reading of a body tells.

    Attributes
    ----------
    early
        Names that may be read before the body assigns them, with the first such place.
    unassigned
        Those of ``early`` that no way through the body can have assigned by then.
    """

    early: dict[str, ast.expr | ast.stmt] = field(default_factory=dict)
    unassigned: dict[str, ast.expr | ast.stmt] = field(default_factory=dict)


def read_flow(statements: Sequence[ast.stmt], parameters: Iterable[str]) -> Flow:
    """Follow a body whose parameters are assigned at its start."""
    walk = _Walk(set(parameters))
    walk.block(statements)
    return walk.flow


class _Walk:
    """The state of the walk. ``sure`` is None where the walk cannot arrive (behind a ``return``)."""

    def __init__(self, sure: set[str]) -> None:
        self.flow = Flow()
        self.sure: set[str] | None = set(sure)
        self.maybe: set[str] = set(sure)
        self.later: dict[str, ast.AST] = {}  # functions read their names when they are used
        self.forgiven = 0

    # Reading and assigning

    def read(self, name: str, node: ast.expr | ast.stmt, certain: bool = True) -> None:
        self.settle(name)
        if self.sure is None or name in self.sure:
            return
        self.flow.early.setdefault(name, node)
        if certain and name not in self.maybe and not self.forgiven:
            self.flow.unassigned.setdefault(name, node)

    def settle(self, name: str) -> None:
        function = self.later.pop(name, None)
        if function is not None:
            self.names_inside(function)

    def assign(self, name: str) -> None:
        self.later.pop(name, None)
        self.maybe.add(name)
        if self.sure is not None:
            self.sure.add(name)

    def names_inside(self, scope: ast.AST, certain: bool = False) -> None:
        """Count every free name of an inner scope as read now; ``certain`` when it surely runs now."""
        for name, node in free_reads(scope).items():
            self.read(name, node, certain)

    # Statements

    def block(self, statements: Iterable[ast.stmt]) -> None:
        for statement in statements:
            self.visit(statement)

    def visit(self, node: ast.AST | None) -> None:
        if node is None:
            return
        method = getattr(self, "on_" + type(node).__name__.lower(), None)
        if method is not None:
            method(node)
        elif isinstance(node, COMPREHENSIONS):
            self.comprehension(node)
        else:
            for child in ast.iter_child_nodes(node):
                self.visit(child)

    def on_name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self.assign(node.id)
        else:
            self.read(node.id, node)

    def on_assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)

    def on_augassign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.read(node.target.id, node)
        else:
            self.visit(node.target)
        self.visit(node.value)
        if isinstance(node.target, ast.Name):
            self.assign(node.target.id)

    def on_annassign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
            self.visit(node.target)

    def on_namedexpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self.visit(node.target)

    def on_alias(self, node: ast.alias) -> None:
        self.assign(node.asname or node.name.partition(".")[0])

    def on_functiondef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for child in (*node.decorator_list, node.args, node.returns):
            self.visit(child)
        self.assign(node.name)
        if node.decorator_list:
            self.names_inside(node)  # a decorator may call it at once
        else:
            self.later[node.name] = node

    on_asyncfunctiondef = on_functiondef

    def on_lambda(self, node: ast.Lambda) -> None:
        self.visit(node.args)
        self.names_inside(node)

    def on_arguments(self, node: ast.arguments) -> None:
        for argument in (*node.posonlyargs, *node.args, *node.kwonlyargs, node.vararg, node.kwarg):
            self.visit(argument.annotation if argument else None)
        for default in (*node.defaults, *node.kw_defaults):
            self.visit(default)

    def on_classdef(self, node: ast.ClassDef) -> None:
        for child in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(child)
        self.names_inside(node)
        self.assign(node.name)

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        self.visit(node.generators[0].iter)
        self.maybe |= {inner.target.id for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr)}
        self.names_inside(node, certain=not isinstance(node, ast.GeneratorExp))

    # Ways that part and meet

    def ways(self, *ways: Sequence[ast.AST]) -> None:
        """Follow each way from here; behind them only what every way assigned is sure."""
        start, ends = self.sure, []
        for way in ways:
            self.sure = None if start is None else set(start)
            for node in way:
                self.visit(node)
            ends.append(self.sure)
        self.sure = meet(ends)

    def on_boolop(self, node: ast.BoolOp) -> None:
        self.visit(node.values[0])
        self.ways(node.values[1:], [])

    def on_compare(self, node: ast.Compare) -> None:
        self.visit(node.left)
        self.visit(node.comparators[0])
        self.ways(node.comparators[1:], [])

    def on_ifexp(self, node: ast.IfExp) -> None:
        self.visit(node.test)
        self.ways([node.body], [node.orelse])

    def on_if(self, node: ast.If) -> None:
        self.visit(node.test)
        self.ways(node.body, node.orelse)

    def on_assert(self, node: ast.Assert) -> None:
        self.visit(node.test)
        self.ways([node.msg] if node.msg else [], [])

    def on_for(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        self.maybe |= stored([node.target, *node.body])  # a later turn sees what an earlier one assigned
        self.ways([node.target, *node.body], [])
        self.ways(node.orelse, [])

    on_asyncfor = on_for

    def on_while(self, node: ast.While) -> None:
        self.maybe |= stored(node.body)
        self.visit(node.test)
        self.ways(node.body, [])
        self.ways(node.orelse, [])

    def on_try(self, node: ast.Try) -> None:
        start = None if self.sure is None else set(self.sure)
        self.forgiven += catches_name_errors(node)
        self.block(node.body)
        self.forgiven -= catches_name_errors(node)
        self.block(node.orelse)
        ends = [self.sure]
        for handler in node.handlers:
            self.sure = None if start is None else set(start)
            self.visit(handler)
            ends.append(self.sure)
        arrived = meet(ends)
        self.sure = start
        self.block(node.finalbody)
        added = stored(node.finalbody) & (self.sure or set())
        self.sure = None if arrived is None or (self.sure is None and node.finalbody) else arrived | added

    on_trystar = on_try

    def on_excepthandler(self, node: ast.ExceptHandler) -> None:
        self.visit(node.type)
        if node.name:
            self.assign(node.name)
        self.block(node.body)

    def on_with(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.visit(item.context_expr)
            self.visit(item.optional_vars)
        if any(_suppresses(item.context_expr) for item in node.items):
            self.ways(node.body, [])
        else:
            self.block(node.body)

    on_asyncwith = on_with

    def on_match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        ways: list[Sequence[ast.AST]] = [[case] for case in node.cases]
        last = node.cases[-1]
        if last.guard or not isinstance(last.pattern, ast.MatchAs) or last.pattern.pattern:
            ways.append([])
        self.ways(*ways)

    def on_matchas(self, node: ast.MatchAs) -> None:
        self.visit(node.pattern)
        if node.name:
            self.assign(node.name)

    def on_matchstar(self, node: ast.MatchStar) -> None:
        if node.name:
            self.assign(node.name)

    def on_matchmapping(self, node: ast.MatchMapping) -> None:
        for child in (*node.keys, *node.patterns):
            self.visit(child)
        if node.rest:
            self.assign(node.rest)

    def leave(self, node: ast.stmt) -> None:
        for child in ast.iter_child_nodes(node):
            self.visit(child)
        self.sure = None

    on_return = on_raise = on_break = on_continue = leave


def meet(ends: Iterable[set[str] | None]) -> set[str] | None:
    arriving = [end for end in ends if end is not None]
    return set.intersection(*arriving) if arriving else None


def catches_name_errors(node: ast.Try) -> bool:
    caught = {
        name.id
        for handler in node.handlers
        if handler.type
        for name in ast.walk(handler.type)
        if isinstance(name, ast.Name)
    }
    return bool(caught & {"NameError", "UnboundLocalError"}) or any(not h.type for h in node.handlers)


def _suppresses(manager: ast.expr) -> bool:
    function = manager.func if isinstance(manager, ast.Call) else manager
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in ("suppress", "raises")
