"""A compiled body gives what the same lines give in a plain loop of the notebook."""

from __future__ import annotations

import ast
import asyncio
import inspect
import textwrap
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_parallel.notebook.clause import Program, compile_cell

NOTEBOOK = """
import math
import contextlib
xs = [1, 2, 3]
pairs = [(1, 2), (3, 4)]
df = {"a": 1}
offset = 10
total = 100
label = "é"
def helper(v):
    return v * offset
"""


def notebook() -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(NOTEBOOK, namespace)
    return namespace


def compiled(clause: str, body: str, namespace: dict[str, Any] | None = None, **more: Any) -> Program:
    return compile_cell(
        clause,
        textwrap.dedent(body),
        notebook() if namespace is None else namespace,
        filename="<cell>",
        first_line=clause.count("\n") + 2,
        label="Cell In[1]",
        **more,
    )


def called(program: Program, item: Any) -> Any:
    value = program.function(*item) if program.star else program.function(item)
    return asyncio.run(value) if inspect.iscoroutine(value) else value


def values(program: Program) -> list[Any]:
    return [called(program, item) for item in program.items]


def plain(clause: str, body: str, namespace: dict[str, Any] | None = None) -> list[Any]:
    """Run the lines for each item at the top level of a notebook, every name as it was before."""
    namespace = notebook() if namespace is None else namespace
    names = [node.id for node in ast.walk(ast.parse(f"[None {clause}]")) if isinstance(node, ast.Name)]
    targets = [name for name in dict.fromkeys(names) if name not in namespace]
    element = "(" + "".join(f"{name}, " for name in targets) + ")"
    given = eval(f"[{element} {clause}]", dict(namespace))
    return [_once(body, {**namespace, **dict(zip(targets, item, strict=True))}) for item in given]


def _once(body: str, scope: dict[str, Any]) -> Any:
    tree = ast.parse(textwrap.dedent(body))
    last = tree.body[-1]
    assert isinstance(last, ast.Expr)
    tree.body[-1] = ast.copy_location(ast.Assign([ast.Name("__value__", ast.Store())], last.value), last)
    exec(compile(ast.fix_missing_locations(tree), "<plain>", "exec"), scope)
    return scope["__value__"]


