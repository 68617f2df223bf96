"""The work that is measured. Every function returns something that can be checked."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import numpy


def noop(x: int) -> int:
    return x * x


def burn(seconds: float) -> float:
    """Keep one CPU busy, as real work does; sleeping would hide oversubscription."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass
    return seconds


def cliff() -> list[float]:
    """10,000 items of 0.1 ms, then 40 of 100 ms: 5 s of work."""
    return [0.0001] * 10_000 + [0.1] * 40


def pareto(order: str) -> list[float]:
    """2,000 Pareto-distributed items of 5 s together, the smallest or the largest first."""
    draw = random.Random(1)
    sizes = sorted(min(draw.paretovariate(1.2), 100.0) for _ in range(2_000))
    scale = 5.0 / sum(sizes)
    sizes = [size * scale for size in sizes]
    return sizes if order == "ascending" else sizes[::-1]


def captures_100_mb() -> Callable[[int], float]:
    """Return a function that carries an array of 100 MB."""
    array = numpy.arange(12_500_000, dtype=float)

    def look_up(index: int) -> float:
        return float(array[index])

    return look_up


def kilobyte(index: int) -> bytes:
    return random.Random(index).randbytes(1000)


def record(index: int) -> dict[str, object]:
    """Return a dict of ten fields that takes about 1 kB pickled."""
    draw = random.Random(index)
    numbers: dict[str, object] = {f"number_{n}": draw.random() for n in range(8)}
    return {**numbers, "name": f"sample {index}", "text": draw.randbytes(380).hex()}


def vector(index: int) -> object:
    return numpy.random.default_rng(index).random(125)
