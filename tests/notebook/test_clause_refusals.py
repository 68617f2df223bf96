"""What cannot work is refused before anything starts, at its line, with what to write instead."""

from __future__ import annotations

import random
import textwrap
from collections import defaultdict, deque
from typing import Any

import numpy
import pandas
import pytest

from jupyter_parallel.errors import BodySyntaxError, UndefinedName, UsageError
from jupyter_parallel.notebook.clause import compile_cell

from .test_clause_semantics import compiled, values


def refused(body: str, clause: str = "for x in xs", **namespace: Any) -> str:
    with pytest.raises(UsageError) as caught:
        compiled(clause, body, {"xs": [1], **namespace})
    return str(caught.value)


# In the body


@pytest.mark.parametrize(
    ("body", "line", "marked", "remedy"),
    [
        ("y = 1\nif x:\n    continue", 4, "continue", "Write `return`"),
        ("if x:\n    break", 3, "break", "`if` in the header"),
        ("for i in range(3):\n    pass\nelse:\n    break", 5, "break", "`return`"),
        ("yield x", 2, "yield x", "Collect the values in a list"),
        ("z = yield from x", 2, "yield from x", "Collect"),
        ("[(yield x)]", 2, "yield x", "Collect"),
        ("global total\ntotal = 1", 2, "global total", "last line"),
        ("def f():\n    global total\n    total = 1", 3, "global total", "last line"),
        ("y = 1\ndef f():\n    nonlocal y\n    y = 2", 4, "nonlocal y", "return"),
        ("y = get_ipython().user_ns", 2, "get_ipython()", "cell above"),
        ("name = input('who? ')", 2, "input('who? ')", "cell above"),
        ("def ask():\n    return input()", 3, "input()", "cell above"),
        ("exit()", 2, "exit()", "Write `return`"),
        ("!ls -l", 2, "!", "subprocess.run('ls -l', shell=True, check=True)"),
        ("if x:\n    !rm {x}", 3, "!", "subprocess.run('rm {x}'"),
        ("files = !ls", 2, "f", "files = subprocess.run('ls', shell=True, check=True, capture_output=True"),
        ("%time f(x)", 2, "%", "cell above"),
        ("y = %parallel [f(i) for i in x]", 2, "y", "take `%parallel` out"),
        ("%%bash\nls", 2, "%", "cell above"),
        ("y = 1\nx.real?", 3, "x", "Take the line out"),
        ("?x", 2, "?", "Take the line out"),
    ],
)
def test_refused_at_its_line(body: str, line: int, marked: str, remedy: str) -> None:
    message = refused(body, get_ipython=None, f=None)
    first, shown, marks, last = message.split("\n")
    assert first.startswith(f"line {line}: ")
    start = marks.index("^")
    assert shown[start : start + marks.count("^")] == marked
    assert remedy in last


@pytest.mark.parametrize(
    "body",
    [
        "while x:\n    x -= 1\n    if x: continue\n    break",
        "for i in range(3):\n    for j in range(3):\n        break\n    continue",
        "def f():\n    for i in range(3):\n        if i: continue\n        yield i\nlist(f())",
        "def f():\n    n = 1\n    def g():\n        nonlocal n\n        n = 2\n    g()\n    return n\nf()",
        "def f(n):\n    def g():\n        nonlocal n\n        n = 2\n    g()\n    return n\nf(1)",
        "s = '!ls'\nt = '''\n%time\n'''\ns",
        "(x\n%x)",
        "input = 3\nget_ipython = 4\ninput",
    ],
)
def test_what_only_looks_like_it_is_accepted(body: str) -> None:
    compiled("for x in xs", body, {"xs": [1]})


def test_a_notebooks_own_input_is_a_name_like_any_other() -> None:
    assert values(compiled("for x in xs", "input(x)", {"xs": [-1], "input": abs})) == [1]


