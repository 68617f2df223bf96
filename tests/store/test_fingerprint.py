"""What counts as a change of the function, and what does not: a table of edits as people make them."""

from __future__ import annotations

import linecache
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest

from jupyter_parallel.store.fingerprint import Fingerprint, difference, fingerprint

_CELLS = 0


class Notebook:
    """A ``__main__`` of its own, in which cells run as IPython runs them."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__", "np": numpy, "pd": pandas}

    def run(self, cell: str) -> Notebook:
        global _CELLS
        _CELLS += 1
        name = f"<ipython-input-{_CELLS}>"
        linecache.cache[name] = (len(cell), None, cell.splitlines(keepends=True), name)
        exec(compile(cell, name, "exec"), self.names)
        return self

    def of(self, name: str = "f", **more: Any) -> Fingerprint:
        return fingerprint(self.names[name], **more)


BEFORE = '''
import functools, math
from dataclasses import dataclass
K = 3
DATA = [1, 2, 3]
TABLE = {"a": 1, "b": 2}
frame = pd.DataFrame({"x": [1.0, 2.0], "name": ["u", "v"]})
array = np.arange(6.0)
flags = {"red", "green"}

def deep(x):
    return x + 1

def helper(x):
    """Help."""
    return deep(x) * 2

def unused(x):
    return x

@dataclass
class Point:
    x: float
    y: float = 0.0

    def norm(self):
        return math.hypot(self.x, self.y)

class Base:
    scale = 2

class Tool(Base):
    def use(self, x):
        return x * self.scale

tool = Tool()
tool.level = 5

def closing(n):
    def inner(x):
        return x + n
    return inner

step = closing(1)

def f(x, power=2, *, limit=10):
    """Work on x."""
    # a comment
    y = helper(x) ** power
    z = frame.x.sum() + array[0] + len(DATA) + TABLE["a"] + len(flags)
    return Point(y, z).norm() * K + step(x) + tool.use(x) + math.sqrt(4) + min(limit, x)
'''

EDITS = {
    # What does not change what the function does.
    "nothing at all": ("", "", False),
    "a comment": ("# a comment", "# another comment\n    # in two lines", False),
    "a comment goes": ("    # a comment\n", "", False),
    "the docstring": ('"""Work on x."""', '"""Work on every x."""', False),
    "the docstring goes": ('    """Work on x."""\n', "", False),
    "the docstring of a helper": ('"""Help."""', '"""Help a lot."""', False),
    "blanks in an expression": ("helper(x) ** power", "helper( x )**power", False),
    "brackets that change nothing": ("y = helper(x) ** power", "y = (helper(x) ** power)", False),
    "a line break in an expression": ("+ array[0] +", "+ (\n        array[0]) +", False),
    "quotes of a text": ('TABLE["a"]', "TABLE['a']", False),
    "an empty line": ("    y = helper", "\n    y = helper", False),
    "lines above the function": ("def deep", "\n\n\ndef deep", False),
    "a function it does not reach": ("return x\n\n@data", "return -x\n\n@data", False),
    "a captured list, made again": ("DATA = [1, 2, 3]", "DATA = list(range(1, 4))", False),
    "a captured frame, made again": (
        'frame = pd.DataFrame({"x": [1.0, 2.0], "name": ["u", "v"]})',
        'frame = pd.DataFrame([(1.0, "u"), (2.0, "v")], columns=["x", "name"])',
        False,
    ),
    "a captured array, made again": ("np.arange(6.0)", "np.array([0.0, 1, 2, 3, 4, 5])", False),
    "the order of a captured set": ('{"red", "green"}', '{"green", "red"}', False),
    "the order of a captured dict": ('{"a": 1, "b": 2}', '{"b": 2, "a": 1}', False),
    # What does.
    "a literal": ("array[0]", "array[1]", True),
    "an operator": ("** power", "* power", True),
    "a name": ("min(limit, x)", "max(limit, x)", True),
    "a default": ("power=2", "power=3", True),
    "the default of a keyword": ("limit=10", "limit=11", True),
    "a new parameter": ("power=2,", "power=2, more=0,", True),
    "a new last line": ("min(limit, x)\n", "min(limit, x)\n    # end\n    return 0\n", True),
    "a captured number": ("K = 3", "K = 4", True),
    "the type of a captured number": ("K = 3", "K = 3.0", True),
    "a captured list": ("DATA = [1, 2, 3]", "DATA = [1, 2, 4]", True),
    "the order of a captured list": ("DATA = [1, 2, 3]", "DATA = [3, 2, 1]", True),
    "a captured list that is a tuple": ("DATA = [1, 2, 3]", "DATA = (1, 2, 3)", True),
    "a captured dict": ('"b": 2}', '"b": 3}', True),
    "a captured set": ('{"red", "green"}', '{"red", "blue"}', True),
    "one cell of a captured frame": ("[1.0, 2.0]", "[1.0, 2.5]", True),
    "a text in a captured frame": ('["u", "v"]', '["u", "w"]', True),
    "the name of a column": ('"name": [', '"title": [', True),
    "one element of a captured array": ("np.arange(6.0)", "np.array([0.0, 1, 2, 3, 4, 6])", True),
    "the kind of a captured array": ("np.arange(6.0)", "np.arange(6)", True),
    "a helper": ("deep(x) * 2", "deep(x) * 3", True),
    "a helper of a helper": ("return x + 1", "return x + 2", True),
    "the value in a closure": ("closing(1)", "closing(2)", True),
    "the code of a closure": ("return x + n", "return x - n", True),
    "a method of a class it makes": ("math.hypot(self.x, self.y)", "math.hypot(self.y, self.x)", True),
    "a field of a dataclass": ("y: float = 0.0", "y: float = 1.0", True),
    "a new field of a dataclass": ("    y: float = 0.0", "    y: float = 0.0\n    z: int = 0", True),
    "the class of a captured object": ("return x * self.scale", "return x / self.scale", True),
    "its base class": ("scale = 2", "scale = 3", True),
    "an attribute of a captured object": ("tool.level = 5", "tool.level = 6", True),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_has_the_right_verdict(edit: str) -> None:
    old, new, changed = EDITS[edit]
    assert old in BEFORE
    before, after = Notebook().run(BEFORE).of(), Notebook().run(BEFORE.replace(old, new, 1)).of()
    assert not before.unchecked
    assert (before.text != after.text) is changed, difference(before.text, after.text)


def test_the_table_has_enough_edits_of_both_kinds() -> None:
    verdicts = [changed for _, _, changed in EDITS.values()]
    assert len(verdicts) >= 40
    assert verdicts.count(True) >= 15 and verdicts.count(False) >= 15


def test_the_difference_shows_the_edited_line() -> None:
    before = Notebook().run(BEFORE).of()
    after = Notebook().run(BEFORE.replace("deep(x) * 2", "deep(x) * 3")).of()
    lines = difference(before.text, after.text).splitlines()
    assert "-    return deep(x) * 2" in lines and "+    return deep(x) * 3" in lines


def test_settings_of_the_run_belong_to_the_function() -> None:
    notebook = Notebook().run("def f(x, k=0): return x + k\n")
    plain = notebook.of().text
    for changed in ({"kwargs": {"k": 1}}, {"seed": 1}, {"call": "chunk"}):
        assert notebook.of(**changed).text != plain
    assert notebook.of(kwargs={"k": [1]}).text == notebook.of(kwargs={"k": [1]}).text
    assert notebook.of(kwargs={"k": [1]}).text != notebook.of(kwargs={"k": [2]}).text


def test_the_same_source_in_another_cell_and_process_is_the_same(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy as np, pandas as pd\n"
        + BEFORE
        + "\nfrom jupyter_parallel.store.fingerprint import fingerprint\nprint(fingerprint(f).digest)\n"
    )
    digests = set()
    for seed in ("0", "1", "2"):
        import os

        done = subprocess.run(
            [sys.executable, str(script)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(done.stdout.strip())
    assert len(digests) == 1


def test_a_lambda_is_told_from_its_neighbour_on_the_same_line() -> None:
    pair = Notebook().run("pair = [lambda x: x + 1, lambda x: x + 2]\nf, g = pair\n")
    assert "x + 1" in pair.of("f").text and "x + 2" not in pair.of("f").text
    assert pair.of("f").text != pair.of("g").text


def test_a_local_module_counts_with_the_modules_it_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "inner_part.py").write_text("def low(x): return x\n")
    (tmp_path / "outer_part.py").write_text("import inner_part\ndef high(x): return inner_part.low(x)\n")
    notebook = Notebook().run("import outer_part\ndef f(x): return outer_part.high(x)\n")
    before = notebook.of().text
    assert notebook.of().text == before
    (tmp_path / "inner_part.py").write_text("# only a comment\ndef low(x): return x\n")
    assert notebook.of().text == before
    (tmp_path / "inner_part.py").write_text("def low(x): return -x\n")
    assert notebook.of().text != before
    for name in ("inner_part", "outer_part"):
        sys.modules.pop(name)


def test_what_cannot_be_compared_is_named_and_packages_only_have_their_versions_noted() -> None:
    notebook = Notebook().run(
        "import threading\nguard = threading.Lock()\ndef f(x):\n    with guard:\n        return np.sqrt(x)\n"
    )
    told = notebook.of()
    assert told.unchecked == ("guard (_thread.lock)",)
    assert told.versions["numpy"] == numpy.__version__
    assert numpy.__version__ not in told.text


def test_partial_methods_callables_and_builtins_are_functions_too() -> None:
    cell = (
        "import functools\n"
        "def g(x, k): return x * k\n"
        "f = functools.partial(g, k=2)\n"
        "class C:\n    def __init__(self, n): self.n = n\n    def __call__(self, x): return x + self.n\n"
        "c = C(1)\nm = c.__call__\nb = abs\n"
    )
    notebook = Notebook().run(cell)
    for name, old, new in [("f", "x * k", "x + k"), ("f", "k=2", "k=3"), ("c", "C(1)", "C(2)")]:
        assert notebook.of(name).text != Notebook().run(cell.replace(old, new)).of(name).text
    assert notebook.of("c").text != Notebook().run(cell.replace("x + self.n", "x - self.n")).of("c").text
    assert notebook.of("m").text != Notebook().run(cell.replace("x + self.n", "x - self.n")).of("m").text
    assert notebook.of("b").text == Notebook().run(cell).of("b").text


def test_recursion_and_functions_without_source_are_no_problem() -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec("def f(n): return 1 if n < 2 else n * f(n - 1)", names)
    other: dict[str, Any] = {"__name__": "__main__"}
    exec("def f(n): return 1 if n < 3 else n * f(n - 1)", other)
    assert isinstance(names["f"], types.FunctionType)
    assert fingerprint(names["f"]).text == fingerprint(names["f"]).text != fingerprint(other["f"]).text
