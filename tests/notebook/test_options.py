"""The option line: what is read, what is refused, and what the refusal says."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from jupyter_parallel.engine.plan import Options
from jupyter_parallel.errors import UnknownBackend, UsageError
from jupyter_parallel.notebook.option_table import SYNONYMS, TABLE
from jupyter_parallel.notebook.options import ParsedOptions, expressions, help_text, option_of, parse, split

NOTEBOOK: dict[str, Any] = {"pool": object(), "chosen": "threading", "wrong": "nothing"}


def evaluate(text: str) -> Any:
    return eval(text, dict(NOTEBOOK))


def read(text: str, **more: Any) -> ParsedOptions:
    return parse(text, evaluate=evaluate, **more)


@pytest.mark.parametrize(
    ("text", "keywords"),
    [
        ("", {}),
        ("-j 8", {"n_jobs": 8}),
        ("-j8", {"n_jobs": 8}),
        ("-j -1", {"n_jobs": -1}),
        ("-j-2", {"n_jobs": -2}),
        ("--jobs 8", {"n_jobs": 8}),
        ("--jobs=8", {"n_jobs": 8}),
        ("-j '8'", {"n_jobs": 8}),
        ("-c 5", {"chunk_size": 5}),
        ("--chunk-size auto", {"chunk_size": "auto"}),
        ("--timeout 2.5", {"timeout": 2.5}),
        ("--timeout 1e-3", {"timeout": 0.001}),
        ("--timeout .5", {"timeout": 0.5}),
        ("--retries 0", {"retries": 0}),
        ("--on-error stop", {"on_error": "stop"}),
        ("--seed 340282366920938463463374607431768211455", {"seed": 2**128 - 1}),
        ("--name 'first try'", {"name": "first try"}),
        ('--name "a \\"b\\" [c"', {"name": 'a "b" [c'}),
        ("--name it_s", {"name": "it_s"}),
        ("--only 3", {"only": 3}),
        ("--bg", {"wait": False}),
        ("--quiet", {"display": False}),
        ("--default None", {"default": None}),
        ("--default -1", {"default": -1}),
        ("--default float('nan').hex()", {"default": "nan"}),
        ('--default "(1, 2)"', {"default": (1, 2)}),
        ("--default {'a': [1, 2]}", {"default": {"a": [1, 2]}}),
        ("--default \"'n/a'\"", {"default": "n/a"}),
        ("--default=[]", {"default": []}),
        ("-b loky", {"backend": "loky"}),
        ("-b threading", {"backend": "thread"}),
        ("-b sequential", {"backend": "serial"}),
        ("-b multiprocessing", {"backend": "loky"}),
        ("-b pool", {"backend": NOTEBOOK["pool"]}),
        ("-b chosen", {"backend": "thread"}),
        ("-j 2 \\\n  --retries 1  # all\n", {"n_jobs": 2, "retries": 1}),
    ],
)
def test_options_become_keywords_of_a_run(text: str, keywords: dict[str, Any]) -> None:
    parsed = read(text)
    assert parsed.keywords == keywords
    Options().updated(parsed.keywords)


def test_what_is_not_a_keyword_has_its_own_place() -> None:
    assert read("-o areas -j 2 --bg") == ParsedOptions({"n_jobs": 2, "wait": False}, "areas", True, False)
    assert read("-h").help
    assert read("-o größe").out == "größe"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-j 0", r"-j 0 would run nothing; all CPUs is -1"),
        ("--jobs 0", r"write --jobs -1"),
        ("-j 2.0", r"-j 2.0: that is not a whole number; write for example -j 4"),
        ("-j ٣", "not a whole number"),
        ("-j 1_000", "not a whole number"),
        ("-j +4", "not a whole number"),
        ("-j four", "not a whole number"),
        (f"-j {'9' * 5000}", "not a whole number"),
        ("-c 0", "-c 0 must be a whole number from 1, or auto"),
        ("-c -1", "from 1"),
        ("-c AUTO", "auto"),
        ("--timeout nan", "--timeout nan must be a finite number of seconds above 0"),
        ("--timeout inf", "finite"),
        ("--timeout 1e999", "finite"),
        ("--timeout 0", "above 0"),
        ("--timeout -1", "above 0"),
        ("--timeout ٣", "finite"),
        ("--retries -1", "--retries -1 must be a whole number from 0"),
        ("--only -1", "from 0"),
        ("--on-error ignore", "--on-error ignore must be raise, collect or stop"),
        ("--name ''", "--name needs a text that is not empty"),
        ("-o class", "-o class: that cannot be a variable"),
        ("-o a.b", "cannot be a variable"),
        ("-o 2x", "cannot be a variable"),
        ("--default 1/0", "--default 1/0 raised ZeroDivisionError"),
        ("--default n/a", r"""a text is --default "'n/a'\""""),
        ("--default 'no thing'", "can be evaluated here"),
        ("-j", "-j needs a value: -j N"),
        ("-j --bg", "-j needs a value: -j N"),
        ("--name -j 4", "--name needs a value"),
        ("--default", "--default needs a value: --default EXPR"),
        ("--name 'x", "--name 'x: the ' is never closed"),
        ("--default [1", r"the \[ is never closed"),
        ("-j 2 --jobs 3", r"--jobs is given twice \(-j and --jobs\)"),
        ("-j 2 -j 2", "given twice"),
        ("--bg --bg", "given twice"),
        ("-b serial -j 4", "-b serial runs one item at a time, so -j 4 cannot be"),
        ("-b serial --bg", "does not wait"),
        ("--only 1 --bg", "does not wait"),
        ("--bg=1", "--bg takes no value"),
        ("-j=4", "write -j 4"),
        ("4", "4 is not an option; options come first"),
        ("-j 4 5", "5 is not an option"),
        ("-j 4 \\ # all", "backslash that continues the line must be the last character"),
        ("--job 4", "options are not abbreviated: --job is --jobs"),
        ("--time 4", "--timeout or --time-limit"),
        ("--timeo 4", "--timeo is --timeout"),
        ("--on 4", "did you mean --on-error or --on-change or --only"),
        ("--workers 4", "there is no option --workers; write --jobs"),
        ("--n-jobs 4", "write --jobs"),
        ("--n_jobs 4", "write --jobs"),
        ("--n_jobs=4", "write --jobs"),
        ("--cpus 4", "write --jobs"),
        ("--batch-size 4", "write --chunk-size"),
        ("--background", "write --bg"),
        ("--chunk_size 4", "write --chunk-size"),
        ("--bakend loky", "did you mean --backend"),
        ("-q", "write --quiet"),
        ("-z", "there is no option -z; the options are --out, --backend"),
        ("--", "there is no option --"),
        ("-", "there is no option -"),
    ],
)
def test_everything_else_is_refused_with_a_remedy(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(text)


@pytest.mark.parametrize("text", ["--resume x", "--setup f", "--cpus-per-item 2"])
def test_options_that_do_not_exist_are_never_suggested(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(text)
    known = {option.long for option in TABLE}
    named = {word.strip(";,?.") for word in str(caught.value).split() if word.startswith("--")}
    assert named - {text.split()[0]} <= known
    assert set(SYNONYMS.values()) <= known


@pytest.mark.parametrize("text", ["-b ray", "-b wrong", "-b 'no such'", "-b threding"])
def test_an_unknown_backend_lists_the_names(text: str) -> None:
    with pytest.raises(UnknownBackend, match="loky, serial, thread, or an object of the notebook"):
        read(text)


def test_a_close_backend_name_is_offered() -> None:
    with pytest.raises(UnknownBackend, match="Did you mean -b threading"):
        read("-b threding")


@pytest.mark.parametrize(
    ("text", "form", "message"),
    [
        ("-o x", "line", r"the name goes in front: areas = %parallel"),
        ("-o x", "config", "single run"),
    ],
)
def test_some_options_have_their_place(text: str, form: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(text, form=form)


@pytest.mark.parametrize(
    ("line", "clause"),
    [
        (
            "-o areas -j 8 for radius, height in cylinders if radius > 0",
            "for radius, height in cylinders if radius > 0",
        ),
        ("-j8 [f(x) for x in xs]", "[f(x) for x in xs]"),
        ("--default [] [f(x) for x in xs]", "[f(x) for x in xs]"),
        ("--default [] for x in xs", "for x in xs"),
        ("--default [] -j 2 for x in xs", "for x in xs"),
        ("--default=[1, 2] for x in xs", "for x in xs"),
        ("--default 'for x' for x in xs", "for x in xs"),
        ("--name 'run [1' {a: b for a in c}", "{a: b for a in c}"),
        ("--name for_x for x in xs", "for x in xs"),
        ("-j for x in xs", "for x in xs"),
        ("-j -1 (x for x in xs)", "(x for x in xs)"),
        ("f(x) for x in xs", "f(x) for x in xs"),
        ("--quiet async for x in xs", "async for x in xs"),
        ("-b loky \\\n  -j 2 \\\n for x in xs", "for x in xs"),
        ("--unknown for x in xs", "for x in xs"),
        ("-h", ""),
        ("", ""),
        ("\n\n  for x in [\n1]", "for x in [\n1]"),
        ("-j 2 # why\n [x]", "[x]"),
    ],
)
def test_options_come_first_and_the_clause_is_the_rest(line: str, clause: str) -> None:
    options, rest = split(line)
    assert rest == clause
    assert options + rest == line


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("--default [1] -b pool -j 2", ["[1]", "pool"]),
        ("-b 'pool'", ["pool"]),
        ("-j 2", []),
        ("--nonsense", []),
        ("--default", []),
    ],
)
def test_expressions_are_found_without_evaluating_them(text: str, found: list[str]) -> None:
    assert expressions(text) == found


def test_the_table_speaks_of_options_that_a_run_has() -> None:
    known = {field.name for field in fields(Options)}
    assert {option.keyword for option in TABLE if option.keyword} <= known


def test_the_help_names_every_option_and_shows_the_grammar() -> None:
    text = help_text()
    for option in TABLE:
        assert all(flag in text for flag in option.flags)
        assert option.help in text
    assert "%%parallel [options] for" in text
    assert "{k(x): f(x) for x in xs}" in text


def test_a_word_is_recognised_as_the_option_it_spells() -> None:
    spelled = {word: option_of(word) for word in ("-j", "-j4", "--jobs=4", "--job", "j", "-4")}
    assert {word: option.long if option else None for word, option in spelled.items()} == {
        "-j": "--jobs",
        "-j4": "--jobs",
        "--jobs=4": "--jobs",
        "--job": None,
        "j": None,
        "-4": None,
    }