@pytest.mark.parametrize(
    ("body", "line", "offset", "text"),
    [
        ("y = 1\nx = = 2", 3, 5, "x = = 2"),
        ("x)", 2, 2, "x)"),
        ("if x:\nx", 3, 1, "x"),
        ("y = (1,\nz = 2", 3, 7, "z = 2"),
        ("from __future__ import annotations", 2, None, "from __future__ import annotations"),
        ("def f():\n    return await x", 3, 12, "    return await x"),
        ("def f(a, a): pass", 2, None, "def f(a, a): pass"),
        ("    y = 1\n    x = = y", 3, 9, "    x = = y"),
        ("é = 'ü\nx", 2, 5, "é = 'ü"),
    ],
)
def test_syntax_errors_point_into_the_cell(body: str, line: int, offset: int | None, text: str) -> None:
    with pytest.raises(BodySyntaxError) as caught:
        compile_cell("for x in xs", body, {"xs": [1]}, filename="<cell>", first_line=2, label="")
    error = caught.value
    assert isinstance(error, SyntaxError)
    if error.msg != "'(' was never closed":
        assert (error.lineno, (error.text or "").rstrip("\n")) == (line, text)
        assert offset is None or error.offset == offset
    assert error.filename == "<cell>"


def test_a_syntax_error_is_shown_with_its_line() -> None:
    with pytest.raises(BodySyntaxError) as caught:
        compiled("for x in [\n1,\n]", "y = 1\nx = = 2", {})
    shown = "\n".join(caught.value._render_traceback_())
    assert "line 5: invalid syntax" in shown
    assert "x = = 2\n" in shown


def test_null_bytes_are_a_syntax_error() -> None:
    with pytest.raises(BodySyntaxError, match="null bytes"):
        compiled("for x in xs", "x\0", {"xs": []})


# Names that exist nowhere


@pytest.mark.parametrize(
    ("body", "line", "name"),
    [
        ("y = 1\nnowhere(x)", 3, "nowhere"),
        ("if x > 3:\n    nowhere(x)", 3, "nowhere"),
        ("def f():\n    return nowhere\nf()", 3, "nowhere"),
        ("lambda: [nowhere for i in x]", 2, "nowhere"),
        ("class A:\n    y = nowhere", 3, "nowhere"),
        ("f'{nowhere}'", 2, "nowhere"),
        ("total += x", 2, "total"),
        ("y = y + 1", 2, "y"),
        ("del gone", 2, "gone"),
        ("print(late)\nlate = 1", 2, "late"),
        ("try:\n    nowhere\nexcept ValueError:\n    pass", 3, "nowhere"),
    ],
)
def test_an_undefined_name_is_one_error_before_the_start(body: str, line: int, name: str) -> None:
    with pytest.raises(UndefinedName, match=f"line {line}: the name `{name}` is not defined") as caught:
        compiled("for x in xs", body, {"xs": [1]})
    assert isinstance(caught.value, NameError)


@pytest.mark.parametrize(
    "body",
    [
        "for i in range(3):\n    if i: print(late)\n    late = i",
        "if x:\n    y = 1\ny",
        "def f(): return late\nuse = [f]\nlate = 1\nuse[0]()",
        "try:\n    nowhere\nexcept NameError:\n    pass",
        "try:\n    nowhere()\nexcept (ImportError, NameError):\n    pass",
        "__name__, __debug__, __builtins__",
        "f = lambda q: q\nq = 1\nf(q)",
        "g = [q for q in [1]]\nq = 1\nq",
        "class A:\n    z = 1\n    y = z\nz = 2",
        "r = sorted([x], key=lambda q: q)\nq = 1\nq",
    ],
)
def test_a_name_that_may_be_assigned_in_time_is_left_to_the_item(body: str) -> None:
    compiled("for x in xs", body, {"xs": [1]})


def test_close_names_are_offered() -> None:
    message = refused("math.pi * raduis ** 2", math=None, radius=1, radii=2)
    assert "Did you mean `radius`" in message
    assert "Did you mean" not in refused("qqqqq")


def test_a_failed_star_import_explains_the_missing_name() -> None:
    assert "No module named 'not_there_at_all'" in refused("from not_there_at_all import *\nfrobnicate(x)")


def test_a_star_import_that_fails_here_may_be_tried_there() -> None:
    body = "try:\n    from not_there_at_all import *\nexcept ImportError:\n    y = 'no'\ny"
    assert values(compiled("for x in xs", body, {"xs": [1]})) == ["no"]


