"""The clause of a cell's header: Python's comprehension grammar, evaluated in the kernel."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any

from ..engine.feed import length_of
from ..errors import UsageError
from .names import exists, global_names, refuse_undefined
from .refusals import Source
from .words import without_comments

Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(frozen=True, slots=True)
class Items:
    """What a header gives: the items, and what is known of them before one is drawn."""

    items: Iterable[Any]
    star: bool
    targets: tuple[str, ...]
    length: int | None
    bounded: bool


def parse_clause(source: Source, clause: str, line: int) -> ast.ListComp:
    """Return the clause as ``[None for ...]`` whose generators have the cell's line numbers."""
    text = without_comments(clause).rstrip().removesuffix("\\").rstrip().removesuffix(":")
    try:
        tree = ast.parse(f"[None\n{text}\n]", source.filename, "eval").body
    except (SyntaxError, ValueError) as error:
        raise _capped(source, error, line, clause) from None
    ast.increment_lineno(tree, line - 2)
    if not isinstance(tree, ast.ListComp):
        raise UsageError(
            f"the header does not say what to loop over: {clause.strip()}\nWrite: for x in items"
        )
    refuse_generators_of(source, tree)
    return tree


def _capped(source: Source, error: SyntaxError | ValueError, line: int, clause: str) -> Exception:
    """Return the syntax error at a line of the header, even when Python noticed it at our own bracket."""
    last = clause.rstrip().count("\n") + 2
    outside = isinstance(error, SyntaxError) and not 2 <= (error.lineno or 0) <= last
    if isinstance(error, SyntaxError) and outside:
        early = (error.lineno or 0) > last
        error.lineno, error.end_lineno, error.offset, error.end_offset = last, None, None, None
        error.msg = "the header ends too early" if early else "a bracket of the header is never closed"
    return source.syntax_error(error, line - 2)


def refuse_generators_of(source: Source, tree: Comprehension) -> None:
    """Refuse the parts of comprehensions that cannot be run as items and workers."""
    for generator in tree.generators:
        if generator.is_async:
            source.refuse(
                generator.target,
                "`async for` cannot feed a run: items are drawn without an event loop",
                "Collect them above: items = [x async for x in source]; then: for x in items",
            )
        for node in ast.walk(generator.target):
            if isinstance(node, ast.Attribute | ast.Subscript):
                source.refuse(
                    node,
                    f"`{ast.unparse(node)}` cannot be a target: it is not a name that can be sent",
                    "Use a plain name, and assign from it in the body.",
                )
        for node in ast.walk(generator.iter):
            if isinstance(node, ast.NamedExpr):
                source.refuse(node, "`:=` cannot stand in what is looped over", "Assign it in a line above.")


def refuse_await(source: Source, tree: ast.AST) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Await):
            source.refuse(node, "`await` cannot stand in the header", "Await it in a cell above.")


def refuse_comprehension(source: Source, tree: Comprehension) -> None:
    """Refuse a comprehension line that Python would refuse too, or whose items cannot be drawn.

    The outermost iterable may await: it is evaluated where it stands.
    """
    refuse_generators_of(source, tree)
    first, *others = tree.generators
    for part in (*first.ifs, *others):
        refuse_await(source, part)
    try:
        compile(
            ast.Expression(tree), source.filename, "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
        )
    except (SyntaxError, ValueError) as error:
        raise source.syntax_error(error) from None


def target_names(tree: Comprehension) -> tuple[str, ...]:
    """Return the loop targets in order, then the names a walrus binds in a condition."""
    targets = [
        node.id
        for generator in tree.generators
        for node in ast.walk(_ordered(generator.target))
        if isinstance(node, ast.Name)
    ]
    return tuple(dict.fromkeys([*targets, *walrus_names(tree)]))


def _ordered(target: ast.expr) -> ast.AST:
    """Return the names of a target side by side: ``ast.walk`` goes level by level, people read in order."""
    return ast.Tuple(list(_flat(target)), ast.Store())


def _flat(target: ast.expr) -> Iterator[ast.expr]:
    match target:
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _flat(part)
        case ast.Starred(value=value):
            yield from _flat(value)
        case _:
            yield target


def walrus_names(tree: Comprehension) -> tuple[str, ...]:
    """Return the names bound by ``:=`` in the conditions, as a plain comprehension would bind them."""
    conditions = [condition for generator in tree.generators for condition in generator.ifs]
    names = [node.target.id for condition in conditions for node in _walruses(condition)]
    return tuple(dict.fromkeys(names))


