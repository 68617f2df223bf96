"""The daily loop in a real IPython shell: run, see failures, fix, run the cell again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from jupyter_parallel import Run, errors, last_run
from jupyter_parallel.engine.plan import Options
from jupyter_parallel.session import session


class Book:
    """Cells of one notebook; ``restart`` begins a new session of it."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.restart()

    def restart(self) -> None:
        InteractiveShell.clear_instance()
        self.shell = InteractiveShell.instance()
        self.shell.run_line_magic("load_ext", "jupyter_parallel")
        session.options = Options(n_jobs=2, backend="thread")

    def __call__(self, source: str) -> Any:
        done = self.shell.run_cell(source, store_history=True)
        if error := done.error_before_exec or done.error_in_exec:
            raise error
        return done.result

    def printed(self) -> str:
        return "".join(self._capsys.readouterr())


@pytest.fixture
def book(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[[str], Any]]:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(session, "folder", None)
    made = Book(capsys)
    yield made
    made.shell.run_line_magic("unload_ext", "jupyter_parallel")
    InteractiveShell.clear_instance()
    session.options, session._last = Options(), None
    session._runs.clear()


CELL = """%%parallel --checkpoint daily for x in range(10)
if x in bad:
    raise ValueError(x)
x * 2
"""


def test_run_see_failures_fix_and_run_again(book: Book) -> None:
    book("bad = open")  # any callable will do to make the name known
    book("class Bad:\n    def __contains__(self, x):\n        import pathlib\n"
         "        return pathlib.Path(f'bad-{x}').exists()\nbad = Bad()")  # fmt: skip
    for x in (2, 5, 7):
        Path(f"bad-{x}").touch()
    with pytest.raises(errors.RunFailed, match="3 of 10 items failed"):
        book(CELL)
    assert last_run().counts.success == 7
    for x in (2, 5, 7):
        Path(f"bad-{x}").unlink()
    book.printed()
    book(CELL)
    assert "7 of 10 restored from " in book.printed()
    assert list(last_run()) == [x * 2 for x in range(10)]
    book(CELL.replace("range(10)", "range(12)"))
    assert last_run().counts.restored == 10 and "10 of 12 restored" in book.printed()


def test_a_restarted_kernel_finds_everything_and_comments_do_not_matter(book: Book) -> None:
    source = "%%parallel -o run --checkpoint a --quiet for x in range(5)\ny = helper(x)\ny + 1\n"
    book("def helper(x):\n    return x * 2")
    book(source)
    book.restart()
    book("# a note\ndef helper(x):\n    '''Help.'''\n    return x * 2   # twice")
    book("\n" + source.replace("y + 1", "# the end\ny + 1"))
    assert book.shell.user_ns["run"].counts.restored == 5
    book("def helper(x):\n    return x * 3")
    with pytest.raises(errors.FunctionChanged, match=r"-    return x \* 2\n\+    return x \* 3"):
        book(source)
    book(source.replace("--quiet", "--quiet --on-change keep"))
    assert list(book.shell.user_ns["run"]) == [1, 3, 5, 7, 9]
    book(
        source.replace("--quiet", "--quiet --on-change rerun").replace("checkpoint a", "checkpoint a --fresh")
    )
    assert list(book.shell.user_ns["run"]) == [1, 4, 7, 10, 13]


def test_lines_have_checkpoints_and_savers_too(book: Book) -> None:
    line = "values = %parallel --checkpoint line --save out.csv --save-every 2 [x ** 2 for x in range(5)]"
    book(line)
    assert book.shell.user_ns["values"] == [0, 1, 4, 9, 16]
    assert Path("out.csv").read_text() == "index,value\n0,0\n1,1\n2,4\n3,9\n4,16\n"
    book(line)
    assert last_run().counts.restored == 5
    with pytest.raises(errors.FunctionChanged, match=r"\+    return x \*\* 3|x \*\* 3"):
        book(line.replace("x ** 2", "x ** 3"))


def test_checkpoints_stay_beside_the_notebook_when_the_directory_changes(book: Book, tmp_path: Path) -> None:
    book("%parallel --checkpoint here --quiet [x for x in range(3)]")
    (tmp_path / "elsewhere").mkdir()
    book("import os\nos.chdir('elsewhere')")
    book("%parallel --checkpoint here --quiet [x for x in range(3)]")
    assert last_run().counts.restored == 3


def test_stored_runs_are_listed_exported_and_removed(book: Book, tmp_path: Path) -> None:
    book("%parallel_runs")
    assert book.printed() == "no runs yet\n" or "stored" not in book.printed()
    book("%parallel --checkpoint 'my areas' --name squares --quiet [x ** 2 for x in range(1200)]")
    with pytest.raises(errors.RunFailed):
        book("%parallel --checkpoint broken --quiet [1 // x for x in range(3)]")
    (tmp_path / ".jupyter_parallel" / "torn.sqlite").write_bytes(b"no database at all" * 50)
    book.printed()
    book("%parallel_runs")
    lines = book.printed().splitlines()
    rows = [line.split("  ") for line in lines[[line.startswith("stored") for line in lines].index(True) :]]
    table = {row[0]: [cell.strip() for cell in row if cell.strip()] for row in rows}
    assert table["stored"] == ["stored", "function", "done", "failed", "saved", "size"]
    assert table["my areas"][1:4] == ["squares", "1,200", "0"] and table["my areas"][4].endswith(" ago")
    assert table["broken"][2:4] == ["2", "1"]
    assert "cannot be read" in table["torn"][1]
    book("%parallel_runs export 'my areas' out.csv")
    assert book.printed() == "wrote 1,200 values of my areas to out.csv\n"
    assert Path("out.csv").read_text().splitlines()[-1] == "1199,1437601"
    book("%parallel_runs rm broken")
    assert book.printed().startswith("deleted broken: ")
    with pytest.raises(errors.CheckpointError, match="there is no checkpoint 'broken'"):
        Run.open("broken")
    assert Run.open("my areas")[3] == 9


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("rm", "rm NAME"),
        ("rm a b", "rm NAME"),
        ("export a", "export NAME FILE"),
        ("delete a", "is not known; write %parallel_runs alone"),
        ("rm 'a", "No closing quotation"),
        ("rm nothing", "there is no checkpoint 'nothing'"),
    ],
)
def test_what_is_typed_wrongly_is_told(book: Book, line: str, message: str) -> None:
    with pytest.raises(errors.JupyterParallelError, match=message):
        book(f"%parallel_runs {line}")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--on-change ask", "must be fail, keep or rerun"),
        ("--checkpoint", "needs a value"),
        ("--checkpoint ''", "needs a text"),
        ("--fresh", "belongs to a checkpoint"),
        ("--save x.txt", r"must end in \.jsonl"),
        ("--save x.csv --save-every 0", "whole number from 1"),
        ("--resume a", "write --checkpoint"),
    ],
)
def test_wrong_options_are_refused_before_anything_runs(book: Book, options: str, message: str) -> None:
    with pytest.raises(errors.UsageError, match=message):
        book(f"%%parallel {options} for x in range(3)\nx")


def test_another_users_store_is_trusted_by_a_word(
    book: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book("%parallel --checkpoint theirs --quiet [x for x in range(3)]")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "mine"))
    with pytest.raises(errors.UntrustedCheckpoint, match="%parallel_runs trust theirs"):
        book("%parallel --checkpoint theirs --quiet [x for x in range(3)]")
    book("%parallel_runs trust theirs")
    book("%parallel --checkpoint theirs --quiet [x for x in range(3)]")
    assert last_run().counts.restored == 3
