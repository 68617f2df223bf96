"""How a worker process ended, as people would say it."""

from __future__ import annotations

import contextlib
import re
import signal
from collections.abc import Iterator

from ..worker.report import Sources, is_machinery

_FRAME = re.compile(r'  File "(?P<file>.*)", line (?P<line>\d+) in (?P<name>.*)')


def out_of_memory_kills() -> int:
    """Return how many processes of this machine the system has killed for want of memory, 0 if unknown."""
    with contextlib.suppress(OSError, ValueError), open("/proc/vmstat") as file:
        for line in file:
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def reason_of(code: int | None, starved: bool) -> str:
    """Return the reason for an exit code as ``Process.exitcode`` gives it: negative for a signal."""
    if code is None:
        return "it stopped answering"
    if code >= 0:
        return f"exit code {code}"
    if starved and -code == signal.SIGKILL:
        return f"out of memory (killed by signal {-code})"
    try:
        return f"killed by signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"killed by signal {-code}"


def crash_traceback(text: str, sources: Sources) -> str:
    """Return the stack that ``faulthandler`` wrote as a traceback of the user's frames, outermost first."""
    frames = list(_frames(text, sources))
    if not frames:
        return ""
    fatal = text.partition("\n")[0]
    return "\n".join(["Traceback (most recent call last):", *reversed(frames), fatal])


def _frames(text: str, sources: Sources) -> Iterator[str]:
    """Yield the user's frames, innermost first: those above the first of ours."""
    for found in filter(None, map(_FRAME.match, text.splitlines())):
        if is_machinery(found["file"]):
            return
        label = sources.get(found["file"], (found["file"],))[0]
        yield f'  File "{label}", line {found["line"]}, in {found["name"]}'
