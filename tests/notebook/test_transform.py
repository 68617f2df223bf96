"""``%parallel`` as an expression and the header of ``%%parallel``, in a real IPython shell."""

from __future__ import annotations

import ast
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from jupyter_parallel.errors import UndefinedName, UsageError
from jupyter_parallel.notebook import transform
from jupyter_parallel.notebook.transform import parallel_cell, rewrite

from .shell import Notebook, opened

SETUP = """
xs = range(3)
big = [5, 6]
def slow(x): return x * x
async def later(x): return x * x
async def later_items(): return [1, 2]
"""


@pytest.fixture(scope="module")
def opened_notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    yield from opened(tmp_path_factory.mktemp("ipython"), transform)


@pytest.fixture
def notebook(opened_notebook: Notebook) -> Notebook:
    opened_notebook.clear()
    opened_notebook.run(SETUP)
    return opened_notebook


SOURCES = {
    "list": ("%parallel [slow(x) for x in xs]", [0, 1, 4]),
    "set": ("%parallel {x % 2 for x in xs}", {0, 1}),
    "dict": ("%parallel {x: slow(x) for x in xs}", {0: 0, 1: 1, 2: 4}),
    "dict with lambdas": ("%parallel {(lambda: x)(): (lambda v: v)(x) for x in xs}", {0: 0, 1: 1, 2: 2}),
    "dict of slices": ("%parallel {big[0:1][0] + x: big[x:] for x in [0]}", {5: [5, 6]}),
    "dict with brackets": ("%parallel {(x): (slow(x)) for (x) in (xs)}", {0: 0, 1: 1, 2: 4}),
    "run": ("list(%parallel (slow(x) for x in xs))", [0, 1, 4]),
    "assigned": ("r = %parallel [slow(x) for x in xs]\nr", [0, 1, 4]),
    "annotated": ("r: list = %parallel [slow(x) for x in xs]\nr", [0, 1, 4]),
    "over lines": ("r = %parallel -j 2 [\n    slow(x)  # for you\n    for x in xs\n]\nr", [0, 1, 4]),
    "header over lines": ("r = %parallel [slow(x) for x in [\n  1,\n  2,  # ]\n] if x\n > 1]\nr", [4]),
    "continued by a backslash": ("r = %parallel -j 2 \\\n  [slow(x)\n for x in xs]\nr", [0, 1, 4]),
    "argument": ("sum(%parallel [slow(x) for x in xs])", 5),
    "keyword argument": (
        "dict(a=%parallel [slow(x) for x in xs], b=%parallel [x for x in xs])",
        {"a": [0, 1, 4], "b": [0, 1, 2]},
    ),
    "argument on its own line": ("sum(\n  %parallel\n  [slow(x) for x in xs]\n)", 5),
    "after return": ("def f(n):\n    return %parallel [slow(x) + n for x in xs]\nf(1)", [1, 2, 5]),
    "augmented": ("r = [9]\nr += %parallel [slow(x) for x in xs]\nr", [9, 0, 1, 4]),
    "before a semicolon": ("r = %parallel [slow(x) for x in xs]; z = 3\n(r, z)", ([0, 1, 4], 3)),
    "after a semicolon": ("z = 3; r = %parallel [slow(x) for x in xs]\n(r, z)", ([0, 1, 4], 3)),
    "in a loop": (
        "t = []\nfor n in %parallel [slow(x) for x in xs]:\n    t += %parallel [n for x in xs]\nt",
        [0] * 3 + [1] * 3 + [4] * 3,
    ),
    "in a lambda": ("f = lambda n: %parallel [slow(x) + n for x in xs]\nf(1)", [1, 2, 5]),
    "closures two deep": (
        "def f(k):\n    def g(n): return %parallel [x + k + n for x in xs]\n    return g(10)\nf(100)",
        [110, 111, 112],
    ),
    "in a class": ("class A:\n    v = %parallel [slow(x) for x in xs]\nA.v", [0, 1, 4]),
    "subscripted": ("(%parallel [slow(x) for x in xs])[1]", 1),
    "subscripted without brackets": ("%parallel [slow(x) for x in xs][1]", 1),
    "added": ("[7] + %parallel [slow(x) for x in xs]", [7, 0, 1, 4]),
    "in an operator chain": ("len(xs) == 3 and %parallel [slow(x) for x in xs]", [0, 1, 4]),
    "in a plain comprehension": (
        "[%parallel [x + y for x in xs] for y in xs]",
        [[0, 1, 2], [1, 2, 3], [2, 3, 4]],
    ),
    "conditional": ("%parallel [x for x in xs] if xs else []", [0, 1, 2]),
    "in an async function": (
        "async def f():\n    return %parallel [await later(x) for x in xs]\nawait f()",
        [0, 1, 4],
    ),
    "unpacked": ("[*%parallel [slow(x) for x in xs]]", [0, 1, 4]),
    "modulo of a run": ("7 % %parallel [slow(x) for x in xs][2]", 3),
    "in a dict": ("{'a': %parallel [slow(x) for x in xs]}", {"a": [0, 1, 4]}),
    "in the items of another": ("%parallel [x + 1 for x in %parallel [slow(y) for y in xs]]", [1, 2, 5]),
    "in a condition of another": ("%parallel [x for x in xs if x in %parallel [y for y in [1]]]", [1]),
    "two in one line": ("%parallel [x for x in xs] + %parallel [-x for x in xs]", [0, 1, 2, 0, -1, -2]),
    "several targets": ("%parallel [a + b for a, b in zip(xs, xs)]", [0, 2, 4]),
    "nested and starred targets": ("%parallel [(a, c) for a, (b, *c) in [(1, (2, 3, 4))]]", [(1, [3, 4])]),
    "one in a tuple": ("%parallel [a for a, in [(1,), (2,)]]", [1, 2]),
    "several for and if": (
        "%parallel [(x, y) for x in xs if x for y in range(x) if not y]",
        [(1, 0), (2, 0)],
    ),
    "walrus in a condition": ("%parallel [(x, w) for x in xs if (w := slow(x)) > 1]", [(2, 4)]),
    "walrus in the element": ("%parallel [y := slow(x) for x in xs]", [0, 1, 4]),
    "conditional element": ("%parallel [x if x else -1 for x in xs]", [-1, 1, 2]),
    "lambda element": ("[f(1) for f in %parallel [lambda v: v + x for x in xs]]", [1, 2, 3]),
    "comprehension element": ("%parallel [[y for y in range(x)] for x in xs]", [[], [0], [0, 1]]),
    "await in the element": ("%parallel [await later(x) for x in xs]", [0, 1, 4]),
    "await in a dict": ("%parallel {x: await later(x) for x in xs}", {0: 0, 1: 1, 2: 4}),
    "await in an element of two targets": ("%parallel [await later(x + y) for x, y in [(1, 1)]]", [4]),
    "await in a comprehension": (
        "%parallel [[await later(y) for y in range(x)] for x in xs]",
        [[], [0], [0, 1]],
    ),
    "await inside a function": (
        "def f(n):\n    return %parallel [await later(x) + n for x in xs]\nf(1)",
        [1, 2, 5],
    ),
    "await in the items": ("%parallel [slow(x) for x in await later_items()]", [1, 4]),
    "unicode": ("größe = 2; %parallel {'é': 'ü' + str(ﬁ) * größe for ﬁ in [1]}", {"é": "ü11"}),
    "an option before brackets": ("%parallel --default [] [slow(x) for x in xs]", [0, 1, 4]),
    "a quoted option": ("%parallel --name 'a [b' [slow(x) for x in xs]", [0, 1, 4]),
    "no blank": ("%parallel[slow(x) for x in xs]", [0, 1, 4]),
    "tabs": ("if True:\n\tr = %parallel [slow(x)\tfor x in xs]\nr", [0, 1, 4]),
    "timed": ("%time %parallel [slow(x) for x in xs]", [0, 1, 4]),
    "a line magic as text": (
        "get_ipython().transform_cell('%parallel [1 for x in xs]').startswith('__import__')",
        True,
    ),
}


