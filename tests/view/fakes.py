"""A run that does what a test says: no thread, no clock, no process."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from jupyter_parallel.engine.outcome import ErrorGroup, group_failures
from jupyter_parallel.engine.overview import (
    Counts,
    FirstFailure,
    Glance,
    ItemState,
    Overview,
    Running,
    RunStatus,
)
from jupyter_parallel.engine.plan import CancellationPolicy
from jupyter_parallel.engine.ports import Failed, Failure, Output
from jupyter_parallel.engine.spans import Span

STATES = {state.word: state for state in ItemState}


class FakeRun:
    """Implements ``view.source.RunSource`` over plain lists that tests write to."""

    def __init__(
        self, items: Sequence[Any] = (), *, targets: tuple[str, ...] = ("x",), name: str = "areas"
    ) -> None:
        self.items = list(items)
        self.targets = targets
        self.states = bytearray(len(self.items))
        self.total: int | None = len(self.items)
        self.briefs: dict[int, str | dict[str, str]] = {}
        self.failures: dict[int, Failure] = {}
        self.durations = array("d", [0.0]) * len(self.items)
        self.since: dict[int, float] = {}
        self.name = name
        self.status = RunStatus.RUNNING
        self.backend, self.workers = "loky", 8
        self.now, self.started, self.ended = 100.0, 100.0, None
        self.waiting, self.note = True, ""
        self.lines: list[tuple[int, int, str, str]] = []
        self.commands: list[Any] = []
        self.observers: list[Callable[[], None]] = []
        self.first: FirstFailure | None = None
        self.round = 0
        self.retried: list[list[int] | None] = []
        self.outputs: dict[int, list[Output]] = {}
        self.runs_in_waiter = False
        self.done: list[Span] = []

    # what a test writes

    def succeed(self, index: int, value: str | dict[str, str] = "1", seconds: float = 0.012) -> None:
        self.states[index] = ItemState.SUCCESS
        self.briefs[index] = value
        self.durations[index] = seconds
        self.since.pop(index, None)

    def fail(
        self,
        index: int,
        type_: str = "ValueError",
        message: str = "bad radius",
        where: str = "",
        traceback: str = "",
    ) -> None:
        self.states[index] = ItemState.FAILURE
        self.failures[index] = Failure(type_, message, traceback, where)
        self.since.pop(index, None)
        self.first = self.first or FirstFailure(index, type_, message, where)

    def run(self, index: int) -> None:
        self.states[index] = ItemState.RUNNING
        self.since[index] = self.now

    def say(self, index: int, line: str, stream: str = "stdout") -> None:
        self.lines.append((len(self.lines), index, stream, line))

    def end(self, status: RunStatus = RunStatus.FINISHED) -> None:
        self.status, self.ended, self.waiting = status, self.now, False
        self.changed()

    def changed(self) -> None:
        for observer in list(self.observers):
            observer()

    # RunSource

    @property
    def printed_total(self) -> int:
        return len(self.lines)

    def counts(self) -> Counts:
        numbers = {word: self.states.count(state) for word, state in STATES.items()}
        return Counts(**numbers, total=self.total)

    def overview(self) -> Overview:
        prefix = next(
            (i for i, state in enumerate(self.states) if state < ItemState.SUCCESS), len(self.states)
        )
        return Overview(
            id=7,
            name=self.name,
            status=self.status,
            backend=self.backend,
            workers=self.workers,
            counts=self.counts(),
            known=len(self.items),
            prefix=prefix,
            running=tuple(Running(i, f"w{i % 8}", since) for i, since in sorted(self.since.items())),
            now=self.now,
            started=self.started,
            ended=self.ended,
            first_failure=self.first,
            waiting=self.waiting,
            note=self.note,
            round=self.round,
        )

    @property
    def errors(self) -> list[ErrorGroup]:
        return group_failures(Failed(i, 0.0, 0.0, failure) for i, failure in sorted(self.failures.items()))

    def output(self, index: int) -> tuple[Output, ...]:
        return tuple(self.outputs.get(index, ()))

    def retry(self, only: Iterable[int] | None = None) -> None:
        self.commands.append("retry")
        self.retried.append(None if only is None else list(only))
        self.round += 1
        self.status, self.ended = RunStatus.RUNNING, None
        self.changed()

    def item_states(self, start: int, stop: int) -> bytes:
        return bytes(self.states[start:stop])

    def glance(self, index: int) -> Glance:
        return Glance(
            index=index,
            state=ItemState(self.states[index]),
            item=self.items[index],
            brief=self.briefs.get(index),
            failure=self.failures.get(index),
            started=self.started,
            duration=self.durations[index],
            worker="w1",
            attempts=1,
        )

    def spans(self, since: int, limit: int) -> list[Span]:
        return self.done[since : since + limit]

    def printed(self, after: int) -> list[tuple[int, int, str, str]]:
        return [line for line in self.lines if line[0] > after][-20:]

    def pause(self) -> None:
        self.commands.append("pause")
        self.status = RunStatus.PAUSED
        self.changed()

    def resume(self) -> None:
        self.commands.append("resume")
        self.status = RunStatus.RUNNING
        self.changed()

    def cancel(self, policy: CancellationPolicy) -> None:
        self.commands.append(policy)
        self.changed()

    def detach(self) -> None:
        self.commands.append("detach")
        self.waiting = False
        self.changed()

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        self.observers.append(callback)
        return lambda: self.observers.remove(callback)
