"""The option line of the magics: options apart from the clause, then read strictly by the table."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ..engine.plan import Options
from ..errors import UsageError
from .option_table import BY_FLAG, SYNONYMS, TABLE, Evaluate, Form, Option, backend_of, value_of
from .option_table import help_text as help_text
from .words import Word, unquoted, words


@dataclass(frozen=True, slots=True)
class ParsedOptions:
    """What an option line says.

    Parameters
    ----------
    keywords
        Changes for ``Options.updated``; only what was typed.
    out
        Notebook variable for the run, or None.
    background
        ``--bg`` was given (``keywords`` has ``wait=False`` as well).
    help
        ``-h`` was given.
    """

    keywords: Mapping[str, Any] = field(default_factory=dict)
    out: str | None = None
    background: bool = False
    help: bool = False


def option_of(word: str) -> Option | None:
    """Return the option that a word spells: ``-j``, ``--jobs``, ``--jobs=4`` or ``-j4``."""
    flag, _ = _flag_and_value(word)
    return BY_FLAG.get(flag)


def _flag_and_value(word: str) -> tuple[str, str | None]:
    if word.startswith("--"):
        flag, equals, value = word.partition("=")
        return flag, value if equals else None
    option = BY_FLAG.get(word[:2])
    attached = word[2:]
    if option and option.metavar and re.fullmatch(r"-?[0-9]+", attached):
        return word[:2], attached
    return word, None


def split(line: str) -> tuple[str, str]:
    """Return the options and the clause of a line.

    The clause begins at the first word that is neither an option nor an option's value: ``for``,
    ``async for``, a bracket, or whatever a newcomer wrote there. Together the two are the line.
    """
    pending = False
    for word in words(line):
        if pending and not _starts_clause(word.text):
            pending = False
        elif word.text.startswith("-"):
            option = option_of(word.text)
            pending = bool(option and option.metavar and _flag_and_value(word.text)[1] is None)
        elif pending and word.text[0] in "([{" and _has_clause(line, word.end):
            pending = False  # `--default [] [f(x) for x in xs]`: the first bracket is the value
        else:
            return line[: word.start], line[word.start :]
    return line, ""


def _starts_clause(text: str) -> bool:
    return text in ("for", "async") or text[0] in "([{"


def _has_clause(line: str, start: int) -> bool:
    return any(_starts_clause(word.text) or word.text.startswith("-") for word in words(line, start))


def parse(text: str, *, evaluate: Evaluate, form: Form = "cell") -> ParsedOptions:
    """Read an option line.

    Parameters
    ----------
    text
        Options only; see :func:`split`.
    evaluate
        Gives the value of an expression: for ``--default``, and for a backend that is an object.
    form
        Where the line stands: some options exist in some places only, and the value ``none`` gives a
        default of the session back.

    Raises
    ------
    UsageError
        Whatever is not exactly an option of the table with a value it can take.
    """
    given: dict[str, Any] = {}
    typed: dict[str, str] = {}
    for option, flag, value in _pairs(text, form):
        if option.long in typed:
            raise UsageError(f"{option.long} is given twice ({typed[option.long]} and {flag}); leave one out")
        typed[option.long] = flag
        taken_back = form == "config" and value == "none"
        given[option.long] = _default(option) if taken_back else _converted(option, flag, value, evaluate)
    _refuse_contradictions(given)
    return ParsedOptions(
        keywords={
            option.keyword: given[option.long] for option in TABLE if option.keyword and option.long in given
        },
        out=given.get("--out"),
        background="--bg" in given,
        help="--help" in given,
    )


def _converted(option: Option, flag: str, value: str | None, evaluate: Evaluate) -> Any:
    if option.convert is None or value is None:
        return option.constant
    return option.convert(flag, value, evaluate)


def _default(option: Option) -> Any:
    return next(known.default for known in fields(Options) if known.name == option.keyword)


def expressions(text: str) -> list[str]:
    """Return the values in an option line that :func:`parse` may want evaluated; empty when it is wrong."""
    try:
        pairs = list(_pairs(text, "cell"))
    except UsageError:
        return []
    evaluated = (value_of, backend_of)
    return [value for option, _, value in pairs if value is not None and option.convert in evaluated]


def _pairs(text: str, form: Form) -> Iterator[tuple[Option, str, str | None]]:
    """Yield option, flag as typed and value (None where the option takes none)."""
    rest = words(text)
    for word in rest:
        flag, value = _flag_and_value(word.text)
        option = _known(flag, word, form)
        if not option.metavar:
            if value is not None:
                raise UsageError(f"{flag} takes no value, so {word.text} cannot be; write {flag}")
            yield option, flag, None
            continue
        yield option, flag, _closed(flag, next(rest, None) if value is None else Word(value, 0))


def _known(flag: str, word: Word, form: Form) -> Option:
    option = BY_FLAG.get(flag)
    if option is None:
        raise UsageError(_unknown(flag, word.text))
    if form not in option.forms:
        where = {
            "line": "the name goes in front: areas = %parallel [...]",
            "config": "it belongs to a single run",
        }
        raise UsageError(f"{flag} is not for here; {where.get(form, 'leave it out')}")
    return option


def _closed(flag: str, word: Word | None) -> str:
    if word is None or (option_of(word.text) is not None and not re.match(r"-[0-9]", word.text)):
        raise UsageError(f"{flag} needs a value: {flag} {BY_FLAG[flag].metavar}")
    if word.unclosed:
        raise UsageError(f"{flag} {word.text}: the {word.unclosed} is never closed")
    return unquoted(word.text)


def _unknown(flag: str, text: str) -> str:
    if not flag.startswith("-"):
        if flag == "\\":
            return "a backslash that continues the line must be the last character on it"
        return f"{text} is not an option; options come first, then what to run: -j 4 for x in xs"
    spelled = flag.replace("_", "-").lower()
    if spelled in SYNONYMS:
        return f"there is no option {flag}; write {SYNONYMS[spelled]}"
    if spelled in BY_FLAG:
        return f"there is no option {flag}; write {spelled}"
    short = re.match(r"-[a-z](?==)", flag)
    if short and short.group() in BY_FLAG:
        return f"{flag}: a short option takes its value without =; write {text.replace('=', ' ', 1)}"
    close = difflib.get_close_matches(spelled, [option.long for option in TABLE], 1, 0.6)
    begins = [option.long for option in TABLE if spelled.startswith("--") and option.long.startswith(spelled)]
    if len(begins) == 1:
        return f"options are not abbreviated: {flag} is {begins[0]}"
    if begins or close:
        return f"there is no option {flag}; did you mean {' or '.join(begins or close)}?"
    return f"there is no option {flag}; the options are {', '.join(option.long for option in TABLE)}"


def _refuse_contradictions(given: Mapping[str, Any]) -> None:
    serial = given.get("--backend") == "serial"
    if serial and given.get("--jobs", 1) != 1:
        raise UsageError(
            f"-b serial runs one item at a time, so -j {given['--jobs']} cannot be; leave one out"
        )
    if serial and "--bg" in given:
        raise UsageError("-b serial runs in the waiting kernel, --bg does not wait; leave one out")
    if "--only" in given and "--bg" in given:
        raise UsageError("--only runs one item in the waiting kernel, --bg does not wait; leave one out")
