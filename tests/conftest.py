"""What all tests share."""

from __future__ import annotations

import os

from hypothesis import settings

# Two shared cores make any per-example deadline a lottery; CI repeats the same examples every time.
settings.register_profile("default", deadline=None, max_examples=60)
settings.register_profile("ci", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("ci" if os.environ.get("CI") else "default")
