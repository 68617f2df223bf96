"""Tab completion: options, backend names and values; in a parallel cell's body also the loop targets.

It goes through ``Completer.custom_matchers``: the older ``complete_command`` hook is never asked
about ``x = %parallel --``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher

from .header import target_names
from .option_table import BACKENDS, TABLE, Form, Option
from .options import option_of, split
from .words import logical_end, words

_MAGIC = re.compile(r"%%parallel\b|%parallel_config\b|(?<!%)%parallel\b")
_FORMS: dict[str, Form] = {"%%parallel": "cell", "%parallel": "line", "%parallel_config": "config"}
_IDENTIFIER = f"{__name__}.matcher"


def install(shell: Any) -> None:
    """Add our matcher to a shell's completer; nothing happens when it is there."""
    uninstall(shell)

    @context_matcher(priority=100, identifier=_IDENTIFIER)  # type: ignore[untyped-decorator]
    def matcher(context: CompletionContext) -> SimpleMatcherResult:
        return completions(context.full_text, _position(context), context.token, shell.user_ns)

    shell.Completer.custom_matchers.append(matcher)


def uninstall(shell: Any) -> None:
    """Take our matcher out again, also that of an older import of this module."""
    row = shell.Completer.custom_matchers
    row[:] = [one for one in row if getattr(one, "matcher_identifier", None) != _IDENTIFIER]


def _nothing() -> SimpleMatcherResult:
    # A new one each time: the completer writes into what it gets.
    return SimpleMatcherResult(completions=[], suppress=False)


def _position(context: CompletionContext) -> int:
    lines = context.full_text.split("\n")
    return sum(len(line) + 1 for line in lines[: context.cursor_line]) + context.cursor_position


def completions(text: str, position: int, token: str, names: dict[str, Any]) -> SimpleMatcherResult:
    """Return what may stand at a position of a cell.

    Parameters
    ----------
    token
        What IPython takes for the word before the position; matches replace it.
    names
        The notebook's names: a backend may be one of its objects.
    """
    magic = _magic_before(text, position)
    if magic is None:
        return _nothing()
    end, _ = logical_end(text, magic.end())
    if position > end:
        targets = _targets(text[magic.end() : end]) if magic.group() == "%%parallel" else ()
        return _result(targets, token, "variable", alone=False)
    return _on_line(text[magic.end() : position], _FORMS[magic.group()], token, names)


def _magic_before(text: str, position: int) -> re.Match[str] | None:
    """Return the last magic of ours in front of a position, when it can still speak there."""
    found = [match for match in _MAGIC.finditer(text) if match.end() < position]
    cell = next((match for match in found if match.group() == "%%parallel"), None)
    if cell is not None:
        return cell
    line = found[-1] if found else None
    return line if line and position <= logical_end(text, line.end())[0] else None


def _on_line(typed: str, form: Form, token: str, names: dict[str, Any]) -> SimpleMatcherResult:
    """Complete what stands between the magic's name and the cursor."""
    begun = typed and not typed[-1].isspace()
    before = list(words(typed))
    current = before.pop().text if begun and before else ""
    if split(" ".join(word.text for word in before))[1]:
        return _nothing()  # the clause is Python: other matchers know better
    last = option_of(before[-1].text) if before else None
    waiting = last is not None and last.metavar and before[-1].text in last.flags
    if waiting and last is not None:
        return _result(_values(last, names), token, "value", alone=bool(last.values), current=current)
    if current.startswith("-") or not current:
        given = {option.long for word in before if (option := option_of(word.text))}
        flags = [
            flag
            for option in TABLE
            if form in option.forms and option.long not in given
            for flag in option.flags
        ]
        wanted = [flag for flag in flags if not current.startswith("--") or flag.startswith("--")]
        return _result(wanted, token, "param", alone=current.startswith("-"), current=current)
    return _nothing()


def _values(option: Option, names: dict[str, Any]) -> Sequence[str]:
    if option.keyword != "backend":
        return option.values
    own = [name for name, value in names.items() if not name.startswith("_") and _may_run(value)]
    return [*BACKENDS, *sorted(own)]


def _may_run(value: Any) -> bool:
    """Whether a notebook object can be a backend."""
    return isinstance(value, Executor) or all(
        hasattr(type(value), part) for part in ("capacity", "publish", "submit")
    )


def _targets(header: str) -> Sequence[str]:
    _, clause = split(header)
    try:
        tree = ast.parse(f"[None {clause.strip().removesuffix(':')}\n]", mode="eval").body
    except (SyntaxError, ValueError):
        return ()
    return target_names(tree) if isinstance(tree, ast.ListComp) else ()


def _result(
    found: Iterable[str], token: str, kind: str, *, alone: bool, current: str | None = None
) -> SimpleMatcherResult:
    """Return matches of what is typed, as texts that replace the token.

    IPython's token may begin behind the dashes of an option, or hold more than the current word.
    """
    current = token if current is None else current
    kept = token[: len(token) - len(current)] if token.endswith(current) else ""
    cut = len(current) - len(token) if current.endswith(token) and len(current) > len(token) else 0
    matches = [SimpleCompletion(kept + one[cut:], type=kind) for one in found if one.startswith(current)]
    return SimpleMatcherResult(completions=matches, suppress=alone and bool(matches), ordered=True)
