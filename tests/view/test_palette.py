"""Colours stand in three places that cannot import each other; they must agree."""

from __future__ import annotations

import re
from pathlib import Path

from jupyter_parallel.view.format import GLYPHS
from jupyter_parallel.view.palette import COLORS

SOURCES = Path(__file__).parents[2] / "js" / "src"


def test_picture_canvas_and_style_sheet_use_the_same_colours() -> None:
    typescript = dict(re.findall(r"(\w+): \"(#\w+)\"", (SOURCES / "palette.ts").read_text()))
    light = (SOURCES / "widget.css").read_text().split("}")[0]
    css = dict(re.findall(r"--jpar-(\w+): (#\w+);", light))
    assert typescript == COLORS
    assert {name: css[name] for name in COLORS} == COLORS


def test_picture_and_widget_use_the_same_glyphs() -> None:
    table = (SOURCES / "dom.ts").read_text().split("GLYPHS")[1]
    assert dict(re.findall(r"(\w+): \"(.)\"", table)) == GLYPHS
