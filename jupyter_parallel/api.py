"""The Python face: ``Runner`` and ``parallel_map``."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from . import backends
from .engine.plan import CancellationPolicy, Options, check_policy
from .engine.run import Run
from .errors import UsageError
from .launch import Call, Plan, in_background, start, values_of
from .session import session


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
        check_policy(policy)
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
    return values_of(plan)


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
    named = replace(options, name="lambda" if name == "<lambda>" else name)
    return Plan(function, items, named, call, dict(kwargs or {}))
