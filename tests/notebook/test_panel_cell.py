"""The cell that the control panel writes means what the form says, by the magic's own reading."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jupyter_parallel import backends
from jupyter_parallel.errors import UsageError
from jupyter_parallel.notebook import options, transform
from jupyter_parallel.notebook.clause import compile_cell
from jupyter_parallel.notebook.option_table import BY_FLAG
from jupyter_parallel.notebook.panel_cell import (
    as_iterable,
    field_of,
    field_problem,
    line_problem,
    one_line,
    option_line,
    quoted,
    write,
)
from jupyter_parallel.notebook.panel_form import MAIN, MORE
from jupyter_parallel.notebook.panel_functions import Callee, callee

SHOWN = [*MAIN, *(long for _, flags in MORE for long in flags)]


def area(radius: float, height: float) -> float:
    return radius * height


def double(x: Any) -> Any:
    return x * 2


def no_names(text: str) -> Any:
    raise NameError(text)


NAMES = {"area": area, "double": double, "pairs": [(1, 2), (3, 4)], "xs": [1, 2, 3], "flag": True}
PAIRS = Callee(("radius", "height"), "area(radius, height)", "")
ONE = Callee(("x",), "double(x)", "")

ITEMS = {
    PAIRS: [
        "pairs",
        "[(1, 2)]",
        "zip([1], [2])",
        "(1, 2), (3, 4)",
        "pairs if flag else []",
        "((a, a) for a in xs)",
    ],
    ONE: [
        "xs",
        "range(3)",
        "1, 2",
        "xs if flag else []",
        "xs or [1]",
        "(lambda: xs)()",
        "[x for x in xs if x > 1]",
        "xs  # all of them",
        '["#", \'"\', "it\'s", "{x}", "$x", "for x in y", "--bg", "a?"]',
        '["""two\nlines"""]',
        "[1,\n 2]",
        "xs + \\\n xs",
        '["\\\\", "\\n"]',
        "{1: 2}",
        "{'a': 1}.items()",
        "  xs  ",
        "xs[:2]",
        '"ab", "c"',
        "('ü', 'ß', '日本')",
        "(y := 3, 4)[0:]",
    ],
}

VALUES = {
    "--out": st.sampled_from(["results", "r2", "größe", "_x"]),
    "--backend": st.sampled_from(["", "loky", "thread"]),
    "--jobs": st.sampled_from(["-1", "-2", "2", " 4 ", "8"]),
    "--chunk-size": st.sampled_from(["auto", "1", "10"]),
    "--seed": st.sampled_from(["0", "42"]),
    "--name": st.text(min_size=1),
    "--on-error": st.sampled_from(["", "raise", "collect", "stop"]),
    "--retries": st.sampled_from(["0", "3"]),
    "--timeout": st.sampled_from(["2.5", ".5", "1e3"]),
    "--time-limit": st.sampled_from(["60", "0.1"]),
    "--max-failures": st.sampled_from(["5%", "0", "100%", "7"]),
}
FORMS = st.fixed_dictionaries({}, optional=VALUES)


def read(text: str) -> tuple[options.ParsedOptions, str, str]:
    """Return options, clause and body of a cell the way IPython and the magic read it."""
    (call,) = transform.parallel_cell(text.splitlines(keepends=True))
    said: list[tuple[str, str, str]] = []

    class Shell:
        def run_cell_magic(self, name: str, line: str, body: str) -> None:
            said.append((name, line, body))

    exec(call, {"get_ipython": Shell})
    ((name, line, body),) = said
    assert name == "parallel"
    typed, clause = options.split(line)
    return options.parse(typed, evaluate=no_names), clause, body


def meant(given_texts: dict[str, str]) -> dict[str, Any]:
    """Return the keywords that the form means, each read by its own row of the table."""
    keywords: dict[str, Any] = {"wait": False}
    for long, text in given_texts.items():
        option = BY_FLAG[long]
        if text.strip() and option.keyword:
            assert option.convert is not None
            keywords[option.keyword] = option.convert(long, one_line(text), no_names)
    return keywords


def test_the_form_shows_options_of_the_table() -> None:
    assert set(SHOWN) == set(VALUES)


@given(
    FORMS,
    st.sampled_from([(callee, items) for callee in ITEMS for items in ITEMS[callee] if ":=" not in items]),
)
@example({"--name": "'"}, (ONE, "xs"))
@example({"--name": "\\"}, (ONE, "xs"))
@example({"--name": "for"}, (ONE, "xs"))
@example({"--name": "--bg"}, (ONE, "xs"))
@example({"--name": "# x"}, (ONE, "xs"))
@example({"--name": "\ud800"}, (ONE, "xs"))
@example({"--name": "a\r\nb\x0cc\u2028d"}, (ONE, "xs"))
@example({"--name": '"""'}, (ONE, "xs"))
def test_the_cell_says_what_the_form_says(given_texts: dict[str, str], what: tuple[Callee, str]) -> None:
    chosen, items = what
    parsed, clause, body = read(write(chosen, items, given_texts).text)
    assert parsed.keywords == meant(given_texts)
    assert parsed.out == (given_texts.get("--out", "").strip() or None)
    assert parsed.background
    program = compile_cell(clause, body, NAMES, filename="<test>", first_line=2, label="test")
    expected = list(eval(items.strip(), dict(NAMES)))
    assert list(program.items) == expected
    assert program.targets == chosen.targets
    function = area if chosen is PAIRS else double
    for item in expected:
        arguments = item if chosen is PAIRS else (item,)
        assert program.function(*arguments) == function(*arguments)