def _walruses(node: ast.AST) -> Iterator[ast.NamedExpr]:
    if isinstance(node, ast.NamedExpr):
        yield node
    if not isinstance(node, ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from _walruses(child)


def is_plain(tree: Comprehension) -> bool:
    """Whether the items are the outermost iterable itself: ``for x in things``."""
    return maps_one_to_one(tree) and isinstance(tree.generators[0].target, ast.Name)


def maps_one_to_one(tree: Comprehension) -> bool:
    """Whether there is exactly one item for each element of the outermost iterable."""
    return len(tree.generators) == 1 and not tree.generators[0].ifs


def evaluate_items(
    source: Source, tree: ast.ListComp, namespace: Mapping[str, Any], flags: int, given: Sequence[Any] = ()
) -> Items:
    """Evaluate the outermost iterable now and leave the rest lazy, as a generator expression does.

    Parameters
    ----------
    given
        The outermost iterable where it was evaluated before: what can be read only once must not be again.

    Raises
    ------
    UsageError
        A name that exists nowhere, or an outermost iterable that cannot be meant.
    """
    refuse_await(source, tree)
    targets = target_names(tree)
    _refuse_undefined(source, tree, targets, namespace, flags)
    scope = namespace if isinstance(namespace, dict) else dict(namespace)
    outermost = tree.generators[0].iter
    outer = given[0] if given else eval(_compiled(source, outermost, flags), scope)
    names = ", ".join(target_names(ast.ListComp(tree.elt, tree.generators[:1])))
    check_outer(outer, ast.unparse(outermost), names)
    items = outer
    if not is_plain(tree):
        items = eval(_compiled(source, _remaining(tree, targets, namespace), flags), scope)(outer)
    return described(items, outer, targets, maps_one_to_one(tree))


def described(items: Iterable[Any], outer: Any, targets: tuple[str, ...], one_to_one: bool) -> Items:
    length = length_of(outer)
    return Items(items, len(targets) > 1, targets, length if one_to_one else None, length is not None)


def _refuse_undefined(
    source: Source, tree: ast.ListComp, targets: Sequence[str], namespace: Mapping[str, Any], flags: int
) -> None:
    names = global_names(_compiled(source, tree, flags))
    missing = [name for name in names if name not in targets and not exists(name, namespace)]
    refuse_undefined(source, missing, [tree], [*namespace, *targets])


def _compiled(source: Source, expression: ast.expr, flags: int) -> CodeType:
    try:
        code: CodeType = compile(
            ast.Expression(expression), source.filename, "eval", flags=flags, dont_inherit=True
        )
    except (SyntaxError, ValueError) as error:
        raise source.syntax_error(error) from None
    return code


def _remaining(tree: ast.ListComp, targets: Sequence[str], namespace: Mapping[str, Any]) -> ast.expr:
    """Return ``lambda outer: (targets for target in outer if ...)``; a walrus binds inside the lambda."""
    first, *others = tree.generators
    values: list[ast.expr] = [ast.Name(name, ast.Load()) for name in targets]
    element = ast.Tuple(values, ast.Load()) if len(values) > 1 else values[0]
    drawn = ast.comprehension(first.target, ast.Name(".outer", ast.Load()), first.ifs, 0)
    old = [name for name in walrus_names(tree) if name in namespace]
    arguments = ast.arguments(
        posonlyargs=[ast.arg(".outer")],
        args=[],
        kwonlyargs=[ast.arg(name) for name in old],
        kw_defaults=[ast.Name(name, ast.Load()) for name in old],
        defaults=[],
    )
    function = ast.Lambda(arguments, ast.GeneratorExp(element, [drawn, *others]))
    return ast.fix_missing_locations(ast.copy_location(function, first.iter))


def check_outer(outer: Any, text: str, target: str) -> None:
    """Refuse outermost items that nobody means: one text, a number, an object that is no iterable."""
    kind = type(outer).__name__
    if isinstance(outer, str | bytes | bytearray):
        raise UsageError(
            f"the items are one {kind}: {_short(text)}\n"
            f"Write `for {target} in [{_short(text)}]` for one item, "
            f"`for {target} in list({_short(text)})` for its {'characters' if kind == 'str' else 'bytes'}."
        )
    if (hasattr(type(outer), "__iter__") and type(outer).__iter__ is not None) or hasattr(
        type(outer), "__getitem__"
    ):
        return
    raise UsageError(
        f"the items must be an iterable, but {_short(text)} is of type {kind}\n{_remedy(outer, text, target)}"
    )


def _remedy(outer: Any, text: str, target: str) -> str:
    if isinstance(outer, int):
        return f"Write `for {target} in range({_short(text)})` for a count."
    if inspect.isawaitable(outer):
        return "Await it in a cell above."
    if hasattr(type(outer), "__aiter__"):
        return "Collect them above: items = [x async for x in source]; then loop over items."
    if callable(outer):
        return f"Did you mean `for {target} in {_short(text)}()`?"
    return f"Write `for {target} in [{_short(text)}]` for one item."


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
