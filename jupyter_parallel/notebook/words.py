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
_COMMENT = re.compile(r"#[^\n]*")


@dataclass(frozen=True, slots=True)
class Word:
    """A stretch of text without a blank outside quotes and brackets."""

    text: str
    start: int
    unclosed: str = ""
    """The quote or bracket that the word opens and never closes."""

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def words(text: str, start: int = 0) -> Iterator[Word]:
    """Yield the words of a text; blanks, comments and continued lines separate them."""
    while True:
        blank = _BLANK.match(text, start)
        start = blank.end() if blank else start
        if start >= len(text):
            return
        word = _word(text, start)
        yield word
        start = word.end


def _word(text: str, start: int) -> Word:
    position = start
    while position < len(text) and not _BLANK.match(text, position):
        end = position + 1
        if quote := _QUOTE.match(text, position):
            end = quote_end(text, position)
            if end < 0:
                return Word(text[start:], start, quote.group())
        elif text[position] in CLOSING:
            end = bracket_end(text, position)
            if end < 0:
                return Word(text[start:], start, text[position])
        position = end
    return Word(text[start:position], start)


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


def marks(text: str, start: int = 0) -> Iterator[tuple[int, str]]:
    """Yield position and character of each bracket and line end that counts.

    Those in quotes and comments do not, nor does a line end behind a backslash. A quote that never
    ends is an ordinary character.
    """
    position = start
    while position < len(text):
        if _QUOTE.match(text, position):
            position = max(quote_end(text, position), position + 1)
        elif skipped := _COMMENT.match(text, position) or _CONTINUED.match(text, position):
            position = skipped.end()
        else:
            if text[position] in "()[]{}\n":
                yield position, text[position]
            position += 1


def bracket_end(text: str, start: int) -> int:
    """Return the position behind the bracket that closes the one at ``start``, or -1."""
    position, wrong = _closing(text, start)
    return -1 if wrong else position + 1


def wrong_closer(text: str, start: int) -> int:
    """Return the position of a bracket that closes something opened before ``start``, or -1."""
    position, wrong = _closing(text, start)
    return position if wrong and position < len(text) else -1


def _closing(text: str, start: int) -> tuple[int, bool]:
    """Return the place of the bracket that ends the one at ``start``, and whether it does not fit."""
    opened: list[str] = []
    for position, mark in marks(text, start):
        if mark in CLOSING:
            opened.append(CLOSING[mark])
        elif mark != "\n" and (not opened or mark != opened.pop()):
            return position, True
        if not opened:
            return position, False
    return len(text), True


def lines_of(text: str) -> list[str]:
    """Return the lines with their ends, as Python counts them; ``str.splitlines`` knows further ends."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def missing_closers(text: str) -> str:
    """Return the brackets that would close what a text leaves open."""
    opened: list[str] = []
    for _, mark in marks(text):
        if mark in CLOSING:
            opened.append(CLOSING[mark])
        elif opened and mark == opened[-1]:
            opened.pop()
    return "".join(reversed(opened))


def logical_end(text: str, start: int) -> tuple[int, bool]:
    """Return where the logical line at ``start`` ends, and whether it leaves a bracket open."""
    opened = 0
    for position, mark in marks(text, start):
        if mark == "\n" and not opened:
            return position, False
        opened = max(0, opened + (mark in CLOSING) - (mark in ")]}"))
    return len(text), opened > 0


def enclosing_end(text: str, start: int) -> int:
    """Return the position of the bracket that closes the one around ``start``, or the end of the text."""
    opened = 0
    for position, mark in marks(text, start):
        if mark in ")]}" and opened == 0:
            return position
        opened += (mark in CLOSING) - (mark in ")]}")
    return len(text)


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
        end = position + 1
        if _QUOTE.match(text, position):
            end = max(quote_end(text, position), end)
        elif comment := _COMMENT.match(text, position):
            position = end = comment.end()
        pieces.append(text[position:end])
        position = end
    return "".join(pieces)
