"""What newcomers type wrongly, answered with the corrected line to copy."""

from __future__ import annotations

import ast
import re
import textwrap

from ..errors import UsageError
from .header import parse_clause, refuse_comprehension
from .options import option_of, split
from .refusals import Source
from .scopes import COMPREHENSIONS
from .words import CLOSING, Word, bracket_end, missing_closers, without_comments, words


def explain_clause(clause: str, options: str, body: str) -> UsageError | None:
    """Return the error for the header of a cell that is not what it should be, or None."""
    if re.search(r"%parallel\b", clause) and not _is_clause(without_comments(clause).strip()):
        return UsageError("%parallel cannot stand in a header; compute the items in a cell above")
    late = late_options(clause)
    if late is not None:
        before, after = late
        return _corrected("options come before the clause", _cell(f"{options} {after}", before, body))
    text = without_comments(clause).strip()
    tree = _expression(text)
    if isinstance(tree, COMPREHENSIONS) and text[0] in CLOSING and bracket_end(text, 0) == len(text):
        return _corrected(
            "a comprehension is for a line; a cell has its body below",
            f"values = %parallel {_joined(options)}{text}",
        )
    if isinstance(_expression(f"[{text}]"), ast.ListComp):
        return _corrected(
            "an element before `for` is for a line; a cell has its body below",
            f"values = %parallel {_joined(options)}[{text}]",
        )
    loop = _loop(text)
    if loop is not None:
        return _corrected(
            "the body goes below the header",
            _cell(options, _clause_of(loop), f"{_source(loop.body)}\n{textwrap.dedent(body)}"),
        )
    if not text.startswith(("for", "async")) and _is_clause("for " + text):
        return _corrected("the header begins with `for`", _cell(options, "for " + text, body))
    if not text.startswith(("for", "async")):
        return _corrected(
            f"the header does not say what to loop over: {text}", _cell(options, "for x in items", body)
        )
    return None


def explain_missing_clause(options: str, body: str) -> UsageError:
    """Return the error for a cell whose header has no clause; its body may be the loop itself."""
    try:
        statements = ast.parse(textwrap.dedent(body)).body
    except (SyntaxError, ValueError):
        statements = []
    if len(statements) == 1 and isinstance(loop := statements[0], ast.For):
        header, inner = _unrolled(loop)
        return _corrected(
            "the loop goes into the header, its body stays below", _cell(options, header, inner)
        )
    return _corrected("the header does not say what to loop over", _cell(options, "for x in items", body))


def explain_line(text: str) -> UsageError:
    """Return the error for a ``%parallel`` line that is not ``[options]`` and a comprehension in brackets."""
    if text.startswith("%%parallel"):
        return UsageError("code stands above %%parallel, where only comments may; give it a cell of its own")
    try:
        return _explained(*split(text))
    except UsageError as error:
        return error


def _explained(options: str, clause: str) -> UsageError:
    clause = without_comments(clause).strip().rstrip(";").rstrip()
    start = f"values = %parallel {_joined(options)}"
    if not clause:
        return _corrected("there is nothing to compute", f"{start}[f(x) for x in items]")
    late = late_options(clause)
    if late is not None:
        return _corrected("options come before the brackets", f"{start}{_joined(late[1])}{late[0]}")
    inside = late_options(clause[1:-1]) if bracket_end(clause, 0) == len(clause) else None
    if inside is not None:
        closed = clause[0] + inside[0] + clause[-1]
        return _corrected("options come before the brackets", f"{start}{_joined(inside[1])}{closed}")
    comprehension = _meant(clause)
    if comprehension is not None:
        cause = _missing(clause)
        return _corrected(cause, start + comprehension)
    return _explain_expression(clause, start)


def _meant(clause: str) -> str | None:
    """Return the comprehension a clause was probably meant to be."""
    loop = _loop(clause)
    if loop is not None and len(loop.body) == 1 and isinstance(step := loop.body[0], ast.Expr):
        return f"[{ast.unparse(_appended(step.value))} {_clause_of(loop)}]"
    closed = clause + missing_closers(clause)
    if closed != clause and is_comprehension(closed):
        return closed
    bracketed = f"[{clause}]"
    if isinstance(_expression(bracketed), ast.ListComp):
        return bracketed
    return None


def _missing(clause: str) -> str:
    if _loop(clause) is not None:
        return "the line form is a comprehension in brackets"
    closers = missing_closers(clause)
    if closers:
        return f"the closing {closers} is missing"
    return (
        "the comprehension needs brackets, which say what comes back: [list], {set}, {key: value}, (live run)"
    )