@pytest.mark.parametrize(("source", "value"), SOURCES.values(), ids=SOURCES.keys())
def test_parallel_is_an_expression(notebook: Notebook, source: str, value: object) -> None:
    assert notebook.run(source) == value


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("parallel = 7; a = 10\na %parallel", 3),
        ("parallel = 7; a = [10]\na[0] %parallel", 3),
        ("parallel = 7; a = 10\n(a\n  %parallel)", 3),
        ("parallel = 7; a = 10\na \\\n  %parallel", 3),
        ("parallel = (7,)\n'%d' %parallel", "7"),
        ("parallel = [3]; a = 10\na % parallel[0]", 1),
        ("s = '%parallel [x for x in xs]'\ns", "%parallel [x for x in xs]"),
        ("s = '''\n%parallel [x for x in xs]\n'''\ns", "\n%parallel [x for x in xs]\n"),
        ("1  # %parallel [x for x in xs]", 1),
        ("f'{3:>4}%parallel [x for x in xs]'", "   3%parallel [x for x in xs]"),
        ("a = None\nparallel = 1\n'' if a else 5 %parallel", 0),
    ],
)
def test_other_text_stays_untouched(notebook: Notebook, source: str, value: object) -> None:
    assert notebook.run(source) == value
    assert notebook.lines == []


