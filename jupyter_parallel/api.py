"""Start runs: validate the options, publish the task, hand items and backend to an engine."""

from __future__ import annotations

import contextlib
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from . import backends
from .engine.engine import Engine
from .engine.feed import Feed
from .engine.plan import MISSING, CancellationPolicy, Options
from .engine.ports import Backend, MonotonicClock, Observer, Sink, Store
from .engine.run import Run
from .engine.state import RunState, Source
from .errors import RunFailed, UsageError
from .worker.context import inside_item
from .worker.execute import run_one
from .worker.payload import Task

if TYPE_CHECKING:
    from .store.stored import Summary

Call = Literal["item", "star", "chunk"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: a task, its items and the options; validated, nothing started.

    Parameters
    ----------
    task
        The function and everything workers need of it.
    items
        Any iterable.
    options
        Validated options.
    source
        What is known of the items, when their iterable cannot tell.
    targets
        Column names of an item in tables.
    text
        Source of the function, where no file has it.
    """

    task: Task
    items: Iterable[Any]
    options: Options
    source: Source | None = None
    targets: Sequence[str] = ("item",)
    text: str = ""

    def debug(self, index: int) -> Any:
        """Run item ``index`` in this thread, outside any worker, and return its value."""
        for position, item in enumerate(self.items):
            if position == index:
                return run_one(self.task, item, index)
            if position > index:
                break
        raise UsageError(f"only={index} is out of range: there are {_count_text(self.items)} items")


class Screen(Protocol):
    """What shows a run while somebody waits for it."""

    def __call__(self, run: Run) -> contextlib.AbstractContextManager[Any]: ...


@contextlib.contextmanager
def _dark(run: Run) -> Iterator[None]:
    yield


class Session:
    """What runs of this process share: default options, the runs themselves, how they are shown."""

    def __init__(self) -> None:
        self.options = Options()
        self.screen: Screen = _dark
        self.folder: Path | None = None
        """Where the notebook is: checkpoints lie beside it. Without one, the working directory."""
        self._runs: weakref.WeakSet[Run] = weakref.WeakSet()
        self._last: Run | None = None

    def note(self, run: Run) -> None:
        self._runs.add(run)
        self._last = run

    @property
    def root(self) -> Path:
        """The folder beside which checkpoints lie."""
        return self.folder or Path.cwd()

    @property
    def last(self) -> Run | None:
        return self._last

    @property
    def runs(self) -> list[Run]:
        """All runs that are still held by somebody, oldest first."""
        return sorted(self._runs, key=lambda run: run.id)


session = Session()


def last_run() -> Run:
    """Return the latest run, so that nothing is out of reach after an error.

    Raises
    ------
    UsageError
        Nothing has run yet.
    """
    if session.last is None:
        raise UsageError("nothing has run yet in this session")
    return session.last


def start(plan: Plan, announce: Callable[[Run], None] = session.note) -> Run:
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
    session.note(run)
    announce(run)
    engine.start(f"jupyter_parallel run {run.id}")
    return run


def in_background(plan: Plan, announce: Callable[[Run], None] = session.note) -> Run:
    """Start a run that needs nobody to wait for it."""
    backend, _ = backends.choose(plan.options.backend, plan.options.n_jobs)
    if backend == "serial":
        raise UsageError(
            "a serial run cannot go on in the background: it runs in the thread that waits for it; "
            "use backend='thread' with n_jobs=1"
        )
    run = start(plan, announce)
    run.serve_in_background()
    return run


def wait_for(run: Run, options: Options, *, detachable: bool = False) -> None:
    """Wait for a run in the foreground, shown on the screen, and raise what its end calls for.

    Parameters
    ----------
    run, options
        The run and what was asked of it.
    detachable
        Whoever waits can do without the values: *Detach* may end the waiting.
    """
    with session.screen(run) if options.display else _dark(run):
        run.attend(detachable=detachable)
    error = run.error()
    if error is not None:
        raise error


class Runner:
    """Runs functions over many items.

    Parameters
    ----------
    **options
        Any option of :class:`~jupyter_parallel.engine.plan.Options`; validated here, defaults for
        every ``map``.

    Raises
    ------
    UsageError
        An option that cannot work.
    """

    def __init__(self, **options: Any) -> None:
        self._options = session.options.updated(options)
        backends.choose(self._options.backend, self._options.n_jobs)
        self._runs: weakref.WeakSet[Run] = weakref.WeakSet()
        self._closed = False

    def map(
        self,
        function: Callable[..., Any],
        items: Iterable[Any],
        *,
        kwargs: Mapping[str, Any] | None = None,
        **override: Any,
    ) -> Run:
        """Run ``function(item, **kwargs)`` for each item; return the live run at once.

        Parameters
        ----------
        function
            Any callable, also a lambda, a closure, a coroutine function.
        items
            Any iterable: sized, lazy, infinite; consumed with a bounded look-ahead.
        kwargs
            Keyword arguments for every call; small ones are copied for each item.
        **override
            Options for this run only.
        """
        return self._start("item", function, items, kwargs, override)

    def starmap(
        self,
        function: Callable[..., Any],
        items: Iterable[Any],
        *,
        kwargs: Mapping[str, Any] | None = None,
        **override: Any,
    ) -> Run:
        """Run ``function(*item, **kwargs)`` for each item; otherwise as :meth:`map`."""
        return self._start("star", function, items, kwargs, override)

    def map_chunks(
        self,
        function: Callable[..., Any],
        items: Iterable[Any],
        *,
        kwargs: Mapping[str, Any] | None = None,
        **override: Any,
    ) -> Run:
        """Run ``function(list_of_items, **kwargs)`` for each chunk; it returns one value per item.

        A chunk is never sliced; failure, timeout and retry concern the whole chunk.
        """
        return self._start("chunk", function, items, kwargs, override)

    def close(self, policy: CancellationPolicy = CancellationPolicy.NONE) -> None:
        """Take no further work, and wait for the runs of this runner.

        Parameters
        ----------
        policy
            Which of their items to cancel first.
        """
        self._closed = True
        for run in tuple(self._runs):
            run.cancel(policy)
        for run in tuple(self._runs):
            run.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(CancellationPolicy.NONE if kind is None else CancellationPolicy.ALL)

    def _start(
        self,
        call: Call,
        function: Callable[..., Any],
        items: Iterable[Any],
        kwargs: Mapping[str, Any] | None,
        override: Mapping[str, Any],
    ) -> Run:
        if self._closed:
            raise UsageError("this runner is closed; make a new one")
        plan = _plan(call, function, items, kwargs, self._options.updated(override))
        if plan.options.only is not None:
            raise UsageError(
                "only= returns a value, not a run: use parallel_map(..., only=...) or run.debug(i)"
            )
        run = self._launch(plan)
        self._runs.add(run)
        return run

    def _launch(self, plan: Plan) -> Run:
        backend, _ = backends.choose(plan.options.backend, plan.options.n_jobs)
        if backend != "serial":
            return in_background(plan)
        run = start(plan)
        run.attend()
        return run


def parallel_map(
    function: Callable[..., Any],
    items: Iterable[Any],
    *,
    kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> list[Any]:
    """Return ``[function(item, **kwargs) for item in items]``, computed in parallel.

    Parameters
    ----------
    function, items, kwargs
        As for :meth:`Runner.map`.
    **options
        Any option of :class:`~jupyter_parallel.engine.plan.Options`. With ``only=i`` just item ``i``
        runs, in this process, and its value is returned.

    Raises
    ------
    RunFailed
        Items failed, and no ``default`` stands in for them; ``.run`` holds the other values.
    """
    plan = _plan("item", function, items, kwargs, session.options.updated(options))
    if plan.options.only is not None:
        return plan.debug(plan.options.only)  # type: ignore[no-any-return]
    if not plan.options.wait:
        raise UsageError("parallel_map waits and returns a list; for a live run use Runner(...).map(...)")
    return values_of(start(plan), plan.options)


def values_of(run: Run, options: Options) -> list[Any]:
    """Wait for a run in the foreground and return its values, with the default in place of missing ones."""
    with contextlib.suppress(RunFailed) if options.default is not MISSING else contextlib.nullcontext():
        wait_for(run, options)
    return run.result(default=options.default)


def _plan(
    call: Call,
    function: Callable[..., Any],
    items: Iterable[Any],
    kwargs: Mapping[str, Any] | None,
    options: Options,
) -> Plan:
    if not callable(function):
        raise UsageError(f"{function!r} is not callable; give a function and then the items")
    name = options.name or getattr(function, "__name__", type(function).__name__)
    task = Task(function, call, dict(kwargs or {}), options.seed, {})
    return Plan(task, items, replace(options, name="lambda" if name == "<lambda>" else name))


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
    if backend.name == "loky" and backend.capacity() > backends.cpu_count():
        warnings.warn(
            f"{backend.capacity()} worker processes on {backends.cpu_count()} CPUs: "
            "they will wait for each other",
            stacklevel=2,
        )


class _Launcher:
    """Everything a run keeps between its start and a retry."""

    def __init__(self, plan: Plan) -> None:
        if plan.options.checkpoint is not None:
            # What is stored must not change when a later item changes an object.
            plan = replace(plan, task=replace(plan.task, pickled=True))
        self._plan = plan
        self._store = _checkpoint(plan)
        self._sink = _sink(plan.options)
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
            for outlet in filter(None, (self._store, self._sink)):
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
            observers=self._observers,
            at_end=at_end,
            store=self._store,
            sink=self._sink,
        )
        try:
            for outlet in filter(None, (self._store, self._sink)):
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
        whole = self._plan.task.call == "chunk"
        return RunState(
            self._plan.options, self._feed.source, backend.capacity(), backend.capabilities, whole=whole
        )


def _checkpoint(plan: Plan) -> Store | None:
    options, task = plan.options, plan.task
    if options.checkpoint is None:
        return None
    from .store.checkpoint import Checkpoint
    from .store.fingerprint import fingerprint

    function = fingerprint(
        task.function, call=task.call, kwargs=task.kwargs, seed=options.seed, text=plan.text
    )
    return Checkpoint(
        session.root,
        options.checkpoint,
        function,
        label=options.name or "",
        targets=plan.targets,
        on_change=options.on_change,
        fresh=options.fresh,
        seeded=options.seed is not None,
        key=options.key,
    )


def _sink(options: Options) -> Sink | None:
    if options.saver is None:
        return None
    from .store.delivery import Delivery
    from .store.savers import saver_of

    return Delivery(saver_of(options.saver))


def stored_runs() -> list[Summary]:
    """Return what is stored beside the notebook, the latest first; no value is looked at."""
    from .store.stored import summaries

    return summaries(session.root)


def remove_stored(name: str) -> int:
    """Delete a stored run; return the bytes it took."""
    from .store.stored import remove

    return remove(session.root, name)


def export_stored(name: str, path: str) -> int:
    """Write the values of a stored run to a file; return how many there were."""
    from .store.stored import export

    return export(session.root, name, path)


def _open_stored(name: str, trust: bool) -> Run:
    from .store.stored import open_run, sign

    if trust:
        sign(session.root, name)
    return open_run(session.root, name)


Run._opener = _open_stored


def _count_text(items: Iterable[Any]) -> str:
    try:
        return str(len(items))  # type: ignore[arg-type]
    except TypeError:
        return "fewer"
