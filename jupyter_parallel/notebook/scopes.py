"""Python's scopes on syntax trees: what an inner scope binds, what it takes from around it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def stored(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names that nodes assign or delete in the scope they stand in."""
    return {name for node in own_nodes(nodes) if (name := bound_by(node))}


def bound_by(node: ast.AST) -> str | None:
    """Return the name that a node itself assigns or deletes."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            return name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.alias():
            return node.asname or node.name.partition(".")[0]
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return name
        case ast.MatchMapping(rest=str(name)):
            return name
    return None


def evaluated(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield what ``own_nodes`` yields, but in the order in which it is evaluated: values before targets."""
    for node in nodes:
        match node:
            case ast.Assign(targets=targets, value=value):
                yield from evaluated([value, *targets])
            case ast.AnnAssign(target=target, value=value, annotation=annotation):
                yield from evaluated([*([value] if value else []), annotation, target])
            case ast.NamedExpr(target=target, value=value):
                yield from evaluated([value, target])
            case ast.For() | ast.AsyncFor():
                yield from evaluated([node.iter, node.target, *node.body, *node.orelse])
            case _ if isinstance(node, (*SCOPES, *COMPREHENSIONS)):
                yield from evaluated(outer_part(node))
                yield node
            case _:
                yield node
                yield from evaluated(ast.iter_child_nodes(node))


def own_nodes(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield nodes and what is below them, in order of the source; of inner scopes nothing that runs inside.

    What an inner scope evaluates outside (decorators, defaults, the first iterable) belongs here, and so do
    the names that a walrus inside a comprehension assigns.
    """
    for node in nodes:
        yield node
        if isinstance(node, SCOPES):
            yield from own_nodes(outer_part(node))
        elif isinstance(node, COMPREHENSIONS):
            yield from own_nodes(outer_part(node))
            yield from (
                walrus.target for walrus in own_nodes(inner_part(node)) if isinstance(walrus, ast.NamedExpr)
            )
        else:
            yield from own_nodes(ast.iter_child_nodes(node))


def outer_part(scope: ast.AST) -> list[ast.AST]:
    """Return what an inner scope evaluates in the scope around it."""
    match scope:
        case ast.Lambda():
            return _of_arguments(scope.args)
        case ast.ClassDef():
            return [*scope.decorator_list, *scope.bases, *scope.keywords]
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            returns = [scope.returns] if scope.returns else []
            return [*scope.decorator_list, *_of_arguments(scope.args), *returns]
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            return [scope.generators[0].iter]
    raise TypeError(type(scope).__name__)


def inner_part(scope: ast.AST) -> list[ast.AST]:
    """Return what runs inside an inner scope."""
    match scope:
        case ast.Lambda(body=body):
            return [body]
        case ast.ClassDef(body=statements) | ast.FunctionDef(body=statements):
            return list(statements)
        case ast.AsyncFunctionDef(body=statements):
            return list(statements)
        case ast.DictComp():
            return [*_of_generators(scope), scope.key, scope.value]
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
            return [*_of_generators(scope), scope.elt]
    raise TypeError(type(scope).__name__)


def _of_arguments(arguments: ast.arguments) -> list[ast.AST]:
    annotations = [argument.annotation for argument in _every(arguments)]
    parts = [*arguments.defaults, *arguments.kw_defaults, *annotations]
    return [part for part in parts if part is not None]


def _every(arguments: ast.arguments) -> list[ast.arg]:
    stars = [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *stars]


def _of_generators(scope: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> list[ast.AST]:
    first, *others = scope.generators
    inner = [part for other in others for part in (other.target, other.iter, *other.ifs)]
    return [first.target, *first.ifs, *inner]


def own_names(scope: ast.AST) -> set[str]:
    """Return the names that an inner scope binds for itself."""
    names = stored(inner_part(scope))
    if isinstance(scope, COMPREHENSIONS):
        targets = [generator.target for generator in scope.generators]
        return stored(targets)
    if isinstance(scope, ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef):
        names |= {argument.arg for argument in _every(scope.args)}
    return names


def free_reads(scope: ast.AST) -> dict[str, ast.expr]:
    """Return the names an inner scope takes from around it, with the first place of each."""
    own = own_names(scope)
    found: dict[str, ast.expr] = {}
    shown = set() if isinstance(scope, ast.ClassDef) else own  # a class shows its names to no inner scope
    for node in own_nodes(inner_part(scope)):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store) and node.id not in own:
            found.setdefault(node.id, node)
        elif isinstance(node, (*SCOPES, *COMPREHENSIONS)):
            for name, place in free_reads(node).items():
                if name not in shown:
                    found.setdefault(name, place)
    return found
