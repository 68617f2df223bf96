"""Where the names of a body come from: the notebook, the builtins, or nowhere."""

from __future__ import annotations

import ast
import builtins
import difflib
import dis
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import CodeType
from typing import Any

from ..errors import UndefinedName
from .flow import catches_name_errors
from .refusals import Source

_READS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}
PROVIDED = frozenset({"__name__", "__builtins__", "__debug__"})
"""Names that every body has anyway."""


def global_names(code: CodeType) -> dict[str, None]:
    """Return the global names a code object and all code inside it read, in order of appearance."""
    return dict.fromkeys(name for name in _reads(code) if name not in PROVIDED)


def _reads(code: CodeType) -> Iterator[str]:
    bound = set()  # a class body has read-what-was-bound names of its own
    for instruction in dis.get_instructions(code):
        if instruction.opname == "STORE_NAME":
            bound.add(instruction.argval)
        elif instruction.opname in _READS and instruction.argval not in bound:
            yield instruction.argval
        elif isinstance(instruction.argval, CodeType):
            yield from _reads(instruction.argval)


def take(names: Iterable[str], namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the notebook knows under the names, and builtins that workers do not have themselves."""
    taken = {}
    for name in names:
        if name in namespace and not _is_ipythons(name, namespace[name]):
            taken[name] = namespace[name]
        elif hasattr(builtins, name) and _is_foreign(getattr(builtins, name)):
            taken[name] = getattr(builtins, name)
    return taken


def _is_foreign(builtin: Any) -> bool:
    """Whether a package put it among the builtins: IPython does so with ``display``."""
    module = getattr(builtin, "__module__", None) or "builtins"
    return module.partition(".")[0] not in sys.stdlib_module_names


def _is_ipythons(name: str, value: Any) -> bool:
    """Whether it is IPython's stand-in for a builtin, such as its ``open``: workers have the builtin."""
    home = getattr(value, "__globals__", {}).get("__name__", "")
    return hasattr(builtins, name) and home.partition(".")[0] == "IPython"


def exists(name: str, namespace: Mapping[str, Any]) -> bool:
    return name in PROVIDED or name in namespace or hasattr(builtins, name)


def refuse_undefined(
    source: Source, missing: Sequence[str], trees: Sequence[ast.AST], known: Iterable[str], note: str = ""
) -> None:
    """Raise ``UndefinedName`` for the first missing name that is not read just to see whether it exists.

    Parameters
    ----------
    known
        Names that could have been meant.
    note
        A further reason why a name may be missing.
    """
    forgiven = set(map(id, _tried(trees)))
    for node in sorted(_loads(trees), key=lambda name: (name.lineno, name.col_offset)):
        if node.id in missing and id(node) not in forgiven:
            raise UndefinedName(_undefined(source, node, known) + note)


def _loads(trees: Iterable[ast.AST]) -> Iterator[ast.Name]:
    for tree in trees:
        yield from (node for node in ast.walk(tree) if isinstance(node, ast.Name))


def _tried(trees: Iterable[ast.AST]) -> Iterator[ast.Name]:
    """Yield the names inside a ``try`` that expects them to be missing."""
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Try) and catches_name_errors(node):
                yield from _loads(node.body)


def _undefined(source: Source, node: ast.Name, known: Iterable[str]) -> str:
    close = _close_names(node.id, known)
    meant = (
        f"Did you mean {' or '.join(f'`{name}`' for name in close)}?"
        if close
        else ("Define it in the notebook, or assign it before it is read.")
    )
    shown = source.point(node.lineno, node.col_offset, node.end_col_offset)
    return f"line {node.lineno}: the name `{node.id}` is not defined\n{shown}\n{meant}"


def _close_names(name: str, known: Iterable[str]) -> list[str]:
    """Return names that may have been meant: the notebook's first, builtins only when very close."""
    public = sorted(other for other in known if not other.startswith("_") and other != name)
    close = difflib.get_close_matches(name, public, 2, 0.7)
    return close or difflib.get_close_matches(name, dir(builtins), 1, 0.8)


def named_in_text(nodes: Iterable[ast.AST]) -> set[str]:
    """Return names that only a text mentions: in ``eval("...")``, or as ``@name`` in a frame's ``query``."""
    names: set[str] = set()
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        match node:
            case ast.Call(func=ast.Name(id="eval" | "exec"), args=[ast.Constant(value=str(text)), *_]):
                names |= _names_of_source(text)
    return names | named_in_queries(nodes)


def named_in_queries(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names that texts for a frame's ``query`` and ``eval`` mention as ``@name``."""
    names: set[str] = set()
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="query" | "eval"), args=[ast.Constant(value=str(text)), *_]
            ):
                names |= set(re.findall(r"@([^\W\d]\w*)", text))
    return names


def _names_of_source(text: str) -> set[str]:
    try:
        return {node.id for node in _loads([ast.parse(text.strip())])}
    except (SyntaxError, ValueError):
        return set()
