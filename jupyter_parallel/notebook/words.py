"""Reading a magic's line as words: quotes, brackets and comments respected, nothing evaluated.

IPython hands a magic its line as raw text in which options (shell-like words) and Python source
stand side by side. Neither ``shlex`` nor ``tokenize`` reads both, so this small scanner does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

CLOSING = {"(": ")", "[": "]", "{": "}"}
_QUOTE = re.compile(r"'''|\"\"\"|'|\"")
_CONTINUED = re.compile(r"\\[ \t]*\r?\n")
_BLANK = re.compile(r"(?:\s|\\[ \t]*\r?\n|#[^\n]*)+")


@dataclass(frozen=True, slots=True)
class Word:
    """A stretch of text without a blank outside quotes and brackets."""

    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def unclosed(self) -> str:
        """The quote or bracket that the word opens and never closes, or an empty text."""
        return _piece_end(self.text, 0)[1]


def words(text: str, start: int = 0) -> Iterator[Word]:
    """Yield the words of a text; blanks, comments and continued lines separate them."""
    while True:
        blank = _BLANK.match(text, start)
        start = blank.end() if blank else start
        if start >= len(text):
            return
        end, _ = _piece_end(text, start)
        yield Word(text[start:end], start)
        start = end


def _piece_end(text: str, start: int) -> tuple[int, str]:
    """Return where the word at ``start`` ends, and what it leaves open."""
    opened: list[str] = []
    position = start
    while position < len(text):
        if quote := _QUOTE.match(text, position):
            end = quote_end(text, position)
            if end < 0:
                return len(text), quote.group()
            position = end
            continue
        character = text[position]
        if not opened and _BLANK.match(text, position):
            break
        if character == "#":  # inside brackets: a comment, not a word's end
            position = _line_end(text, position)
            continue
        if character in CLOSING:
            opened.append(character)
        elif opened and character == CLOSING[opened[-1]]:
            opened.pop()
        position += 1
    return position, opened[-1] if opened else ""


def quote_end(text: str, start: int) -> int:
    """Return the position behind the quoted text that begins at ``start``, or -1."""
    match = _QUOTE.match(text, start)
    assert match is not None
    quote, position = match.group(), match.end()
    while position < len(text):
        if text[position] == "\\":
            position += 2
        elif text.startswith(quote, position):
            return position + len(quote)
        elif text[position] == "\n" and len(quote) == 1:
            return -1
        else:
            position += 1
    return -1


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def bracket_end(text: str, start: int) -> int:
    """Return the position behind the bracket that closes the one at ``start``, or -1."""
    opened: list[str] = []
    position = start
    while position < len(text):
        character = text[position]
        if _QUOTE.match(text, position):
            end = quote_end(text, position)
            if end < 0:
                return -1
            position = end
            continue
        if character == "#":
            position = _line_end(text, position)
            continue
        if character in CLOSING:
            opened.append(CLOSING[character])
        elif opened and character == opened[-1]:
            opened.pop()
            if not opened:
                return position + 1
        elif character in CLOSING.values():
            return -1
        position += 1
    return -1


def logical_end(text: str, start: int) -> tuple[int, bool]:
    """Return where the logical line at ``start`` ends, and whether it leaves a bracket open.

    It ends before a newline outside brackets, before a closing bracket that was opened earlier, or
    with the text. A quote that never ends is an ordinary character.
    """
    opened, position = 0, start
    while position < len(text):
        character = text[position]
        if _QUOTE.match(text, position):
            position = max(quote_end(text, position), position + 1)
        elif character == "#":
            position = _line_end(text, position)
        elif continued := _CONTINUED.match(text, position):
            position = continued.end()
        elif (character == "\n" and not opened) or (character in ")]}" and opened == 0):
            return position, False
        else:
            opened += (character in "([{") - (character in ")]}")
            position += 1
    return position, opened > 0


def enclosing_end(text: str, start: int) -> int:
    """Return the position of the bracket that closes the one around ``start``, or the end of the text."""
    position = start
    while position < len(text) and text[position] not in ")]}":
        position, _ = logical_end(text, position)
        position += text[position : position + 1] == "\n"
    return position


def unquoted(word: str) -> str:
    """Return a word without the quotes around it; inside, a backslash keeps a quote or a backslash."""
    match = _QUOTE.match(word)
    if match is None or quote_end(word, 0) != len(word):
        return word
    inner = word[match.end() : -len(match.group())]
    return re.sub(r"\\([\\'\"])", r"\1", inner)


def without_comments(text: str) -> str:
    """Return the text with each comment replaced by nothing, so that lines keep their numbers."""
    pieces, position = [], 0
    while position < len(text):
        if _QUOTE.match(text, position):
            end = quote_end(text, position)
            end = end if end > 0 else position + 1
            pieces.append(text[position:end])
            position = end
        elif text[position] == "#":
            position = _line_end(text, position)
        else:
            pieces.append(text[position])
            position += 1
    return "".join(pieces)
