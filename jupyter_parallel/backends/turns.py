"""Whose turn it is: several runs share the workers, and the one that was served least goes next.

First come, first served would let a run of long items in the background hold up every small one that
comes after it, round for round.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator
from time import perf_counter

from ..engine.ports import Token
from .job import Job


class Turns:
    """Chunks that wait for a worker."""

    def __init__(self) -> None:
        self._waiting: collections.deque[Job] = collections.deque()
        self._served: dict[Token, float] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Job]:
        return iter(self._waiting)

    def enter(self, token: Token) -> None:
        """A task is new: it begins level with the least served, not ahead of everybody for ever."""
        self._served[token] = min(self._served.values(), default=0.0)

    def leave(self, token: Token) -> None:
        self._served.pop(token, None)

    def wait(self, job: Job) -> None:
        """Put a chunk behind those of its own run."""
        self._waiting.append(job)

    def return_(self, job: Job) -> None:
        """Put a chunk back to the front: it had its turn and did not run."""
        self._waiting.appendleft(job)

    def take(self) -> Job:
        """Return the next chunk: the first of the run that has had the least time on workers."""
        job = min(self._waiting, key=lambda waiting: self._served.get(waiting.chunk.token, 0.0))
        self._waiting.remove(job)
        job.begun = perf_counter()
        return job

    def done(self, job: Job) -> None:
        """Count the time a chunk had on its worker."""
        token = job.chunk.token
        if token in self._served:
            self._served[token] += perf_counter() - job.begun

    def clear(self) -> list[Job]:
        """Return all chunks that wait, and forget them."""
        waiting, self._waiting = list(self._waiting), collections.deque()
        return waiting
