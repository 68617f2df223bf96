"""Failures for people to look at: groups with counts, and one failure with its frames."""

from __future__ import annotations

from typing import Any

from ..engine.outcome import ErrorGroup
from . import brief
from .format import one_line, plain, visible
from .rows import error_text
from .source import RunSource

GROUPS = 50
"""Groups shown at most; the largest come first."""

INDICES = 12
"""Items named in one group at most."""

_LINES = 120
"""Lines of a traceback at most: the first and the last half of them."""
_WIDTH = 400


def groups(source: RunSource) -> dict[str, Any]:
    """Return the failures by type and place; bounded, whatever number there is."""
    found = source.errors
    return {
        "total": len(found),
        "failed": sum(len(group.indices) for group in found),
        "groups": [_group(group) for group in found[:GROUPS]],
    }


def _group(group: ErrorGroup) -> dict[str, Any]:
    return {
        "type": one_line(group.type, 80),
        "message": one_line(group.message),
        "where": one_line(group.where, 120),
        "count": len(group.indices),
        "indices": list(group.indices[:INDICES]),
    }


def failure(source: RunSource, index: int) -> dict[str, Any]:
    """Return one item with its inputs and, when it failed, the user's frames."""
    glance = source.glance(index)
    targets = source.targets
    texts = zip(targets, brief.columns(glance.item, targets), strict=False)
    return {
        "index": index,
        "state": glance.state.word,
        "item": [[visible(name), text] for name, text in texts if text],
        "error": error_text(glance),
        "frames": frames(glance.failure.traceback) if glance.failure else "",
    }


def frames(traceback: str) -> str:
    """Return a traceback text as safe lines; of a very long one the middle is left out."""
    lines = traceback.rstrip().split("\n")
    half = _LINES // 2
    if len(lines) > _LINES:
        lines = [*lines[:half], f"… {len(lines) - 2 * half} more lines …", *lines[-half:]]
    return "\n".join(plain(line[:_WIDTH]) for line in lines)
