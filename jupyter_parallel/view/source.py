"""What views ask of a run. ``engine.run.Run`` answers; tests bring a fake."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from ..engine.outcome import ErrorGroup
from ..engine.overview import Glance, Overview
from ..engine.plan import CancellationPolicy
from ..engine.ports import Output
from ..engine.spans import Span


class RunSource(Protocol):
    """A run as views and buttons see it.

    Every call is thread-safe, returns at once and runs no code of the user's. Commands are
    idempotent and take effect later: the next overview tells.
    """

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the item columns: ``("radius", "height")``."""

    @property
    def printed_total(self) -> int:
        """How many lines the items have printed so far."""

    @property
    def errors(self) -> list[ErrorGroup]:
        """Failures grouped by type and place; costs as much as there are failures."""

    @property
    def runs_in_waiter(self) -> bool:
        """Whether ``retry`` runs the items in the calling thread: then it does not return at once."""

    def overview(self) -> Overview:
        """Return the state, counts and times of the run now."""

    def item_states(self, start: int, stop: int) -> bytes:
        """Return the code of :class:`ItemState` of each item in the range, as far as items are known."""

    def glance(self, index: int) -> Glance:
        """Return one item without decoding anything."""

    def spans(self, since: int, limit: int) -> list[Span]:
        """Return at most ``limit`` chunks that are done, from number ``since`` on, as they were done."""

    def printed(self, after: int) -> list[tuple[int, int, str, str]]:
        """Return ``(number, item index, stream, line)`` of the last lines above a number, from 0 on."""

    def output(self, index: int) -> tuple[Output, ...]:
        """Return what an item has printed so far; empty for an unknown item."""

    def retry(self, only: Iterable[int] | None = None) -> None:
        """Run items without a value again, all of them by default. Starts workers: not at once."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def cancel(self, policy: CancellationPolicy) -> None: ...
    def detach(self) -> None: ...
    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back on the engine's thread whenever something changed; return how to stop that."""
