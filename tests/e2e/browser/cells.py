"""Cells that the tests run."""

from __future__ import annotations

LOAD = """
%load_ext jupyter_parallel
import pathlib, time

def hold(name):
    '''Run until the test says so.'''
    pathlib.Path(f"holds-{name}").touch()
    while not pathlib.Path(name).exists():
        time.sleep(0.01)
    return name
"""

# Longer than the 0.2 s below which a run leaves a line and no widget.
AREAS = """
%%parallel -o areas -j 2 for radius, height in [(r, r + 1) for r in range(30)]
time.sleep(0.03)
radius * height
"""

# Items 0 and 1 are done at once, 2 and 3 hold both workers, the others wait.
HELD = """
%%parallel -o run -j 2 -c 1 for x in range(8)
if x in (2, 3):
    hold("go")
x * 10
"""
