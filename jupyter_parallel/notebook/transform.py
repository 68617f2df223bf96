r"""What the extension does to the text of a cell before Python sees it.

Two transformers, because IPython's own handling of magics knows only lines:

``ParallelExpression`` makes ``%parallel [options] <comprehension>`` an expression. It becomes::

    get_ipython().parallel_line(
        options, kind, element, outer, targets, text, tuples=..., awaits=..., values=...
    )

- ``options``: the option text. ``kind``: ``"list"``, ``"set"``, ``"dict"`` or ``"run"``.
- ``element``: a lambda of the targets; for a dict it gives ``(key, value)``.
- ``outer``: the outermost iterable, evaluated in place.
- ``targets``: a tuple of names. ``text``: source of the comprehension, from the line of ``element`` on.
- ``tuples``: only when the items are not ``outer`` itself; turns ``outer`` into a lazy iterator of items.
- ``awaits``: only when the element awaits; ``element`` then returns an asynchronous generator of one value.
- ``values``: only when options hold expressions; maps the text of each to a lambda that evaluates it
  where the line stands. ``parse(options, evaluate=lambda text: values[text](), form="line")``.

``clause.program_of_line(element, outer, targets, text, tuples=..., awaits=...)`` makes the program.
Every piece stays on its line, so tracebacks keep their line numbers. Text that is no comprehension
becomes ``get_ipython().run_line_magic("parallel", text)``, which explains it when the code runs.

``parallel_cell`` accepts comments above ``%%parallel``, headers over several lines, and an empty
body. The cell becomes ``get_ipython().run_cell_magic("parallel", header, body)``. The header keeps its
newlines, one for each line above included, so the body begins at line ``header.count("\n") + 2`` of the
cell. An empty body is passed as one newline: IPython refuses to call a cell magic without a body.
"""

from __future__ import annotations

import ast
import keyword
import re
import tokenize
from collections.abc import Sequence
from typing import Any

from IPython.core.inputtransformer2 import TokenTransformBase, make_tokens_by_line

from .body import awaits
from .header import Comprehension, is_plain, refuse_comprehension, target_names
from .mistakes import explain_line as explain_line
from .mistakes import late_options
from .options import expressions, split
from .refusals import Source
from .words import bracket_end, enclosing_end, logical_end, words

Tokens = Sequence[tokenize.TokenInfo]

MAGIC = "%parallel"
_HEADER = re.compile(r"(?P<above>(?:[ \t]*(?:#[^\n]*)?\r?\n)*)[ \t]*%%parallel(?=[\s\[({]|$)")
_NO_TOKENS = {tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT}
_KINDS = {ast.ListComp: "list", ast.SetComp: "set", ast.DictComp: "dict", ast.GeneratorExp: "run"}


class ParallelExpression(TokenTransformBase):
    """Turns the first ``%parallel`` of a cell, and those inside its brackets, into a call."""

    priority = 1  # before IPython's own assignment and line magics, which begin at the same place

    def __init__(self, start: tuple[int, int], enclosed: bool) -> None:
        super().__init__(start)  # type: ignore[no-untyped-call]
        self.enclosed = enclosed

    @classmethod
    def find(cls, tokens_by_line: Sequence[Tokens]) -> ParallelExpression | None:
        for line in tokens_by_line:
            for position, token in enumerate(line):
                if _begins(line, position):
                    return cls(token.start, _depth(line[:position]) > 0)
        return None

    def transform(self, lines: list[str]) -> list[str]:
        text = "".join(lines)
        start = sum(map(len, lines[: self.start_line])) + self.start_col
        return _replaced(text, start, self.enclosed).splitlines(keepends=True)


def _begins(line: Tokens, position: int) -> bool:
    """Whether ``%parallel`` begins at a token where Python expects an operand; elsewhere ``%`` is modulo."""
    here = line[position]
    following = line[position + 1] if position + 1 < len(line) else here
    if (here.string, following.string, following.start) != ("%", "parallel", here.end):
        return False
    if here.line[following.end[1] : following.end[1] + 1].strip(" \t\r\n\\[({"):
        return False  # `%parallel?`
    before = [token for token in line[:position] if token.type not in _NO_TOKENS]
    return not before or _expects_operand(before[-1])


def _expects_operand(token: tokenize.TokenInfo) -> bool:
    if token.type == tokenize.NAME:
        return keyword.iskeyword(token.string) and token.string not in ("None", "True", "False")
    return token.type == tokenize.OP and token.string not in (")", "]", "}", "...")


def _depth(tokens: Tokens) -> int:
    opened = sum(token.string in ("(", "[", "{") for token in tokens if token.type == tokenize.OP)
    return opened - sum(token.string in (")", "]", "}") for token in tokens if token.type == tokenize.OP)