BODIES = {
    "an expression": "x * 2",
    "a trailing semicolon": "y = x + 1; y ** 2;",
    "a notebook function": "helper(x)",
    "comments only around": "# first\nx  # here\n# last",
    "reassigned notebook name": "df = {**df, 'x': x}\ndf",
    "augmented notebook name": "total += x\ntotal",
    "assigned in one branch": "if x > 1:\n    offset = 0\noffset + x",
    "builtin assigned in one branch": "if x > 1:\n    max = min\nmax(x, 5)",
    "walrus": "(y := x + 1)\ny * offset",
    "walrus in a comprehension": "[last := i for i in range(x)]\nlast",
    "comprehension scope": "i = 'kept'\nsquares = [i * i for i in range(x)]\n(i, squares)",
    "nested comprehensions": "[[a * b * x for a in range(b)] for b in range(3)]",
    "set and dict comprehensions": "({i % 2 for i in range(x)}, {i: x for i in range(x)})",
    "generator expression": "sum(v * offset for v in range(x))",
    "lambda": "f = lambda v, k=x: v + k + offset\nf(1)",
    "lambdas close late": "fs = [lambda: i for i in range(3)]\n[f() for f in fs]",
    "nested functions": """
        def outer(a):
            def inner(b):
                return a + b + x + offset + later
            return inner
        later = 5
        outer(1)(2)
    """,
    "recursion": "def fact(n):\n    return 1 if n < 2 else n * fact(n - 1)\nfact(x)",
    "mutual recursion": """
        def even(n): return n == 0 or odd(n - 1)
        def odd(n): return n != 0 and even(n - 1)
        even(x)
    """,
    "own nonlocal": """
        def counter():
            n = 0
            def step():
                nonlocal n
                n += 1
                return n
            return step
        step = counter()
        step(), step()
    """,
    "own generator": "def gen(n):\n    yield from range(n)\n    yield x\nlist(gen(x))",
    "decorator": """
        import functools
        def twice(f):
            @functools.wraps(f)
            def run(*args, **kwargs):
                return f(*args, **kwargs) * 2
            return run
        @twice
        def area(r, *, scale=1): return r * scale + x
        area(x, scale=3)
    """,
    "class": """
        class Point:
            scale = offset
            def __init__(self, x): self.x = x
            def norm(self): return (self.x, x, self.scale)
        Point(7).norm()
    """,
    "class that binds an outer name": "class A:\n    x = x\n    offset = offset + x\n(A.x, A.offset, x)",
    "class that binds it twice": "class A:\n    x = x + 1\n    y = x\n    x = y + x\n(A.x, A.y)",
    "class binds it under a condition": """
        class A:
            if x > 0:
                x = x * 10
                y = x
            def offset(self): return offset
            z = offset
        (A.y, A().z(), A().offset())
    """,
    "class with a loop": "class A:\n    t = [0]\n    for x in [x, x + 1]:\n        t += [x]\n(A.t, A.x, x)",
    "class in a function binds an outer name": """
        def make():
            class A:
                x = x
            return A
        make().x
    """,
    "class with super and name mangling": """
        class Base:
            def __init__(self): self.__v = x
            def get(self): return self.__v
        class Child(Base):
            def get(self): return super().get() + 1
        Child().get()
    """,
    "class without an outer name": "class A:\n    z = 1\n    y = z\nA.y + x",
    "dataclass": """
        from dataclasses import dataclass
        @dataclass
        class P:
            x: int
            y: int = 2
        p = P(x)
        (p.x, p.y)
    """,
    "type hints": "y: int = x\nz: float\ndef f(a: int, *rest: str) -> int: return a\nf(y)",
    "imports": """
        import os.path
        import collections as c
        from math import pi as π
        (os.path.basename('a/b'), c.Counter('aa')['a'], π)
    """,
    "star import": "from math import *\nfloor(pi) + x",
    "star import over a notebook name": "from os.path import *\n(basename('a/b'), x)",
    "star import in a nested function's sight": "from math import *\ndef f(): return sqrt(x * x)\nf()",
    "try and except as": """
        try:
            1 / (x - 2)
        except ZeroDivisionError as e:
            result = str(e)
        else:
            result = 'fine'
        finally:
            done = True
        (result, done)
    """,
    "except star": """
        try:
            raise ExceptionGroup('g', [ValueError(x)])
        except* ValueError as group:
            n = len(group.exceptions)
        n
    """,
    "name tried": "try:\n    cache\nexcept NameError:\n    cache = x\ncache",
    "free name tried": "try:\n    profile\n    found = 1\nexcept NameError:\n    found = 0\nfound",
    "with": "with contextlib.nullcontext(x) as y, contextlib.suppress(KeyError):\n    z = y + 1\nz",
    "with suppress keeps the old value": """
        with contextlib.suppress(ValueError):
            offset = int('no')
        offset
    """,
    "match": """
        match (x, [x, 2, 3], {'k': x, 'm': 1}):
            case (1, [first, *rest], {'k': k, **others}): r = (first, rest, k, others)
            case (a, b, _) if a == 2: r = (a, b)
            case whatever: r = whatever
        r
    """,
    "for with else": "for i in range(x):\n    if i == 5:\n        break\nelse:\n    i = 'none'\ni",
    "loop over a notebook name": "for offset in range(x):\n    continue\noffset",
    "while": "n = x\nwhile n > 0:\n    n -= 1\nn",
    "while with a notebook name": "while offset > x:\n    offset -= 1\noffset",
    "del": "y = x\ndel y\nx",
    "del of a notebook name": "del df\nx",
    "del inside": "d = {**df}\ndel d['a']\nd",
    "star arguments": "def f(*a, **k): return a, k\nf(*[x, 2], **{'k': offset})",
    "unpacking": "a, (b, *c) = x, (1, 2, 3)\n[a, b, c]",
    "chained assignment": "a = b = x\na += 1\n(a, b)",
    "chained comparison": "0 < x < offset",
    "f-string": "f'{x:>{offset}} {label!r} {helper(x)} {x=}'",
    "unicode names": "größe = x\nﬁne = größe\nfine",
    "tabs": "if x:\n\ty = x\n\tz = y\nz",
    "carriage returns": "y = x\r\nz = '''a\r\nb'''\r\n(y, z)",
    "line continuation": "y = x + \\\n    1\ny",
    "a string with lines": "s = '''\n  %magic\n!shell\n'''\nlen(s) + x",
    "modulo at a line's start": "(x\n% 2)",
    "a string first": "'looks like a docstring'\nx",
    "a string last": "x\n'the value'",
    "conditional expression": "y = 1 if x > 1 else (z := 2)\ny",
    "and or": "(y := x - 1) and (offset := 3)\n(y, offset)",
    "assert": "assert x, (message := 'no')\nx",
    "ellipsis": "...\nx",
    "dir of math through the notebook": "math.floor(x + 0.5)",
    "globals of nested scopes": "[(lambda: [helper(v) for v in range(x)])() for _ in range(2)]",
    "loop variable named underscore": "for _ in range(3): y = _\ny",
    "function default is evaluated at once": "y = 1\ndef f(a=y): return a\ny = 2\nf()",
    "class decorator and metaclass": """
        def mark(cls):
            cls.mark = x
            return cls
        @mark
        class A(metaclass=type): pass
        A.mark
    """,
    "name is main": "__name__",
    "lambda default of a reassigned notebook name": "f = lambda offset=offset: offset\noffset = 0\nf()",
    "global statement of its own class body": "class A:\n    def m(self): return __class__.__name__\nA().m()",
    "slices and stars": "[*range(x)][::-1]",
    "notebook name in a nested function, assigned later": """
        def f(): return offset
        y = f() + x
        offset = 1
        y
    """,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_value_equals_the_plain_loop(body: str) -> None:
    assert values(compiled("for x in xs", body)) == plain("for x in xs", body)


CLAUSES = [
    "for x in xs",
    "for (x) in (xs)",
    "for x, y in pairs",
    "for x, *y in pairs",
    "for [x, (y, z)] in [(1, (2, 3))]",
    "for x in xs if x > 1",
    "for x in xs if x > 1 if x < 3",
    "for x in xs for y in range(x)",
    "for x in xs if x != 2 for y in range(x) if y",
    "for x in xs if (w := x * 2) > 2",
    "for x in xs if (w := x * 2) > 2 for y in range(w) if (v := y)",
    "for x, y in zip(xs, [i for i in xs])",
    "for x in (lambda: xs)()",
    "for _, x in pairs",
    "for x in xs for x in range(x)",
    "for x in {'a': 1}",
    "for größe in xs",
    "for x in xs[1 if len(xs) > 1 else 0:]",
]


@pytest.mark.parametrize("clause", CLAUSES)
def test_items_equal_the_comprehension(clause: str) -> None:
    targets = compiled(clause, "1").targets
    body = "(" + "".join(f"{name}, " for name in targets) + ")"
    namespace = notebook()
    assert values(compiled(clause, body, namespace)) == eval(f"[{body} {clause}]", namespace)


@pytest.mark.parametrize(
    ("header", "lines"),
    [
        ("for x in xs:", 1),
        ("for x in xs:  # all of them", 1),
        ("for x in xs  # a : b", 1),
        ("for x in [\n  1,  # one\n  2,\n  3]:", 4),
        ("for x \\\n  in xs", 2),
        ("for x in xs \\", 1),
        ("for x in {1: 1, 2: 2, 3: 3}:", 1),
        ("for x in xs[0:]:", 1),
    ],
)
def test_headers_may_end_in_a_colon_and_go_over_lines(header: str, lines: int) -> None:
    program = compiled(header, "x")
    assert list(program.items) == [1, 2, 3]
    assert header.count("\n") + 1 == lines


def test_an_indented_body_is_accepted() -> None:
    body = "# said\n    y = '''a\nb'''\n    (x, y)\n\n"
    program = compile_cell(
        "for x in xs:", body, notebook(), filename="<cell>", first_line=2, label="Cell In[1]"
    )
    assert values(program) == [(1, "a\nb"), (2, "a\nb"), (3, "a\nb")]


def test_plain_items_are_the_object_itself() -> None:
    namespace = notebook()
    program = compiled("for x in xs", "x", namespace)
    assert program.items is namespace["xs"]
    assert (program.star, program.targets, program.length, program.bounded) == (False, ("x",), 3, True)


@pytest.mark.parametrize(
    ("clause", "star", "length", "bounded"),
    [
        ("for x, y in pairs", True, 2, True),
        ("for x in xs if x", False, None, True),
        ("for x in xs for y in xs", True, None, True),
        ("for x in iter(xs)", False, None, False),
        ("for x in map(str, xs) if x", False, None, False),
        ("for x in range(10 ** 12)", False, 10**12, True),
    ],
)
def test_what_is_known_of_the_items(clause: str, star: bool, length: int | None, bounded: bool) -> None:
    program = compiled(clause, "1")
    assert (program.star, program.length, program.bounded) == (star, length, bounded)


def test_items_are_drawn_lazily_and_the_outermost_iterable_is_evaluated_at_once() -> None:
    drawn: list[int] = []

    def source() -> Any:
        for number in range(100):
            drawn.append(number)
            yield number

    called_with: list[str] = []

    def opened(name: str) -> Any:
        called_with.append(name)
        return source()

    program = compiled("for x in opened('a') if x % 2", "x", {"opened": opened})
    assert (called_with, drawn) == (["a"], [])
    assert next(iter(program.items)) == 1
    assert drawn == [0, 1]


def test_conditions_see_later_changes_of_the_notebook_as_a_generator_expression_does() -> None:
    namespace: dict[str, Any] = {"limit": 0, "xs": [1, 2, 3]}
    program = compiled("for x in xs if x > limit", "x", namespace)
    namespace["limit"] = 2
    assert list(program.items) == [3]


def test_a_walrus_in_the_header_does_not_leak() -> None:
    namespace = notebook()
    program = compiled("for x in xs if (w := x) > 1", "(x, w)", namespace)
    assert values(program) == [(2, 2), (3, 3)]
    assert program.targets == ("x", "w")
    assert "w" not in namespace


def test_a_walrus_that_is_skipped_has_the_notebooks_value() -> None:
    namespace = {"xs": [1, 2], "w": "old"}
    program = compiled("for x in xs if x == 1 or (w := x)", "(x, w)", namespace)
    assert values(program) == [(1, "old"), (2, 2)]
    assert namespace["w"] == "old"


# What it takes from the notebook


def test_rebinding_a_name_later_changes_nothing() -> None:
    namespace = notebook()
    program = compiled("for x in [1]", "offset + x", namespace)
    namespace["offset"] = 0
    assert values(program) == [11]


def test_names_never_leak_back_or_from_item_to_item() -> None:
    namespace = notebook()
    before = dict(namespace)
    body = """
        fresh = x
        import json
        from math import *
        df = {**df, x: 1}
        class C: pass
        (fresh, sorted(map(str, df)), tau)
    """
    program = compiled("for x in xs", body, namespace)
    assert [value[1] for value in values(program)] == [["1", "a"], ["2", "a"], ["3", "a"]]
    assert {key: value for key, value in namespace.items() if key != "__builtins__"} == {
        key: value for key, value in before.items() if key != "__builtins__"
    }
    assert set(program.function.__globals__) == {"__name__", "__builtins__"}


@pytest.mark.parametrize(
    ("body", "captured"),
    [
        ("conn = connect()\nconn", {"connect"}),
        ("conn.close()\nconn = connect()", {"connect", "conn"}),
        ("if x:\n    conn = 1\nconn", {"conn"}),
        ("if x:\n    conn = 1\nelse:\n    conn = 2\nconn", set()),
        ("if x:\n    conn = 1\nelse:\n    raise ValueError\nconn", set()),
        ("if not x:\n    return None\nconn = 1\nconn", set()),
        ("for conn in [x]:\n    pass\nconn", {"conn"}),
        ("for conn in [x]:\n    conn\nx", set()),
        ("with connect() as conn:\n    y = conn\ny", {"connect"}),
        ("import os as conn\nconn", set()),
        ("def conn(): return x\nconn()", set()),
        ("def use(): return conn\nconn = 1\nuse()", set()),
        ("def use(): return conn\nuse()\nconn = 1", {"conn"}),
        ("use = lambda: conn\nconn = 1\nuse()", {"conn"}),
        ("[conn for conn in [x]]", set()),
        ("[conn for _ in [x]]\nconn = 1", {"conn"}),
        ("(lambda conn: conn)(x)", set()),
        ("class conn: pass\nconn", set()),
        ("try:\n    conn = connect()\nexcept OSError:\n    conn = None\nconn", {"connect"}),
        ("try:\n    conn = connect()\nfinally:\n    y = 1\nconn", {"connect"}),
        ("try:\n    conn = connect()\nexcept OSError:\n    pass\nconn", {"connect", "conn"}),
        ("match x:\n    case conn: pass\nconn", set()),
        ("match x:\n    case 1: conn = 2\nconn", {"conn"}),
        ("(conn := x)\nconn", set()),
        ("x and (conn := x)\nconn", {"conn"}),
        ("conn: int = x\nconn", set()),
        ("conn: int\nconn", {"conn"}),
        ("conn += 1", {"conn"}),
        ("conn = conn", {"conn"}),
        ("from math import *\nconn = pi\nconn", set()),
        ("while x:\n    conn = x\n    break\nconn", {"conn"}),
        ("class A:\n    conn = conn\nA", {"conn"}),
        ("class A:\n    conn = 1\n    y = conn\nA", set()),
    ],
)
def test_only_what_may_be_read_first_is_captured(body: str, captured: set[str]) -> None:
    namespace = {"xs": [1], "conn": object(), "connect": open}
    assert set(compiled("for x in xs", body, namespace).captured) == captured


def test_names_that_only_a_text_mentions_are_captured() -> None:
    pandas = pytest.importorskip("pandas")
    namespace = {"xs": [1, 2], "frame": pandas.DataFrame({"a": [1, 2, 3]}), "limit": 1, "other": 5}
    body = "least = 2\n(len(frame.query('a > @limit and a >= @least')), eval('limit + x'))"
    program = compiled("for x in xs", body, namespace)
    assert set(program.captured) == {"frame", "limit"}
    assert values(program) == [(2, 2), (2, 3)]
    cloudpickle = pytest.importorskip("cloudpickle")
    assert cloudpickle.loads(cloudpickle.dumps(program.function))(1) == (2, 2)


def test_builtins_that_ipython_replaces_are_the_workers_own() -> None:
    from IPython.core import interactiveshell

    namespace = {"xs": [1], "open": interactiveshell._modified_open}
    program = compiled("for x in xs", "open", namespace)
    assert (values(program), program.captured) == ([open], {})


def test_a_builtin_that_a_package_added_travels() -> None:
    import builtins

    def display(value: object) -> object:
        return value

    display.__module__ = "IPython.core.display_functions"
    builtins.display = display  # type: ignore[attr-defined]
    try:
        assert compiled("for x in xs", "display(x)").captured == {"display": display}
    finally:
        del builtins.display  # type: ignore[attr-defined]


# The function


def test_return_gives_the_value_and_ends_the_item() -> None:
    assert values(compiled("for x in xs", "if x == 2:\n    return 'two'\nx")) == [1, "two", 3]


def test_await_makes_the_iteration_async() -> None:
    body = """
        import asyncio
        await asyncio.sleep(0)
        async def double(v): return v * 2
        async def many():
            for i in range(x):
                yield i
        [await double(i) async for i in many()] + [await double(x)]
    """
    program = compiled("for x in xs", body)
    assert inspect.iscoroutinefunction(program.function)
    assert values(program) == [[0, 2], [0, 2, 4], [0, 2, 4, 6]]


@pytest.mark.parametrize(
    ("body", "is_async"),
    [
        ("async with manager() as m:\n    m", True),
        ("async for i in xs:\n    i", True),
        ("[i async for i in xs]", True),
        ("async def f():\n    await g()\nf", False),
        ("(i async for i in xs)", False),
        ("lambda: [await_ for await_ in xs]", False),
    ],
)
def test_only_the_bodys_own_await_counts(body: str, is_async: bool) -> None:
    program = compiled("for x in xs", body, {"xs": [1], "manager": None, "g": None})
    assert inspect.iscoroutinefunction(program.function) is is_async


def test_tracebacks_show_the_lines_of_the_cell() -> None:
    header = "for x in [\n  1,\n]"
    program = compiled(header, "y = 0\n# a comment\n\nx / y")
    with pytest.raises(ZeroDivisionError) as caught:
        values(program)
    entry = caught.traceback[-1]
    assert (str(entry.path), entry.lineno + 1, entry.name) == ("<cell>", 7, "<body>")
    label, text = program.sources["<cell>"]
    assert label == "Cell In[1]"
    assert text.split("\n")[6] == "x / y"


def test_the_function_travels_by_cloudpickle_with_its_values() -> None:
    import cloudpickle

    namespace = notebook()
    program = compiled("for x in xs", "total += x\nhelper(x) + total", namespace)
    sent = cloudpickle.loads(cloudpickle.dumps(program.function))
    assert [sent(item) for item in program.items] == values(program)
    assert len(cloudpickle.dumps(compiled("for x in xs", "x").function)) < 2_000


def test_future_imports_of_the_notebook_hold_in_the_body() -> None:
    import __future__

    flags = __future__.annotations.compiler_flag
    body = "def f(a: x + 1): pass\nf.__annotations__"
    assert values(compiled("for x in [1]", body, flags=flags)) == [{"a": "x + 1"}]
    assert values(compiled("for x in [1]", body)) == [{"a": 2}]


def test_other_compiler_flags_of_the_notebook_are_left_alone() -> None:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST
    assert values(compiled("for x in [1]", "x + 1", flags=flags)) == [2]


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ("area = x * 2", "the body has no value: add a last line `area`"),
        ("area: int = x", "the body has no value: add a last line `area`"),
        ("a, b = x, 1", "the body has no value: add a last line `a, b`"),
        ("with open(x) as f:\n    text = f.read()", "the body has no value: add a last line `text`"),
        ("for i in range(x):\n    print(i)", "the body has no value: every item's value is None"),
        ("", "the body is empty: every item's value is None"),
        ("# later", "the body is empty: every item's value is None"),
        ("x", None),
        ("x;", None),
        ("return x", None),
        ("if x:\n    return x", None),
        ("raise ValueError(x)", None),
    ],
)
def test_a_body_without_a_value_gets_a_hint(body: str, hint: str | None) -> None:
    assert compiled("for x in xs", body).hint == hint


