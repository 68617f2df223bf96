"""Rooms and arrows: who may import whom, read from the sources; and what a plain import must not load."""

from __future__ import annotations

import ast
import inspect
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import jupyter_parallel

PACKAGE = "jupyter_parallel"
ROOT = Path(__file__).parent.parent
HEAVY = {
    "IPython",
    "ray",
    "joblib",
    "loky",
    "numpy",
    "pandas",
    "anywidget",
    "ipywidgets",
    "traitlets",
    "tqdm",
    "pyarrow",
    "sqlite3",
}


@dataclass(frozen=True)
class Room:
    """What the modules of one room may import.

    ``ours`` are dotted names below the package, each with everything in it; ``top`` and ``lazy``
    are packages of others, at the top of a module or only inside functions.
    """

    ours: frozenset[str]
    top: frozenset[str] = frozenset()
    lazy: frozenset[str] = frozenset()


def room(ours: str = "", top: str = "", lazy: str = "") -> Room:
    return Room(frozenset(ours.split()), frozenset(top.split()), frozenset(lazy.split()))


ROOMS = {
    "__init__": room("api session keeping errors engine worker"),
    "errors": room(),
    "session": room("errors engine"),
    "keeping": room("errors engine session store"),
    "launch": room("errors engine worker backends session keeping"),
    "api": room("errors engine backends launch session"),
    "testing": room("errors engine"),
    "engine": room("errors engine", lazy="numpy pandas"),  # ``Run.__array__`` and ``to_pandas``
    "worker": room("errors worker", top="cloudpickle", lazy="numpy threadpoolctl"),
    "backends": room(
        "errors engine.ports engine.plan engine.overview worker backends", lazy="loky cloudpickle psutil"
    ),
    # ``stored`` makes the run that ``Run.open`` returns, so it sees the whole engine.
    "store": room("errors engine worker store", lazy="numpy pyarrow"),
    "view": room("errors engine view", lazy="tqdm"),
    "notebook": room(
        "errors engine session launch keeping view notebook",
        top="IPython ipywidgets anywidget traitlets",
        lazy="IPython ipywidgets anywidget traitlets comm ipykernel",
    ),
}
"""Each room of ARCHITECTURE: a folder, or a module beside the folders."""

DOORS = {("__init__", "load_ipython_extension"), ("__init__", "unload_ipython_extension")}
"""The functions that may import the notebook room."""


@dataclass(frozen=True)
class Import:
    where: str
    """``engine/run.py:12``, for the message."""
    room: str
    function: str
    """Name of the outermost function around the import, empty at the top of the module."""
    target: str
    """Dotted name, absolute."""


def imports_of(path: Path, package: Path) -> Iterator[Import]:
    """Yield every import of one file, those inside functions and ``TYPE_CHECKING`` blocks too."""
    relative = path.relative_to(package)
    module = [PACKAGE, *relative.with_suffix("").parts]

    def walk(node: ast.AST, function: str) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            inside = function
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                inside = function or child.name
            for target in targets(child, module):
                yield Import(f"{relative}:{child.lineno}", module[1], function, target)  # type: ignore[attr-defined]
            yield from walk(child, inside)

    yield from walk(ast.parse(path.read_text()), "")


