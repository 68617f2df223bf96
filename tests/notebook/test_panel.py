"""The control panel as Python objects: what each control does, without a browser."""

from __future__ import annotations

import gc
import html
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets as w
import pytest
from IPython.core.interactiveshell import InteractiveShell

from jupyter_parallel import backends
from jupyter_parallel.engine.plan import CancellationPolicy, Options
from jupyter_parallel.errors import UsageError
from jupyter_parallel.notebook.magics import Magics
from jupyter_parallel.notebook.panel import Panel
from jupyter_parallel.notebook.panel_runs import ROWS, RunsView
from jupyter_parallel.session import session
from tests.e2e.waiting import wait_until

HOSTILE = "<img src=x onerror=alert(1)>"


class Loop:
    """The kernel's own loop: what is left to it runs when a test says so."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, Callable[[], None]]] = []

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self.calls.append((seconds, call))

    def turn(self) -> None:
        calls, self.calls = self.calls, []
        for _, call in calls:
            call()


@pytest.fixture(scope="module")
def shell() -> Iterator[InteractiveShell]:
    made = InteractiveShell.instance()
    made.run_line_magic("load_ext", "jupyter_parallel")
    yield made
    made.run_line_magic("unload_ext", "jupyter_parallel")
    InteractiveShell.clear_instance()


@pytest.fixture
def names(shell: InteractiveShell) -> Iterator[dict[str, Any]]:
    for name in set(shell.user_ns) - set(shell.user_ns_hidden) - {"__name__"}:
        del shell.user_ns[name]
    session.options = Options(n_jobs=2, backend="thread")
    shell.run_cell("def area(radius):\n    return 3 * radius ** 2\nradii = [1, 2, 3, 4]", store_history=False)
    yield shell.user_ns
    session.options = Options()


class Desk:
    """A panel, and what a person does with it."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.loop = Loop()
        self.started: list[tuple[Any, ...]] = []
        magics = Magics(shell)

        def start(*cell: Any) -> Any:
            self.started.append(cell)
            return magics.start(*cell)

        self.panel = Panel(shell, start, self.loop.later)
        self.loop.turn()

    def type(self, function: str = "", items: str = "", **options: str) -> None:
        form = self.panel.form
        if function:
            form.function.control.value = function
        if items:
            form.items.control.value = items
        for name, text in options.items():
            form.options[f"--{name.replace('_', '-')}"].control.value = text
        self.loop.turn()

    def run(self) -> Any:
        """Press Run; return the run that was started."""
        before = len(self.started)
        self.panel.run.click()
        self.loop.turn()
        assert len(self.started) == before + 1, self.panel.status.value
        return session.last

    def line(self, long: str) -> str:
        return self.panel.form.options[long].line

    @property
    def cell(self) -> str:
        return self.panel.written.text if self.panel.written else ""


@pytest.fixture
def desk(shell: InteractiveShell, names: dict[str, Any]) -> Iterator[Desk]:
    desk = Desk(shell)
    yield desk
    desk.panel.close()
    for run in session.runs:
        run.cancel()


def shown(widget: w.Widget) -> Iterator[str]:
    """Yield everything in a tree of widgets that the page takes as HTML."""
    if isinstance(widget, w.HTML):
        yield widget.value
    for child in getattr(widget, "children", ()):
        yield from shown(child)


# Choosing ----------------------------------------------------------------------------------------


def test_function_and_items_are_enough(desk: Desk) -> None:
    assert desk.panel.run.disabled
    assert "Choose a function" in desk.panel.status.value
    desk.type("area")
    assert "Say what the items are" in desk.panel.status.value
    desk.type(items="radii")
    assert "gives 4 items: 1, 2, 3, …" in desk.panel.form.items.line
    assert desk.cell == "%%parallel -o results --bg for radius in radii\narea(radius)"
    assert "%%parallel -o results --bg for radius in radii\narea(radius)" in desk.panel.cell.value
    run = desk.run()
    assert desk.shell.user_ns["results"] is run
    assert run.result() == [3, 12, 27, 48]
    assert run.name == "results"


