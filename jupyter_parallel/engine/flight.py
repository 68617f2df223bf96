"""A chunk on its way: what is known of it between being sent and being done."""

from __future__ import annotations

from dataclasses import dataclass, field

from .ports import Failed, Force

STEP_SECONDS = 0.5
"""How long each step of ending a running item may take before the next one is tried."""


@dataclass(slots=True)
class Flight:
    """One chunk in flight.

    ``stop`` shrinks when a tail is taken back. ``current`` is -1 until the worker says otherwise.
    """

    id: int
    start: int
    stop: int
    sent: float
    size: int = 0
    """Items it had when it was sent."""
    worker: str = ""
    current: int = -1
    since: float = 0.0
    force: Force | None = None
    """The last step tried to end the running item."""
    forced: float = 0.0
    """When that step was taken."""
    victim: int = -1
    """The item that is being ended; its neighbours are innocent when the worker dies."""
    overdue: bool = False
    """The victim is ended because it ran out of time, not because somebody cancelled."""
    failures: list[Failed] = field(default_factory=list)
    """Failed items of a chunk that succeeds or fails as a whole."""

    def press(self, force: Force, now: float) -> None:
        """Note that ``force`` is used on the running item."""
        self.force, self.forced = force, now
        if self.victim < 0:
            self.victim = self.current

    def relent(self) -> None:
        """The victim has ended; what runs next is somebody else."""
        self.force, self.victim, self.overdue = None, -1, False

    def next_step(self, now: float) -> Force | None:
        """Return the next step to end the victim, when its time has come."""
        if self.force is None or self.force is Force.KILL or now - self.forced < STEP_SECONDS:
            return None
        return Force(self.force + 1)
