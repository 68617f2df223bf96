"""Following the kernel, and noticing what was loaded too early."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_parallel.worker.twin import Surroundings, Twin


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put everything back that following changes."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    directory = Path.cwd()
    environment = dict(os.environ)
    yield
    os.chdir(directory)
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    os.environ.update(environment)


@pytest.mark.usefixtures("here")
def test_following_takes_over_directory_path_and_environment(tmp_path: Path) -> None:
    kernel = Surroundings(str(tmp_path), ("one", *sys.path), {**os.environ, "NEW": "1"})
    Twin({}).follow(kernel)
    assert (os.getcwd(), sys.path[0], os.environ["NEW"]) == (str(tmp_path), "one", "1")
    Twin({}).follow(Surroundings(None, kernel.path[1:], {k: v for k, v in os.environ.items() if k != "NEW"}))
    assert "NEW" not in os.environ and sys.path[0] != "one"


@pytest.mark.usefixtures("here")
def test_a_workers_own_variables_stay_unless_the_kernel_has_them() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    twin = Twin({"OMP_NUM_THREADS": "1"})
    twin.follow(Surroundings(None, tuple(sys.path), environment))
    assert os.environ["OMP_NUM_THREADS"] == "1"
    twin.follow(Surroundings(None, tuple(sys.path), {**environment, "OMP_NUM_THREADS": "4"}))
    assert os.environ["OMP_NUM_THREADS"] == "4"


@pytest.mark.usefixtures("here")
def test_a_directory_that_is_gone_is_not_followed(tmp_path: Path) -> None:
    before = os.getcwd()
    Twin({}).follow(Surroundings(str(tmp_path / "gone"), tuple(sys.path), dict(os.environ)))
    assert os.getcwd() == before


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / "twin_helper.py"
    path.write_text("value = 1\n")
    importlib.import_module("twin_helper")
    monkeypatch.delitem(sys.modules, "twin_helper", raising=False)
    importlib.import_module("twin_helper")
    return path


def test_an_edited_local_file_is_noticed(helper: Path) -> None:
    twin = Twin({})
    twin.remember()
    assert twin.outdated() is None
    helper.write_text("value = 22\n")
    assert twin.outdated() == str(helper)


def test_a_touched_file_of_the_same_size_is_noticed(helper: Path) -> None:
    twin = Twin({})
    twin.remember()
    os.utime(helper, ns=(1, 1))
    assert twin.outdated() == str(helper)


def test_a_deleted_file_is_nothing_newer(helper: Path) -> None:
    twin = Twin({})
    twin.remember()
    helper.unlink()
    assert twin.outdated() is None


def test_library_files_are_not_watched() -> None:
    twin = Twin({})
    twin.remember()
    watched = [source for source in twin._loaded if "site-packages" in source or source == os.__file__]
    assert watched == []
