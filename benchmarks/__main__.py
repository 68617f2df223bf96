"""Run the benchmarks: ``python -m benchmarks [row ...] [--rounds N]``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path

from .measure import Line
from .rows import ROWS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="row", help=f"of {', '.join(ROWS)}; all by default")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions of which the median counts (5)")
    parser.add_argument("--json", type=Path, help="also write the lines to this file")
    arguments = parser.parse_args()
    if unknown := set(arguments.rows) - set(ROWS):
        parser.error(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} CPUs, medians of {arguments.rounds} rounds\n"
    )
    print("| row | what | median | target |\n|---|---|---|---|", flush=True)
    lines: list[Line] = []
    for name in arguments.rows or ROWS:
        for line in ROWS[name](arguments.rounds):
            lines.append(line)
            print("| " + " | ".join(line.cells()) + " |", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps([vars(line) for line in lines], indent=1, ensure_ascii=False))
    return int(any(line.holds is False for line in lines))


if __name__ == "__main__":
    sys.exit(main())
