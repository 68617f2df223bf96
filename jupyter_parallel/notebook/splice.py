"""The call that a comprehension line becomes: its own source, cut at its keywords and put together again.

Element, items and conditions stay on their lines and are not unparsed, so that tracebacks point at
what was typed.
"""

from __future__ import annotations

import ast
import tokenize
from dataclasses import dataclass

from IPython.core.inputtransformer2 import make_tokens_by_line

from .body import awaits
from .element import element_of
from .header import Comprehension, is_plain, refuse_comprehension, target_names
from .names import named_in_queries
from .options import expressions
from .refusals import Source
from .words import lines_of, words

_KINDS = {ast.ListComp: "list", ast.SetComp: "set", ast.DictComp: "dict", ast.GeneratorExp: "run"}


def call_of(options: str, bracket: str) -> str | None:
    """Return the call for a comprehension, or None for a text that is not one that can run."""
    try:
        tree = ast.parse(bracket, mode="eval").body
        if not isinstance(tree, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            return None
        refuse_comprehension(Source("<%parallel>", bracket), tree)
    except (SyntaxError, ValueError):  # a UsageError is a ValueError
        return None
    pieces = _Pieces.of(bracket, tree)
    return None if pieces is None else _written(options, bracket, tree, pieces)


def _written(options: str, bracket: str, tree: Comprehension, pieces: _Pieces) -> str:
    targets = target_names(tree)
    parameters = ", ".join(targets)
    # `query("a > @limit")` looks for `limit` in the frame, and nothing else in the code mentions it.
    spoken = sorted(named_in_queries(element_of(tree)) - set(targets))
    defaults = f", *, {', '.join(f'{name}={name}' for name in spoken)}" if spoken else ""
    element = f"({pieces.element} for _ in (None,))" if pieces.awaits else pieces.element
    arguments = [
        f"{' '.join(word.text for word in words(options))!r}",
        f"{_KINDS[type(tree)]!r}",
        "\n" * options.count("\n") + f"lambda {parameters}{defaults}: {element}",
        "\n" * pieces.target.count("\n") + f"({pieces.outer})",
        f"{targets!r}",
        f"{bracket!r}",
    ]
    if not is_plain(tree):
        drawn = f"for {ast.unparse(tree.generators[0].target)} in _outer {pieces.rest}"
        item = f"({parameters})" if len(targets) > 1 else parameters
        arguments.append(f"tuples=lambda _outer: ({item} {drawn})")
    if pieces.awaits:
        arguments.append("awaits=True")
    if isinstance(tree, ast.DictComp) and not pieces.awaits:
        arguments.append(f"key=lambda {parameters}{defaults}: ({ast.unparse(tree.key)})")
    values = ", ".join(f"{text!r}: lambda: ({text})" for text in expressions(options) if _is_expression(text))
    if values:
        arguments.append(f"values={{{values}}}")
    return f"__import__('jupyter_parallel').parallel_line({', '.join(arguments)})"


def _is_expression(text: str) -> bool:
    try:
        ast.parse(text, mode="eval")
    except (SyntaxError, ValueError):
        return False
    return "\n" not in text


@dataclass(frozen=True, slots=True)
class _Pieces:
    """The source of a comprehension, cut at its own keywords: ``[element for target in outer rest]``."""

    element: str
    target: str
    outer: str
    rest: str
    awaits: bool

    @classmethod
    def of(cls, bracket: str, tree: Comprehension) -> _Pieces | None:
        own = _own_tokens(bracket)
        loop = _next(own, ("for",), 0)
        inside = _next(own, ("in",), loop)
        if inside < 0:
            return None  # brackets around the comprehension's brackets
        ends = _next(own, ("for", "if"), inside)
        stop = ends if ends >= 0 else len(bracket) - 1
        parts = [tree.key, tree.value] if isinstance(tree, ast.DictComp) else [tree.elt]
        return cls(
            _element(bracket, own, tree, loop),
            bracket[loop:inside],
            bracket[inside + 2 : stop],
            bracket[stop:-1],
            awaits(parts),
        )


def _own_tokens(bracket: str) -> list[tuple[int, str]]:
    """Return position and text of each token that stands directly inside the outermost bracket."""
    lines = lines_of(bracket)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
    depth, own = 0, []
    for token in (token for line in make_tokens_by_line(lines) for token in line):
        if token.type == tokenize.OP and token.string in (")", "]", "}"):
            depth -= 1
        if depth == 1:
            own.append((starts[token.start[0] - 1] + token.start[1], token.string))
        if token.type == tokenize.OP and token.string in ("(", "[", "{"):
            depth += 1
    return own


def _next(own: list[tuple[int, str]], words: tuple[str, ...], after: int) -> int:
    return next((start for start, word in own if start >= after >= 0 and word in words), -1)


def _element(bracket: str, own: list[tuple[int, str]], tree: Comprehension, loop: int) -> str:
    if not isinstance(tree, ast.DictComp):
        return f"({bracket[1:loop]})"
    lines = lines_of(bracket)
    row = lines[tree.value.lineno - 1].encode()[: tree.value.col_offset].decode()
    value = sum(map(len, lines[: tree.value.lineno - 1])) + len(row)
    colon = max(start for start, word in own if word == ":" and start < value)
    # A comma for the colon: what follows keeps its column, too.
    return f"({bracket[1:colon]},{bracket[colon + 1 : loop]})"
