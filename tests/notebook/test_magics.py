"""The magics in a real IPython shell: what comes back, what is bound, what is said."""

from __future__ import annotations

import io
import re
import sqlite3
import threading

import pytest
from IPython.core.interactiveshell import InteractiveShell

from jupyter_parallel import errors, last_run
from jupyter_parallel.engine.plan import Options
from jupyter_parallel.session import session


@pytest.fixture(scope="module")
def shell():
    made = InteractiveShell.instance()
    made.run_line_magic("load_ext", "jupyter_parallel")
    yield made
    made.run_line_magic("unload_ext", "jupyter_parallel")
    InteractiveShell.clear_instance()


@pytest.fixture
def notebook(shell, capsys):
    """Run cells: ``notebook(source)`` gives the cell's value and raises what the cell raised."""
    for name in set(shell.user_ns) - set(shell.user_ns_hidden):
        del shell.user_ns[name]
    session.options = Options(n_jobs=2, backend="thread")

    def run(source):
        done = shell.run_cell(source, store_history=False)
        if done.error_before_exec or done.error_in_exec:
            raise done.error_before_exec or done.error_in_exec
        return done.result

    run.names = shell.user_ns
    run.printed = lambda: "".join(capsys.readouterr())
    yield run
    session.options = Options()


def test_a_parallel_cell_runs_its_body_once_per_item_and_binds_the_run(notebook):
    notebook("cylinders = [(1.0, 2.0), (2.0, 3.0), (-1.0, 4.0)]")
    value = notebook(
        "%%parallel -o areas for radius, height in cylinders if radius > 0\n"
        "base = 3 * radius ** 2\n"
        "base * height;\n"
    )
    assert value is None
    assert list(notebook.names["areas"]) == [6.0, 36.0]
    assert notebook.names["areas"].targets == ("radius", "height")
    assert "base" not in notebook.names


def test_the_brackets_of_a_parallel_line_say_what_comes_back(notebook):
    assert notebook("%parallel [x ** 2 for x in range(4)]") == [0, 1, 4, 9]
    assert notebook("%parallel {x: -x for x in range(3)}") == {0: 0, 1: -1, 2: -2}
    assert notebook("%parallel {x % 2 for x in range(5)}") == {0, 1}
    run = notebook("run = %parallel (x + 1 for x in range(3))\nrun")
    assert run.result() == [1, 2, 3]


def test_a_parallel_line_is_an_expression_that_sees_the_enclosing_function(notebook):
    notebook("def f(k):\n    return sum(%parallel [x + k\n        for x in range(3)])\n")
    assert notebook("f(10)") == 33


def test_the_out_variable_is_bound_before_the_first_item_starts(notebook):
    seen = []
    notebook.names["look"] = lambda: seen.append("out" in notebook.names and notebook.names["out"].state)
    notebook("%%parallel -o out for x in range(1)\nlook()\n")
    assert seen == ["running"]


def test_without_out_the_last_line_says_how_to_reach_the_run(notebook):
    notebook("%%parallel for x in range(3)\nx\n")
    assert "jupyter_parallel.last_run()" in notebook.printed()
    assert last_run().result() == [0, 1, 2]


def test_quiet_prints_nothing(notebook):
    notebook("%%parallel --quiet for x in range(3)\nx\n")
    assert notebook.printed() == ""


def test_a_cell_with_failures_finishes_the_rest_and_raises(notebook):
    with pytest.raises(errors.RunFailed, match="1 of 5 items failed"):
        notebook("%%parallel -o out for x in range(5)\n1 / (x - 2)\n")
    assert [index for index, _ in notebook.names["out"].successes()] == [0, 1, 3, 4]
    notebook("%%parallel -o out --on-error collect for x in range(5)\n1 / (x - 2)\n")
    assert notebook.names["out"].counts.failure == 1


def test_a_line_with_holes_raises_unless_a_default_is_given(notebook):
    with pytest.raises(errors.RunFailed):
        notebook("values = %parallel [1 / x for x in range(3)]")
    assert notebook("%parallel --default None [1 / x for x in range(3)]") == [None, 1.0, 0.5]
    assert notebook("%parallel --default None {1 / x for x in range(3)}") == {None, 1.0, 0.5}


