"""Global random generators, set anew for each item of a run that has a seed."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator


def import_numpy() -> None:
    """Import numpy where it is installed, so that items that import it later find it seeded."""
    with contextlib.suppress(ImportError):
        import numpy.random  # noqa: F401


def seed_globals(seed: int, index: int) -> None:
    """Seed ``random`` and ``numpy.random`` from the run's seed and the item's index."""
    import hashlib
    import random

    digest = hashlib.sha256(f"{seed}:{index}".encode()).digest()
    random.seed(int.from_bytes(digest, "big"))
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        words = [int.from_bytes(digest[i : i + 4], "big") for i in range(0, 32, 4)]
        numpy.random.seed(words)


@contextlib.contextmanager
def kept_globals() -> Iterator[None]:
    """Put the generators of this process back as they were."""
    import random

    import_numpy()
    numpy = sys.modules.get("numpy")
    state = random.getstate()
    numpy_state = numpy.random.get_state() if numpy is not None else None
    try:
        yield
    finally:
        random.setstate(state)
        if numpy is not None:
            numpy.random.set_state(numpy_state)