def test_other_magics_that_begin_the_same_way_stay(notebook: Notebook) -> None:
    seen: list[str] = []
    notebook.shell.register_magic_function(seen.append, "line", "parallel_config")
    notebook.run("%parallel_config -j 2")
    assert seen == ["-j 2"]
    assert "pinfo" in notebook.shell.transform_cell("%parallel?")
    assert "pinfo" in notebook.shell.transform_cell("%%parallel?")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("%parallel [1, 2]", r"\[1, 2\] is not a comprehension; write\n    values = %parallel \[f"),
        ("y = %parallel -j 2 [1, 2]", r"write\n    values = %parallel -j 2 \[f"),
        ("print(%parallel [1, 2])", r"not a comprehension"),
        (
            "%parallel slow(x) for x in xs",
            r"brackets.*; write\n    values = %parallel \[slow\(x\) for x in xs\]",
        ),
        ("sum(%parallel slow(x) for x in xs)", r"values = %parallel \[slow\(x\) for x in xs\]"),
        ("%parallel x for x in xs", r"values = %parallel \[x for x in xs\]"),
        ("%parallel (x, 1) for x in xs", r"values = %parallel \[\(x, 1\) for x in xs\]"),
        ("y = %parallel [x] for x in xs", r"values = %parallel \[\[x\] for x in xs\]"),
        ("sum(%parallel [slow(x) for x in xs)", r"the closing \] is missing; write\n    values = .*xs\]$"),
        ("sum(%parallel [slow(x) for x in xs", r"the closing \] is missing; write\n    values = .*xs\]$"),
        ("sum([1, %parallel [\n slow(x)\n for x in xs\n", r"the closing \] is missing; write"),
        ("%parallel [slow(x for x in xs]", r"never closed|does not match"),
        ("%parallel [slow(x) for x in xs)", r"does not match|never closed"),
        ("%parallel for x in xs: slow(x)", r"values = %parallel \[slow\(x\) for x in xs\]"),
        ("%parallel for x in xs: r.append(slow(x))", r"values = %parallel \[slow\(x\) for x in xs\]"),
        ("%parallel for x in xs", r"comprehension in brackets"),
        ("%parallel [slow(x) for x in xs", r"the closing \] is missing; write\n    values = .*xs\]$"),
        ("%parallel {x: [slow(x) for x in xs", r"the \[ is never closed|never closed"),
        ("%parallel [slow(x for x in xs", r"never closed|closing"),
        ("r = %parallel [\n  slow(x)\n  for x in xs\n", r"the closing \] is missing; write"),
        ("r = %parallel [\n  slow(x)\n  for x in xs\nprint(1)", r"never closed"),
        ("%parallel [slow(x) for x in xs] -j 4", r"values = %parallel -j 4 \[slow\(x\) for x in xs\]$"),
        ("%parallel -c 1 [slow(x) for x in xs] --bg", r"values = %parallel -c 1 --bg \[slow"),
        ("%parallel [slow(x) for x in xs -j 4]", r"values = %parallel -j 4 \[slow\(x\) for x in xs\]"),
        ("%parallel [x async for x in xs]", r"`async for` cannot feed a run"),
        ("%parallel [x for x.a in xs]", r"`x.a` cannot be a target"),
        ("%parallel [x for x in xs if await later(x)]", r"`await` cannot stand in the header"),
        ("%parallel [(yield x) for x in xs]", r"'yield' inside list comprehension"),
        ("%parallel [x := 1 for x in xs]", r"cannot rebind comprehension iteration variable"),
        ("%parallel [x for x in (y := xs)]", r"`:=` cannot stand"),
        ("%parallel [x for x in]", r"invalid syntax"),
        ("%parallel", r"nothing to compute; write\n    values = %parallel \[f\(x\) for x in items\]"),
        ("y = %parallel -j 2", r"values = %parallel -j 2 \[f"),
        ("%parallel -j 0 [slow(x) for x in xs]", r"all CPUs is -1"),
        ("%parallel -o r [slow(x) for x in xs]", r"the name goes in front"),
        ("%parallel [x for x in 5]", r"for x in range\(5\)"),
        ("%parallel [x for x in 'abc']", r"list\('abc'\)"),
        ("%parallel ((slow(x) for x in xs))", r"values = %parallel \(slow\(x\) for x in xs\)"),
        (
            "import random\nr = random.Random()\n%parallel [r.random() for x in xs]",
            r"every worker would draw",
        ),
    ],
)
def test_what_newcomers_type_is_explained_when_it_runs(notebook: Notebook, source: str, message: str) -> None:
    with pytest.raises(UsageError, match=f"(?s){message}"):
        notebook.run(source)


