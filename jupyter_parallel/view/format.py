"""Numbers and foreign text as people read them; pure functions from value to short string."""

from __future__ import annotations

import re
import unicodedata

GLYPHS = {
    "pending": "·",
    "running": "▸",
    "success": "✓",
    "failure": "✗",
    "cancelled": "⊘",
    "skipped": "–",
    "paused": "‖",
    "finished": "✓",
    "failed": "✗",
    "interrupted": "⊘",
}
"""One sign for each state of an item or a run: colour never tells a state alone."""

_SECOND, _MINUTE, _HOUR = 1.0, 60.0, 3600.0
_ANSI = re.compile(r"\x1b\[[0-9;:]*[A-Za-z]")
_JOINERS = "\u200d\ufe0f"  # Parts of emoji; they reorder nothing.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def count(number: int) -> str:
    """Return ``1,234,567``."""
    return f"{number:,}"


def plural(number: int, noun: str) -> str:
    """Return ``1 item`` or ``12 items``."""
    return f"{count(number)} {noun}" if number == 1 else f"{count(number)} {noun}s"


def duration(seconds: float) -> str:
    """Return how long something took: ``350 µs``, ``12 ms``, ``4.2 s``, ``2 min 05 s``, ``1 h 02 min``."""
    if seconds < 0.9995e-3:
        return f"{max(seconds, 0.0) * 1e6:.0f} µs"
    if seconds < 0.9995:
        return _three_digits(seconds * 1e3, "ms")
    if seconds < 59.95:
        return _three_digits(seconds, "s")
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def _three_digits(value: float, unit: str) -> str:
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"


def clock(seconds: float) -> str:
    """Return a running clock, which must not change its width every tick: ``0:15``, ``1:02:03``."""
    whole = int(max(seconds, 0.0))
    hours, rest = divmod(whole, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def rate(per_second: float) -> str:
    """Return ``41 items/s``, or per minute or hour where that reads better."""
    for unit, scale in (("s", _SECOND), ("min", _MINUTE)):
        if per_second * scale >= 0.95:
            return f"{_significant(per_second * scale)} items/{unit}"
    return f"{_significant(per_second * _HOUR)} items/h"


def _significant(value: float) -> str:
    if value < 9.95:
        return f"{value:.1f}"
    magnitude = 10 ** max(len(str(int(value))) - 3, 0)
    return count(round(value / magnitude) * magnitude)


def visible(text: str) -> str:
    """Return text whose control, bidirectional and invisible characters are written out.

    They could hide or reorder what people read (CVE-2021-42574), and lone surrogates cannot be sent.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_written_out(char) for char in text)


def _written_out(char: str) -> str:
    if char in _JOINERS or unicodedata.category(char) not in _HIDDEN:
        return char
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def plain(line: str) -> str:
    """Return a printed line without terminal colours, its other control characters made visible."""
    return visible(_ANSI.sub("", line).replace("\t", "    "))


def cut(text: str, limit: int) -> str:
    """Return at most ``limit`` characters, the last one ``…`` when something is missing."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def one_line(text: str, limit: int = 200) -> str:
    """Return foreign text as one safe line."""
    return cut(visible(cut(" ".join(text[: 4 * limit].split()), limit)), 2 * limit)