def _explain_expression(clause: str, start: str) -> UsageError:
    source = Source("<%parallel>", clause)
    if clause.startswith(("for ", "async ")):
        if clause.startswith("async "):
            parse_clause(source, clause, 1)
        return _corrected("the line form is a comprehension in brackets", f"{start}[f(x) for x in items]")
    try:
        tree = ast.parse(clause, mode="eval").body
    except (SyntaxError, ValueError) as error:
        return source.syntax_error(error)
    if isinstance(tree, COMPREHENSIONS):
        refuse_comprehension(source, tree)
        if is_comprehension(clause[1:-1]):
            return _corrected("one pair of brackets is enough", start + clause[1:-1].strip())
        return UsageError(
            f"%parallel {clause} cannot stand here; give it a line of its own, "
            "and %load_ext jupyter_parallel into a cell of its own above"
        )
    return _corrected(f"{clause} is not a comprehension", f"{start}[f(x) for x in items]")


# Options behind the clause


def late_options(clause: str) -> tuple[str, str] | None:
    """Return clause and options apart when the options stand behind, else None.

    ``xs -b`` may be a subtraction: a short option counts only where the text is not Python otherwise.
    """
    found = list(words(clause))
    for position, word in enumerate(found[1:], 1):
        if option_of(word.text) is not None and _all_options(found[position:]):
            before = clause[: word.start].rstrip().removesuffix(":").rstrip()
            whole = without_comments(clause).strip()
            if word.text.startswith("--") or not (_is_clause(whole) or _expression(whole)):
                return before.strip(), " ".join(option.text for option in found[position:])
    return None


def _all_options(rest: list[Word]) -> bool:
    pending = False
    for word in rest:
        option = option_of(word.text)
        if pending:
            pending = False
        elif option is None:
            return False
        else:
            pending = bool(option.metavar) and word.text in option.flags
    return True


# Reading and writing pieces


def _corrected(cause: str, line: str) -> UsageError:
    shown = textwrap.indent(line.strip("\n"), "    ")
    return UsageError(f"{cause}; write\n{shown}")


def _joined(options: str) -> str:
    text = " ".join(word.text for word in words(options))
    return f"{text} " if text else ""


def _cell(options: str, clause: str, body: str) -> str:
    lines = textwrap.dedent(body).strip("\n").split("\n")
    shown = "\n".join(lines if len(lines) <= 12 else [*lines[:12], "..."])
    return f"%%parallel {_joined(options)}{clause}\n{shown}"


def is_comprehension(text: str) -> bool:
    return isinstance(_expression(text), COMPREHENSIONS)


def _expression(text: str) -> ast.expr | None:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return None


def _is_clause(text: str) -> bool:
    return isinstance(_expression(f"[None {text.removesuffix(':')}]"), ast.ListComp)


def _loop(text: str) -> ast.For | None:
    """Return the ``for`` statement that a text is, when its body stands on the same line."""
    try:
        statements = ast.parse(text.strip()).body
    except (SyntaxError, ValueError):
        return None
    return statements[0] if statements and isinstance(statements[0], ast.For) else None


def _clause_of(loop: ast.For) -> str:
    target = ast.unparse(loop.target)
    if isinstance(loop.target, ast.Tuple):
        target = target.removeprefix("(").removesuffix(")")
    return f"for {target} in {ast.unparse(loop.iter)}"


def _unrolled(loop: ast.For) -> tuple[str, str]:
    """Return header and body of a loop; loops and conditions that hold nothing else move into the header."""
    header, body = _clause_of(loop), loop.body
    while len(body) == 1 and isinstance(inner := body[0], ast.For | ast.If) and not inner.orelse:
        header += f" {_clause_of(inner)}" if isinstance(inner, ast.For) else f" if {ast.unparse(inner.test)}"
        body = inner.body
    if isinstance(last := body[-1], ast.Expr):
        body = [*body[:-1], ast.Expr(_appended(last.value))]
    return header, _source(body)


def _source(statements: list[ast.stmt]) -> str:
    return "\n".join(ast.unparse(ast.fix_missing_locations(statement)) for statement in statements)


def _appended(value: ast.expr) -> ast.expr:
    """Return what ``results.append(value)`` appends: the value is what an item gives."""
    match value:
        case ast.Call(func=ast.Attribute(attr="append"), args=[argument], keywords=[]):
            return argument
    return value
