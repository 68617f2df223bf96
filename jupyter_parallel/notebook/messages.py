"""What browser and kernel say to each other about a run, and the checks on what comes in.

Browser to kernel (each carries a ``mid``, is sent again until answered, and acts once)::

    {"kind": "pause", "mid": "v1-1"}
    {"kind": "resume", "mid": "v1-2"}
    {"kind": "cancel", "mid": "v1-3", "policy": "all" | "pending"}
    {"kind": "detach", "mid": "v1-4"}
    {"kind": "rows", "mid": "v1-5", "start": 0, "stop": 100}
    {"kind": "span", "mid": "v1-6", "start": 500, "stop": 1000}
    {"kind": "find", "mid": "v1-15", "text": "radius", "failed": true, "start": 0}
    {"kind": "log", "mid": "v1-16", "index": 12}
    {"kind": "errors", "mid": "v1-9"}
    {"kind": "failure", "mid": "v1-10", "index": 12}
    {"kind": "retry", "mid": "v1-11", "scope": "all" | "failed" | "group" | "item", "index": 12}
    {"kind": "timeline", "mid": "v1-7", "start": 120}
    {"kind": "points", "mid": "v1-8", "start": 0, "stop": 10000, "step": 5, "x": 1, "y": "area"}

Kernel to browser, one answer to each::

    {"kind": "reply", "mid": "v1-5", "ok": true, "body": {...}}
    {"kind": "reply", "mid": "v1-6", "ok": false, "error": "..."}

``js/src/protocol.ts`` is the other side; ``tests/fixtures/messages`` holds both to this.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..engine.overview import ItemState
from ..engine.plan import CancellationPolicy
from ..view import failures
from ..view.format import cut, visible
from ..view.logs import log
from ..view.plot import points
from ..view.rows import PAGE, ValueColumns, page
from ..view.search import find
from ..view.source import RunSource
from ..view.timeline import Timeline
from . import retrying
from .handles import debug_line

POLICIES = {"all": CancellationPolicy.ALL, "pending": CancellationPolicy.PENDING}

_MID_LENGTH = 64
_TEXT_LENGTH = 200
_LARGEST_INDEX = 2**53 - 1  # what a JavaScript number holds exactly
_SPAN = 1_000_000
_COLUMN_LENGTH = 2000


class BadMessage(ValueError):
    """A message that is not one of ours; nothing was done."""

    def __init__(self, problem: str, mid: str = "") -> None:
        super().__init__(problem)
        self.mid = mid


@dataclass(frozen=True, slots=True)
class Request:
    """A checked message from the browser."""

    kind: str
    mid: str
    policy: CancellationPolicy = CancellationPolicy.NONE
    start: int = 0
    stop: int = 0
    scope: str = ""
    index: int = 0
    text: str = ""
    failed: bool = False
    step: int = 1
    x: int = 0
    y: str = ""


def parse(content: Any) -> Request:
    """Check a message from the browser, which may be anything.

    Raises
    ------
    BadMessage
        With what was expected; ``mid`` is kept when there is a usable one.
    """
    if not isinstance(content, Mapping):
        raise BadMessage(f"a message must be an object, not {type(content).__name__}")
    mid = content.get("mid")
    if not isinstance(mid, str) or not 0 < len(mid) <= _MID_LENGTH:
        raise BadMessage(f"mid must be a text of 1 to {_MID_LENGTH} characters")
    kind = content.get("kind")
    fields = _KINDS.get(kind) if isinstance(kind, str) else None
    if fields is None:
        raise BadMessage(f"unknown kind {_quoted(kind)}; known are {', '.join(_KINDS)}", mid)
    if unknown := set(content) - {"kind", "mid", *fields}:
        raise BadMessage(f"{kind} has no field {_quoted(min(unknown, key=str))}", mid)
    request = Request(
        kind=str(kind), mid=mid, **{name: check(content.get(name), mid) for name, check in fields.items()}
    )
    if "stop" in fields and request.stop < request.start:
        raise BadMessage(f"stop {request.stop} is before start {request.start}", mid)
    return request


def _policy(value: Any, mid: str) -> CancellationPolicy:
    if not isinstance(value, str) or value not in POLICIES:
        raise BadMessage(f"policy {_quoted(value)} must be one of {', '.join(POLICIES)}", mid)
    return POLICIES[value]


def _text(value: Any, mid: str) -> str:
    if not isinstance(value, str) or len(value) > _TEXT_LENGTH:
        raise BadMessage(f"text {_quoted(value)} must be a text of at most {_TEXT_LENGTH} characters", mid)
    return value


def _flag(value: Any, mid: str) -> bool:
    if not isinstance(value, bool):
        raise BadMessage(f"failed {_quoted(value)} must be true or false", mid)
    return value


def _scope(value: Any, mid: str) -> str:
    if not isinstance(value, str) or value not in retrying.SCOPES:
        raise BadMessage(f"scope {_quoted(value)} must be one of {', '.join(retrying.SCOPES)}", mid)
    return value


def _index(value: Any, mid: str) -> int:
    if type(value) is not int or not 0 <= value <= _LARGEST_INDEX:
        raise BadMessage(f"index {_quoted(value)} must be a whole number from 0", mid)
    return value


def _step(value: Any, mid: str) -> int:
    if _index(value, mid) == 0:
        raise BadMessage("step 0 must be at least 1", mid)
    return int(value)


def _column(value: Any, mid: str) -> str:
    if not isinstance(value, str) or len(value) > _COLUMN_LENGTH:
        raise BadMessage(f"y {_quoted(value)} must be the name of a column", mid)
    return value


def _quoted(value: Any) -> str:
    return visible(cut(repr(value)[:400], 60))


Check = Callable[[Any, str], Any]
_RANGE: dict[str, Check] = {"start": _index, "stop": _index}
_KINDS: dict[str, dict[str, Check]] = {
    "pause": {},
    "resume": {},
    "cancel": {"policy": _policy},
    "detach": {},
    "rows": _RANGE,
    "span": _RANGE,
    "find": {"text": _text, "failed": _flag, "start": _index},
    "log": {"index": _index},
    "errors": {},
    "failure": {"index": _index},
    "retry": {"scope": _scope, "index": _index},
    "timeline": {"start": _index},
    "points": {**_RANGE, "step": _step, "x": _index, "y": _column},
}


def reply(mid: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the answer to a request that was understood."""
    return {"kind": "reply", "mid": mid, "ok": True, "body": dict(body or {})}