# Random programs

STATEMENTS = st.sampled_from(
    [
        "a = x + 1",
        "b = a",
        "a += b",
        "a, b = b, a",
        "(b := a + x)",
        "if x % 2:\n    a = 5",
        "if a > b:\n    b = 7\nelse:\n    a = 8",
        "for a in range(x): pass",
        "for i in range(x):\n    b += i\n    if b > 20: break",
        "def f(n): return n + a + b",
        "b = f(x)",
        "f = lambda n: n * b",
        "try:\n    b = 1 // (x - 1)\nexcept ZeroDivisionError:\n    a = 9",
        "a = [a for a in range(x)][-1]",
        "b = sum(a for _ in range(2))",
        "class K:\n    a = a\n    def m(self): return b",
        "b = K().m() + K.a",
        "match a:\n    case 1: b = 3\n    case c: b = c",
        "while a > 3: a -= 2",
        "del b\nb = a",
        "with_ = {a: b}\nb = with_[a]",
    ]
)


@given(st.lists(STATEMENTS, max_size=8), st.lists(st.integers(1, 6), min_size=1, max_size=3))
def test_random_bodies_equal_the_plain_loop(statements: list[str], items: list[int]) -> None:
    class K:
        a = 0

        def m(self) -> int:
            return 0

    namespace = {"xs": items, "a": 2, "b": 3, "f": abs, "K": K}
    body = "\n".join([*statements, "(a, b)"])
    assert values(compiled("for x in xs", body, namespace)) == plain("for x in xs", body, namespace)
