"""What went wrong in an item, as plain text that survives any trip."""

from __future__ import annotations

import linecache
import os
import pickle
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType

import cloudpickle

from ..errors import ItemCancelled

_LIBRARY = os.path.dirname(os.__file__)
_MACHINERY = tuple(
    os.path.join(folder, "")
    for folder in (
        os.path.dirname(os.path.dirname(__file__)),
        os.path.join(_LIBRARY, "asyncio"),
        os.path.join(_LIBRARY, "concurrent", "futures"),
    )
)
_PACKAGE = __name__.partition(".")[0] + "."
_TEXT_LIMIT = 64_000
_MESSAGE_LIMIT = 4_000

Sources = Mapping[str, tuple[str, str]]
"""File names of notebook code, each with the label people know it by and its text."""


@dataclass(frozen=True, slots=True)
class Report:
    """Why an item has no value."""

    type: str
    message: str
    traceback: str = ""
    where: str = ""
    exception: bytes | BaseException | None = None
    cancelled: bool = False


def install_sources(sources: Sources) -> None:
    """Let tracebacks quote code that is in no file."""
    for name, (_, source) in sources.items():
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)


def is_machinery(file: str) -> bool:
    """Return whether a source file is ours or the event loop's, and none of the user's."""
    return file.startswith(_MACHINERY)


def user_frames(error: BaseException) -> TracebackType | None:
    """Return the traceback from the first frame that is neither ours nor the event loop's."""
    step = error.__traceback__
    while step is not None and is_machinery(step.tb_frame.f_code.co_filename):
        step = step.tb_next
    last = step
    while isinstance(error, ItemCancelled) and last is not None and last.tb_next is not None:
        if is_machinery(last.tb_next.tb_frame.f_code.co_filename):
            last.tb_next = None  # the signal's handler, which is not the item's business
        last = last.tb_next
    return step


def report(error: BaseException, sources: Sources, exception: bytes | BaseException | None) -> Report:
    """Describe an exception; never raises, whatever the exception's own code does."""
    name = _type_name(error)
    message = _message(error)
    try:
        lines, where = _traceback(error, sources)
    except Exception as problem:  # odd exceptions exist whose very formatting fails
        lines, where = f"{name}: {message}\n(no traceback: {type(problem).__name__})", ""
    cancelled = isinstance(error, ItemCancelled)
    return Report(name, message, _middle_cut(lines, _TEXT_LIMIT), where, exception, cancelled)


def _type_name(error: BaseException) -> str:
    kind = type(error)
    plain = kind.__module__ in ("builtins", "__main__") or kind.__module__.startswith(_PACKAGE)
    return kind.__qualname__ if plain else f"{kind.__module__}.{kind.__qualname__}"


def _message(error: BaseException) -> str:
    try:
        return _middle_cut(str(error), _MESSAGE_LIMIT)
    except BaseException as problem:
        return f"<its __str__ raised {type(problem).__name__}>"


def _traceback(error: BaseException, sources: Sources) -> tuple[str, str]:
    told = traceback.TracebackException(type(error), error, user_frames(error), compact=True)
    pending: list[traceback.TracebackException | None] = [told]
    while pending:
        one = pending.pop()
        if one is None:
            continue
        for frame in one.stack:
            _ = frame.line  # read through the real file name before the label replaces it
            frame.filename = sources.get(frame.filename, (frame.filename,))[0]
        pending += [one.__cause__, one.__context__, *(one.exceptions or ())]
    lines = "".join(told.format())
    kind = type(error)
    # A type of ours goes by its name alone, as in the message.
    lines = lines.replace(f"{kind.__module__}.{kind.__qualname__}:", f"{_type_name(error)}:")
    where = f"{told.stack[-1].filename}:{told.stack[-1].lineno}" if told.stack else ""
    return lines, _innermost(told, error, sources) or where


def _innermost(told: traceback.TracebackException, error: BaseException, sources: Sources) -> str:
    """Return the last frame in code of the notebook, which tells more than a library's."""
    labels = {label for label, _ in sources.values()}
    for frame in reversed(told.stack):
        if frame.filename in labels:
            return f"{frame.filename}:{frame.lineno}"
    return ""


def _middle_cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"


def travelling(error: BaseException) -> bytes | None:
    """Return the exception's pickle if it really comes back as what it was, else ``None``."""
    for dumps in (pickle.dumps, cloudpickle.dumps):
        try:
            data: bytes = dumps(error, 5)
            if type(pickle.loads(data)) is type(error) and len(data) <= 1_000_000:
                return data
        except BaseException:  # its reduce and its constructor are the user's code
            continue
    return None