def refusal(mid: str, error: str) -> dict[str, Any]:
    """Return the answer to a request that was not, or cannot be served."""
    return {"kind": "reply", "mid": mid, "ok": False, "error": error}


class Answers:
    """Answers requests about one run.

    A command acts once, however often it arrives; its answer is kept. A page is made once at a
    time, and again when it is asked for again: kept pages would be a copy of the whole table.
    """

    KEPT = 256
    """Answers remembered."""

    def __init__(self) -> None:
        self._values = ValueColumns()
        self._timeline = Timeline()
        self._given: OrderedDict[str, dict[str, Any] | None] = OrderedDict()
        self._lock = threading.Lock()

    def claim(self, mid: str) -> tuple[bool, dict[str, Any] | None]:
        """Say whether a request is new; if not, its answer, or ``None`` while it is being made."""
        with self._lock:
            if mid in self._given:
                return False, self._given[mid]
            self._given[mid] = None
            while len(self._given) > self.KEPT:
                self._given.popitem(last=False)
            return True, None

    def answer(self, request: Request, run: RunSource | None) -> dict[str, Any]:
        """Do what a request asks and return the answer to it."""
        if run is None:
            made = refusal(
                request.mid, "this run is no longer in memory; run the cell with -o NAME to keep it"
            )
        else:
            try:
                made = reply(request.mid, _SERVE[request.kind](self, request, run))
            except BadMessage as problem:
                made = refusal(request.mid, str(problem))
        with self._lock:
            if request.kind in ONCE:
                self._given[request.mid] = made
            else:
                self._given.pop(request.mid, None)
        return made

    def rows(self, request: Request, run: RunSource) -> dict[str, Any]:
        return page(run, request.start, min(request.stop, request.start + PAGE), self._values)

    def span(self, request: Request, run: RunSource) -> dict[str, Any]:
        """Count the states in a range of items."""
        states = run.item_states(request.start, min(request.stop, request.start + _SPAN))
        counts = [[state.word, states.count(state)] for state in ItemState if state in states]
        return {"start": request.start, "stop": request.start + len(states), "counts": counts}

    def timeline(self, request: Request, run: RunSource) -> dict[str, Any]:
        return self._timeline.answer(run, request.start)

    def points(self, request: Request, run: RunSource) -> dict[str, Any]:
        return points(run, request.start, request.stop, request.step, request.x, request.y)

    def find(self, request: Request, run: RunSource) -> dict[str, Any]:
        return find(run, request.text, request.failed, request.start, self._values)

    def log(self, request: Request, run: RunSource) -> dict[str, Any]:
        _check_known(request, run)
        return log(run, request.index)

    def errors(self, request: Request, run: RunSource) -> dict[str, Any]:
        return failures.groups(run)

    def failure(self, request: Request, run: RunSource) -> dict[str, Any]:
        _check_known(request, run)
        return failures.failure(run, request.index) | {"debug": debug_line(run, request.index)}


def _retry(request: Request, run: RunSource) -> None:
    try:
        retrying.retry(run, request.scope, request.index)
    except retrying.NothingToRetry as problem:
        raise BadMessage(str(problem), request.mid) from None


def _check_known(request: Request, run: RunSource) -> None:
    known = run.overview().known
    if request.index >= known:
        raise BadMessage(f"there is no item {request.index}; the run knows {known} so far", request.mid)


def _command(act: Callable[[Request, RunSource], None]) -> Callable[[Answers, Request, RunSource], None]:
    return lambda answers, request, run: act(request, run)


_SERVE: dict[str, Callable[[Answers, Request, RunSource], Mapping[str, Any] | None]] = {
    "pause": _command(lambda request, run: run.pause()),
    "resume": _command(lambda request, run: run.resume()),
    "cancel": _command(lambda request, run: run.cancel(request.policy)),
    "detach": _command(lambda request, run: run.detach()),
    "rows": Answers.rows,
    "span": Answers.span,
    "find": Answers.find,
    "log": Answers.log,
    "errors": Answers.errors,
    "failure": Answers.failure,
    "retry": _command(lambda request, run: _retry(request, run)),
    "timeline": Answers.timeline,
    "points": Answers.points,
}

COMMANDS = frozenset({"pause", "resume", "cancel", "detach"})
"""Kinds that change a run. They return at once and are served where they arrive."""

ONCE = COMMANDS | {"retry"}
"""Kinds that act once, however often they arrive. A retry starts workers: that takes its time."""
