"""Repeat, alternate, take medians: machines are shared and noisy."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Line:
    """One printed line of the report.

    ``bound`` is the target: the ratio must be at most (or, with ``at_least``, at least) this.
    """

    row: str
    what: str
    value: float
    unit: str
    bound: float | None = None
    at_least: bool = False

    @property
    def holds(self) -> bool | None:
        if self.bound is None:
            return None
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def cells(self) -> tuple[str, str, str, str]:
        if self.bound is None:
            return self.row, self.what, f"{self.value:.3g} {self.unit}", ""
        sign = "≥" if self.at_least else "≤"
        verdict = "✓" if self.holds else "✗"
        return self.row, self.what, f"{self.value:.3g} {self.unit}", f"{verdict} {sign} {self.bound:g}"


def seconds(action: Callable[[], Any]) -> float:
    """Return how long one call takes."""
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def alternate(contenders: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Time all contenders in turn, ``rounds`` times; return the median seconds of each."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, action in contenders.items():
            taken[name].append(seconds(action))
    return {name: statistics.median(times) for name, times in taken.items()}