def test_code_above_a_parallel_cell_is_explained(notebook: Notebook) -> None:
    with pytest.raises(UsageError, match="code stands above %%parallel"):
        notebook.run("import math\n%%parallel for x in xs\nx = = 3\n")
    assert "math" in notebook.names


def test_other_line_ends_inside_strings_are_text(notebook: Notebook) -> None:
    source = "t = 'a\u2028b'\nr = %parallel [\n 'c\u2028\x0c' + str(slow(x))\n for x in xs]\n(t, r[1])"
    assert rewrite(source).split("\n")[-1] == "(t, r[1])"
    assert notebook.run("%parallel ['c\u00e9' + str(x) for x in xs]") == ["c\u00e90", "c\u00e91", "c\u00e92"]


def test_nothing_is_explained_before_it_runs(notebook: Notebook) -> None:
    assert notebook.run("if False:\n    %parallel slow(x) for x in xs\n3") == 3


def test_statements_before_a_mistake_run_first(notebook: Notebook) -> None:
    with pytest.raises(UsageError):
        notebook.run("done = 1\n%parallel [slow(x) for x in xs -j 4]")
    assert notebook.names["done"] == 1


@pytest.mark.parametrize(
    "source",
    [
        "r = %parallel [\n    1 / x  # here\n    for x in [0]\n]",
        "z = 1\n\nr = (3,\n  %parallel -j 2 {\n  # why\n    x:\n\n 1 /\\\n x for x in [0]\n  if x == 0\n})",
        "def f():\n    return %parallel (\n 1 / x for x\n in [0])\nnext(f())",
    ],
)
def test_tracebacks_keep_the_lines(notebook: Notebook, source: str) -> None:
    wanted = next(number for number, line in enumerate(source.split("\n"), 1) if "1 /" in line)
    with pytest.raises(ZeroDivisionError) as caught:
        notebook.run(source)
    frame = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert frame.lineno in (wanted, wanted + 1)
    (_, _, program) = notebook.lines[-1]
    ((_, text),) = program.sources.values()
    assert "1 /" in text.split("\n")[wanted - 1]


@pytest.mark.parametrize("source", [source for source, _ in SOURCES.values()])
def test_every_line_keeps_its_number(notebook: Notebook, source: str) -> None:
    marked = f"{source}\nmarked = 1\n"
    lines = notebook.shell.transform_cell(marked).split("\n")
    assert lines.index("marked = 1") == marked.split("\n").index("marked = 1")


def test_a_header_error_keeps_its_line(notebook: Notebook) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        notebook.run("r = %parallel [\n  x\n  for x in [1 / 0]\n]")
    assert traceback.extract_tb(caught.value.__traceback__)[-1].lineno == 3


def test_the_options_expressions_see_the_functions_names(notebook: Notebook) -> None:
    source = "def f(pool, value):\n    return %parallel -b pool --default value [slow(x) for x in xs]\n"
    assert notebook.run(source + "f(object(), 3)") == [0, 1, 4]


def test_what_is_known_of_a_line(notebook: Notebook) -> None:
    notebook.run(
        "n = 1\n%parallel -j 2 [slow(x) + n for x in xs]\n%parallel [y for x, y in zip(xs, xs) if x]"
    )
    (options, kind, plain), (_, _, complex_) = notebook.lines
    assert (options, kind) == ("-j 2", "list")
    assert plain.items is notebook.names["xs"]
    assert (plain.star, plain.targets, plain.length, plain.bounded) == (False, ("x",), 3, True)
    assert plain.captured == {"slow": notebook.names["slow"], "n": 1}
    assert (complex_.star, complex_.targets, complex_.length, complex_.bounded) == (
        True,
        ("x", "y"),
        None,
        False,
    )


