r"""What the extension does to the text of a cell before Python sees it.

Two transformers, because IPython's own handling of magics knows only lines:

``ParallelExpression`` makes ``%parallel [options] <comprehension>`` an expression. It becomes::

    __import__('jupyter_parallel').parallel_line(
        options, kind, element, outer, targets, text, tuples=..., awaits=..., key=..., values=...
    )

- ``options``: the option text. ``kind``: ``"list"``, ``"set"``, ``"dict"`` or ``"run"``.
- ``element``: a lambda of the targets; for a dict it gives ``(key, value)``.
- ``outer``: the outermost iterable, evaluated in place.
- ``targets``: a tuple of names. ``text``: source of the comprehension, from the line of ``element`` on.
- ``tuples``: only when the items are not ``outer`` itself; turns ``outer`` into a lazy iterator of items.
- ``awaits``: only when the element awaits; ``element`` then returns an asynchronous generator of one value.
- ``key``: only for a dict that does not await: a lambda of the targets that gives the key alone, for items
  whose value is the default.
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

import keyword
import re
import tokenize
from collections.abc import Sequence
from typing import Any

from IPython.core.inputtransformer2 import TokenTransformBase, make_tokens_by_line

from .mistakes import explain_line as explain_line
from .mistakes import is_comprehension, late_options
from .options import split
from .splice import call_of
from .words import CLOSING, bracket_end, enclosing_end, lines_of, logical_end, missing_closers, wrong_closer

Tokens = Sequence[tokenize.TokenInfo]

MAGIC = "%parallel"
_HEADER = re.compile(r"(?P<above>(?:[ \t]*(?:#[^\n]*)?\r?\n)*)[ \t]*%%parallel(?=[\s\[({]|$)")
_NO_TOKENS = {tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT}


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

    def offset(self, lines: list[str]) -> int:
        return _offset(lines, self.start_line + 1, self.start_col)

    def transform(self, lines: list[str]) -> list[str]:
        return _replaced("".join(lines), self.offset(lines), self.enclosed).splitlines(keepends=True)


def _offset(lines: list[str], number: int, column: int) -> int:
    return sum(map(len, lines[: number - 1])) + column


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


def _cell_magic(tokens_by_line: Sequence[Tokens]) -> tuple[int, int] | None:
    """Return where a statement begins with ``%%parallel``."""
    for line in tokens_by_line:
        first = next((token for token in line if token.type not in _NO_TOKENS), None)
        if first and first.string == "%" and _HEADER.match(first.line[first.start[1] :]):
            return first.start
    return None


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
        lines = lines_of(text)
        found = ParallelExpression.find(make_tokens_by_line(lines))
        if found is None:
            return text
        text = "".join(found.transform(lines))


def _replaced(text: str, start: int, enclosed: bool) -> str:
    after = start + len(MAGIC)
    stop = enclosing_end(text, after) if enclosed else logical_end(text, after)[0]
    options, clause = split(text[after:stop])
    begin = after + len(options)
    if is_open(text, begin):  # so that a terminal waits for the rest; `unfinished` answers when it is run
        return f"{text[:start]}get_ipython().run_line_magic({text[begin:]}"
    end = bracket_end(text[:stop], begin) if clause[:1] in CLOSING else -1
    if end < 0 and enclosed and clause[:1] in CLOSING:
        stop = wrong_closer(text, begin)
    elif end > 0 and late_options(clause) is None:
        call = call_of(options, rewrite(text[begin:end]))
        if call is not None:
            return text[:start] + call + text[end:]
        stop = stop if is_comprehension(f"[{clause}]") else end
    return _as_line_magic(text, start, after, stop)


def is_open(text: str, begin: int) -> bool:
    """Whether a bracket begins here that is not closed before the text ends."""
    return text[begin : begin + 1] in CLOSING and bracket_end(text, begin) < 0 > wrong_closer(text, begin)


def _as_line_magic(text: str, start: int, after: int, stop: int) -> str:
    typed = text[after:stop]
    newlines = "\n" * typed.count("\n")
    return f"{text[:start]}get_ipython().run_line_magic('parallel', {typed.strip()!r}{newlines}){text[stop:]}"


def parallel_cell(lines: list[str]) -> list[str]:
    """Turn a cell that begins with ``%%parallel`` into the call of its magic; other cells pass."""
    text = "".join(lines)
    begin = _HEADER.match(text)
    if begin is None:
        return lines
    end, unclosed = logical_end(text, begin.end())
    if unclosed:  # say so about the header, and not about a body that was swallowed
        end = _unclosed_end(text, begin.end())
    header = "\n" * begin["above"].count("\n") + text[begin.end() : end].removesuffix("\r")
    body = text[end + 1 :] or "\n"
    return [f"get_ipython().run_cell_magic('parallel', {header!r}, {body!r})\n"]


# `check_complete` would otherwise see a finished call, and a terminal would run the cell at its first line.
parallel_cell.has_side_effects = True  # type: ignore[attr-defined]


def bare_cell(lines: list[str]) -> list[str]:
    """Take comments above ``%%parallel`` away, for ``check_complete``: it looks at the first line only.

    When a cell is run, ``parallel_cell`` comes first and leaves nothing to do here.
    """
    begin = _HEADER.match("".join(lines))
    return lines[begin["above"].count("\n") :] if begin else lines


def unfinished(lines: list[str]) -> list[str]:
    """Turn what cannot be a cell into the line magic that explains it when it is run.

    That is a ``%%parallel`` below code, and a ``%parallel`` whose bracket is never closed: the rest of
    the cell goes with it. This is no part of ``ParallelExpression`` because a terminal asks that one
    whether a cell is complete, and this one only when the cell is run.
    """
    text = "".join(lines)
    if MAGIC not in text:
        return lines
    tokens_by_line = make_tokens_by_line(lines)
    if (misplaced := _cell_magic(tokens_by_line)) is not None:
        start = after = _offset(lines, *misplaced)
    elif (found := ParallelExpression.find(tokens_by_line)) is not None:
        start = found.offset(lines)
        after = start + len(MAGIC)
        if not is_open(text, after + len(split(text[after:])[0])):
            return lines
    else:
        return lines
    closers = missing_closers(text[:start])
    return lines_of(_as_line_magic(text, start, after, len(text)) + closers)


unfinished.has_side_effects = True  # type: ignore[attr-defined]


def _unclosed_end(text: str, start: int) -> int:
    """Return the end of the header's lines when brackets do not count."""
    match = re.compile(r"(?:[^\n\\]|\\[ \t]*\r?\n|\\)*").match(text, start)
    return match.end() if match else len(text)


def install(shell: Any) -> None:
    """Add our transformers to a shell; nothing happens when they are there."""
    uninstall(shell)
    manager = shell.input_transformer_manager
    manager.line_transforms.append(unfinished)
    manager.token_transformers.insert(0, ParallelExpression)
    manager.cleanup_transforms[:0] = [parallel_cell, bare_cell]


def uninstall(shell: Any) -> None:
    """Take our transformers out, also those of an older import of this module."""
    manager = shell.input_transformer_manager
    for row in (manager.token_transformers, manager.cleanup_transforms, manager.line_transforms):
        row[:] = [one for one in row if getattr(one, "__module__", None) != __name__]
