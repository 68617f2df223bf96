"""Rows that match, found bit by bit: each answer says where the next one goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from ..engine.overview import ItemState
from .format import visible
from .rows import ValueColumns, row
from .source import RunSource

MATCHES = 100
"""Rows in one answer at most."""
LOOKED = 5000
"""Rows read for one answer at most."""
SECONDS = 0.05
"""Time one answer may take, as far as rows end in time."""
_REACH = 1_000_000


def find(
    source: RunSource,
    text: str,
    failed: bool,
    start: int,
    values: ValueColumns,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Any]:
    """Return rows of the finished prefix whose texts contain ``text``, capitals or not.

    Parameters
    ----------
    text
        Empty for all.
    failed
        Failed items only.
    start
        The first item to look at: 0, then the ``next`` of the answer before.
    """
    prefix = source.overview().prefix
    stop = min(prefix, start + _REACH)
    wanted, targets, until = text.casefold(), source.targets, clock() + SECONDS
    found: list[dict[str, Any]] = []
    following = stop
    for looked, index in enumerate(_candidates(source, failed, start, stop)):
        if len(found) == MATCHES or looked == LOOKED or clock() > until:
            following = index
            break
        made = row(source.glance(index), targets, values)
        if not wanted or any(wanted in cell.casefold() for cell in _texts(made)):
            found.append(made)
    return {
        "next": following,
        "prefix": prefix,
        "items": [visible(name) for name in targets],
        "values": [visible(name) for name in values.names] or ["value"],
        "rows": found,
    }


def _candidates(source: RunSource, failed: bool, start: int, stop: int) -> Iterator[int]:
    if not failed:
        yield from range(start, stop)
        return
    states = source.item_states(start, stop) if start < stop else b""
    at = states.find(ItemState.FAILURE)
    while at >= 0:
        yield start + at
        at = states.find(ItemState.FAILURE, at + 1)


def _texts(made: dict[str, Any]) -> Iterator[str]:
    yield from made["item"]
    yield from made["value"]
    yield made["error"]
