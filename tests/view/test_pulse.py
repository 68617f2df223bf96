from __future__ import annotations

import logging
import threading
import time
from itertools import pairwise

import pytest

from jupyter_parallel.view.pulse import Pulse


def test_drawings_keep_their_distance_however_much_changes() -> None:
    times: list[float] = []

    def draw() -> bool:
        times.append(time.monotonic())
        pulse.mark()
        return len(times) < 5

    pulse = Pulse(draw, every=0.05, heartbeat=60)
    pulse.start()
    pulse.join(10)
    assert len(times) == 5
    assert min(later - earlier for earlier, later in pairwise(times)) >= 0.045


def test_it_draws_though_nothing_changed_so_that_clocks_go_on() -> None:
    drawn = threading.Semaphore(0)
    stop = threading.Event()

    def draw() -> bool:
        drawn.release()
        return not stop.is_set()

    pulse = Pulse(draw, every=0.0, heartbeat=0.01)
    pulse.start()
    for _ in range(5):
        assert drawn.acquire(timeout=10)
    stop.set()
    pulse.flush(10)


def test_flush_does_not_wait_for_the_delay_and_draws_once_more() -> None:
    drawn = threading.Event()

    def draw() -> bool:
        drawn.set()
        return False

    pulse = Pulse(draw, delay=3600)
    pulse.start()
    assert not drawn.is_set()
    pulse.flush(10)
    assert drawn.is_set()


def test_a_drawing_that_raises_ends_the_drawing_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def draw() -> bool:
        raise RuntimeError("no")

    with caplog.at_level(logging.ERROR):
        pulse = Pulse(draw)
        pulse.start()
        pulse.flush(10)
    assert "the run itself goes on" in caplog.text


def test_marking_never_waits_for_a_slow_drawing() -> None:
    inside, leave = threading.Event(), threading.Event()

    def draw() -> bool:
        inside.set()
        return not leave.wait(10)

    pulse = Pulse(draw)
    pulse.start()
    assert inside.wait(10)
    for _ in range(1000):
        pulse.mark()
    leave.set()
    pulse.flush(10)


def test_one_that_was_never_started_has_nothing_left_to_draw() -> None:
    Pulse(lambda: True).flush(10)


def test_a_mark_after_the_end_draws_again_and_keeps_the_distance() -> None:
    times: list[float] = []
    drawn = threading.Semaphore(0)

    def draw() -> bool:
        times.append(time.monotonic())
        drawn.release()
        return False

    pulse = Pulse(draw, every=0.05)
    pulse.start()
    for _ in range(3):
        assert drawn.acquire(timeout=10)
        pulse.mark()
    assert drawn.acquire(timeout=10)
    assert min(later - earlier for earlier, later in pairwise(times)) >= 0.045


def test_a_mark_during_the_last_drawing_is_not_lost() -> None:
    marked: list[int] = []
    drawn = threading.Semaphore(0)

    def draw() -> bool:
        if not marked:
            marked.append(1)
            pulse.mark()
        drawn.release()
        return False

    pulse = Pulse(draw, every=0.0)
    pulse.start()
    for _ in range(2):
        assert drawn.acquire(timeout=10)


def test_at_rest_nothing_is_drawn_before_the_first_mark() -> None:
    drawn = threading.Event()

    def draw() -> bool:
        drawn.set()
        return False

    pulse = Pulse(draw, every=0.0)
    pulse.rest()
    assert not drawn.is_set()
    pulse.mark()
    assert drawn.wait(10)
