"""Faults at random moments. ``make test`` runs a short campaign, ``make chaos`` (CHAOS=long) the long one."""

from __future__ import annotations

import os
import random

import pytest


@pytest.fixture
def long() -> bool:
    return os.environ.get("CHAOS") == "long"


@pytest.fixture
def draw(record_property) -> random.Random:
    """A seeded generator; a failing campaign prints its seed, ``CHAOS_SEED`` repeats it."""
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(2**32))
    print(f"CHAOS_SEED={seed}")
    record_property("seed", seed)
    return random.Random(seed)
