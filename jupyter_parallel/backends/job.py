"""A chunk on its way through a backend of worker processes."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field

from ..engine.ports import Chunk, ChunkEnd
from .segments import Segment


@dataclass(slots=True, eq=False)
class Job:
    """A chunk, packed, and what has become of it so far."""

    chunk: Chunk
    address: str
    whole: bool
    """The function takes the chunk as one: once begun it cannot be cut."""
    block: bytes | Segment
    nbytes: int
    names: tuple[str, bytes] | None
    stop: int
    future: Future[ChunkEnd] = field(default_factory=Future)
    apart: bool = False
    begun: float = 0.0
    """When a worker got it (monotonic seconds)."""
    deaths: int = 0
    killed: bool = False
    """Its worker was ended on request: do not try it again."""

    def cut(self, before: int) -> int:
        """Lower the limit of a chunk that has not begun, or that looks at the limit before each item."""
        before = max(before, self.chunk.start)
        if self.whole and before > self.chunk.start:
            return self.stop
        self.stop = min(self.stop, before)
        return self.stop

    def release(self) -> None:
        """Let go of the items' memory."""
        if isinstance(self.block, Segment):
            self.block.close()
