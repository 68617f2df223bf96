"""Formatters, linters, type checkers and the TypeScript tests, as tests: pytest's last line says it all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

CHECKS = {
    "python-format": ["-m", "ruff", "format", "--check", "."],
    "python-lint": ["-m", "ruff", "check", "."],
    "python-types": ["-m", "mypy"],
    "typescript-format": ["scripts/npm.py", "run", "--silent", "format:check"],
    "typescript-types": ["scripts/npm.py", "run", "--silent", "typecheck"],
    "typescript-tests": ["scripts/npm.py", "test", "--silent"],
}


@pytest.mark.checks
@pytest.mark.timeout(300)
@pytest.mark.parametrize("check", CHECKS)
def test_check_passes(check: str) -> None:
    done = subprocess.run(
        [sys.executable, *CHECKS[check]],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        pytest.fail(done.stdout[-6000:], pytrace=False)