def test_the_default_of_a_dict_stands_under_the_key_of_its_item(notebook):
    notebook("names = ['zero', 'one', 'two']")
    assert notebook("%parallel --default -1 {names[x]: 1 / x for x in range(3)}") == {
        "zero": -1,
        "one": 1.0,
        "two": 0.5,
    }
    source = "def halves(k):\n    return %parallel --default k {(a + k): b / a for a, b in [(0, 1), (2, 1)]}"
    notebook(source)
    assert notebook("halves(7)") == {7: 7, 9: 0.5}
    notebook("async def inverse(x):\n    return 1 / x")
    with pytest.raises(errors.UsageError, match="awaits cannot take --default"):
        notebook("%parallel --default 0 {x: await inverse(x) for x in range(2)}")


def test_the_error_of_a_cell_shows_the_users_line_and_none_of_our_frames(notebook):
    with pytest.raises(errors.RunFailed):
        notebook("%%parallel for x in range(3)\ny = 0\nx / y\n")
    told = notebook.printed()
    assert "3 × ZeroDivisionError: division by zero" in told
    assert "line 3" in told and "x / y" in told
    assert "jupyter_parallel/" not in told


def test_the_first_failures_end_a_run_that_is_not_worth_going_on_with(notebook):
    with pytest.raises(errors.RunFailed, match="32 of"):
        notebook("%%parallel -o out -c 1 -j 1 for x in range(200)\n1 / 0\n")
    assert notebook.names["out"].counts.skipped >= 160
    with pytest.raises(errors.RunFailed, match="200 of 200"):
        notebook("%%parallel --max-failures 100% for x in range(200)\n1 / 0\n")


def test_a_time_limit_ends_the_cell_and_keeps_what_is_finished(notebook):
    notebook("import time")
    with pytest.raises(errors.RunTimeout, match="limit of 0.3 s"):
        notebook("%%parallel -o out -c 1 --time-limit 0.3 for x in range(1000)\ntime.sleep(0.02)\nx\n")
    run = notebook.names["out"]
    assert run.state == "cancelled"
    assert 0 < run.counts.success < 1000
    assert all(index == value for index, value in run.successes())


def test_debug_lands_in_the_users_frame(notebook, shell):
    import sys

    notebook("%%parallel -o out --on-error collect for x in range(3)\ny = x - 1\n1 / y\n")
    with pytest.raises(ZeroDivisionError):
        notebook("out.debug(1)")
    frame = sys.last_traceback
    while frame.tb_next:
        frame = frame.tb_next
    assert frame.tb_frame.f_locals["y"] == 0
    assert frame.tb_lineno == 3


def test_debug_shows_no_frames_between_the_call_and_the_item(notebook, capsys):
    notebook("def deep(x):\n    return 1 / x")
    notebook("%%parallel -o out --on-error collect for x in range(3)\ndeep(x - 1)\n")
    with pytest.raises(ZeroDivisionError):
        notebook("out.debug(1)")
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert "out.debug(1)" in shown and "return 1 / x" in shown
    assert "launch.py" not in shown and "execute.py" not in shown


def test_a_line_works_in_the_cell_that_loads_the_extension(notebook, shell):
    notebook("%unload_ext jupyter_parallel")
    source = "%load_ext jupyter_parallel\nk = 2\nvalues = %parallel --default k [k / x for x in range(3)]"
    notebook(source)
    assert notebook.names["values"] == [2, 2.0, 1.0]
    notebook("%unload_ext jupyter_parallel")
    with pytest.raises(errors.UsageError, match="load_ext jupyter_parallel into a cell"):
        notebook(
            "%load_ext jupyter_parallel\ndef f(n):\n    y = %parallel [n for x in [1]]\n    return y\nf(1)"
        )


def test_a_default_of_the_session_is_taken_back_by_none(notebook):
    notebook("%parallel_config --timeout 5 --name first --on-error collect -c 3")
    notebook("%parallel_config --timeout none --name none --on-error none -c none")
    assert session.options == Options(n_jobs=2, backend="thread")
    with pytest.raises(errors.UsageError, match="--timeout none must be"):
        notebook("%parallel --timeout none [x for x in range(3)]")


def test_config_explains_itself(notebook):
    notebook("%parallel_config -h")
    assert "--jobs" in notebook.printed()


