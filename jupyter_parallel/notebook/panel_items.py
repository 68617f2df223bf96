"""What the items of the control panel are, found out while somebody types, without changing anything.

Only expressions that plainly change nothing are evaluated by themselves: names, literals, arithmetic,
``range`` and its like. Whatever calls functions of the notebook, or reads from an iterator, waits
until it is asked for, and is then evaluated once: the run takes what was looked at.
"""

from __future__ import annotations

import ast
import builtins
import itertools
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ..errors import UsageError
from ..view.brief import brief
from ..view.format import one_line, plural
from .header import evaluate_items, parse_clause
from .panel_cell import as_iterable, expression
from .refusals import Source

SHOWN = 3
"""Items shown of those that can be looked at without drawing them."""

_HARMLESS: frozenset[Any] = frozenset(
    {abs, bool, bytes, complex, dict, divmod, enumerate, float, frozenset, hash, int, len, list, max, min}
    | {ord, chr, pow, range, repr, reversed, round, set, slice, sorted, str, sum, tuple, zip}
)
_MAKERS = {
    "itertools": "batched chain combinations islice pairwise permutations product",
    "math": "ceil comb floor gcd isqrt lcm perm sqrt",
    "numpy": "arange array asarray eye full geomspace linspace logspace meshgrid ones stack unique zeros",
}
_READING = {"copy", "items", "keys", "split", "splitlines", "values", "tolist"}
_CALLING = {"key", "default", "dtype"}
"""Keywords by which a harmless function would call, or make, anything."""
_LARGEST_POWER = 64
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the items found.

    Parameters
    ----------
    source
        The expression that was looked at, as it stands in the cell.
    told
        One line for people.
    problem
        True: ``told`` says why these cannot be the items.
    asks
        True: nothing was evaluated, somebody must ask for it.
    kept
        The value in a tuple where it must not be evaluated again; empty otherwise.
    """

    source: str
    told: str
    problem: bool = False
    asks: bool = False
    kept: tuple[Any, ...] = ()


def look(text: str, namespace: Mapping[str, Any], targets: Sequence[str], *, asked: bool = False) -> Look:
    """Look at the items of an expression; never raises.

    Parameters
    ----------
    targets
        Names for the values of an item.
    asked
        Somebody wants it evaluated, whatever it does.
    """
    source = text.strip()
    try:
        with warnings.catch_warnings(action="ignore"):  # half-typed source is full of them
            source = as_iterable(text)
            reason = "" if asked else effect(expression(text), namespace)
            if reason:
                return Look(source, f"not looked at yet: {reason}", asks=True)
            value = _evaluated(source, namespace, targets[0])
            told = _told(value, targets)
    except BaseException as error:  # code of the user's; nothing may get into the kernel's loop
        return Look(source, in_one_line(error), problem=True)
    return Look(source, told.text, told.problem, kept=(value,) if asked else ())


def in_one_line(error: BaseException) -> str:
    """Return what an error says without the source lines that it shows."""
    if not isinstance(error, UsageError):
        return one_line(f"{type(error).__name__}: {_message(error)}".removesuffix(": "), 300)
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    first, *others = str(text).split("\n")
    first = first.removeprefix("line 1: ")
    return one_line(". ".join([first, *others[-1:]]) if others else first, 400)


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as other:
        return f"its message raised {type(other).__name__}"


def _evaluated(source: str, namespace: Mapping[str, Any], target: str) -> Any:
    clause = f"for {target} in {source}"
    header = Source("<items>", clause)
    return evaluate_items(header, parse_clause(header, clause, 1), namespace, 0).items


@dataclass(frozen=True, slots=True)
class _Told:
    text: str
    problem: bool = False


def _told(value: Any, targets: Sequence[str]) -> _Told:
    if isinstance(value, Iterator):
        kind = one_line(type(value).__name__, 40)
        return _Told(f"a {kind}: its items are drawn once, while the run goes; how many is not known yet")
    length = len(value) if isinstance(value, Sized) else None
    if length is None or not (isinstance(value, Collection) or hasattr(value, "shape")):
        number = "a number of items that is not known yet" if length is None else plural(length, "item")
        return _Told(f"{number}, of a {one_line(type(value).__name__, 40)}")
    first = list(itertools.islice(value, SHOWN))
    if len(first) < min(length, SHOWN):
        return _Told(f"{plural(len(first), 'item')} ({_listed(first)}), though its length says {length:,}")
    if not length:
        return _Told("no items: the run would end at once")
    misfit = _misfit(first[0], targets)
    if misfit:
        return _Told(misfit, problem=True)
    return _Told(f"{plural(length, 'item')}: {_listed(first)}{', …' if length > SHOWN else ''}")


def _listed(items: Iterable[Any]) -> str:
    return ", ".join(one_line(brief(item), 60) for item in items)


def _misfit(item: Any, targets: Sequence[str]) -> str:
    """Say that an item has not one value for each target; nothing where that cannot be known."""
    wanted = len(targets)
    if wanted < 2 or isinstance(item, Iterator):
        return ""
    if isinstance(item, Sized) and isinstance(item, Iterable):
        found = len(item)
        have = "" if found == wanted else f"has {plural(found, 'value')}"
    else:
        have = "" if isinstance(item, Iterable) else "is a single value"
    if not have:
        return ""
    return (
        f"each item must have {wanted} values ({', '.join(targets)}), but the first one {have}: {brief(item)}"
    )


# What an expression would do ---------------------------------------------------------------------


def effect(tree: ast.expr, namespace: Mapping[str, Any]) -> str:
    """Return what evaluating an expression may change, empty when it plainly changes nothing."""
    if isinstance(tree, ast.Name):
        return ""
    return next(filter(None, (_Effects(tree, namespace).of(node) for node in ast.walk(tree))), "")


class _Effects:
    """Judges the parts of one expression."""

    def __init__(self, tree: ast.expr, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace
        nodes = list(ast.walk(tree))
        self._bound = {node.id for node in nodes if isinstance(node, ast.Name) and not _loads(node)}
        self._bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
        self._called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
        self._bases = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
        self._calls = bool(self._called)

    def of(self, node: ast.AST) -> str:
        match node:
            case ast.Call():
                return self._of_call(node)
            case ast.Name() if _loads(node):
                return self._of_name(node)
            case ast.Attribute() if id(node) not in self._called:
                return self._of_attribute(node)
            case ast.BinOp(op=ast.Pow() | ast.LShift(), right=right):
                small = isinstance(right, ast.Constant) and isinstance(right.value, int | float)
                small = small and abs(right.value) <= _LARGEST_POWER  # type: ignore[attr-defined]
                return "" if small else "it may compute a very large number"
            case _:
                return ""

    def _of_call(self, node: ast.Call) -> str:
        calls = f"it calls {one_line(ast.unparse(node.func), 60)}"
        if any(word.arg in _CALLING or word.arg is None for word in node.keywords):
            return calls
        match node.func:
            case ast.Name(id=name) if name not in self._bound:
                return "" if self._is_harmless(self._value(name)) else calls
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if name not in self._bound:
                return "" if self._reads(self._value(name), attr) else calls
            case ast.Attribute(value=ast.Constant(value=str()), attr=attr):
                return "" if attr in _READING else calls
            case _:
                return calls

    def _of_name(self, node: ast.Name) -> str:
        if node.id in self._bound or id(node) in self._called:
            return ""
        value = self._value(node.id)
        if isinstance(value, Iterator):
            return f"{node.id} can be read only once"
        module = isinstance(value, ModuleType) and id(node) in self._bases
        if module or self._is_harmless(value) or not callable(value):
            return ""
        return f"it uses the function {node.id}"

    def _of_attribute(self, node: ast.Attribute) -> str:
        """A method that is handed on could be called; a value that is read could not."""
        constant = isinstance(node.value, ast.Name) and isinstance(self._value(node.value.id), ModuleType)
        return "" if constant or not self._calls else f"it uses {one_line(ast.unparse(node), 60)}"

    def _value(self, name: str) -> Any:
        return self._namespace.get(name, getattr(builtins, name, None))

    @staticmethod
    def _is_harmless(value: Any) -> bool:
        # Looked up by identity: a value of the user's may be unhashable, or equal to anything.
        return any(value is one for one in _HARMLESS)

    @staticmethod
    def _reads(value: Any, attribute: str) -> bool:
        if type(value) is ModuleType:
            return attribute in _MAKERS.get(value.__name__, "").split()
        home = type(value).__module__.partition(".")[0]
        return attribute in _READING and home in ("builtins", "collections", "numpy", "pandas")


def _loads(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Load)
