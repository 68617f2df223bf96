"""Which items a Retry or Continue of the widget means, and running them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from ..view.source import RunSource


def _failed(run: RunSource, index: int) -> Sequence[int]:
    return [failed for group in run.errors for failed in group.indices]


def _group(run: RunSource, index: int) -> Sequence[int]:
    """Return the items that failed as item ``index`` did."""
    return next((group.indices for group in run.errors if index in group.indices), ())


def _item(run: RunSource, index: int) -> Sequence[int]:
    return [failed for failed in _group(run, index) if failed == index]


SCOPES: dict[str, Callable[[RunSource, int], Sequence[int]] | None] = {
    "all": None,
    "failed": _failed,
    "group": _group,
    "item": _item,
}
"""Everything without a value, or failed items only."""


class NothingToRetry(ValueError):
    """None of the items that were meant has failed."""


def retry(run: RunSource, scope: str, index: int) -> None:
    """Run items again; returns when they are under way.

    Raises
    ------
    NothingToRetry
        None of them has failed, or they have been run again meanwhile.
    """
    choose = SCOPES[scope]
    only = None if choose is None else choose(run, index)
    if only is not None and not only:
        raise NothingToRetry("nothing to retry: none of these items has failed by now")
    if run.runs_in_waiter:
        # Serial items run inside ``retry``; whoever calls this answers the other buttons too.
        threading.Thread(target=run.retry, args=(only,), name="jupyter-parallel-retry", daemon=True).start()
    else:
        run.retry(only)