def targets(node: ast.AST, module: list[str]) -> list[str]:
    """Return the absolute names that an import statement asks for; none for other nodes."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        start = ".".join(module[: len(module) - node.level]) if node.level else ""
        base = ".".join(filter(None, [start, node.module or ""]))
        # ``from . import run`` names a module, ``from .run import Run`` a thing in one; a prefix covers both.
        return [f"{base}.{alias.name}" for alias in node.names]
    return []


def complaint(found: Import) -> str | None:
    """Say why an import is not allowed, or nothing."""
    top, _, rest = found.target.partition(".")
    if top in sys.stdlib_module_names:
        return None
    rules = ROOMS.get(found.room)
    if rules is None:
        return f"{found.where}: {found.room} is no room of the architecture; give it one in ROOMS"
    if top != PACKAGE:
        allowed = rules.top | rules.lazy if found.function else rules.top
        return None if top in allowed else f"{found.where}: {found.room} must not import {top} here"
    if rest.split(".")[0] == "notebook" and (found.room, found.function) in DOORS:
        return None
    if any(f"{rest}.".startswith(f"{ours}.") for ours in rules.ours):
        return None
    return f"{found.where}: {found.room} must not import {found.target}"


def turned_arrows(package: Path) -> list[str]:
    """Return a line for each import that goes against the architecture."""
    files = sorted(path for path in package.rglob("*.py") if "static" not in path.parts)
    complaints = (complaint(found) for path in files for found in imports_of(path, package))
    return [line for line in complaints if line is not None]


def test_arrows_point_inward() -> None:
    assert turned_arrows(ROOT / PACKAGE) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("engine/plan.py", "from ..api import Runner"),
        ("engine/plan.py", "from .. import view"),
        ("engine/plan.py", "import jupyter_parallel.worker.execute"),
        ("engine/plan.py", "import numpy"),
        ("engine/plan.py", "def lazily():\n    import loky"),
        ("worker/execute.py", "from ..engine.ports import Chunk"),
        ("worker/execute.py", "import numpy"),
        ("worker/execute.py", "if TYPE_CHECKING:\n    from ..engine.ports import Chunk"),
        ("backends/serial.py", "from ..engine.engine import Engine"),
        ("backends/serial.py", "from .. import engine"),
        ("backends/serial.py", "import loky"),
        ("backends/serial.py", "from ..api import Runner"),
        ("view/rows.py", "from ..notebook.widget import RunWidget"),
        ("view/rows.py", "import IPython"),
        ("view/rows.py", "from ..backends import serial"),
        ("notebook/magics.py", "from ..backends.loky import LokyBackend"),
        ("notebook/magics.py", "import pandas"),
        ("api.py", "def show():\n    from .notebook import widget"),
        ("__init__.py", "from .notebook import magics"),
        ("__init__.py", "def last_run():\n    from .notebook import magics"),
        ("errors.py", "from .engine import run"),
        ("newroom/thing.py", "import jupyter_parallel.errors"),
    ],
)
def test_a_turned_arrow_is_reported(tmp_path: Path, file: str, line: str) -> None:
    package = tmp_path / PACKAGE
    package.mkdir()
    path = package / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"from __future__ import annotations\n{line}\n")
    (complaint,) = turned_arrows(package)
    assert complaint.startswith(f"{file}:")


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("engine/run.py", "from .plan import Plan\nfrom ..errors import UsageError\nfrom . import plan"),
        ("worker/execute.py", "import cloudpickle\ndef draw():\n    import numpy.random"),
        (
            "backends/loky.py",
            "from ..engine.ports import Chunk\ndef start():\n    from loky import ProcessPoolExecutor",
        ),
        ("notebook/widget.py", "import anywidget\nfrom ..view.rows import page"),
        ("__init__.py", "def load_ipython_extension(ipython):\n    from .notebook.magics import load"),
    ],
)
def test_an_arrow_of_the_architecture_is_not_reported(tmp_path: Path, file: str, line: str) -> None:
    path = tmp_path / PACKAGE / file
    path.parent.mkdir(parents=True)
    path.write_text(f"{line}\n")
    assert turned_arrows(tmp_path / PACKAGE) == []


def modules_after(code: str, package: Path = ROOT) -> set[str]:
    """Return the names of the top-level modules that a fresh interpreter has loaded after some code."""
    report = "import json as j, sys as s; print(j.dumps(sorted({m.partition('.')[0] for m in s.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"],
        cwd=package,  # before everything else on the path of ``-c``
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_a_plain_import_loads_nothing_heavy() -> None:
    assert modules_after("import jupyter_parallel") & HEAVY == set()


def test_public_names_without_a_notebook_load_no_notebook_library() -> None:
    everything = "for name in jupyter_parallel.__all__: getattr(jupyter_parallel, name)"
    loaded = modules_after(f"import jupyter_parallel\n{everything}")
    assert loaded & {"IPython", "ipywidgets", "anywidget", "traitlets", "ray", "pandas"} == set()


def test_load_ext_loads_no_backend_and_no_widget() -> None:
    loaded = modules_after(
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "shell.run_line_magic('load_ext', 'jupyter_parallel')\n"
        "assert shell.find_cell_magic('parallel')"
    )
    assert loaded & {"ray", "pandas", "loky", "joblib", "anywidget", "ipywidgets", "numpy"} == set()


def test_a_heavy_import_at_the_top_is_noticed(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / PACKAGE, tmp_path / PACKAGE, ignore=shutil.ignore_patterns("__pycache__", "static")
    )
    init = tmp_path / PACKAGE / "__init__.py"
    init.write_text(init.read_text() + "\nimport loky\n")
    assert "loky" in modules_after("import jupyter_parallel", tmp_path)


def undocumented() -> Iterator[str]:
    """Yield the public names, and the public members of public classes, that explain nothing."""
    for name in jupyter_parallel.__all__:
        thing = getattr(jupyter_parallel, name)
        members = {f"{name}.{key}": value for key, value in vars(thing).items() if not key.startswith("_")}
        for where, member in {name: thing, **(members if inspect.isclass(thing) else {})}.items():
            explainable = inspect.isroutine(member) or inspect.isclass(member) or isinstance(member, property)
            if explainable and not inspect.getdoc(member):
                yield where


def test_public_names_are_documented() -> None:
    assert list(undocumented()) == []
