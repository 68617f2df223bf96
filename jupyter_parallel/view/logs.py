"""What one item printed: the last lines, as text that can do no harm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..engine.ports import Output
from .format import cut, plain
from .source import RunSource

LINES = 200
"""Lines shown at most; the newest."""
CHARACTERS = 10_000
"""Characters looked at, at most."""
_WRITTEN = 20_000
"""Characters sent at most: control characters are written out and take more room."""
_WIDTH = 2000


def log(source: RunSource, index: int) -> dict[str, Any]:
    """Return the end of what an item has printed so far, and how many characters are missing before it."""
    outputs = source.output(index)
    pieces, kept = _end(outputs)
    lines = [(stream, line) for stream, text in pieces for line in text.splitlines()]
    shown = _newest([(stream, cut(plain(line), _WIDTH)) for stream, line in lines])
    left_out = sum(len(line) + 1 for _, line in lines[: len(lines) - len(shown)])
    said = sum(len(output.text) + output.dropped for output in outputs)
    return {
        "index": index,
        "state": source.glance(index).state.word,
        "dropped": said - kept + left_out,
        "lines": [{"stream": stream, "text": text} for stream, text in shown],
    }


def _end(outputs: Sequence[Output]) -> tuple[list[tuple[str, str]], int]:
    """Return the last characters, joined as far as they came from one stream, and their number."""
    pieces: list[tuple[str, str]] = []
    room = CHARACTERS
    for output in reversed(outputs):
        if not room:
            break
        text = output.text[-room:]
        room -= len(text)
        if pieces and pieces[-1][0] == output.stream:
            pieces[-1] = (output.stream, text + pieces[-1][1])
        else:
            pieces.append((output.stream, text))
    return pieces[::-1], CHARACTERS - room


def _newest(lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return as many of the last lines as may be sent."""
    room, first = _WRITTEN, len(lines)
    while first and len(lines) - first < LINES and room >= len(lines[first - 1][1]):
        first -= 1
        room -= len(lines[first][1])
    return lines[first:]
