from __future__ import annotations

from collections.abc import Iterator

import pytest

from jupyter_parallel import backends
from jupyter_parallel.backends.loky import LokyBackend

from .harness import Harness


@pytest.fixture(scope="session")
def loky_backend() -> Iterator[LokyBackend]:
    """Two worker processes for all tests: what one test does to them must not trouble the next."""
    backend = LokyBackend(2)
    yield backend
    backend.close()


@pytest.fixture
def loky(loky_backend: LokyBackend) -> Harness:
    return Harness(loky_backend)


@pytest.fixture(params=["loky", "thread", "serial"])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    """Every backend in turn."""
    if request.param == "loky":
        yield Harness(request.getfixturevalue("loky_backend"))
        return
    backend = backends.acquire(request.param, 2)
    yield Harness(backend)
    backends.release(backend)