def test_what_runs_is_the_cell_that_is_shown(desk: Desk) -> None:
    desk.type("area", "radii", jobs="3", retries="2", on_error="collect", name="a 'b' # c", timeout="")
    text = desk.cell
    desk.run().result()
    line, body, given = desk.started[0]
    assert f"%%parallel {line}\n{body}" == text
    assert given == ()
    desk.shell.user_ns.pop("results")
    desk.shell.run_cell(text, store_history=False).raise_error()
    assert desk.shell.user_ns["results"].result() == [3, 12, 27, 48]
    assert desk.shell.user_ns["results"].name == "a 'b' # c"


def test_only_what_the_user_made_or_imported_is_offered(desk: Desk) -> None:
    desk.shell.run_cell(
        "from math import sqrt\nfrom pathlib import Path\nfrom jupyter_parallel import parallel_map\n"
        "_hidden = len\ndef zone(x): return x\n",
        store_history=False,
    )
    assert desk.panel.form.function.control.options == ("area", "zone", "sqrt", "Path")


def test_functions_are_refreshed_after_each_cell_and_the_chosen_one_stays(desk: Desk) -> None:
    desk.type("area", "radii")
    desk.shell.run_cell("def another(x): return x", store_history=False)
    control = desk.panel.form.function.control
    assert "another" in control.options
    assert control.value == "area"
    desk.shell.run_cell("def area(radius, height): return radius", store_history=False)
    desk.loop.turn()
    assert "each item must have 2 values" in desk.panel.form.items.line
    assert desk.panel.run.disabled
    desk.shell.run_cell("del area", store_history=False)
    assert "there is no function area" in desk.panel.form.function.line
    assert desk.cell == ""


def test_a_name_is_completed_or_corrected_while_it_is_typed(desk: Desk) -> None:
    desk.type("ar")
    assert "one of area" in desk.panel.form.function.line
    desk.type("aera")
    assert "there is no function aera; did you mean area?" in desk.panel.form.function.line


def test_without_functions_it_says_how_to_get_one(desk: Desk) -> None:
    desk.shell.run_cell("del area", store_history=False)
    assert "def area(radius)" in desk.panel.form.function.line


def test_results_get_a_name_that_replaces_nothing(shell: InteractiveShell, names: dict[str, Any]) -> None:
    names["results"] = [1]
    desk = Desk(shell)
    assert desk.panel.form.given["--out"] == "results_2"
    desk.type(out="results")
    assert "replaces results, a list of the notebook" in desk.line("--out")
    desk.panel.close()


# What is wrong -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("jobs", "0", "-j 0 would run nothing; all CPUs is -1, one worker is 1: write -j -1"),
        ("jobs", "x", "-j x: that is not a whole number"),
        ("chunk_size", "big", "-c big must be a whole number from 1, or auto"),
        ("timeout", "nan", "--timeout nan must be a finite number of seconds above 0"),
        ("max_failures", "101%", "--max-failures 101% must be a whole number from 0"),
        ("out", "a b", "-o a b: that cannot be a variable"),
        ("backend", "serial", "-b serial runs in the waiting kernel, --bg does not wait"),
    ],
)
def test_a_problem_is_told_beside_its_field_in_the_words_of_the_magic(
    desk: Desk, option: str, text: str, message: str
) -> None:
    long = f"--{option.replace('_', '-')}"
    desk.type("area", "radii")
    before = desk.line(long)
    desk.type(**{option: text})
    assert message in desk.line(long)
    assert desk.panel.run.disabled
    assert desk.cell == ""
    desk.type(**{option: "thread" if option == "backend" else ""})
    assert desk.line(long) == before
    assert not desk.panel.run.disabled


def test_what_only_the_start_knows_is_told_beside_the_field_too(desk: Desk) -> None:
    desk.type("area", "radii", timeout="3")
    desk.panel.run.click()
    desk.loop.turn()
    assert "cannot be enforced on the backend" in desk.line("--timeout")
    assert not desk.panel.run.disabled
    desk.type(timeout="")
    assert desk.run().result() == [3, 12, 27, 48]


def test_a_body_that_cannot_run_is_told_beside_run(desk: Desk) -> None:
    desk.shell.run_cell("import random\nrng = random.Random(3)\ndraw = rng.choice", store_history=False)
    desk.type("draw", "[[1, 2]]")
    assert desk.panel.form.function.control.value == "draw"
    desk.type(items="nowhere")
    assert "the name `nowhere` is not defined" in desk.panel.form.items.line
    assert desk.panel.run.disabled


