"""Pulling items: bounded, on behalf of whoever waits, tolerant of iterables that lie or raise."""

from __future__ import annotations

import collections
import itertools
import operator
import time
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Sequence, ValuesView
from typing import Any

from ..errors import InputError, UsageError
from . import events as ev
from .state import Source

HELD = (list, tuple, range, set, frozenset, dict, collections.deque, KeysView, ValuesView, ItemsView)
"""Containers whose elements exist already: they are taken at once, so later changes do not matter."""

DELIVERY_SECONDS = 0.005
"""A slow iterable hands over what it has this often, so that workers start early."""


class Feed:
    """The items of a run.

    Parameters
    ----------
    items
        Any iterable. A generator may be infinite.
    source
        What is known of it beforehand; by default read off the iterable itself.

    Raises
    ------
    UsageError
        ``items`` is not an iterable of items.
    """

    def __init__(self, items: Iterable[Any], source: Source | None = None) -> None:
        _check(items)
        self._iterator: Iterator[Any] | None = None
        pulled: Sequence[Any] = []
        self.source = source or Source(_length(items), eager=False)
        if isinstance(items, HELD):
            pulled = items if isinstance(items, range) else list(items)
            self.source = Source(len(pulled), eager=True)
        else:
            self._iterator = iter(items)
        self._dry = False
        self._window = (0, pulled)
        """Index of the first item that was not dropped, and the items from it on; replaced as one."""

    @property
    def pulled(self) -> Sequence[Any]:
        """The items that were pulled and not dropped."""
        return self._window[1]

    @property
    def known(self) -> int:
        """How many items there are already."""
        base, pulled = self._window
        return base + len(pulled)

    @property
    def count(self) -> int:
        """How many items have been pulled."""
        return 0 if self.held and not self._dry else self.known

    def items(self, start: int, stop: int) -> Sequence[Any]:
        """Return items that have been pulled and not dropped."""
        base, pulled = self._window
        return pulled[max(0, start - base) : max(0, stop - base)]

    def item(self, index: int) -> Any:
        """Return one item, or None when it is not there."""
        base, pulled = self._window
        return pulled[index - base] if 0 <= index - base < len(pulled) else None

    def drop(self, before: int) -> None:
        """Forget items that nobody needs any more; call it from the thread that pulls."""
        base, pulled = self._window
        if isinstance(pulled, list) and before > base:
            self._window = before, pulled[before - base :]

    @property
    def exhausted(self) -> bool:
        """Nothing is left to pull."""
        return self._dry

    @property
    def held(self) -> bool:
        """All items exist already: pulling runs no user code."""
        return self._iterator is None

    def pull(self, count: int, post: Callable[[ev.Event], None]) -> None:
        """Pull up to ``count`` items and tell what came; returns early when nothing is left."""
        if self._iterator is None:
            if not self._dry:
                self._dry = True
                post(ev.Fed(self.count))
                post(ev.Exhausted())
            return
        try:
            self._pull_some(self._iterator, count, post)
        except Exception as error:
            told = InputError(f"the items raised {type(error).__name__} at position {self.count}: {error}")
            told.__cause__ = error
            self._dry = True
            post(ev.Exhausted(told))

    def _pull_some(self, iterator: Iterator[Any], count: int, post: Callable[[ev.Event], None]) -> None:
        pulled = self._window[1]
        assert isinstance(pulled, list)
        batch, delivered, begun = 1, len(pulled), time.perf_counter()
        goal = delivered + count
        try:
            while (missing := goal - len(pulled)) > 0:
                before = len(pulled)
                pulled.extend(itertools.islice(iterator, min(batch, missing)))
                if len(pulled) == before:
                    self._dry = True
                    post(ev.Fed(before - delivered))
                    post(ev.Exhausted())
                    delivered = before
                    return
                if time.perf_counter() - begun < DELIVERY_SECONDS:
                    batch *= 2
                    continue
                # More may be wanted than this one step: the pull goes on until the goal.
                batch = max(1, batch // 2)
                post(ev.Arrived(len(pulled) - delivered))
                delivered, begun = len(pulled), time.perf_counter()
            post(ev.Fed(len(pulled) - delivered))
        except Exception:
            post(ev.Arrived(len(pulled) - delivered))
            raise


def length_of(items: Any) -> int | None:
    """Return how many items an iterable with a length gives, None for one without.

    A frame tells its rows and gives its columns, as a mapping gives its keys: those are counted.
    """
    keys = getattr(type(items), "keys", None)
    try:
        return len(keys(items)) if callable(keys) else len(items)
    except Exception:  # a 0-d array, a lazy sequence that cannot say
        return None


def _length(items: Iterable[Any]) -> int | None:
    length = length_of(items)
    if length is not None:
        return length
    try:
        return operator.length_hint(items, -1) if operator.length_hint(items, -1) >= 0 else None
    except Exception:
        return None


def _check(items: Any) -> None:
    if isinstance(items, (str, bytes, bytearray)):
        raise UsageError(
            f"the items are one {type(items).__name__}, {_short(items)}: each character would be an item; "
            "write [text] for one item, list(text) if you mean the characters"
        )
    if isinstance(items, int):
        raise UsageError(f"the items are the number {items}; write range({items}) to count up to it")
    try:
        iter(items)
    except TypeError:
        raise UsageError(
            f"the items are a {type(items).__name__}, which is not iterable; give a list or a generator"
        ) from None


def _short(text: str | bytes | bytearray) -> str:
    shown = repr(text[:30])
    return shown if len(text) <= 30 else shown + "…"