@given(st.sampled_from(SHOWN), st.text())
@example("--jobs", "-j")
@example("--jobs", "--bg")
@example("--name", "x --bg")
@example("--retries", "٣")
@example("--timeout", "nan")
def test_what_a_field_takes_the_magic_takes_and_what_it_refuses_the_magic_refuses(
    long: str, text: str
) -> None:
    typed = option_line({long: text})
    problem = field_problem(long, text, no_names)
    try:
        parsed = options.parse(typed, evaluate=no_names)
    except UsageError as error:
        assert problem == str(error) or (long, text.strip()) == ("--backend", "serial")
    else:
        assert problem == ""
        assert parsed.keywords == meant({} if long == "--out" else {long: text})


@given(st.text(min_size=1))
def test_quoted_text_is_one_word(text: str) -> None:
    flat = one_line(text)
    if flat:
        assert options.parse(f"--name {quoted(flat)}", evaluate=no_names).keywords == {"name": flat}


@pytest.mark.parametrize(
    "text", ["", "xs ys", "xs for y in ys", "xs if x > 3", "x = 3", "a\0b", "\ud800", "(" * 500]
)
def test_items_that_are_no_expression_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a Python expression"):
        as_iterable(text)


def test_what_cannot_stand_behind_in_is_put_into_brackets() -> None:
    assert as_iterable("xs if flag else ys") == "(xs if flag else ys)"
    assert as_iterable("1, 2") == "(1, 2)"
    assert as_iterable("xs or ys") == "xs or ys"


def test_a_serial_run_is_refused_beside_the_backend() -> None:
    message = line_problem(option_line({"--backend": "serial"}), no_names)
    assert "--bg does not wait" in message
    assert field_of(message) == "--backend"


def test_one_worker_alone_is_refused_in_the_words_of_the_launch() -> None:
    assert "cannot go on in the background" in line_problem(option_line({"--jobs": "1"}), no_names)
    assert line_problem(option_line({"--jobs": "1", "--backend": "loky"}), no_names) == ""


@pytest.mark.parametrize(
    ("message", "long"),
    [
        ("--retries x: that is not a whole number", "--retries"),
        ("-j 0 would run nothing", "--jobs"),
        ("timeout=3 cannot be enforced on the backend 'thread'", "--timeout"),
        ("line 2: the name `f` is not defined", ""),
        ("", ""),
    ],
)
def test_a_message_belongs_to_the_option_it_begins_with(message: str, long: str) -> None:
    assert field_of(message) == long


def test_a_backend_that_is_not_installed_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = backends._Entry("loky", "LokyBackend", needs="no_such_package")
    monkeypatch.setitem(backends._BACKENDS, "loky", entry)
    problem = field_problem("--backend", "loky", no_names)
    assert problem == "the backend 'loky' needs no_such_package: pip install no_such_package"


# Functions ---------------------------------------------------------------------------------------


def test_a_function_is_called_with_one_value_for_each_parameter_without_a_default() -> None:
    def pair(radius: int, height: int, unit: str = "m") -> None: ...

    assert callee("pair", pair).targets == ("radius", "height")
    assert callee("pair", pair).call == "pair(radius, height)"
    assert callee("pair", pair).shown == "pair(radius, height, unit=…)"


@pytest.mark.parametrize(
    ("function", "targets", "call"),
    [
        (lambda: 1, ("item",), "f()"),
        (lambda size=3: 1, ("size",), "f(size)"),
        (lambda *many: 1, ("item",), "f(item)"),
        (lambda f: 1, ("f_",), "f(f_)"),
        (len, ("obj",), "f(obj)"),
        (dict, ("item",), "f(item)"),
    ],
)
def test_how_a_function_is_called(function: Any, targets: tuple[str, ...], call: str) -> None:
    found = callee("f", function)
    assert (found.targets, found.call) == (targets, call)


def test_a_coroutine_function_is_awaited() -> None:
    async def fetch(url: str) -> None: ...

    assert callee("fetch", fetch).call == "await fetch(url)"


def test_a_function_that_needs_a_keyword_says_what_to_do() -> None:
    def shade(x: int, *, colour: str) -> None: ...

    found = callee("shade", shade)
    assert "needs the keyword colour" in found.problem
    assert "def one(item): return shade(item, colour=...)" in found.problem