def test_a_live_run_of_the_same_name_is_not_replaced(desk: Desk) -> None:
    gate = threading.Event()
    desk.shell.user_ns["wait"] = gate.wait
    desk.type("area", "radii")
    desk.shell.user_ns["area"] = lambda radius: gate.wait(20)
    desk.run()
    desk.panel.run.click()
    desk.loop.turn()
    assert "still running" in desk.panel.status.value
    gate.set()


def test_a_backend_that_is_missing_is_shown_with_how_to_install_it(
    shell: InteractiveShell, names: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = backends._Entry("loky", "LokyBackend", needs="no_such_package")
    monkeypatch.setitem(backends._BACKENDS, "loky", entry)
    desk = Desk(shell)
    field = desk.panel.form.options["--backend"]
    assert "the backend 'loky' needs no_such_package: pip install no_such_package" in html.unescape(
        field.line
    )
    desk.type("area", "radii", backend="loky")
    assert "pip install no_such_package" in field.line
    assert "jpar-desk-problem" in field.line
    assert desk.panel.run.disabled
    desk.panel.close()


def test_empty_fields_show_the_defaults_of_the_session(desk: Desk) -> None:
    assert desk.panel.form.options["--retries"].control.placeholder == "0"
    session.options = session.options.updated({"retries": 5})
    desk.shell.run_cell("1", store_history=False)
    assert desk.panel.form.options["--retries"].control.placeholder == "5"
    desk.type("area", "radii")
    assert "--retries" not in desk.cell


# Items -------------------------------------------------------------------------------------------


def test_items_are_looked_at_once_after_the_typing(desk: Desk) -> None:
    looks: list[str] = []

    class Spy(dict):
        def __missing__(self, key: str) -> list[int]:
            looks.append(key)
            return [1, 2]

    desk.shell.user_ns["spy"] = Spy()
    control = desk.panel.form.items.control
    for text in ("s", "spy", "spy['a']", "spy['ab']"):
        control.value = text
        assert "is looked at when you stop typing" in desk.panel.form.items.line
    desk.loop.turn()
    assert looks == ["ab"]
    assert "gives 2 items" in desk.panel.form.items.line


def test_what_was_checked_is_what_runs_and_is_evaluated_once(desk: Desk) -> None:
    calls: list[int] = []

    def load() -> Iterator[int]:
        calls.append(1)
        return iter([1, 2])

    desk.shell.user_ns["load"] = load
    desk.type("area", "load()")
    assert "it calls load" in desk.panel.form.items.line
    assert not desk.panel.form.check.disabled
    assert not calls
    desk.panel.form.check.click()
    desk.loop.turn()
    assert "Run takes these" in desk.panel.form.items.line
    desk.shell.run_cell("1", store_history=False)
    desk.loop.turn()
    assert desk.run().result() == [3, 12]
    assert len(calls) == 1
    desk.loop.turn()
    assert desk.run().result() == [3, 12]
    assert len(calls) == 2


def test_items_of_a_consumed_iterator_are_not_drawn_by_the_check(desk: Desk) -> None:
    desk.shell.user_ns["once"] = iter([1, 2])
    desk.type("area", "list(once)")
    desk.panel.form.check.click()
    desk.loop.turn()
    assert desk.run().result() == [3, 12]


# Runs --------------------------------------------------------------------------------------------


@pytest.fixture
def held(desk: Desk) -> Iterator[Any]:
    """A run of the panel that waits for an event, and its row."""
    gate = threading.Event()
    desk.shell.user_ns["area"] = lambda radius: gate.wait(20) and radius
    desk.type("area", "radii", chunk_size="1")
    run = desk.run()
    row = desk.panel.runs.rows[0]
    wait_until(lambda: run.counts.running == 2, "two items run")
    yield run, row, gate
    gate.set()


def test_the_list_follows_a_run_by_itself(held: Any) -> None:
    _, row, gate = held
    wait_until(lambda: "2 running" in row.text, "the row shows that items run")
    assert not row.pause.disabled
    assert not row.cancel.disabled
    assert row.retry.disabled
    gate.set()
    wait_until(lambda: "4 success" in row.text, "the row shows the end")
    wait_until(lambda: row.pause.disabled and row.cancel.disabled, "the buttons are off")


def test_pause_cancel_and_retry_do_what_they_say(held: Any) -> None:
    run, row, gate = held
    wait_until(lambda: not row.pause.disabled, "Pause is on")
    row.pause.click()
    wait_until(lambda: row.pause.description == "Resume" and "paused" in row.text, "it is paused")
    row.pause.click()
    wait_until(lambda: row.pause.description == "Pause", "it is resumed")
    row.cancel.click()
    gate.set()
    wait_until(lambda: not row.retry.disabled, "it can be tried again")
    assert "cancelled" in row.text
    row.retry.click()
    wait_until(lambda: "4 success" in row.text, "all items have a value")
    assert run.result() == [1, 2, 3, 4]
    wait_until(lambda: row.retry.disabled, "nothing is left to try again")


def test_a_run_that_goes_on_after_its_end_is_followed_again(held: Any) -> None:
    run, row, gate = held
    run.cancel(CancellationPolicy.ALL)
    gate.set()
    wait_until(lambda: not row.retry.disabled, "the row shows the end")
    run.retry()  # somebody else does, not the panel
    wait_until(lambda: "4 success" in row.text and row.retry.disabled, "the row shows the new end")


def test_a_serial_run_is_tried_again_without_holding_the_click(desk: Desk) -> None:
    gate, threads = threading.Event(), []
    desk.shell.user_ns["once"] = lambda: threads.append(threading.current_thread()) or gate.wait(20)
    desk.shell.user_ns["fails"] = lambda: len(threads) == 1 and 1 / 0
    options = "-o alone -b serial -j 1 --on-error collect --quiet"
    gate.set()
    desk.shell.run_cell(f"%%parallel {options} for x in [0]\nonce()\nfails()", store_history=False)
    row = desk.panel.runs.rows[0]
    wait_until(lambda: "1 failure" in row.text and not row.retry.disabled, "the row shows the failure")
    gate.clear()
    row.retry.click()
    wait_until(lambda: "running" in row.text, "the item runs again")
    gate.set()
    wait_until(lambda: "1 success" in row.text, "the item has a value")
    assert threads[1] is not threading.current_thread()


def test_runs_of_cells_are_listed_too_the_latest_first(desk: Desk) -> None:
    kept = []
    for number in range(ROWS + 2):
        desk.shell.run_cell(f"%%parallel -o run{number} --quiet for x in [1]\nx", store_history=False)
        kept.append(desk.shell.user_ns[f"run{number}"])
    rows = desk.panel.runs.rows
    wait_until(lambda: f"run{ROWS + 1}" in rows[0].text, "the latest run is on top")
    assert "run2" in rows[-1].text
    assert f"the latest {ROWS} of" in "".join(shown(desk.panel.runs.box))


def test_the_live_view_of_a_run_is_shown_below_and_replaced(desk: Desk) -> None:
    desk.type("area", "radii")
    desk.run().result()
    (first,) = desk.panel.runs.live.children
    desk.type(out="more")
    run = desk.run()
    (second,) = desk.panel.runs.live.children
    assert first.comm is None
    wait_until(lambda: second.snapshot["ended"], "the view shows the end")
    assert second.snapshot["name"] == "more"
    wait_until(lambda: "results" in desk.panel.runs.rows[1].text, "the first run is the second row")
    desk.panel.runs.rows[1].show.click()
    wait_until(lambda: desk.panel.runs.live.children[0].snapshot["name"] == "results", "the other is shown")
    assert run.result()


def test_many_changes_are_drawn_at_most_five_times_a_second(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    view, drawn, enough = desk.panel.runs, [], threading.Event()
    wait_until(lambda: view._pulse is None, "nothing is drawn any more")

    def draw() -> bool:
        drawn.append(threading.current_thread().name)
        return not enough.is_set()

    monkeypatch.setattr(view, "draw", draw)
    timer = threading.Timer(1.0, enough.set)
    timer.start()
    while not enough.is_set():
        view.mark()
    wait_until(lambda: view._pulse is None, "the thread has ended")
    assert 2 <= len(drawn) <= 8
    assert set(drawn) == {"jupyter-parallel-view"}


def test_the_panel_keeps_no_run_alive_and_no_thread(desk: Desk) -> None:
    desk.type("area", "radii")
    run = weakref.ref(desk.run())
    run().result()  # type: ignore[misc]
    desk.shell.user_ns.pop("results")
    session._last = None
    wait_until(lambda: desk.panel.runs._pulse is None, "drawing has ended")

    def gone() -> bool:
        gc.collect()
        return run() is None

    wait_until(gone, "the run is collected")
    desk.panel.runs.draw()
    # Runs of other tests may be held by somebody: there is a row for each of them and no other.
    rows = [row for row in desk.panel.runs.rows if row.box.layout.display != "none"]
    assert len(rows) == min(len(session.runs), len(desk.panel.runs.rows))


def test_a_view_that_nobody_holds_is_collected() -> None:
    watchers = len(session._watchers)
    view = RunsView()
    gone = weakref.ref(view)
    view.close()
    w.Widget.close_all()
    del view
    gc.collect()
    assert gone() is None
    assert len(session._watchers) == watchers


def test_a_closed_panel_hears_nothing_any_more(desk: Desk) -> None:
    before = len(session._watchers)
    panel = Panel(desk.shell, Magics(desk.shell).start, Loop().later)
    assert len(session._watchers) == before + 1
    assert not panel.closed
    panel.close()
    assert panel.closed
    assert len(session._watchers) == before
    desk.shell.run_cell("def later(x): return x", store_history=False)
    assert "later" not in panel.form.function.control.options


# Around it ---------------------------------------------------------------------------------------


def test_nothing_of_the_users_becomes_markup(desk: Desk) -> None:
    class Sneaky:
        def __repr__(self) -> str:
            return HOSTILE

    def bad(radius: Any) -> Any:
        raise ValueError(HOSTILE)

    bad.__name__ = bad.__doc__ = HOSTILE
    desk.shell.user_ns.update(bad=bad, sneaky=[Sneaky()], Odd=type(HOSTILE, (), {}))
    desk.shell.user_ns["odd"] = desk.shell.user_ns["Odd"]()
    desk.shell.run_cell("1", store_history=False)
    seen: list[str] = []
    for items in (
        "sneaky",
        f"'{HOSTILE}'",
        f"['{HOSTILE}']",
        "odd",
        f"odd['{HOSTILE}']",
        f"bad('{HOSTILE}')",
    ):
        desk.type("bad", items, name=HOSTILE, retries=HOSTILE, out=HOSTILE)
        seen += shown(desk.panel.root)
        desk.type(retries="", out="odd")
        seen += shown(desk.panel.root)
    desk.panel.form.check.click()
    desk.loop.turn()
    desk.type("bad", "sneaky")
    desk.run().wait()
    wait_until(lambda: "1 failure" in desk.panel.runs.rows[0].text, "the run has failed")
    seen += shown(desk.panel.root)
    assert any("&lt;img" in text for text in seen)
    assert not [text for text in seen if "<img" in text]


def test_half_a_surrogate_pair_is_written_out(desk: Desk) -> None:
    desk.type("area", "radii", name="\ud800")
    assert "\\ud800" in desk.panel.cell.value
    "".join(shown(desk.panel.root)).encode()


def test_every_control_has_a_label_or_a_text(desk: Desk) -> None:
    def controls(widget: w.Widget) -> Iterator[w.Widget]:
        if isinstance(widget, w.Text | w.Button | w.ToggleButton):
            yield widget
        for child in getattr(widget, "children", ()):
            yield from controls(child)

    found = list(controls(desk.panel.root))
    assert len(found) > 15
    assert all(control.description for control in found)


def test_a_terminal_is_told_that_the_panel_needs_a_notebook(shell: InteractiveShell) -> None:
    with pytest.raises(UsageError, match="needs a notebook"):
        shell.run_line_magic("parallel_panel", "")
    with pytest.raises(UsageError, match="takes no arguments, not 'x'"):
        shell.run_line_magic("parallel_panel", "x")
