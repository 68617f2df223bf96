"""What a body cannot do in a worker, refused at its line with what to write instead."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from ..errors import BodySyntaxError, UsageError
from .scopes import SCOPES, own_nodes, stored
from .words import lines_of


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a cell whose lines count as the cell's lines do."""

    filename: str
    text: str

    def line(self, number: int) -> str:
        lines = self.text.split("\n")
        return lines[number - 1] if 0 < number <= len(lines) else ""

    def point(self, number: int, column: int = 0, end: int | None = None) -> str:
        """Return a line of the cell with marks under a part of it; columns count UTF-8 bytes."""
        raw = self.line(number).encode()
        shown = raw.decode().strip()
        skipped = len(raw.decode()) - len(raw.decode().lstrip())
        start = max(len(raw[:column].decode(errors="replace")) - skipped, 0)
        stop = len(raw[:end].decode(errors="replace")) - skipped if end else start + 1
        return f"    {shown}\n    {' ' * start}{'^' * max(min(stop, len(shown)) - start, 1)}"

    def refuse(self, node: ast.AST, cause: str, remedy: str) -> NoReturn:
        """Raise a ``UsageError`` that shows where it is, why, and what to write instead."""
        place: Any = node
        end = place.end_col_offset if place.end_lineno == place.lineno else None
        shown = self.point(place.lineno, place.col_offset, end)
        raise UsageError(f"line {place.lineno}: {cause}\n{shown}\n{remedy}")

    def syntax_error(self, error: SyntaxError | ValueError, shift: int = 0) -> BodySyntaxError:
        """Return Python's own complaint, with the line as the cell counts it."""
        if not isinstance(error, SyntaxError):  # null bytes
            return BodySyntaxError(str(error), (self.filename, 1, 1, self.line(1)))
        number = min((error.lineno or 1) + shift, self.text.count("\n") + 1)
        end = (error.end_lineno or 0) + shift if error.end_lineno else None
        text = self.line(number) + "\n"
        return BodySyntaxError(error.msg, (self.filename, number, error.offset, text, end, error.end_offset))


def refuse_notebook_lines(source: Source, body: str, first_line: int) -> None:
    """Refuse ``!shell``, ``%magic`` and ``help?`` where a statement begins."""
    for number, text in _statement_lines(body):
        line, shown = first_line + number - 1, source.point(first_line + number - 1)
        if shell := re.match(r"(?P<target>[\w., ]+=\s*)?!{1,2}(?P<command>.*)", text):
            raise UsageError(f"line {line}: workers have no notebook shell\n{shown}\n{_subprocess(shell)}")
        if magic := re.match(r"([\w., ]+=\s*)?%{1,2}(?P<name>\w+)", text):
            cause = "magics work in the notebook, not in workers"
            raise UsageError(f"line {line}: {cause}\n{shown}\n{_instead(magic['name'])}")
        if re.fullmatch(r"\?{1,2}[\w.*]+|[\w.*]+\?{1,2}", text):
            raise UsageError(f"line {line}: help belongs to a cell of its own\n{shown}\nTake the line out.")


def _statement_lines(body: str) -> Iterator[tuple[int, str]]:
    """Yield the number and text of each line at which a statement begins."""
    lines = body.split("\n")
    begins = True
    try:
        for token in tokenize.generate_tokens(iter(lines_of(body)).__next__):
            if token.type in (tokenize.INDENT, tokenize.DEDENT, tokenize.NL, tokenize.COMMENT):
                continue
            if begins and token.type != tokenize.ENDMARKER and token.string.strip():
                yield token.start[0], lines[token.start[0] - 1].strip()
                begins = False
            begins = begins or token.type == tokenize.NEWLINE
    except (tokenize.TokenError, SyntaxError):
        return


def _instead(magic: str) -> str:
    if magic == "parallel":
        return "Items already run in parallel: take `%parallel` out, or loop over both in the header."
    return "Move it to a cell above, or write the Python it stands for."


