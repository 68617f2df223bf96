"""Items in the waiting thread: interrupts, the debugger, a loop that is already running."""

from __future__ import annotations

import asyncio
import bdb
import os
import signal
import sys
import threading
from typing import Any

import pytest

from jupyter_parallel.backends.serial import SerialBackend

from .harness import Harness, Outcome


@pytest.fixture
def serial() -> Harness:
    return Harness(SerialBackend())


def test_items_run_in_the_calling_thread_and_see_its_objects(serial: Harness) -> None:
    seen: list[Any] = []
    serial.run(lambda x: seen.append((x, threading.get_ident())), range(3))
    assert seen == [(x, threading.get_ident()) for x in range(3)]


def test_a_real_interrupt_leaves_submit_and_keeps_what_was_done(serial: Harness) -> None:
    before = signal.getsignal(signal.SIGINT)

    def function(x: int) -> int:
        if x == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return x

    chunk = serial.chunk(serial.publish(function), range(5))
    with pytest.raises(KeyboardInterrupt):
        serial.backend.submit(chunk)
    outcome = Outcome()
    progress = serial.backend.progress(chunk)
    assert progress is not None
    outcome.add(progress.records)
    assert outcome.values == {0: 0, 1: 1}
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_that_the_item_swallows_still_ends_the_run(serial: Harness) -> None:
    def function(x: int) -> int:
        try:
            if x == 2:
                os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            return -1
        return x

    chunk = serial.chunk(serial.publish(function), range(5))
    with pytest.raises(KeyboardInterrupt):
        serial.backend.submit(chunk)
    outcome = Outcome()
    outcome.add(serial.backend.progress(chunk).records)  # type: ignore[union-attr]
    assert outcome.values == {0: 0, 1: 1, 2: -1}


def test_an_interrupt_handled_elsewhere_ends_the_run_at_the_next_item(serial: Harness) -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        chunk = serial.chunk(serial.publish(lambda x: os.kill(os.getpid(), signal.SIGINT)), range(5))
        with pytest.raises(KeyboardInterrupt):
            serial.backend.submit(chunk)
    finally:
        signal.signal(signal.SIGINT, before)
    assert came == [signal.SIGINT]


def test_an_interrupt_raised_by_the_item_fails_the_item(serial: Harness) -> None:
    def function(x: int) -> int:
        if x == 1:
            raise KeyboardInterrupt
        return x

    outcome = serial.run(function, range(3))
    assert outcome.values == {0: 0, 2: 2}
    assert outcome.failures[1].failure.type == "KeyboardInterrupt"


def test_quitting_the_debugger_ends_the_run(serial: Harness) -> None:
    def function(x: int) -> None:
        raise bdb.BdbQuit

    with pytest.raises(KeyboardInterrupt, match="debugger"):
        serial.run(function, range(3))


def test_an_awaited_item_runs_also_inside_a_running_loop(serial: Harness) -> None:
    async def item(x: int) -> int:
        await asyncio.sleep(0)
        return x + 1

    async def kernel() -> list[Any]:
        return serial.run(item, range(3)).list()

    assert asyncio.run(kernel()) == [1, 2, 3]


def test_an_interrupt_reaches_an_awaited_item_inside_a_running_loop(serial: Harness) -> None:
    async def item(x: int) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(60)

    async def kernel() -> None:
        with pytest.raises(KeyboardInterrupt):
            serial.run(item, range(3))

    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        asyncio.new_event_loop().run_until_complete(kernel())
    finally:
        signal.signal(signal.SIGINT, previous)


def test_the_original_exception_keeps_its_frames_for_the_debugger(serial: Harness) -> None:
    def function(x: int) -> None:
        local = x
        raise ValueError(local)

    error = serial.run(function, [5]).failures[0].failure.exception
    assert isinstance(error, ValueError) and error.__traceback__ is not None
    step = error.__traceback__
    while step.tb_next is not None:
        step = step.tb_next
    assert step.tb_frame.f_locals["local"] == 5


def test_a_nested_serial_run_inside_an_item_prints_for_the_item(loky: Harness) -> None:
    def function(x: int) -> int:
        from jupyter_parallel.backends.serial import SerialBackend
        from jupyter_parallel.engine.ports import Chunk
        from jupyter_parallel.worker.context import context
        from jupyter_parallel.worker.payload import Task

        inner = SerialBackend()
        token = inner.publish(Task(lambda y: print("inner", y, context().index)))
        inner.submit(Chunk(1, token, 0, [10, 11]))
        return context().index

    outcome = loky.run(function, range(2))
    assert outcome.list() == [0, 1]
    assert outcome.said[1, "stdout"] == "inner 10 0\ninner 11 1\n"


def test_signals_are_left_alone_outside_the_main_thread(serial: Harness) -> None:
    rows: list[Any] = []
    thread = threading.Thread(target=lambda: rows.extend(serial.run(abs, [-1]).list()))
    thread.start()
    thread.join(30)
    assert rows == [1]


def test_prints_go_where_they_always_go(serial: Harness, capsys: pytest.CaptureFixture[str]) -> None:
    stream = sys.stdout
    assert serial.run(lambda x: sys.stdout is stream, [0]).list() == [True]