def rewrite(text: str) -> str:
    """Return source in which each ``%parallel`` expression is a call."""
    while True:
        lines = text.splitlines(keepends=True)
        found = ParallelExpression.find(make_tokens_by_line(lines))
        if found is None:
            return text
        text = "".join(found.transform(lines))


def _replaced(text: str, start: int, enclosed: bool) -> str:
    after = start + len(MAGIC)
    stop = enclosing_end(text, after) if enclosed else logical_end(text, after)[0]
    options, clause = split(text[after:stop])
    begin = after + len(options)
    end = bracket_end(text[:stop], begin) if clause[:1] in ("(", "[", "{") and clause else -1
    if end > 0 and late_options(text[begin:stop]) is None:
        call = _call(options, rewrite(text[begin:end]))
        if call is not None:
            return text[:start] + call + text[end:]
        stop = end
    typed = text[after:stop]
    newlines = "\n" * typed.count("\n")
    return f"{text[:start]}get_ipython().run_line_magic('parallel', {typed.strip()!r}{newlines}){text[stop:]}"


def _call(options: str, bracket: str) -> str | None:
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
    element = f"({pieces.element} for _ in (None,))" if pieces.awaits else pieces.element
    arguments = [
        f"{' '.join(word.text for word in words(options))!r}",
        f"{_KINDS[type(tree)]!r}",
        "\n" * options.count("\n") + f"lambda {parameters}: {element}",
        "\n" * pieces.target.count("\n") + f"({pieces.outer})",
        f"{targets!r}",
        f"{bracket!r}",
    ]
    if is_plain(tree):
        closing = "\n" * pieces.rest.count("\n")
    else:
        drawn = f"for {ast.unparse(tree.generators[0].target)} in _outer {pieces.rest}"
        item = f"({parameters})" if len(targets) > 1 else parameters
        arguments.append(f"tuples=lambda _outer: ({item} {drawn})")
        closing = ""
    if pieces.awaits:
        arguments.append("awaits=True")
    values = ", ".join(f"{text!r}: lambda: ({text})" for text in expressions(options) if _is_expression(text))
    if values:
        arguments.append(f"values={{{values}}}")
    return f"get_ipython().parallel_line({', '.join(arguments)}{closing})"


def _is_expression(text: str) -> bool:
    try:
        ast.parse(text, mode="eval")
    except (SyntaxError, ValueError):
        return False
    return "\n" not in text


class _Pieces:
    """The source of a comprehension, cut at its own keywords: ``[element for target in outer rest]``."""

    def __init__(self, element: str, target: str, outer: str, rest: str, awaits: bool) -> None:
        self.element, self.target, self.outer, self.rest, self.awaits = element, target, outer, rest, awaits

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
    lines = bracket.splitlines(keepends=True)
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
    lines = bracket.splitlines(keepends=True)
    row = lines[tree.value.lineno - 1].encode()[: tree.value.col_offset].decode()
    value = sum(map(len, lines[: tree.value.lineno - 1])) + len(row)
    colon = max(start for start, word in own if word == ":" and start < value)
    return f"(({bracket[1:colon]}), ({bracket[colon + 1 : loop]}))"


def parallel_cell(lines: list[str]) -> list[str]:
    """Turn a cell that begins with ``%%parallel`` into the call of its magic; other cells pass."""
    text = "".join(lines)
    begin = _HEADER.match(text)
    if begin is None:
        return lines
    end, unclosed = logical_end(text, begin.end())
    if unclosed:  # say so about the header, and not about a body that was swallowed
        end = _unclosed_end(text, begin.end())
    header = "\n" * begin["above"].count("\n") + text[begin.end() : end]
    body = text[end + 1 :] or "\n"
    return [f"get_ipython().run_cell_magic('parallel', {header!r}, {body!r})\n"]


# `check_complete` would otherwise see a finished call, and a terminal would run the cell at its first line.
parallel_cell.has_side_effects = True  # type: ignore[attr-defined]


def _unclosed_end(text: str, start: int) -> int:
    """Return the end of the header's lines when brackets do not count."""
    match = re.compile(r"(?:[^\n\\]|\\[ \t]*\r?\n|\\)*").match(text, start)
    return match.end() if match else len(text)


def install(shell: Any) -> None:
    """Add both transformers to a shell; nothing happens when they are there."""
    uninstall(shell)
    manager = shell.input_transformer_manager
    manager.token_transformers.insert(0, ParallelExpression)
    manager.cleanup_transforms.insert(0, parallel_cell)


def uninstall(shell: Any) -> None:
    """Take both transformers out, also those of an older import of this module."""
    manager = shell.input_transformer_manager
    for row, ours in (
        (manager.token_transformers, ParallelExpression),
        (manager.cleanup_transforms, parallel_cell),
    ):
        row[:] = [one for one in row if not _is_same(one, ours)]


def _is_same(one: Any, ours: Any) -> bool:
    place = (getattr(one, "__module__", None), getattr(one, "__qualname__", None))
    return place == (ours.__module__, ours.__qualname__)
