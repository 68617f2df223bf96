"""Tab completion in a real IPython shell, with Jedi and without."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from IPython.core.completer import provisionalcompleter

from jupyter_parallel.notebook import completion, transform
from jupyter_parallel.notebook.option_table import TABLE

from .shell import Notebook, opened


@pytest.fixture(scope="module", params=[True, False], ids=["jedi", "no jedi"])
def notebook(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    for one in opened(tmp_path_factory.mktemp("ipython"), transform, completion):
        one.shell.Completer.use_jedi = request.param
        one.names["my_pool"] = ThreadPoolExecutor(1)
        one.names["my_list"] = []
        one.names["PoolClass"] = ThreadPoolExecutor
        one.names["radii"] = [1]
        yield one


def completed(notebook: Notebook, text: str) -> list[str]:
    """Return what the last line can become at the cursor ``|``, or at its end."""
    position = text.find("|") if "|" in text else len(text)
    text = text.replace("|", "")
    with provisionalcompleter():
        found = list(notebook.shell.Completer.completions(text, position))
    return [(text[: one.start] + one.text).split("\n")[-1] for one in found]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("%%parallel --ch", ["%%parallel --chunk-size", "%%parallel --checkpoint"]),
        (
            "%%parallel --o",
            ["%%parallel --out", "%%parallel --on-error", "%%parallel --on-change", "%%parallel --only"],
        ),
        (
            "%%parallel -o a --o",
            ["%%parallel -o a --on-error", "%%parallel -o a --on-change", "%%parallel -o a --only"],
        ),
        ("# mine\n%%parallel --timeo", ["%%parallel --timeout"]),
        ("%%parallel -j 2 \\\n --re", [" --retries"]),
        ("%%parallel --re| for x in xs\nx", ["%%parallel --retries"]),
        ("x = %parallel --jo", ["x = %parallel --jobs"]),
        ("sum(%parallel --jo", ["sum(%parallel --jobs"]),
        ("def f():\n    return %parallel --jo", ["    return %parallel --jobs"]),
        ("%parallel_config --timeo", ["%parallel_config --timeout"]),
        (
            "%%parallel -b ",
            ["%%parallel -b loky", "%%parallel -b serial", "%%parallel -b thread", "%%parallel -b my_pool"],
        ),
        ("%%parallel --backend th", ["%%parallel --backend thread"]),
        ("x = %parallel -b my", ["x = %parallel -b my_pool"]),
        (
            "%%parallel --on-error ",
            ["%%parallel --on-error raise", "%%parallel --on-error collect", "%%parallel --on-error stop"],
        ),
        ("%%parallel --on-error c", ["%%parallel --on-error collect"]),
        ("%%parallel -c a", ["%%parallel -c auto"]),
        ("%%parallel -j -", ["%%parallel -j -1", "%%parallel -j -2"]),
    ],
)
def test_only_what_fits_is_offered(notebook: Notebook, text: str, wanted: list[str]) -> None:
    assert completed(notebook, text) == wanted


def test_all_options_of_the_form_are_offered(notebook: Notebook) -> None:
    cell, line, config = (
        completed(notebook, f"{magic} --") for magic in ("%%parallel", "y = %parallel", "%parallel_config")
    )
    assert "%%parallel --out" in cell
    assert "y = %parallel --out" not in line
    assert "y = %parallel --help" in line
    assert not any("--out" in one for one in config)
    assert len(config) == len([option for option in TABLE if "config" in option.forms])


def test_options_are_offered_before_anything_is_typed(notebook: Notebook) -> None:
    assert {"%%parallel -j", "%%parallel --jobs"} <= set(completed(notebook, "%%parallel "))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("%%parallel -j 2 for radius, height in cylinders if radius\nhei", "height"),
        (
            "%%parallel for radius, height in cylinders:\nx = 1\ny = math.sqrt(radius * hei",
            "y = math.sqrt(radius * height",
        ),
        ("%%parallel for x in [\n  1,\n] if (half := x / 2)\nha", "half"),
        ("# mine\n\n%%parallel for größe in xs\ngr", "größe"),
    ],
)
def test_loop_targets_are_offered_in_the_body(notebook: Notebook, text: str, wanted: str) -> None:
    assert wanted in completed(notebook, text)


def test_other_names_are_still_offered_in_header_and_body(notebook: Notebook) -> None:
    assert "%%parallel for r in radii" in completed(notebook, "%%parallel for r in rad")
    assert {"radius", "radii"} <= set(completed(notebook, "%%parallel for radius in radii\nrad"))


@pytest.mark.parametrize(
    "text",
    [
        "y = --",
        "x = %parallel [1]\ny = --",
        "a %parallelx --",
        "%%parallel for x in xs\ny = --",
        "%%time --",
        "%%parallel for x in --",
    ],
)
def test_nothing_of_ours_is_offered_elsewhere(notebook: Notebook, text: str) -> None:
    assert not any("--jobs" in one for one in completed(notebook, text))


def test_install_is_idempotent_and_uninstall_leaves_nothing(notebook: Notebook) -> None:
    row = notebook.shell.Completer.custom_matchers
    count = len(row)
    completion.install(notebook.shell)
    assert len(row) == count
    completion.uninstall(notebook.shell)
    completion.uninstall(notebook.shell)
    assert len(row) == count - 1
    completion.install(notebook.shell)