def test_functions_with_a_cache_travel(notebook):
    notebook.names["__name__"] = "__main__"  # as in a kernel; the fixture took it away
    notebook(
        "import functools\n"
        "@functools.lru_cache(maxsize=7)\n"
        "def fib(n):\n"
        "    return n if n < 2 else fib(n - 1) + fib(n - 2)\n"
        "class Tree:\n"
        "    @functools.cache\n"
        "    def depth(self, n):\n"
        "        return 0 if n == 0 else 1 + self.depth(n - 1)\n"
    )
    wanted = [(0, 7), (1, 7), (55, 7)]
    assert notebook("%parallel -b loky [(fib(n), fib.cache_info().maxsize) for n in (0, 1, 10)]") == wanted
    assert notebook("%parallel -b loky [Tree().depth(n) for n in range(3)]") == [0, 1, 2]


@pytest.mark.parametrize(
    ("line", "marks"),
    [
        (
            "y = 1; z = %parallel -b loky [(5 + 1 / x, 1) for x in range(1) if x < 77777777777777]",
            "~~^~~",
        ),
        ("z = %parallel -b loky {str(x): 1 / x for x in range(1)}", "~~^~~"),
        ("z = %parallel -b loky {1 / x: 'é' for x in range(1)}", "~~^~~"),
        ("z = %parallel -b loky [await later(x) + 1 / x for x in range(1)]", "~~^~~"),
        ("z = ['é', %parallel -b loky [\n   1 / x for x in range(1)]]", "~~^~~"),
    ],
)
def test_marks_stand_under_what_failed_in_a_line(notebook, line, marks):
    notebook("async def later(x):\n    return 0")
    with pytest.raises(errors.RunFailed):
        notebook(line)
    shown = last_run().failures[0].traceback.splitlines()
    assert len({text.strip() for text in shown} & {"", marks}) == 1
    place = next(position for position, text in enumerate(shown) if set(text.strip()) <= set("~^"))
    start = shown[place].index("~")
    assert shown[place - 1][start : start + 5] == "1 / x"


def test_a_traceback_quotes_a_function_of_the_same_cell(notebook):
    with pytest.raises(errors.RunFailed):
        notebook(
            "def f(x):\n    return 1 / x  # here\nz = %parallel -b loky [f(x)\n  for x in range(1)]\ng = f"
        )
    assert "return 1 / x  # here" in last_run().failures[0].traceback
    assert "\n    [f(x)\n" in last_run().failures[0].traceback


def test_an_interrupt_ends_only_the_waiting_for_a_background_run(notebook, capsys):
    gate = notebook.names["gate"] = threading.Event()
    notebook("%%parallel -o out --bg for x in range(3)\ngate.wait(10)\nx\n")

    class Waits(threading.Condition):
        def wait_for(self, predicate, timeout=None):
            raise KeyboardInterrupt

    out = notebook.names["out"]
    changed, out._changed = out._changed, Waits()
    with pytest.raises(KeyboardInterrupt, match="stopped waiting for item 2; run.cancel"):
        notebook("out[2]")
    out._changed = changed
    assert "sequence.py" not in capsys.readouterr().out
    assert out.state == "running"
    gate.set()
    assert out.result() == [0, 1, 2]


def test_a_mistake_of_ours_keeps_our_frames(notebook, capsys, monkeypatch):
    monkeypatch.setattr("jupyter_parallel.launch.start", None)
    with pytest.raises(TypeError):
        notebook("%parallel [x for x in range(3)]")
    assert "launch.py" in capsys.readouterr().out


def test_background_runs_return_at_once_and_a_live_out_variable_is_protected(notebook):
    gate = notebook.names["gate"] = threading.Event()
    notebook("%%parallel -o out --bg for x in range(3)\ngate.wait(10)\nx\n")
    with pytest.raises(errors.UsageError, match=r"out\.wait\(\).*out\.cancel\(\)"):
        notebook("%%parallel -o out for x in range(3)\nx\n")
    gate.set()
    assert notebook.names["out"].result() == [0, 1, 2]


def test_only_runs_one_item_in_the_kernel_and_gives_its_value(notebook):
    notebook.names["here"] = threading.get_ident()
    source = "%%parallel --only 2 for x in range(5)\nimport threading\n(x, threading.get_ident() == here)\n"
    assert notebook(source) == (2, True)
    notebook.printed()
    notebook("kept = 1")
    assert notebook("%%parallel -o kept --only 2 for x in range(5)\nx * 10\n") == 20
    assert notebook.names["kept"] == 1
    assert "kept stays as it is" in notebook.printed()
    with pytest.raises(errors.UsageError, match="out of range"):
        notebook("%%parallel --only 9 for x in range(5)\nx\n")