def test_an_undefined_name_in_the_header_is_found_before_anything_is_drawn() -> None:
    drawn: list[int] = []
    with pytest.raises(UndefinedName, match="line 1: the name `limit` is not defined"):
        compiled("for x in xs() if x > limit", "x", {"xs": lambda: drawn.append(1)})
    assert drawn == []


def test_the_body_is_checked_before_the_items_are_evaluated() -> None:
    opened: list[int] = []
    with pytest.raises(UndefinedName):
        compiled("for x in source()", "nowhere", {"source": lambda: opened.append(1)})
    assert opened == []


# The header


@pytest.mark.parametrize(
    ("clause", "message"),
    [
        ("for x in 10", r"the items must be an iterable, but 10 is of type int\n.*for x in range\(10\)"),
        ("for x in n", r"but n is of type int\n.*`for x in range\(n\)`"),
        ("for x in 'abc'", r"one str: 'abc'\n.*for x in \['abc'\].*for x in list\('abc'\)"),
        ("for x in text", r"one str: text\n.*\[text\].*list\(text\)"),
        ("for x in b'ab'", r"one bytes"),
        ("for x in None", r"of type NoneType\n.*\[None\]"),
        ("for x in len", r"Did you mean `for x in len\(\)`"),
        ("for x in 3.5", r"of type float\n.*\[3.5\]"),
        ("for x, y in n if x", r"for x, y in range\(n\)"),
        ("for x in coro", r"Await it in a cell above"),
        ("async for x in xs", r"line 1: `async for`.*\n.*\n.*\n.*x async for x in source"),
        ("for x in xs async for y in xs", r"`async for`"),
        ("for a.b in xs", r"line 1: `a.b` cannot be a target"),
        ("for a[0] in xs", r"line 1: `a\[0\]` cannot be a target"),
        ("for x, (y, z.w) in xs", r"`z.w` cannot be a target"),
        ("for x in (y := xs)", r"`:=` cannot stand"),
        ("for x in %parallel [f(y) for y in xs]", r"%parallel cannot stand in a header"),
        ("for x in sorted(%parallel [f(y) for y in xs])", r"%parallel cannot stand in a header"),
        ("for x in await xs", r"`await` cannot stand in the header"),
        ("for x in xs if await x", r"`await` cannot stand in the header"),
    ],
)
def test_a_header_that_cannot_work_says_what_to_write(clause: str, message: str) -> None:
    async def later() -> None: ...

    waiting = later()
    with pytest.raises(UsageError, match=f"(?s){message}"):
        compiled(clause, "1", {"xs": [1], "n": 3, "text": "ab", "a": [], "z": [], "coro": waiting})
    waiting.close()


@pytest.mark.parametrize(
    ("clause", "message"),
    [
        ("for x in", "header ends too early"),
        ("for x in xs if", "header ends too early"),
        ("for x in [1, 2", "a bracket of the header is never closed"),
        ("for in xs", "invalid syntax"),
        ("for x in xs)", "unmatched|does not match"),
        ("for x in xs] + [1 for x in xs", None),
        ("for 1 in xs", "cannot assign to literal"),
        ("for x in xs if (x := 1)", "cannot rebind comprehension iteration variable"),
    ],
)
def test_a_broken_header_points_at_its_line(clause: str, message: str | None) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        compiled("\n" + clause, "x", {"xs": [1]})
    if isinstance(caught.value, BodySyntaxError):
        assert caught.value.lineno == 2


def test_any_other_object_that_can_be_iterated_is_accepted() -> None:
    class Old:
        def __getitem__(self, index: int) -> int:
            return [4, 5][index]

    assert values(compiled("for x in old", "x", {"old": Old()})) == [4, 5]
    frame = pandas.DataFrame({"a": [1], "b": [2]})
    assert values(compiled("for x in frame", "x", {"frame": frame})) == ["a", "b"]
    assert values(compiled("for x in xs", "int(x)", {"xs": numpy.arange(3)})) == [0, 1, 2]


def test_an_error_of_the_items_expression_is_the_users_own() -> None:
    with pytest.raises(ZeroDivisionError):
        compiled("for x in [1 / 0]", "x", {})


# Corrected cells


