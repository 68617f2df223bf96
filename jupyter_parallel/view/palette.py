"""Colours of the states: told apart by colour-blind people, readable on white and on black.

Bluish green, vermillion, blue and purple after Okabe and Ito (https://jfly.uni-koeln.de/color/).
The live widget has the same in ``js/src/palette.ts``; a test compares them.
"""

from __future__ import annotations

COLORS = {
    "pending": "#80808040",
    "running": "#3b8fd9",
    "success": "#1a9e77",
    "failure": "#d9541e",
    "cancelled": "#bb9cc8",
    "skipped": "#8f8f8f",
}

STATUS = {
    "pending": "#8f8f8f",
    "running": COLORS["running"],
    "paused": "#c98a00",
    "finished": COLORS["success"],
    "failed": COLORS["failure"],
    "cancelled": "#a070b0",
    "interrupted": "#a070b0",
}
