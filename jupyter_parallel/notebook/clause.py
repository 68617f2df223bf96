"""A parallel cell or line as a program: a function, the items it runs over, and what it captured."""

from __future__ import annotations
import __future__

import ast
import functools
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from types import FunctionType
from typing import Any

from .body import compile_body, function_text, parse_body, value_hint
from .element import closed_over, detached, element_of, in_its_cell, parse_comprehension
from .header import Items, check_outer, described, evaluate_items, maps_one_to_one, parse_clause, target_names
from .mistakes import explain_clause, explain_missing_clause
from .mutations import mutation_warnings
from .randomness import refuse_generators
from .refusals import Source

_FUTURE = functools.reduce(
    operator.or_, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
)


@dataclass(frozen=True, slots=True)
class Program:
    """What a run needs to know of a cell or line.

    Parameters
    ----------
    function
        Called ``function(item)``, or ``function(*item)`` when ``star``; a coroutine function when it awaits.
    items
        Drawn in the kernel, once.
    star
        An item is a tuple with one value per target.
    targets
        Names of the loop targets, then of walruses in the header.
    length
        Number of items where that is known, else None.
    bounded
        The outermost iterable has a length, so the items end.
    captured
        Values that travel with the function, by name.
    hint
        One line of advice when the body has no value.
    warnings
        What workers would change in vain; for backends that do not share memory.
    sources
        Maps the file name in code objects to a label and a text with the same line numbers.
    text
        Source of the function alone: what it does, by which checkpoints know it again.
    """

    function: Callable[..., Any]
    items: Iterable[Any]
    star: bool
    targets: tuple[str, ...]
    length: int | None
    bounded: bool
    captured: Mapping[str, Any]
    hint: str | None
    warnings: tuple[str, ...]
    sources: Mapping[str, tuple[str, str]]
    text: str = ""


def compile_cell(
    clause: str,
    body: str,
    namespace: Mapping[str, Any],
    *,
    filename: str,
    first_line: int,
    label: str,
    options: str = "",
    flags: int = 0,
    given: Sequence[Any] = (),
) -> Program:
    """Compile a parallel cell and evaluate its outermost iterable.

    Parameters
    ----------
    clause
        ``for ... in ...``, up to the end of the header.
    namespace
        The notebook's names; the header is evaluated in it, the body gets a snapshot of what it reads.
    filename
        Name of the cell's source in tracebacks.
    first_line
        Line of the cell at which the body begins.
    label
        How people call the cell, for example ``Cell In[3]``.
    options
        What was typed before the clause, for corrected lines to copy.
    flags
        Compiler flags of the notebook (future imports).
    given
        The outermost iterable, where it was evaluated before.

    Raises
    ------
    UsageError
        Everything that can be known to be wrong before anything starts.
    """
    clause, body = _unix(clause), _unix(body)
    flags &= _FUTURE  # IPython's others (incomplete input, top-level await) are not for functions
    line = first_line - 1 - clause.count("\n")
    source = Source(filename, "\n" * (line - 1) + clause + "\n" + body)
    if not clause.strip():
        raise explain_missing_clause(options, body)
    problem = explain_clause(clause, options, body)
    if problem is not None:
        raise problem
    tree = parse_clause(source, clause, line)
    statements = parse_body(source, body, first_line)
    hint = value_hint(statements)
    compiled = compile_body(source, statements, target_names(tree), namespace, flags)
    drawn = evaluate_items(source, tree, namespace, flags, given)
    return Program(
        **_drawn(drawn),
        function=compiled.function,
        captured=compiled.captured,
        hint=hint,
        warnings=mutation_warnings(compiled.statements, compiled.captured, compiled.started),
        sources={filename: (label, source.text)},
        text=function_text(compiled.statements, target_names(tree)),
    )


def program_of_line(
    element: FunctionType,
    outer: Any,
    targets: tuple[str, ...],
    text: str,
    *,
    tuples: Callable[[Any], Iterable[Any]] | None = None,
    awaits: bool = False,
    label: str = "%parallel",
) -> Program:
    """Make the program of a comprehension line from what ``transform.ParallelExpression`` passes.

    Parameters
    ----------
    element
        The lambda that computes the element from the targets; for ``awaits``, one that returns an
        asynchronous generator with the element as its only value.
    outer
        The outermost iterable, evaluated.
    text
        Source of the comprehension; it begins at the first line of ``element``.
    tuples
        Turns ``outer`` into items where they are not ``outer`` itself.

    Raises
    ------
    UsageError
        As :func:`compile_cell`.
    """
    code = element.__code__
    source = Source(code.co_filename, "\n" * (code.co_firstlineno - 1) + text)
    tree = parse_comprehension(source, text, code.co_firstlineno)
    element_nodes = element_of(tree)
    check_outer(outer, ast.unparse(tree.generators[0].iter), ", ".join(targets))
    found = closed_over(source, element, element_nodes, targets)
    refuse_generators(found)
    items = outer if tuples is None else tuples(outer)
    return Program(
        **_drawn(described(items, outer, targets, maps_one_to_one(tree))),
        function=detached(element, found, awaits),
        captured=found,
        hint=None,
        warnings=mutation_warnings(element_nodes, found, {}),
        sources={code.co_filename: (label, in_its_cell(element, text, element_nodes, awaits))},
        text=function_text(element_nodes, targets),
    )


def _drawn(items: Items) -> dict[str, Any]:
    return {field.name: getattr(items, field.name) for field in fields(items)}


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
