from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_parallel.engine.overview import ItemState, RunStatus
from jupyter_parallel.view.strip import FULL, HEADER, LIMIT, Strip, cell_code, cell_size

from .fakes import FakeRun

STATE_BYTES = st.binary(max_size=300).map(lambda data: bytes(byte % 6 for byte in data))


def codes(strip: bytes) -> list[int]:
    return list(strip[HEADER.size :])


def fresh(run: FakeRun) -> bytes:
    """The strip as one that never saw the run before draws it."""
    return Strip().update(run)


def test_a_small_run_has_one_cell_for_each_item() -> None:
    run = FakeRun(range(6))
    run.states[:] = bytes(range(6))
    strip = fresh(run)
    assert HEADER.unpack_from(strip) == (6, 1)
    assert [code & 7 for code in codes(strip)] == list(range(6))
    assert [code >> 3 == FULL for code in codes(strip)] == [False, False, True, True, True, True]


def test_an_empty_run_has_no_cells() -> None:
    assert fresh(FakeRun()) == HEADER.pack(0, 1)


@given(STATE_BYTES, st.integers(1, 40))
def test_a_cell_is_full_when_all_its_items_have_ended(states: bytes, more: int) -> None:
    size = max(len(states), more)
    ended = sum(state >= ItemState.SUCCESS for state in states)
    assert (cell_code(states, size) >> 3 == FULL) == (ended == size)


def test_one_failure_among_many_names_its_cell() -> None:
    states = bytearray([ItemState.SUCCESS]) * 500
    states[77] = ItemState.FAILURE
    assert cell_code(bytes(states), 500) == ItemState.FAILURE | FULL << 3


@pytest.mark.parametrize("items", [1, 1999, 2000, 2001, 4001, 1_000_000, 12_345_678])
def test_there_are_never_more_cells_than_the_limit(items: int) -> None:
    for growing in (False, True):
        assert -(-items // cell_size(items, growing=growing)) <= LIMIT


@given(st.integers(0, 2**32))
def test_an_updated_strip_equals_a_fresh_one(seed: int) -> None:
    rng = random.Random(seed)
    run = FakeRun(range(rng.choice([7, 1999, 5003])))
    strip = Strip()
    pending = list(range(len(run.items)))
    rng.shuffle(pending)
    while pending:
        for index in pending[: rng.randrange(1, 900)]:
            run.states[index] = rng.choice([1, 2, 2, 2, 3, 4, 5])
        pending = [i for i in pending if run.states[i] < ItemState.SUCCESS]
        for index in pending:
            # Running items may go back: a tail that was taken back.
            if run.states[index] == ItemState.RUNNING and rng.random() < 0.5:
                run.states[index] = ItemState.PENDING
        assert strip.update(run) == fresh(run)


def test_a_strip_follows_a_run_whose_length_nobody_knows() -> None:
    run = FakeRun()
    run.total = None
    strip = Strip()
    for length in (3, 1500, 1999, 2001, 2002, 2003, 4001, 4002, 4003, 7000):
        run.items = list(range(length))
        run.states.extend(bytes([ItemState.SUCCESS]) * (length - len(run.states)))
        assert strip.update(run) == fresh(run)
    run.end(RunStatus.FINISHED)
    assert strip.update(run) == fresh(run)


def test_a_cell_that_was_complete_while_it_was_short_is_looked_at_again() -> None:
    run = FakeRun(range(2001))
    run.total = None
    run.states[:] = bytes([ItemState.SUCCESS]) * 2001
    strip = Strip()
    assert codes(strip.update(run))[-1] >> 3 == FULL
    run.items = list(range(2002))
    run.states.append(ItemState.FAILURE)
    assert codes(strip.update(run))[-1] == ItemState.FAILURE | FULL << 3


def test_a_running_item_that_is_taken_back_leaves_no_trace() -> None:
    run = FakeRun(range(1000))
    run.states[900] = ItemState.RUNNING
    strip = Strip()
    strip.update(run)
    run.states[900] = ItemState.PENDING
    run.states[0] = ItemState.RUNNING
    assert strip.update(run) == fresh(run)


def test_items_that_run_again_are_seen() -> None:
    run = FakeRun(range(50))
    run.states[:] = bytes([ItemState.FAILURE]) * 50
    strip = Strip()
    strip.update(run)
    run.states[10:20] = bytes(10)
    assert strip.update(run) == fresh(run)


class Counting(FakeRun):
    asked = 0

    def item_states(self, start: int, stop: int) -> bytes:
        self.asked += max(stop - start, 0)
        return super().item_states(start, stop)


def test_cells_that_have_ended_and_the_pending_rest_cost_nothing() -> None:
    run = Counting(range(1_000_000))
    run.states[0] = ItemState.RUNNING
    run.states[1:500_000] = bytes([ItemState.SUCCESS]) * 499_999
    strip = Strip()
    strip.update(run)
    run.asked = 0
    run.states[500_000:500_100] = bytes([ItemState.SUCCESS]) * 100
    assert strip.update(run) == fresh(FakeRunLike(run))
    assert run.asked <= 100 * 500


class FakeRunLike(FakeRun):
    def __init__(self, other: FakeRun) -> None:
        super().__init__(other.items)
        self.states[:] = other.states
