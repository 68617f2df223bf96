"""What items print, kept apart by item and bounded, also when several items print at once."""

from __future__ import annotations

import sys
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any, TextIO

from .context import current_execution

HEAD = 32_000
TAIL = 32_000


@dataclass(frozen=True, slots=True)
class Said:
    """A piece of text of one item; ``dropped`` characters before it were left out."""

    index: int
    stream: str
    text: str
    dropped: int = 0


@dataclass(slots=True)
class _Flow:
    """One stream of one item: its head leaves at once, of the rest the tail is kept."""

    room: int = HEAD
    fresh: list[str] = field(default_factory=list)
    tail: deque[str] = field(default_factory=deque)
    held: int = 0
    dropped: int = 0

    def add(self, text: str) -> None:
        if self.room:
            self.fresh.append(text[: self.room])
            text, self.room = text[self.room :], max(0, self.room - len(text))
        if text:
            self.tail.append(text)
            self.held += len(text)
        while self.tail and self.held - len(self.tail[0]) >= TAIL:
            gone = len(self.tail.popleft())
            self.held -= gone
            self.dropped += gone

    def ending(self) -> str:
        text = "".join(self.tail)
        cut = max(0, len(text) - TAIL)
        self.dropped += cut
        return text[cut:]


class Capture:
    """The text of the items of one chunk that has not been handed on yet. The caller locks."""

    def __init__(self) -> None:
        self._flows: dict[tuple[int, str], _Flow] = {}

    def add(self, index: int, stream: str, text: str) -> None:
        flow = self._flows.get((index, stream))
        if flow is None:
            flow = self._flows[index, stream] = _Flow()
        flow.add(text)

    def take(self, finished: int) -> list[Said]:
        """Return what is new; items below ``finished`` give their last words and are forgotten."""
        said = []
        for (index, stream), flow in list(self._flows.items()):
            if flow.fresh:
                said.append(Said(index, stream, "".join(flow.fresh)))
                flow.fresh = []
            if index < finished:
                del self._flows[index, stream]
                if flow.tail:
                    text = flow.ending()
                    said.append(Said(index, stream, text, flow.dropped))
        return said


class Router:
    """Stands in for ``sys.stdout`` or ``sys.stderr``: to the running item, or to the stream it replaced."""

    def __init__(self, name: str, original: TextIO) -> None:
        self._name = name
        self._original = original

    def write(self, text: str) -> int:
        execution = current_execution()
        while execution is not None and not execution.captures:
            execution = execution.outer  # a nested run in this process: its prints are the outer item's
        if execution is None:
            return self._original.write(text)
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        execution.outbox.say(execution.index, self._name, text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if current_execution() is None:
            self._original.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)


_lock = threading.Lock()
_users = 0
_routers: dict[str, Router] = {}


def install() -> None:
    """Route both streams; calls nest, and threads may call at the same time."""
    global _users
    with _lock:
        _users += 1
        if _users == 1:
            for name in ("stdout", "stderr"):
                _routers[name] = Router(name, getattr(sys, name))
                setattr(sys, name, _routers[name])


def uninstall() -> None:
    """Undo one ``install``; the last one puts the streams back unless somebody replaced ours meanwhile."""
    global _users
    with _lock:
        _users -= 1
        if _users == 0:
            for name, router in _routers.items():
                if getattr(sys, name) is router:
                    setattr(sys, name, router._original)
            _routers.clear()
