"""The cell that does what the control panel says: written from the form, read by the magic's own rules."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

from .. import launch
from ..errors import UsageError
from ..session import session
from .option_table import BY_FLAG, TABLE, Evaluate, Option
from .options import parse
from .panel_functions import Callee
from .words import without_comments

_PLAIN = re.compile(r"[A-Za-z0-9_.%+/][A-Za-z0-9_.%+/-]*|-[0-9]+")
_CLAUSE_WORDS = ("for", "async")
BACKGROUND = "--bg"


@dataclass(frozen=True, slots=True)
class Cell:
    """A parallel cell: what stands behind ``%%parallel``, and its body."""

    line: str
    body: str

    @property
    def text(self) -> str:
        return f"%%parallel {self.line}\n{self.body}"


def write(callee: Callee, items: str, given: Mapping[str, str]) -> Cell:
    """Return the cell that calls a function for each item in the background.

    Parameters
    ----------
    items
        Expression of the items, as typed.
    given
        What was typed for each option, by long flag; empty where nothing was.
    """
    header = f"for {', '.join(callee.targets)} in {as_iterable(items)}"
    return Cell(f"{option_line(given)} {header}", callee.call)


def option_line(given: Mapping[str, str]) -> str:
    """Return the options as one types them, and that the run goes on in the background."""
    typed = [_written(option, given[option.long]) for option in TABLE if given.get(option.long, "").strip()]
    return " ".join([*typed, BACKGROUND])


def _written(option: Option, text: str) -> str:
    return f"{option.short or option.long} {quoted(one_line(text))}"


def one_line(text: str) -> str:
    """Return typed text without blanks around it and without line ends, which a header has no place for."""
    return re.sub(r"[\r\n]+", " ", text.strip())


def quoted(text: str) -> str:
    """Return text as one word of an option line."""
    if _PLAIN.fullmatch(text) and text not in _CLAUSE_WORDS:
        return text
    escaped = re.sub(r"([\\'])", r"\\\1", text)
    return f"'{escaped}'"


def as_iterable(text: str) -> str:
    """Return an expression so that it can stand behind ``in`` of a header.

    Raises
    ------
    UsageError
        The text is not one Python expression.
    """
    tree = expression(text)
    plain = text.strip()
    if "\n" in plain or "\r" in plain or without_comments(plain) != plain or "\\" in plain.replace(r"\\", ""):
        plain = ast.unparse(tree)
    try:
        with warnings.catch_warnings(action="ignore"):
            ast.parse(f"[None for _ in {plain}]", mode="eval")
    except (SyntaxError, ValueError):
        return f"({plain})"  # a condition, a lambda, a tuple without brackets
    return plain


def expression(text: str) -> ast.expr:
    """Return the tree of an expression.

    Raises
    ------
    UsageError
        The text is not one Python expression.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # half-typed source is full of them
            return ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        problem = error.msg
    except (ValueError, MemoryError, RecursionError) as error:  # null bytes, lone surrogates, deep nesting
        problem = str(error) or type(error).__name__
    raise UsageError(f"not a Python expression: {problem}")


def field_problem(long: str, text: str, evaluate: Evaluate) -> str:
    """Return what the magic says about the value of one option, empty when it takes it."""
    option = BY_FLAG[long]
    if not text.strip() or option.convert is None:
        return ""
    try:
        option.convert(option.short or long, one_line(text), evaluate)
    except UsageError as error:
        return str(error)
    return launch.how_to_install(text) if option.keyword == "backend" else ""


def line_problem(line: str, evaluate: Evaluate) -> str:
    """Return what the magic says about all options together, empty when it takes them."""
    try:
        parsed = parse(line, evaluate=evaluate, form="cell")
        launch.refuse_background(session.options.updated(parsed.keywords))
    except UsageError as error:
        return str(error)
    return ""


def field_of(message: str) -> str:
    """Return the long flag of the option that a message of the magic or of ``Options`` begins with."""
    word = re.match(r"-{0,2}[\w-]*", message)
    known = {option.keyword: option for option in TABLE if option.keyword} | BY_FLAG
    option = known.get(word.group()) if word and word.group() else None
    return option.long if option else ""
