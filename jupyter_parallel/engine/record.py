"""What is known of one item of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..errors import ItemFailed
from .outcome import item_failed
from .overview import ItemState
from .ports import Failed, Output


@dataclass(frozen=True, slots=True)
class Record:
    """One item and what became of it. Made when somebody looks; a snapshot, not a live view."""

    index: int
    item: Any
    state: str
    """One of the state words: ``"success"``, ``"failure"``, …"""
    value: Any = None
    """The value, for a success."""
    started: float | None = None
    """Seconds after the start of the run."""
    duration: float | None = None
    """Seconds."""
    worker: str = ""
    attempts: int = 1
    output: tuple[Output, ...] = ()
    """What the item printed."""
    failed: Failed | None = field(default=None, repr=False)
    restored: bool = False
    """The value came from a checkpoint."""

    @property
    def error(self) -> ItemFailed | None:
        """``ItemFailed``, whose cause is the original exception, for a failure."""
        return item_failed(self.failed) if self.failed else None

    @property
    def traceback(self) -> str:
        """The traceback text of a failure, or an empty text."""
        return self.failed.failure.traceback if self.failed else ""

    @property
    def ended(self) -> bool:
        return ItemState[self.state.upper()] >= ItemState.SUCCESS
