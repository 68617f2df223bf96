"""A chunk in, records out: the loop that calls the function.

A million small items pass through here, so each loop does for an item only what nothing else can do later:
tell the page, look whether to stop, call, take the time. There is one loop a kind of call; keyword arguments
and seeds wrap the function instead of adding a branch.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from time import perf_counter
from typing import Any

from ..errors import ItemCancelled
from .awaiting import EventLoop
from .context import Execution, entered
from .memory import headroom
from .outbox import ATOMS, Outbox, SpoolFull
from .page import CURRENT, SINCE, STOP, Page
from .payload import Program, Task, program_here
from .seeding import import_numpy, kept_globals, seed_globals

Call = Callable[..., Any]
Fatal = Callable[[BaseException], bool]


class ChunkResultError(TypeError):
    """A function that gets whole chunks did not return one value per item."""


def run_chunk(
    program: Program, items: Sequence[Any], execution: Execution, fatal: Fatal | None = None
) -> int:
    """Run items until the last one or the one the page says to stop at.

    Parameters
    ----------
    fatal
        Tells which exceptions end the chunk instead of failing the item.

    Returns
    -------
    int
        Index of the first item that was not run.
    """
    outbox = execution.outbox
    outbox.execution = execution
    call = _bound(program, execution)
    loop = _LOOPS[program.call]
    remaining = iter(items)
    execution.page.times[SINCE] = outbox.began = perf_counter()
    with entered(execution, alone=execution.captures and not outbox.captured_exceptions):
        while True:
            try:
                try:
                    return loop(call, remaining, outbox)
                except SpoolFull:
                    raise
                except BaseException as error:
                    if fatal is not None and fatal(error):
                        raise
                    with headroom():
                        _failed(program, outbox, error, items)
            except ItemCancelled as late:
                # The interrupt arrived while the item's own exception was being written down.
                if fatal is not None and fatal(late):
                    raise
                if outbox.finished() == execution.index:
                    outbox.fail(late)


def run_one(task: Task, item: Any, index: int) -> Any:
    """Run one item in this thread and return its value; what it raises is raised.

    It sees the same ``context()``, keyword arguments and seeds as on any backend.
    """
    program = program_here(task)
    page = Page()
    page.begin(0, index, index + 1)
    page.fields[CURRENT] = index
    outbox = Outbox(page, task.sources, index, EventLoop())
    execution = outbox.execution = Execution(page, outbox, task.seed, captures=False)
    call = _bound(program, execution)
    keep = kept_globals() if task.seed is not None else contextlib.nullcontext()
    with keep, entered(execution):
        if program.call == "chunk":
            return _one_each(call([item]), 1, outbox)[0]
        return outbox.awaited(call(*item) if program.call == "star" else call(item))


def _failed(program: Program, outbox: Outbox, error: BaseException, items: Sequence[Any]) -> None:
    if isinstance(error, MemoryError) and program.memory_limit is not None:
        error.add_note(f"its worker may have {program.memory_limit / 1e6:,.0f} MB (memory limit of the run)")
    if program.call != "chunk":
        outbox.fail(error)
        return
    for _ in items:
        outbox.fail(error)


def _bound(program: Program, execution: Execution) -> Call:
    function = program.function
    keywords, seed = program.keywords, program.seed
    if keywords is not None:
        plain = function

        def function(*arguments: Any) -> Any:
            return plain(*arguments, **keywords())

    if seed is None:
        return function
    import_numpy()
    unseeded = function

    def seeded(*arguments: Any) -> Any:
        seed_globals(seed, execution.index)
        return unseeded(*arguments)

    return seeded


def _items(call: Call, remaining: Iterator[Any], outbox: Outbox) -> int:
    fields, times = outbox.page.fields, outbox.page.times
    add, stamp, settle, flush = outbox.values.append, outbox.stamps.append, outbox.settle, outbox.flush
    index, clock, atoms = outbox.finished(), perf_counter, ATOMS
    deadline = outbox.began + outbox.flush_after
    for item in remaining:
        fields[CURRENT] = index
        if fields[STOP] <= index:
            return index
        value = call(item)
        if type(value) not in atoms:
            value = settle(value)
        add(value)
        now = clock()
        stamp(now)
        if now > deadline:
            deadline = flush(now)
            now = outbox.began
        times[SINCE] = now
        index += 1
    return index


def _stars(call: Call, remaining: Iterator[Any], outbox: Outbox) -> int:
    fields, times = outbox.page.fields, outbox.page.times
    add, stamp, settle, flush = outbox.values.append, outbox.stamps.append, outbox.settle, outbox.flush
    index, clock, atoms = outbox.finished(), perf_counter, ATOMS
    deadline = outbox.began + outbox.flush_after
    for item in remaining:
        fields[CURRENT] = index
        if fields[STOP] <= index:
            return index
        value = call(*item)
        if type(value) not in atoms:
            value = settle(value)
        add(value)
        now = clock()
        stamp(now)
        if now > deadline:
            deadline = flush(now)
            now = outbox.began
        times[SINCE] = now
        index += 1
    return index


def _whole(call: Call, remaining: Iterator[Any], outbox: Outbox) -> int:
    index = outbox.finished()
    outbox.page.fields[CURRENT] = index
    if outbox.page.fields[STOP] <= index:
        return index
    items = list(remaining)
    if not items:
        return index
    values = [outbox.settle(value) for value in _one_each(call(items), len(items), outbox)]
    now = perf_counter()
    for value in values:
        outbox.values.append(value)
        outbox.stamps.append(now)
    return index + len(items)


def _one_each(result: Any, count: int, outbox: Outbox) -> list[Any]:
    result = outbox.awaited(result)
    try:
        values = list(result)
    except TypeError:
        kind = type(result).__name__
        raise ChunkResultError(
            f"the function got {count} items and returned a {kind}; it must return a list of one value each"
        ) from None
    if isinstance(result, str | bytes | dict) or len(values) != count:
        raise ChunkResultError(
            f"the function got {count} items and returned a {type(result).__name__} of {len(values)} values;"
            " it must return one value per item, in their order"
        )
    return values


_LOOPS = {"item": _items, "star": _stars, "chunk": _whole}