def _subprocess(shell: re.Match[str]) -> str:
    command = f"subprocess.run({shell['command'].strip()!r}, shell=True, check=True"
    if shell["target"]:
        value = f"{shell['target']}{command}, capture_output=True, text=True).stdout.splitlines()"
        return f"Write: import subprocess; {value}"
    return f"Write: import subprocess; {command})"


def refuse_statements(source: Source, statements: Sequence[ast.stmt], known: Mapping[str, Any]) -> None:
    """Refuse what parses but cannot mean in a worker what it means in a cell."""
    for node in _loop_leavers(statements):
        word = type(node).__name__.lower()
        remedy = (
            "Write `return` to end this item here (its value is then None)."
            if word == "continue"
            else "Items run independently: choose them with `if` in the header, or `return` to end this one."
        )
        source.refuse(node, f"`{word}` has no loop around it: the body is one iteration", remedy)
    for node in own_nodes(statements):
        if isinstance(node, ast.Yield | ast.YieldFrom):
            source.refuse(
                node,
                "`yield` cannot be: an item has one value",
                "Collect the values in a list and make it the last line.",
            )
    _refuse_declarations(source, statements, [])
    _refuse_calls(source, statements, known)


def _loop_leavers(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield each ``continue`` and ``break`` that belongs to no loop of the body's own."""
    for node in nodes:
        if isinstance(node, ast.Continue | ast.Break):
            yield node
        elif isinstance(node, ast.For | ast.AsyncFor | ast.While):
            yield from _loop_leavers(node.orelse)
        elif not isinstance(node, SCOPES):
            yield from _loop_leavers(ast.iter_child_nodes(node))


def _refuse_declarations(source: Source, nodes: Iterable[ast.AST], around: list[set[str]]) -> None:
    for node in nodes:
        if isinstance(node, ast.Global):
            source.refuse(
                node,
                f"`global {', '.join(node.names)}`: names never go back to the notebook",
                "Make the value part of the last line; a name that is only read needs no `global`.",
            )
        if isinstance(node, ast.Nonlocal) and not all(
            any(name in own for own in around) for name in node.names
        ):
            source.refuse(
                node,
                f"`nonlocal {', '.join(node.names)}`: the body is not a function around it",
                "Pass the value as an argument and return it.",
            )
        inner = around
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
            inner = [*around, arguments | _without_nonlocal(node.body)]
        _refuse_declarations(source, ast.iter_child_nodes(node), inner)


def _without_nonlocal(statements: Sequence[ast.stmt]) -> set[str]:
    declared = {
        name for node in own_nodes(statements) if isinstance(node, ast.Nonlocal) for name in node.names
    }
    return stored(statements) - declared


_CALLS: dict[str, tuple[str, str]] = {
    "get_ipython": (
        "there is no IPython in a worker",
        "Ask it in a cell above and use the value here.",
    ),
    "input": (
        "nobody can answer a worker",
        "Ask in a cell above and use the answer here.",
    ),
    "exit": ("a body cannot end the notebook", "Write `return` to end this item, or raise an error."),
    "quit": ("a body cannot end the notebook", "Write `return` to end this item, or raise an error."),
}


def _refuse_calls(source: Source, statements: Sequence[ast.stmt], known: Mapping[str, Any]) -> None:
    own = stored(statements)
    for node in (inner for statement in statements for inner in ast.walk(statement)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        name = node.func.id
        if name in _CALLS and name not in own and not _is_users(name, known):
            source.refuse(node, f"`{name}()`: {_CALLS[name][0]}", _CALLS[name][1])


def _is_users(name: str, known: Mapping[str, Any]) -> bool:
    """Whether the notebook gave the name a meaning of its own; IPython has put some there itself."""
    kind = type(known.get(name))
    return name in known and not kind.__module__.startswith("IPython") and name != "get_ipython"