def corrected(clause: str, body: str = "f(x)", options: str = "") -> str:
    with pytest.raises(UsageError, match="; write\n") as caught:
        compiled(clause, body, {"xs": [1], "f": abs}, options=options)
    return textwrap.dedent(str(caught.value).partition("; write\n")[2])


@pytest.mark.parametrize(
    ("clause", "body", "options", "cell"),
    [
        ("for x in xs -j 4", "f(x)", "", "%%parallel -j 4 for x in xs\nf(x)"),
        ("for x in xs -j 4", "f(x)", "-b loky", "%%parallel -b loky -j 4 for x in xs\nf(x)"),
        ("for x in xs: --quiet --jobs=4", "f(x)", "", "%%parallel --quiet --jobs=4 for x in xs\nf(x)"),
        ("for x in xs --bg", "f(x)", "", "%%parallel --bg for x in xs\nf(x)"),
        ("for x in xs --name 'a b'", "f(x)", "", "%%parallel --name 'a b' for x in xs\nf(x)"),
        ("for x in range(3) -o out", "f(x)", "", "%%parallel -o out for x in range(3)\nf(x)"),
        ("for x in xs: f(x)", "", "-j 2", "%%parallel -j 2 for x in xs\nf(x)"),
        ("x in xs", "f(x)", "", "%%parallel for x in xs\nf(x)"),
        ("[f(x) for x in xs]", "", "-j 2", "values = %parallel -j 2 [f(x) for x in xs]"),
        ("f(x) for x in xs", "", "-j 2", "values = %parallel -j 2 [f(x) for x in xs]"),
        ("(x, 1) for x in xs", "", "", "values = %parallel [(x, 1) for x in xs]"),
        ("xs", "f(x)", "", "%%parallel for x in items\nf(x)"),
        ("", "f(x)", "-j 2", "%%parallel -j 2 for x in items\nf(x)"),
        ("for x in xs: y = x", "f(y)", "", "%%parallel for x in xs\ny = x\nf(y)"),
        ("", "for x in xs:\n    f(x)\n", "", "%%parallel for x in xs\nf(x)"),
        ("", "  for x in xs:\n      f(x)\n", "", "%%parallel for x in xs\nf(x)"),
        (
            "",
            "for x, y in xs:\n    y = f(x)\n    out.append(y)",
            "",
            "%%parallel for x, y in xs\ny = f(x)\ny",
        ),
        (
            "",
            "for x in xs:\n    if x > 1:\n        for y in x:\n            f(y)",
            "",
            "%%parallel for x in xs if x > 1 for y in x\nf(y)",
        ),
    ],
)
def test_what_newcomers_type_gets_the_corrected_cell(clause: str, body: str, options: str, cell: str) -> None:
    assert corrected(clause, body, options) == cell


def test_minus_a_name_is_arithmetic_and_no_option() -> None:
    namespace = {"a": numpy.array([3, 4]), "b": numpy.array([1, 1]), "j": 1}
    assert [int(v) for v in values(compiled("for x in a -b", "x", namespace))] == [2, 3]
    assert [int(v) for v in values(compiled("for x in a -j", "x", namespace))] == [2, 3]


def test_a_loop_inside_a_parallel_loop_is_allowed() -> None:
    seen: list[int] = []
    program = compiled("for x in xs", "for y in range(x):\n    seen.append(y)", {"xs": [2], "seen": seen})
    values(program)
    assert (seen, program.hint) == ([0, 1], "the body has no value: every item's value is None")


# Captured random generators


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (numpy.random.default_rng(0), "numpy.random.Generator"),
        (numpy.random.RandomState(0), "numpy.random.RandomState"),
        (random.Random(0), "random.Random"),
    ],
)
def test_a_captured_random_generator_is_refused(value: Any, kind: str) -> None:
    message = refused("rng.random() + x", rng=value)
    assert message.startswith(f"`rng` is a {kind}")
    assert "--seed" in message
    assert "context().rng" in message


