"""What leaves a run while it goes on: results to a checkpoint, values in order to a saver. No IO."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from . import events as ev
from .ledger import Ledger
from .plan import Options
from .ports import Failed, Values
from .results import Results

FARTHEST = 100_000
"""With ``keep=False``: items that may be held past the finished prefix, or wait for the saver."""
HEAVIEST = 256 * 1024 * 1024
"""The same in bytes of values."""
DROP_STEP = 8_192
"""Items are dropped in steps: each one moves what is left."""


class Saving:
    """Counts what is on its way, and says what is to be handed over next.

    Parameters
    ----------
    options
        ``checkpoint``, ``saver``, ``save_every`` and ``keep`` of the run.
    """

    def __init__(self, options: Options) -> None:
        self.stores = options.checkpoint is not None
        self.delivers = options.saver is not None
        self.keep = options.keep
        self.saved = 0
        """Values that this run has put into the checkpoint for good."""
        self.unsaved = 0
        """Values that were given to the checkpoint and are not there yet."""
        self.trouble = ""
        """Why saving fails at present, or an empty text."""
        self.error: BaseException | None = None
        """What the saver raised."""
        self._every = options.save_every
        self._handed = 0
        self._delivered = 0
        self._dropped = 0
        self._under_way = 0
        self._flushed = False
        self._synced = not self.stores
        self._finished = False
        self._out: list[ev.Instruction] = []

    def take_values(self, values: Values, accepted: list[tuple[int, int]]) -> None:
        """Save values of the index ranges that were accepted."""
        if not self.stores:
            return
        for start, stop in accepted:
            first, last = start - values.start, stop - values.start
            pieces, briefs = values.store.pieces(first, last)
            self._save(ev.Save(start, values.stamps[first : last + 1], pieces, briefs), stop - start)

    def take_failure(self, failed: Failed) -> None:
        """Save that an item failed, so that a stored run can tell."""
        if self.stores:
            self._save(ev.Save(failed.index, array("d"), failed=failed), 0)

    def _save(self, instruction: ev.Save, items: int) -> None:
        self.unsaved += items
        self._flushed = self._synced = False
        self._out.append(instruction)

    def on_disk(self, items: int, flushed: bool) -> None:
        """Note that results are in the checkpoint."""
        self.unsaved -= items
        self.saved += items
        self._synced = self._flushed and (flushed or self._synced)
        self.trouble = ""

    def taken(self, stop: int, results: Results) -> None:
        """Note that the saver has taken all items before ``stop``."""
        self._delivered = max(self._delivered, stop)
        self._under_way -= 1
        if not self.keep and self._delivered - self._dropped >= DROP_STEP:
            self._dropped = self._delivered
            results.drop(self._dropped)
            self._out.append(ev.Drop(self._dropped))

    def hand_out(self, ledger: Ledger) -> list[ev.Instruction]:
        """Return what has to be done now."""
        self._out += self._full_batches(ledger)
        out, self._out = self._out, []
        return out

    def _full_batches(self, ledger: Ledger) -> Iterator[ev.Deliver]:
        if not self.delivers or self.error is not None:
            return
        while ledger.prefix - self._handed >= self._every:
            stop = self._handed + self._every
            if ledger.first_without_outcome(self._handed, stop) < stop:
                return
            yield self._deliver(stop)

    def _deliver(self, stop: int, last: bool = False) -> ev.Deliver:
        start, self._handed = self._handed, stop
        self._under_way += 1
        self._finished = last
        return ev.Deliver(start, stop, last)

    # The end ----------------------------------------------------------------------------------

    def finish(self, ledger: Ledger) -> list[ev.Instruction]:
        """Return what is left to be done when no item is under way any more; empty the second time."""
        asked: list[ev.Instruction] = []
        if self.delivers and self.error is None and not self._finished:
            asked.append(self._deliver(ledger.first_without_outcome(self._handed, len(ledger)), last=True))
        if self.stores and not self._flushed:
            self._flushed = True
            asked.append(ev.Flush())
        return asked

    def settled(self, cancelled: bool, forced: bool) -> bool:
        """Whether all was handed over; a cancelled run waits for no disk, a forced end for no saver."""
        stored = self._synced or (cancelled and bool(self.trouble))
        return stored and (not self.delivering or forced)

    @property
    def delivering(self) -> bool:
        """Whether the saver is at work."""
        return self.error is None and self._under_way > 0

    def again(self) -> None:
        """Go on after the end: a retry."""
        self._finished = self._flushed = False
        self._synced = not self.stores
        self.trouble, self.error, self._under_way = "", None, 0

    # Bounded memory ---------------------------------------------------------------------------

    def too_far(self, ledger: Ledger, results: Results, next_item: int, busy: bool) -> bool:
        """Whether nothing more may be started until what is held becomes less.

        Never when nothing is under way that could make it less.
        """
        if self.keep or not (busy or self.delivering):
            return False
        far = max(next_item - ledger.prefix, self._handed - self._delivered)
        return far >= FARTHEST or results.nbytes > HEAVIEST