def test_rebinding_a_name_later_changes_nothing(notebook: Notebook) -> None:
    source = (
        "def f(k):\n    r = %parallel (slow(x) + k + n for x in xs)\n    k = 100\n    return r\nn = 1\nf(0)"
    )
    notebook.run(source)
    program = notebook.lines[-1][2]
    notebook.names["n"] = 50
    assert [program.function(x) for x in range(3)] == [1, 2, 5]
    assert set(program.function.__globals__) == {"slow", "n", "__name__", "__builtins__"}


def test_names_of_a_query_are_captured(notebook: Notebook) -> None:
    import cloudpickle

    source = """
import pandas
frame = pandas.DataFrame({"a": [1, 2, 3]})
def f(limit):
    return %parallel [len(frame.query("a > @limit and a != @x")) for x in xs]
f(1)
"""
    assert notebook.run(source) == [2, 2, 1]
    program = notebook.lines[-1][2]
    assert set(program.captured) == {"frame", "limit"}
    assert cloudpickle.loads(cloudpickle.dumps(program.function))(2) == 1


def test_a_line_warns_of_changes_to_captured_objects(notebook: Notebook) -> None:
    notebook.run("seen = []\n%parallel [seen.append(x) for x in xs]")
    (warning,) = notebook.lines[-1][2].warnings
    assert warning.startswith("line 2: `seen.append(x)` changes `seen`")


def test_an_undefined_name_is_one_error(notebook: Notebook) -> None:
    with pytest.raises(UndefinedName, match="line 2: the name `slwo` is not defined.*\n.*\n.*\n.*`slow`"):
        notebook.run("z = 1\n%parallel [slwo(x) for x in xs]")


def test_a_name_of_the_function_that_has_no_value_yet_is_named(notebook: Notebook) -> None:
    with pytest.raises(UndefinedName, match="`k` has no value yet"):
        notebook.run("def f():\n    r = %parallel [x + k for x in xs]\n    k = 1\nf()")


def test_an_element_travels_by_cloudpickle(notebook: Notebook) -> None:
    import cloudpickle

    notebook.run("def f(k):\n    return %parallel [await later(x) + k for x in xs]\nf(1)")
    function = cloudpickle.loads(cloudpickle.dumps(notebook.lines[-1][2].function))
    import asyncio

    assert asyncio.run(function(3)) == 10


# The cell


@pytest.mark.parametrize(
    ("cell", "header", "body"),
    [
        ("%%parallel for x in xs\nx\n", " for x in xs", "x\n"),
        ("%%parallel\nfor x in xs: x\n", "", "for x in xs: x\n"),
        ("# mine\n\n  # too\n%%parallel for x in xs\nx\n", "\n\n\n for x in xs", "x\n"),
        ("  %%parallel for x in xs\n  x\n", " for x in xs", "  x\n"),
        (
            "%%parallel -j 8 \\\n  --retries 2 \\\n for x in xs\nx\n",
            " -j 8 \\\n  --retries 2 \\\n for x in xs",
            "x\n",
        ),
        (
            "%%parallel for x in [\n 1, # ]\n ']',\n '''[\n''']\nx\n",
            " for x in [\n 1, # ]\n ']',\n '''[\n''']",
            "x\n",
        ),
        ("%%parallel for x in xs  # all [of them\nx\n", " for x in xs  # all [of them", "x\n"),
        ("%%parallel --name 'a [b' for x in xs\nx\n", " --name 'a [b' for x in xs", "x\n"),
        ("%%parallel --name it's for x in xs\nx\n", " --name it's for x in xs", "x\n"),
        ("%%parallel for x in xs  # not \\\nx\n", " for x in xs  # not \\", "x\n"),
        ("%%parallel for x in [1, 2\nx\n", " for x in [1, 2", "x\n"),
        ("%%parallel -j 2 \\\n for x in [1, 2\nx\n", " -j 2 \\\n for x in [1, 2", "x\n"),
        ("%%parallel for x in xs)\nx\n", " for x in xs)", "x\n"),
        ("%%parallel -h\n", " -h", "\n"),
        ("%%parallel\n", "", "\n"),
        ("%%parallel for x in xs\n\n", " for x in xs", "\n"),
        ("%%parallel for x in xs\r\nx\r\n", " for x in xs", "x\r\n"),
        ("%%parallel[x for x in xs]\nx\n", "[x for x in xs]", "x\n"),
    ],
)
def test_the_header_of_a_cell(notebook: Notebook, cell: str, header: str, body: str) -> None:
    notebook.run(cell)
    assert notebook.cells == [(header, body)]
    first = header.count("\n") + 2
    assert (
        cell.replace("\r", "").split("\n")[first - 1 :] in (body.replace("\r", "").split("\n"), [])
        or body == "\n"
    )


