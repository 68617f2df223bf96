"""Run the notebooks from top to bottom and keep their outputs, without what belongs to this machine."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "notebooks"
BEFORE_PACKAGES = re.compile(r"/[^\s\"']*/(?=site-packages/)")


def run(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    settings: dict[str, Any] = {"resources": {"metadata": {"path": str(path.parent)}}}
    # The state of the widgets would be the whole front end, once for each; the picture of a run is an output.
    NotebookClient(notebook, store_widget_state=False, record_timing=False, **settings).execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = without_paths(cell.outputs)
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.write(notebook, path)


def without_paths(output: Any) -> Any:
    """Shorten the paths of installed packages in tracebacks."""
    if isinstance(output, str):
        return BEFORE_PACKAGES.sub("…/", output)
    if isinstance(output, dict):
        return nbformat.from_dict({key: without_paths(value) for key, value in output.items()})
    if isinstance(output, list):
        return [without_paths(value) for value in output]
    return output


if __name__ == "__main__":
    for path in [Path(name) for name in sys.argv[1:]] or sorted(FOLDER.glob("*.ipynb")):
        run(path)
