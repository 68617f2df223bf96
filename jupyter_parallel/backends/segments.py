"""Files in memory that workers of this machine open by an address."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Sequence

from ..worker.frames import Part


class Segment:
    """A file that is gone when this process closes it or ends.

    On Linux it has no name: workers open it through this process' descriptor. Elsewhere it is a
    temporary file. It is filled by ``write()``, so that too little room is an ``OSError`` and never a
    bus error.
    """

    def __init__(self, parts: Sequence[Part] = ()) -> None:
        self._path: str | None = None
        if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
            self.descriptor = os.memfd_create("jupyter-parallel", os.MFD_CLOEXEC)
            self.address = f"/proc/{os.getpid()}/fd/{self.descriptor}"
        else:
            self.descriptor, self._path = tempfile.mkstemp(prefix="jupyter-parallel-")
            self.address = self._path
        self._owner = os.getpid()
        try:
            for part in parts:
                self._write(memoryview(part))
        except BaseException:
            self.close()
            raise

    def _write(self, view: memoryview) -> None:
        while view:
            view = view[os.write(self.descriptor, view) :]

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes of a range that has been written."""
        pieces = []
        while start < stop:
            piece = os.pread(self.descriptor, stop - start, start)
            pieces.append(piece)
            start += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def clear(self) -> None:
        """Give the memory back."""
        os.ftruncate(self.descriptor, 0)

    def close(self) -> None:
        """Let go of the file; who has mapped it keeps what is mapped. Idempotent."""
        if self.descriptor < 0:
            return
        os.close(self.descriptor)
        self.descriptor = -1
        if self._path is not None and os.getpid() == self._owner:
            with contextlib.suppress(OSError):
                os.unlink(self._path)