@pytest.mark.parametrize(
    ("setup", "subject", "remedy"),
    [
        (
            "rng = numpy.random.default_rng(0)\ndef draw(): return rng.random()",
            "`draw` uses `rng`, which is a num",
            "rng",
        ),
        (
            "rng = random.Random(0)\ndef f(): return rng\ndef draw(): return f()",
            "`draw` uses `rng`, which is",
            "rng",
        ),
        (
            "def make(rng):\n    return lambda: rng.random()\ndraw = make(random.Random(0))",
            "`draw` uses `rng`",
            "rng",
        ),
        (
            "draw = numpy.random.default_rng(0).normal",
            "`draw` is a method of a numpy.random.Generator",
            "rng",
        ),
        (
            "from random import randint as draw",
            "`draw` is a method of a random.Random",
            "`random.randint(...)`",
        ),
        ("from numpy.random import rand as draw", "`draw` is a method of a", "`numpy.random.rand(...)`"),
    ],
)
def test_a_generator_that_hides_is_found(setup: str, subject: str, remedy: str) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__", "xs": [1], "numpy": numpy, "random": random}
    exec(setup, namespace)
    with pytest.raises(UsageError) as caught:
        compiled("for x in xs", "draw()", namespace)
    assert str(caught.value).startswith(subject)
    assert remedy in str(caught.value)


def test_modules_of_random_numbers_may_be_captured() -> None:
    namespace = {"__name__": "__main__", "xs": [1], "numpy": numpy, "random": random}
    draw = "def draw(): return random.random() + numpy.random.rand() + again()\ndef again(): return draw"
    exec(draw, namespace)
    compiled("for x in xs", "draw() + random.random()", namespace)


def test_a_generator_made_in_the_body_is_fine() -> None:
    compiled(
        "for x in xs",
        "rng = random.Random(x)\nrng.random()",
        {"xs": [1], "rng": random.Random(), "random": random},
    )
    compiled("for x in xs", "rng.random()", {"xs": [1], "rng": random.SystemRandom()})


# Warnings


class Sub(dict):  # type: ignore[type-arg]
    pass


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("seen.append(x)", []),
        ("seen += [x]", []),
        ("seen += x", 3),
        ("seen[x] = 1", {}),
        ("seen[x] += 1", {}),
        ("seen['a']['b'] = 1", {}),
        ("del seen[x]", {}),
        ("seen[x].append(1)", defaultdict(list)),
        ("seen.add(x)", set()),
        ("seen.appendleft(x)", deque()),
        ("seen.update(a=x)", Sub()),
        ("seen.extend(b'a')", bytearray()),
        ("seen[0] = x", numpy.zeros(3)),
        ("seen[0] *= x", numpy.zeros(3)),
        ("seen.sort()", numpy.zeros(3)),
        ("seen.loc[0, 'a'] = x", pandas.DataFrame({"a": [1]})),
        ("seen['b'] = x", pandas.DataFrame({"a": [1]})),
        ("seen.a = x", pandas.DataFrame({"a": [1]})),
        ("seen.drop(columns='a', inplace=True)", pandas.DataFrame({"a": [1]})),
        ("seen[0] = x", pandas.Series([1])),
        ("def f():\n    seen.append(x)\nf()", []),
        ("(seen[0], y) = x, 2", [0]),
        ("for seen[0] in [1]: pass", [0]),
    ],
)
def test_changing_a_captured_object_is_warned_of_once(body: str, value: Any) -> None:
    program = compiled("for x in xs", f"{body}\n{body}", {"xs": [1], "seen": value})
    (warning,) = program.warnings
    assert "workers change their own copy" in warning
    assert "`seen`" in warning
    assert warning.startswith("line ")


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("seen = []\nseen.append(x)\nseen", []),
        ("seen = seen.copy()\nseen['a'] = x\nseen", {}),
        ("def f(seen):\n    seen.append(x)\nf([])", []),
        ("[seen.append(1) for seen in [[]]]", []),
        ("seen.copy()", []),
        ("seen.get(x)", {}),
        ("seen.drop(columns='a')", pandas.DataFrame({"a": [1]})),
        ("seen.drop(columns='a', inplace=False)", pandas.DataFrame({"a": [1]})),
        ("seen.append(x)", deque),
        ("seen.update(x)", __import__("hashlib").sha256()),
        ("x += 1\nx", []),
        ("y = 1\ny += seen", 3),
    ],
)
def test_what_changes_nothing_captured_is_not_warned_of(body: str, value: Any) -> None:
    assert compiled("for x in xs", body, {"xs": [1], "seen": value}).warnings == ()