def test_a_literal_one_job_without_a_backend_runs_in_the_kernel(notebook):
    session.options = Options()
    notebook.names["here"] = threading.get_ident()
    notebook("%%parallel -o out -j 1 for x in range(3)\nimport threading\nthreading.get_ident() == here\n")
    assert notebook.names["out"].result() == [True, True, True]
    assert notebook.names["out"].overview().backend == "serial"


def test_config_sets_defaults_and_shows_them(notebook):
    notebook("%parallel_config -j 3 --retries 2")
    assert session.options.n_jobs == 3
    notebook.printed()
    notebook("%parallel_config")
    told = notebook.printed()
    assert "retries" in told and "2  (set in this session)" in told


def test_runs_lists_what_has_run(notebook):
    notebook("%%parallel -o out --name 'first try' for x in range(3)\nx\n")
    notebook.printed()
    notebook("%parallel_runs")
    assert "first try" in notebook.printed()


def test_help_is_printed_and_is_the_documentation_of_the_magic(notebook, shell):
    notebook("%%parallel -h")
    told = notebook.printed()
    assert "--chunk-size" in told
    assert "--chunk-size" in shell.find_cell_magic("parallel").__doc__


LOKY = "%%parallel -b loky -j 2 "

BAD_CELLS = [
    ("%%parallel -j 0 for x in range(3)\nx\n", errors.UsageError, "all CPUs is -1"),
    ("%%parallel -j 2.0 for x in range(3)\nx\n", errors.UsageError, "whole number"),
    ("%%parallel -c 0 for x in range(3)\nx\n", errors.UsageError, "from 1"),
    ("%%parallel --chunk 2 for x in range(3)\nx\n", errors.UsageError, "--chunk-size"),
    ("%%parallel --workers 2 for x in range(3)\nx\n", errors.UsageError, "--jobs"),
    ("%%parallel --timeout nan for x in range(3)\nx\n", errors.UsageError, "finite"),
    ("%%parallel --time-limit 0 for x in range(3)\nx\n", errors.UsageError, "finite"),
    ("%%parallel --max-failures 101% for x in range(3)\nx\n", errors.UsageError, "share"),
    ("%%parallel -b lokky for x in range(3)\nx\n", errors.UnknownBackend, "loky"),
    ("%%parallel for x in range(3) -j 2\nx\n", errors.UsageError, "-j 2 for x in range"),
    ("%%parallel for x in range(3\nx\n", errors.UsageError, "ends too early"),
    ("%%parallel for x in range(3)\nnowhere(x)\n", NameError, "`nowhere`"),
    ("%%parallel for x in nowhere\nx\n", NameError, "nowhere"),
    ("%%parallel for x in 'abc'\nx\n", errors.UsageError, "list"),
    ("%%parallel for x in 5\nx\n", errors.UsageError, "range"),
    ("%%parallel for x in range(3)\ny = (x\n", SyntaxError, "never closed"),
    ("%%parallel for x in range(3)\nif x:\n    continue\nx\n", errors.UsageError, "return"),
    ("%%parallel for x in range(3)\nyield x\n", errors.UsageError, "yield"),
    ("%%parallel for x in range(3)\n!ls\n", errors.UsageError, "subprocess"),
    (
        LOKY + "for x in range(3)\nconnection.execute('select 1')\n",
        errors.CannotTravel,
        "`connection`.*Connection",
    ),
    (LOKY + "for x in range(3)\nlock.acquire()\n", errors.CannotTravel, "`lock`"),
    (LOKY + "for x in range(3)\ndraw.random()\n", errors.UsageError, "--seed"),
    ("%parallel abs(x) for x in range(3)", errors.UsageError, r"%parallel \[abs\(x\) for x in range\(3\)\]"),
    ("%parallel [abs(x) for x in range(3)", errors.UsageError, r"closing \] is missing"),
    ("%parallel [1, 2]", errors.UsageError, "for"),
]


