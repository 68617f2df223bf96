"""From a plan to a run: publish the task, hand items and backend to an engine, wait in a foreground."""

from __future__ import annotations

import linecache
import os
import threading
import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from . import backends, keeping
from .backends.travel import files_of
from .engine.engine import Engine
from .engine.feed import Feed
from .engine.notifier import Notifier
from .engine.plan import MISSING, Options, parse_size
from .engine.ports import Backend, MonotonicClock, Observer, Sink, Store
from .engine.run import Run
from .engine.state import RunState, Source
from .errors import RunFailed, UsageError
from .session import dark, session
from .worker.context import inside_item
from .worker.execute import run_one
from .worker.payload import Task

Call = Literal["item", "star", "chunk"]
Announce = Callable[[Run], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: a function, its items and the options; validated, nothing started.

    Parameters
    ----------
    function
        Called in the workers.
    items
        Any iterable.
    options
        Validated options.
    call
        ``"item"``: with one item; ``"star"``: with the item's elements; ``"chunk"``: with a list of
        items, and returns one value per item.
    kwargs
        Keyword arguments of every call.
    sources
        ``{file name: (label, text)}`` of notebook code, for tracebacks.
    source
        What is known of the items, when their iterable cannot tell.
    targets
        Column names of an item in tables.
    text
        Source of the function, where no file has it.
    """

    function: Callable[..., Any]
    items: Iterable[Any]
    options: Options
    call: Call = "item"
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    source: Source | None = None
    targets: Sequence[str] = ("item",)
    text: str = ""

    @property
    def task(self) -> Task:
        """What travels to the workers."""
        limit = self.options.memory_limit
        return Task(
            self.function,
            self.call,
            dict(self.kwargs),
            self.options.seed,
            {**_quoted(self.function), **self.sources},
            memory_limit=None if limit is None else parse_size(limit),
            # What is stored must not change when a later item changes an object.
            pickled=self.options.checkpoint is not None,
        )

    def debug(self, index: int) -> Any:
        """Run item ``index`` in this thread, outside any worker, and return its value."""
        for position, item in enumerate(self.items):
            if position == index:
                return run_one(self.task, item, index)
            if position > index:
                break
        raise UsageError(f"only={index} is out of range: the items end before it")


def start(plan: Plan, announce: Announce = lambda run: None) -> Run:
    """Start a run and return it at once; whoever wants its end waits for it.

    Items are pulled, and serial items run, only while a thread attends the run: call
    :meth:`Run.attend` in the thread that waits, or :func:`in_background`.

    Parameters
    ----------
    plan
        What to run.
    announce
        Called with the run before its first item starts.

    Raises
    ------
    UsageError
        The task, the items or the options cannot work; nothing has started.
    """
    launcher = _Launcher(plan)
    engine = launcher.engine()
    run = launcher.run(engine)
    if not inside_item():
        session.note(run)
    announce(run)
    engine.start(f"jupyter_parallel run {run.id}")
    return run


def refuse_background(options: Options) -> None:
    """Raise ``UsageError`` where a run with these options could not go on by itself."""
    backend, _ = backends.choose(options.backend, options.n_jobs)
    if backend == "serial":
        raise UsageError(
            "a serial run cannot go on in the background: it runs in the thread that waits for it; "
            "use backend='thread' with n_jobs=1"
        )


def how_to_install(backend: str) -> str:
    """Return what to do about a backend whose package is not installed, empty when it can be used."""
    return backends.how_to_install(backend)


def in_background(plan: Plan, announce: Announce = lambda run: None) -> Run:
    """Start a run that needs nobody to wait for it."""
    refuse_background(plan.options)
    run = start(plan, announce)
    run.serve_in_background()
    return run


def in_foreground(plan: Plan, announce: Announce = lambda run: None, *, detachable: bool = False) -> Run:
    """Run a plan while the caller waits, shown on the screen, and raise what its end calls for.

    Parameters
    ----------
    plan, announce
        As for :func:`start`.
    detachable
        The caller can do without the values: *Detach* may end the waiting.
    """
    started: list[Run] = []

    def note(run: Run) -> None:
        started.append(run)
        announce(run)

    try:
        run = start(plan, note)
        shown = plan.options.display and not inside_item()
        with session.screen(run) if shown else dark(run):
            run.attend(detachable=detachable)
    except KeyboardInterrupt as interrupt:
        # One that comes before anybody attends the run must end it just the same.
        if started and not hasattr(interrupt, "run"):
            raise started[0].abort() from interrupt
        raise
    error = run.error()
    if error is not None:
        raise error
    return run


def values_of(
    plan: Plan,
    announce: Announce = lambda run: None,
    stand_in: Callable[[Any], Any] | None = None,
) -> list[Any]:
    """Run a plan in the foreground and return its values, with the default in place of missing ones.

    Parameters
    ----------
    plan, announce
        As for :func:`start`.
    stand_in
        Makes what stands for an item without a value, where that depends on the item.
    """
    default = plan.options.default
    try:
        run = in_foreground(plan, announce)
    except RunFailed as failed:
        if default is MISSING:
            raise
        run = failed.run
    if stand_in is None or default is MISSING:
        return run.result(default=default)
    hole = object()
    values = enumerate(run.result(default=hole))
    return [stand_in(run.records[index].item) if value is hole else value for index, value in values]


def _quoted(function: Callable[..., Any]) -> dict[str, tuple[str, str]]:
    """Return label and text of the cells whose functions may run: workers have no notebook to quote from."""
    labels = {file: session.label(file) for file in files_of(function)}
    return {file: (label, "".join(linecache.getlines(file))) for file, label in labels.items() if label}


def _acquire(options: Options) -> Backend:
    if inside_item():
        # Workers of workers would oversubscribe the machine.
        return backends.acquire("serial", 1)
    return backends.acquire(options.backend, options.n_jobs)


def _check_capabilities(backend: Backend, options: Options) -> None:
    if options.timeout is not None and not backend.capabilities.can_kill:
        raise UsageError(
            f"timeout={options.timeout:g} cannot be enforced on the backend {backend.name!r}: "
            "a running item cannot be ended there; use backend='loky'"
        )
    if options.memory_limit is not None and not backend.capabilities.limits_memory:
        raise UsageError(
            f"memory_limit={options.memory_limit!r} cannot be enforced on the backend {backend.name!r}: "
            "its workers share a process, or the system has no such limit; use backend='loky' on Linux"
        )
    if backend.name == "loky" and backend.capacity() > backends.cpu_count():
        warnings.warn(
            f"{backend.capacity()} worker processes on {backends.cpu_count()} CPUs: "
            "they will wait for each other",
            stacklevel=_users_level(),
        )


def _store(plan: Plan) -> Store | None:
    if plan.options.checkpoint is None:
        return None
    what = keeping.Function(plan.function, plan.call, plan.kwargs, plan.text)
    return keeping.checkpoint(what, plan.options, plan.targets)


def _users_level() -> int:
    """Return the ``stacklevel`` of the first frame outside this package, as the caller counts it."""
    frames = [frame.filename for frame in traceback.extract_stack()][-2::-1]
    ours = os.path.join(os.path.dirname(__file__), "")
    return next((level for level, file in enumerate(frames, 1) if not file.startswith(ours)), 1)


class _Launcher:
    """Everything a run keeps between its start and a retry."""

    def __init__(self, plan: Plan) -> None:
        plan.options.check_together()
        self._plan = plan
        self._store = _store(plan)
        self._sink = keeping.sink(plan.options)
        self._outlets: list[Store | Sink] = [one for one in (self._store, self._sink) if one is not None]
        self._feed = Feed(plan.items, plan.source)
        self._state: RunState | None = None
        self._observers: list[Observer] = []
        self._changed = threading.Condition()
        self._clock = MonotonicClock()

    def engine(self) -> Engine:
        """Return an engine with workers of its own that know the task; nothing runs yet."""
        backend = _acquire(self._plan.options)
        try:
            _check_capabilities(backend, self._plan.options)
            token = backend.publish(self._plan.task)
        except BaseException:
            backends.release(backend)
            raise
        if self._state is None:
            self._state = self._fresh_state(backend)

        def at_end() -> None:
            for outlet in self._outlets:
                outlet.close()
            backend.retire(token)
            backends.release(backend)

        engine = Engine(
            self._state,
            backend,
            token,
            self._feed,
            clock=self._clock,
            changed=self._changed,
            notifier=Notifier(self._observers),
            at_end=at_end,
            store=self._store,
            sink=self._sink,
        )
        try:
            for outlet in self._outlets:
                outlet.open(engine.post)
        except BaseException:
            at_end()
            raise
        return engine

    def run(self, engine: Engine) -> Run:
        """Return the handle of the run."""
        plan = self._plan
        return Run(
            engine.state,
            engine,
            self._feed,
            name=plan.options.name or "parallel",
            backend=engine.backend_name,
            targets=plan.targets,
            clock=self._clock,
            changed=self._changed,
            observers=self._observers,
            rerun=lambda item, index: run_one(plan.task, item, index),
            relaunch=self.engine,
        )

    def _fresh_state(self, backend: Backend) -> RunState:
        whole = self._plan.call == "chunk"
        return RunState(
            self._plan.options, self._feed.source, backend.capacity(), backend.capabilities, whole=whole
        )
