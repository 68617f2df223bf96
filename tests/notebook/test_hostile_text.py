"""Whatever is typed ends in a program or in a ``UsageError``, never in an error of ours."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from jupyter_parallel.errors import UsageError
from jupyter_parallel.notebook.clause import compile_cell
from jupyter_parallel.notebook.completion import completions
from jupyter_parallel.notebook.mistakes import explain_line
from jupyter_parallel.notebook.options import parse, split
from jupyter_parallel.notebook.transform import parallel_cell, rewrite, unfinished

WORDS = """
for x in xs if async await lambda yield import * del class def f return try except e with match case
( ) [ ] { } : ; , . = := + - -- -> % %% %parallel %%parallel ! ? @ # ' " \'\'\' \"\"\" \\ é ﬁ ٣ 1 0x 1e None
-j -j4 --jobs --jobs= --default -b --name -h --bg global nonlocal continue break input() 'a' f'{x}'
"""
PIECES = st.sampled_from(
    [
        *WORDS.split(),
        " ",
        "\n",
        "\n    ",
        "\t",
        "\r\n",
        "\\\n",
        "\0",
        "\f",
        "\u2028",
        "for x in xs",
        "[x for x in xs]",
    ]
)
TEXT = st.lists(PIECES, max_size=12).map("".join) | st.lists(PIECES, max_size=12).map(" ".join)
NAMES = {"xs": [1], "e": 1, "f": 1}


@given(TEXT, TEXT)
def test_a_cell_is_a_program_or_refused(clause: str, body: str) -> None:
    with contextlib.suppress(UsageError):
        compile_cell(clause, body, NAMES, filename="<cell>", first_line=clause.count("\n") + 2, label="")


@given(TEXT)
def test_a_body_is_a_program_or_refused(body: str) -> None:
    with contextlib.suppress(UsageError):
        compile_cell("for x in xs", body, NAMES, filename="<cell>", first_line=2, label="")


@given(TEXT)
def test_options_are_read_or_refused(text: str) -> None:
    options, clause = split(text)
    assert options + clause == text
    with contextlib.suppress(UsageError):
        parse(options, evaluate=lambda expression: expression)


@given(TEXT)
def test_every_line_can_be_explained(text: str) -> None:
    assert isinstance(explain_line(text), UsageError)


@given(TEXT)
def test_every_cell_can_be_rewritten(text: str) -> None:
    typed = text + "\n"
    lines = typed.splitlines(keepends=True)
    with contextlib.suppress(SyntaxError):  # from IPython's tokenizer, for which IPython is prepared
        assert rewrite(typed).count("\n") >= typed.count("\n")
        unfinished(lines)
    (written, *_) = parallel_cell(lines)
    assert written == lines[0] or written.startswith("get_ipython().run_cell_magic('parallel', ")


@given(TEXT, st.integers(0, 40))
def test_completion_never_fails(text: str, position: int) -> None:
    completions(text, min(position, len(text)), "", {"pool": object()})