@pytest.mark.parametrize(
    "cell",
    ["%%parallelx for x\nx\n", "x\n%%parallel for x\n", "%%parallel?\n", "%parallel [x for x in y]\n", ""],
)
def test_other_cells_pass(cell: str) -> None:
    lines = cell.splitlines(keepends=True)
    assert parallel_cell(lines) == lines


def test_a_cell_magic_above_sees_the_parallel_cell(notebook: Notebook) -> None:
    notebook.run("%%time\n# why\n%%parallel -j 2 \\\n for x in xs\nx\n")
    assert notebook.cells == [("\n -j 2 \\\n for x in xs", "x\n")]


def test_braces_and_dollars_arrive_as_typed(notebook: Notebook) -> None:
    notebook.run("%%parallel for x in {xs} if '$xs'\n{x}\n")
    assert notebook.cells == [(" for x in {xs} if '$xs'", "{x}\n")]


# Terminals and installation


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("%%parallel for x in xs\n", "incomplete"),
        ("%%parallel for x in xs\nx", "incomplete"),
        ("%%parallel for x in xs\nx\n\n", "complete"),
        ("# mine\n%%parallel for x in xs\nx", "incomplete"),
        ("r = %parallel [slow(x) for x in xs]", "complete"),
        ("r = %parallel [slow(x)", "incomplete"),
        ("r = %parallel [\n", "incomplete"),
        ("r = sum(%parallel [slow(x)\n", "incomplete"),
        ("r = %parallel [\n  slow(x)\n  for x in xs\n]", "complete"),
        ("def f():\n    return %parallel [slow(x) for x in xs]", "incomplete"),
    ],
)
def test_a_terminal_knows_when_a_cell_is_complete(notebook: Notebook, source: str, status: str) -> None:
    assert notebook.shell.check_complete(source)[0] == status


def test_install_is_idempotent_and_uninstall_leaves_nothing(tmp_path: Path) -> None:
    for notebook in opened(tmp_path):
        manager = notebook.shell.input_transformer_manager
        fresh = TransformerManager()
        before = (list(manager.token_transformers), len(manager.cleanup_transforms))
        transform.install(notebook.shell)
        transform.install(notebook.shell)
        assert len(manager.token_transformers) == len(fresh.token_transformers) + 1
        transform.uninstall(notebook.shell)
        transform.uninstall(notebook.shell)
        assert (list(manager.token_transformers), len(manager.cleanup_transforms)) == before


def test_text_without_the_magic_is_returned_as_it_is() -> None:
    assert rewrite("x = 1\n") == "x = 1\n"


# Any layout

COMPREHENSIONS = [
    "[ slow ( x ) for x in xs ]",
    "{ x : big [ 0 : 1 ] for x in xs if x }",
    "[ ( x , y ) for x , y in zip ( xs , big ) if x or y for z in xs ]",
    "{ 'for in' : lambda : x for x in xs }",
    "[ x if x else [ y for y in xs if y ] for x in xs if ( w := x ) < 2 ]",
    "( f'{x}' + \"]\" for x in ( xs ) )",
    "[ not x in xs for x in xs ]",
    "[ await later ( x ) for x in xs ]",
]


@given(st.data())
def test_any_layout_gives_the_same_call(data: st.DataObject) -> None:
    source = data.draw(st.sampled_from(COMPREHENSIONS))
    blanks = st.sampled_from([" ", " ", "\n", "  # c ] for\n", " \\\n", "\t", "\n\n"])
    words = source.split(" ")
    text = words[0] + "".join(_blank(data.draw(blanks), word) + word for word in words[1:])
    typed = f"r = f(%parallel -j 2 {text}, 1); s = 2\n"
    written = rewrite(typed)
    assert written.count("\n") == typed.count("\n")
    plain, spread = (rewrite(f"r = f(%parallel -j 2 {one}, 1); s = 2\n") for one in (source, text))
    assert _without_text(plain) == _without_text(spread)


def _blank(blank: str, word: str) -> str:
    return " " if word in ("in'", ']"') else blank  # these stand inside a string


def _without_text(source: str) -> str:
    """Return a rewritten line as a normalised tree, without the source that it carries along."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "parallel_line":
            assert isinstance(node.args[5], ast.Constant)
            node.args[5] = ast.Constant("")
    return ast.dump(tree)