@pytest.mark.parametrize(("source", "kind", "message"), BAD_CELLS, ids=[row[0][:50] for row in BAD_CELLS])
def test_bad_input_is_one_clear_error_before_anything_starts(notebook, source, kind, message):
    import random

    notebook.names.update(
        connection=sqlite3.connect(":memory:"), lock=threading.Lock(), draw=random.Random(1)
    )
    before = session.last
    with pytest.raises(kind, match=f"(?s){message}"):
        notebook(source)
    assert session.last is before
    told = notebook.printed()
    assert "jupyter_parallel/" not in told
    assert len(told.splitlines()) <= 8


def test_changing_a_captured_container_is_warned_about_where_workers_have_copies(notebook):
    notebook("total = 0\nseen = []")
    notebook("%%parallel -b loky -j 2 for x in range(3)\ntotal += x\nseen.append(x)\nx\n")
    assert "workers change their own copy" in notebook.printed()
    notebook("%%parallel for x in range(3)\nseen.append(x)\nx\n")
    assert "own copy" not in notebook.printed()


@pytest.mark.parametrize("backend", ["loky", "thread"])
def test_a_line_inside_an_item_runs_serially_and_gives_the_same(notebook, backend):
    notebook("def row(n):\n    return %parallel [n * m for m in range(3)]\n")
    assert notebook(f"%parallel -b {backend} -j 2 [row(n) for n in range(3)]") == [
        [0, 0, 0],
        [0, 1, 2],
        [0, 2, 4],
    ]
    nested = f"%parallel -b {backend} [sum(%parallel [n * m for m in range(3)]) for n in range(3)]"
    assert notebook(nested) == [0, 3, 6]
    assert last_run().result() == [0, 3, 6]


def test_classes_of_the_notebook_come_back_as_exactly_those_classes(notebook):
    notebook("from dataclasses import dataclass\n@dataclass\nclass Point:\n    x: int\n")
    points = notebook("%parallel -b loky [Point(x) for x in range(3)]")
    assert [type(point) for point in points] == [notebook.names["Point"]] * 3
    notebook("points = [Point(5), Point(6)]")
    assert notebook("%parallel -b loky [point.x for point in points]") == [5, 6]


def test_hostile_items_fail_alone(notebook):
    notebook(
        "class Odd(Exception):\n"
        "    def __init__(self, a, b):\n        self.lock = __import__('threading').Lock()\n"
        "    def __str__(self):\n        raise RuntimeError('no text')\n"
    )
    notebook(
        "%%parallel -b loky -o out --on-error collect for x in range(5)\n"
        "import threading\n"
        "if x == 1:\n    raise Odd(1, 2)\n"
        "if x == 2:\n    raise SystemExit(3)\n"
        "threading.Lock() if x == 3 else x\n"
    )
    run = notebook.names["out"]
    assert run.successes() == [(0, 0), (4, 4)]
    assert [record.failed.failure.type for record in run.failures][:2] == ["Odd", "SystemExit"]
    assert "lock" in run.failures[2].failed.failure.message


def test_prints_of_items_reach_the_record(notebook):
    notebook("%%parallel -b loky -o out for x in range(3)\nprint('hello', x)\nx\n")
    record = notebook.names["out"].records[1]
    assert io.StringIO(record.output[0].text).read() == "hello 1\n"


def test_loading_twice_and_unloading_leave_one_or_none(shell):
    shell.run_line_magic("reload_ext", "jupyter_parallel")
    assert len([t for t in shell.input_transformer_manager.token_transformers if "arallel" in str(t)]) == 1
    shell.run_line_magic("unload_ext", "jupyter_parallel")
    assert "parallel" not in shell.magics_manager.magics["cell"]
    shell.run_line_magic("load_ext", "jupyter_parallel")


def test_a_traceback_quotes_the_functions_of_other_cells(notebook):
    notebook.names["__name__"] = "__main__"  # as in a kernel; the fixture took it away
    notebook("class Tool:\n    def use(self, x):\n        return 1 / x  # the culprit")
    notebook("tool = Tool()\ndef through(x):\n    return tool.use(x)")
    with pytest.raises(errors.RunFailed):
        notebook("%parallel -b loky [through(x) for x in range(2)]")
    (failed,) = last_run().failures
    assert "return 1 / x  # the culprit" in failed.traceback
    assert "return tool.use(x)" in failed.traceback
    assert "ipython-input" not in failed.traceback
    assert last_run().errors[0].where.startswith("Cell In[")
    assert last_run().errors[0].where.endswith(":3")
