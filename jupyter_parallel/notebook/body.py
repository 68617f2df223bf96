"""The body of a parallel cell: from text to a function of the loop targets.

The body becomes a function whose positional parameters are the targets. Names that the body
assigns are its locals, so nothing leaks and nested scopes close over them; one that must start
with the notebook's value is a keyword-only parameter with that value as its default, which no call
by position can touch. All other names are globals of the function's own small namespace.
"""

from __future__ import annotations

import ast
import importlib
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from .flow import Flow, read_flow
from .names import exists, global_names, named_in_text, refuse_undefined, take
from .randomness import refuse_generators
from .refusals import Source, refuse_notebook_lines, refuse_statements
from .scopes import COMPREHENSIONS, own_nodes, stored
from .toplevel import with_class_names, without_stars

NAME = "<body>"
"""The function's name as tracebacks show it."""


@dataclass(frozen=True, slots=True)
class Body:
    """A compiled body, what it took from the notebook, and the statements it was made of."""

    function: FunctionType
    captured: Mapping[str, Any]
    started: Mapping[str, Any]
    """Those captured names with which each item starts anew, because the body assigns them."""
    statements: Sequence[ast.stmt]


def parse_body(source: Source, text: str, first_line: int) -> list[ast.stmt]:
    """Return the statements of a body, with the cell's line numbers.

    A body that is indented as a whole, as under a ``for`` with a colon, is accepted.
    """
    first = next(
        (line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")), ""
    )
    indented = first[:1] in (" ", "\t")
    block = "if True:\n" + text if indented else text
    shift = first_line - 1 - indented
    try:
        tree = ast.parse(block, source.filename)
    except (SyntaxError, ValueError) as error:
        refuse_notebook_lines(source, textwrap.dedent(text), first_line)
        raise source.syntax_error(error, shift) from None
    ast.increment_lineno(tree, shift)
    if indented and isinstance(tree.body[0], ast.If):
        return [*tree.body[0].body, *tree.body[1:]]
    return tree.body


def compile_body(
    source: Source,
    statements: list[ast.stmt],
    targets: Sequence[str],
    namespace: Mapping[str, Any],
    flags: int,
) -> Body:
    """Return the function of the targets that runs the statements; see the module's text.

    Raises
    ------
    UsageError
        What cannot work in a worker, names that exist nowhere, captured random generators.
    """
    refuse_statements(source, statements, namespace)
    statements, note = without_stars(statements)
    statements = _with_value(with_class_names(statements, {*targets, *stored(statements)}))
    own = stored(statements) - set(targets)
    flow = read_flow(statements, targets)
    # What only a text mentions is a local too: a frame is where `query` and `eval` look, and code that
    # does not read a global does not take it along either.
    spoken = named_in_text(statements) & namespace.keys() - own - set(targets)
    started = {**_starting_values(flow, own, namespace), **{name: namespace[name] for name in spoken}}
    code = function_code(source, statements, targets, sorted(started), flags)
    names = global_names(code)
    missing = [name for name in names if not exists(name, namespace)]
    missing += [name for name in flow.unassigned if name in own and name not in started]
    refuse_undefined(source, missing, statements, {*namespace, *own, *targets}, note)
    taken = take(names, namespace)
    captured = {**taken, **started}
    refuse_generators(captured)
    function = own_function(code, taken)
    function.__kwdefaults__ = dict(started)
    return Body(function, captured, started, statements)


def _starting_values(flow: Flow, own: set[str], namespace: Mapping[str, Any]) -> dict[str, Any]:
    builtin = vars(importlib.import_module("builtins"))
    known = {**builtin, **namespace}
    return {name: known[name] for name in flow.early if name in own and name in known}


def own_function(code: CodeType, names: Mapping[str, Any]) -> FunctionType:
    """Return a function whose globals are just these names: rebinding one elsewhere changes nothing."""
    builtin = importlib.import_module("builtins")
    return FunctionType(code, {**names, "__name__": "__main__", "__builtins__": builtin}, NAME)


def function_code(
    source: Source, statements: Sequence[ast.stmt], targets: Sequence[str], started: Sequence[str], flags: int
) -> CodeType:
    """Compile ``def <body>(*targets, /, *, **started)``; a coroutine function where the body awaits."""
    arguments = ast.arguments(
        posonlyargs=[ast.arg(name) for name in targets],
        args=[],
        kwonlyargs=[ast.arg(name) for name in started],
        kw_defaults=[None] * len(started),
        defaults=[],
    )
    kind = ast.AsyncFunctionDef if awaits(statements) else ast.FunctionDef
    definition = kind(NAME, arguments, list(statements) or [ast.Pass()], [], lineno=1, col_offset=0)
    if hasattr(ast, "TypeVar"):  # Python 3.12 wants the field
        definition.type_params = []  # type: ignore[union-attr]
    if statements:
        ast.copy_location(definition, statements[0])
    module = ast.Module([ast.fix_missing_locations(definition)], [])
    try:
        code = compile(module, source.filename, "exec", flags=flags, dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise source.syntax_error(error) from None
    return next(constant for constant in code.co_consts if isinstance(constant, CodeType))


def function_text(nodes: Sequence[ast.AST], targets: Sequence[str]) -> str:
    """Return source that says what a body or an element does with its targets."""
    lines = [line for node in nodes for line in ast.unparse(node).split("\n")]
    return "\n".join([f"def body({', '.join(targets)}):", *(f"    {line}" for line in lines or ["pass"])])


def awaits(nodes: Sequence[ast.AST]) -> bool:
    """Whether nodes await in their own scope, or in a comprehension that runs there."""
    for node in own_nodes(nodes):
        if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith):
            return True
        if isinstance(node, COMPREHENSIONS) and not isinstance(node, ast.GeneratorExp):
            generators = any(generator.is_async for generator in node.generators)
            if generators or any(isinstance(inner, ast.Await) for inner in ast.walk(node)):
                return True
    return False


def _with_value(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Make the last expression what the function returns."""
    if statements and isinstance(last := statements[-1], ast.Expr):
        return [*statements[:-1], ast.copy_location(ast.Return(last.value), last)]
    return statements


def value_hint(statements: Sequence[ast.stmt]) -> str | None:
    """Return one line of advice for a body without a value."""
    if not statements:
        return "the body is empty: every item's value is None"
    if isinstance(statements[-1], ast.Expr | ast.Return | ast.Raise):
        return None
    if any(isinstance(node, ast.Return) and node.value for node in own_nodes(statements)):
        return None
    name = _last_name(statements)
    return (
        f"the body has no value: add a last line `{name}`"
        if name
        else ("the body has no value: every item's value is None")
    )


def _last_name(statements: Sequence[ast.stmt]) -> str | None:
    match statements[-1]:
        case (
            ast.Assign(targets=[*_, target])
            | ast.AugAssign(target=target)
            | ast.AnnAssign(target=target, value=ast.expr())
        ):
            return ast.unparse(target).strip("()")
        case ast.With(body=inner) | ast.AsyncWith(body=inner) | ast.If(body=inner) | ast.Try(body=inner):
            return _last_name(inner)
    return None
