"""The chunks in flight: never more than the backend runs at the same time."""

from __future__ import annotations

from collections.abc import Sequence

from . import events as ev
from .chunking import TARGET
from .flight import Flight
from .overview import Running
from .ports import Capabilities, Force


class Window:
    """Flights by chunk number, and what may be asked of the workers that fly them.

    Parameters
    ----------
    workers
        How many chunks the backend runs at the same time.
    capabilities
        What the backend can do.
    whole
        Chunks are never cut.
    timeout
        Seconds an item may run, None for ever.
    """

    def __init__(self, workers: int, capabilities: Capabilities, whole: bool, timeout: float | None) -> None:
        self._workers = workers
        self._capabilities = capabilities
        self._cuttable = capabilities.live and not whole
        self._timeout = timeout
        self._flights: dict[int, Flight] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._flights)

    @property
    def flights(self) -> Sequence[Flight]:
        return tuple(self._flights.values())

    @property
    def idle(self) -> int:
        """How many workers have nothing to do."""
        return self._workers - len(self._flights)

    @property
    def running(self) -> tuple[Running, ...]:
        flights = self._flights.values()
        return tuple(Running(f.current, f.worker, f.since, f.sent) for f in flights if f.current >= 0)

    def get(self, chunk: int) -> Flight | None:
        return self._flights.get(chunk)

    def launch(self, start: int, stop: int, now: float) -> ev.Send:
        """Put a chunk in flight."""
        flight = Flight(self._next, start, stop, now, stop - start)
        self._flights[flight.id] = flight
        self._next += 1
        return ev.Send(flight.id, start, stop)

    def land(self, chunk: int) -> Flight | None:
        """Take a chunk out, whatever became of it."""
        return self._flights.pop(chunk, None)

    def clear(self) -> Sequence[Flight]:
        """Take all chunks out."""
        flights = self.flights
        self._flights.clear()
        return flights

    # Taking tails back ------------------------------------------------------------------------

    def latest(self, now: float) -> Flight | None:
        """Return the chunk with the longest tail of those that run past their slice."""
        late = [f for f in self._flights.values() if self._can_cut(f) and now - f.sent >= TARGET]
        return max(late, key=lambda flight: flight.stop - flight.current, default=None)

    def take_tail(self, flight: Flight) -> ev.TakeTail:
        """Take back all that the chunk's worker has not started."""
        return ev.TakeTail(flight.id, flight.current + 1)

    def take_all_tails(self) -> list[ev.TakeTail]:
        return [self.take_tail(flight) for flight in self._flights.values() if self._can_cut(flight)]

    def _can_cut(self, flight: Flight) -> bool:
        return self._cuttable and 0 <= flight.current < flight.stop - 1

    # Ending running items ---------------------------------------------------------------------

    def press(self, flight: Flight, force: Force, now: float) -> list[ev.Halt]:
        """End the item the chunk's worker runs now, unless that much force is in use already."""
        if flight.force is not None and force <= flight.force:
            return []
        flight.press(force, now)
        return [ev.Halt(flight.id, force)]

    def press_on(self, flight: Flight, now: float) -> list[ev.Halt]:
        """Take the next step with an item that is being ended, or the first with one out of time."""
        step = flight.next_step(now)
        if step is not None:
            return self.press(flight, step, now)
        limit = self._timeout
        if limit is None or flight.force is not None or flight.current < 0 or now - flight.since < limit:
            return []
        flight.overdue = True
        return self.press(flight, Force.INTERRUPT, now)

    def beyond_reach(self, flight: Flight) -> bool:
        """Whether everything was tried with an item that nothing here can end."""
        can_end = self._capabilities.can_kill or self._capabilities.in_waiter
        return flight.force is Force.KILL and not can_end
