"""Gathering what items gave while others look on."""

from __future__ import annotations

import datetime
import decimal
import os
import pathlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from jupyter_parallel.worker.awaiting import EventLoop
from jupyter_parallel.worker.envelope import Batch, Broke, Done, Each, decode_records
from jupyter_parallel.worker.outbox import Outbox, SpoolOutbox, is_plain
from jupyter_parallel.worker.page import COMMITTED, Page


@pytest.fixture
def outbox() -> Outbox:
    return Outbox(Page(), {}, 10, EventLoop())


def finish(outbox: Outbox, *values: Any) -> None:
    for value in values:
        outbox.values.append(outbox.settle(value))
        outbox.stamps.append(outbox.began)


def test_consecutive_values_make_one_record(outbox: Outbox) -> None:
    finish(outbox, 1, 2, 3)
    (done,) = outbox.take()
    assert isinstance(done, Done)
    assert (done.start, done.values, len(done.stamps)) == (10, [1, 2, 3], 4)
    assert outbox.take() == []
    assert outbox.finished() == 13


def test_a_failure_comes_between_its_neighbours(outbox: Outbox) -> None:
    finish(outbox, 1)
    assert outbox.fail(ValueError("oh")) == 12
    finish(outbox, 3)
    before, broke, after = outbox.take()
    assert isinstance(before, Done) and isinstance(broke, Broke) and isinstance(after, Done)
    assert (before.start, broke.index, after.start) == (10, 11, 12)


def test_a_value_without_a_stamp_is_dropped_when_its_item_fails(outbox: Outbox) -> None:
    """An interrupt came between the two."""
    finish(outbox, 1)
    outbox.values.append("no stamp yet")
    outbox.fail(ValueError())
    finish(outbox, 3)
    assert [made.values for made in outbox.take() if isinstance(made, Done)] == [[1], [3]]


def test_a_value_without_a_stamp_waits_for_it(outbox: Outbox) -> None:
    finish(outbox, 1)
    outbox.values.append(2)
    assert len(outbox.take()) == 1
    outbox.stamps.append(outbox.began)
    (done,) = outbox.take()
    assert isinstance(done, Done) and (done.start, done.values) == (11, [2])


@pytest.mark.parametrize("struck", [10, 11, 12])
def test_a_struck_item_that_returned_has_no_value(outbox: Outbox, struck: int) -> None:
    outbox.struck = struck
    finish(outbox, 10, 11, 12)
    made = outbox.take()
    values = {done.start + n: v for done in made if isinstance(done, Done) for n, v in enumerate(done.values)}
    assert values == {index: index for index in (10, 11, 12) if index != struck}
    assert [(broke.index, broke.report.cancelled) for broke in made if isinstance(broke, Broke)] == [
        (struck, True)
    ]


@pytest.fixture
def spool() -> Iterator[int]:
    descriptor = os.memfd_create("test")
    yield descriptor
    os.close(descriptor)


def test_what_is_committed_is_always_whole(spool: int) -> None:
    """A reader in another thread, at every moment, finds records that can be decoded."""
    outbox = SpoolOutbox(Page(), {}, 0, EventLoop(), spool)
    seen: list[int] = []
    done = threading.Event()

    def read() -> None:
        position = 0
        while not done.is_set() or position < outbox.page.fields[COMMITTED]:
            end = outbox.page.fields[COMMITTED]
            for record in decode_records(os.pread(spool, end - position, position)):
                assert isinstance(record, Batch | Each)
                seen.extend(range(record.start, record.start + len(record.stamps) - 1))
            position = end

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(2000):
        finish(outbox, number if number % 3 else [number])
        if number % 7 == 0:
            outbox.flush(0.0)
    outbox.flush(0.0)
    done.set()
    reader.join(30)
    assert seen == list(range(2000))


def test_flushing_aside_does_not_move_the_start_of_the_running_item(spool: int) -> None:
    outbox = SpoolOutbox(Page(), {}, 0, EventLoop(), spool)
    finish(outbox, 1)
    began = outbox.stamps[-1]
    outbox.flush_aside()
    assert outbox.began == began


def test_constants_are_gathered_and_the_rest_is_pickled_at_once(spool: int) -> None:
    import numpy

    class Whole(int):
        pass

    plain = [1, "a", (1, (2.0, None)), numpy.float64(1), datetime.date(2024, 1, 1), decimal.Decimal(1), 1j]
    assert all(map(is_plain, plain))
    changing = [[1], (1, [2]), {}, Whole(3), numpy.zeros(1), pathlib.Path(), datetime.datetime(2024, 1, 1)]
    assert not any(map(is_plain, changing))
    outbox = SpoolOutbox(Page(), {}, 0, EventLoop(), spool)
    finish(outbox, *plain, *changing, 5)
    outbox.flush(0.0)
    records = list(decode_records(os.pread(spool, outbox.page.fields[COMMITTED], 0)))
    assert [(type(record), record.start) for record in records] == [(Batch, 0), (Each, 7), (Batch, 14)]
