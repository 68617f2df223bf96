"""What to run: the options of a run, validated once, and the plan that carries them."""

from __future__ import annotations

import enum
import math
import numbers
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self

from ..errors import UsageError

OnError = Literal["raise", "collect", "stop"]


class CancellationPolicy(enum.Flag):
    """Which items a cancel reaches."""

    NONE = 0
    PENDING = enum.auto()
    RUNNING = enum.auto()
    ALL = PENDING | RUNNING


def check_policy(policy: Any) -> None:
    """Raise ``TypeError`` for anything but a policy."""
    if not isinstance(policy, CancellationPolicy):
        raise TypeError(f"{policy!r} is no policy; write CancellationPolicy.ALL, PENDING, RUNNING or NONE")


class _Missing(enum.Enum):
    MISSING = "no default"


MISSING = _Missing.MISSING


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything a user may choose about a run.

    Parameters
    ----------
    backend
        Name of a backend, or a backend instance.
    n_jobs
        Workers: ``N``; ``-1`` all CPUs, ``-2`` all but one; ``None`` all this process may use.
    chunk_size
        Items per chunk, or ``"auto"``.
    timeout
        Hard limit per item in seconds.
    time_limit
        Budget of the whole run in seconds; finished results are kept.
    retries
        How often an item that raised runs again.
    crash_retries
        How often an item whose worker died runs again.
    on_error
        ``"raise"`` finishes the rest, then raises; ``"collect"`` never raises; ``"stop"`` stops
        dispatching at the first failure.
    max_failures
        Stop when more items than this have failed: a number, or a share of all items as ``"5%"``.
        Without it a run stops when its first 32 outcomes are failures.
    memory_limit
        Bytes that a worker may allocate, or a size as ``"2GB"``; over it the item fails.
    default
        Value that stands in for items without one.
    seed
        Each item gets its own random stream from this number and its index.
    name
        Title of the run.
    only
        Run just this item, in this process.
    checkpoint
        Name under which results are kept beyond the life of this process; a later run with this name takes
        those of its items from there.
    on_change
        What to do when the checkpoint holds results of a function that has changed: ``"fail"`` shows the
        difference, ``"keep"`` uses the results, ``"rerun"`` runs everything anew.
    fresh
        Use no stored results; they stay in the checkpoint.
    key
        Gives what identifies an item to the checkpoint, instead of its whole content.
    saver
        Takes values in the order of the items while the run goes on: a path that ends in ``.jsonl``,
        ``.csv``, ``.parquet`` or ``.npy``, or any object with ``save(list)``.
    save_every
        Values for each call of the saver; the last call may have fewer.
    keep
        False: values that the saver has taken are dropped from memory.
    wait
        False: return at once.
    display
        False: no widget, no text.

    Raises
    ------
    UsageError
        A value that cannot work, with the value and what to write instead.
    """

    backend: Any = None
    n_jobs: int | None = None
    chunk_size: int | Literal["auto"] = "auto"
    timeout: float | None = None
    time_limit: float | None = None
    retries: int = 0
    crash_retries: int = 1
    on_error: OnError = "raise"
    max_failures: int | str | None = None
    memory_limit: int | str | None = None
    default: Any = MISSING
    seed: int | None = None
    name: str | None = None
    only: int | None = None
    checkpoint: str | None = None
    on_change: Literal["fail", "keep", "rerun"] = "fail"
    fresh: bool = False
    key: Callable[[Any], Any] | None = None
    saver: Any = None
    save_every: int = 1000
    keep: bool = True
    wait: bool = True
    display: bool = True

    def __post_init__(self) -> None:
        for option in fields(self):
            check = _CHECKS.get(option.name)
            value = getattr(self, option.name)
            if check is not None and value is not option.default:
                check(option.name, value)

    def check_together(self) -> None:
        """Raise ``UsageError`` for options that make no sense without another one."""
        if self.checkpoint is None and (self.fresh or self.key is not None):
            raise UsageError(
                f"{'fresh' if self.fresh else 'key'} belongs to a checkpoint: give checkpoint= too"
            )
        if self.saver is None and not self.keep:
            raise UsageError("keep=False drops values that were saved: give saver= too")

    def updated(self, changes: Mapping[str, Any]) -> Self:
        """Return a copy with changes; an unknown keyword is a ``TypeError``."""
        known = {option.name for option in fields(self)}
        for name in changes:
            if name not in known:
                raise TypeError(f"unknown option {name!r}; the options are {', '.join(sorted(known))}")
        return replace(self, **changes)


def _is_integer(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _jobs(name: str, value: Any) -> None:
    if not _is_integer(value):
        raise UsageError(f"{name}={value!r} is not a whole number; write {name}=4, or -1 for all CPUs")
    if value == 0:
        raise UsageError(f"{name}=0 would run nothing; all CPUs is -1, one worker is 1")


def _chunk_size(name: str, value: Any) -> None:
    if value != "auto" and (not _is_integer(value) or value < 1):
        raise UsageError(f"{name}={value!r} must be a whole number from 1, or 'auto'")


def _seconds(name: str, value: Any) -> None:
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value <= 0:
        raise UsageError(f"{name}={value!r} must be a finite number of seconds above 0")


def _count(name: str, value: Any) -> None:
    if not _is_integer(value) or value < 0:
        raise UsageError(f"{name}={value!r} must be a whole number from 0")


def _share(name: str, value: Any) -> None:
    percent = re.fullmatch(r"([0-9]{1,3})%", value) if isinstance(value, str) else None
    a_share = percent is not None and int(percent[1]) <= 100
    if not a_share and (not _is_integer(value) or value < 0):
        raise UsageError(f"{name}={value!r} must be a whole number from 0, or a share such as '5%'")


_UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}
_UNITS |= {f"{unit}I": 1024**power for power, unit in enumerate("KMGT", 1)}


def parse_size(size: int | str) -> int:
    """Return the bytes of a size such as ``2_000_000``, ``"500MB"``, ``"2 GiB"``.

    Raises
    ------
    ValueError
        The text is no size.
    """
    if not isinstance(size, str):
        return int(size)
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([KMGT]I?)?B?", size.strip().upper())
    if found is None:
        raise ValueError(f"{size!r} is no size; write for example '500MB' or '2GiB'")
    return int(float(found[1]) * _UNITS[found[2] or ""])


def _memory(name: str, value: Any) -> None:
    try:
        valid = not isinstance(value, bool) and parse_size(value) > 0
    except (TypeError, ValueError):
        valid = False
    if not valid:
        raise UsageError(f"{name}={value!r} must be a number of bytes above 0, or a size such as '2GB'")


def _on_error(name: str, value: Any) -> None:
    if value not in ("raise", "collect", "stop"):
        raise UsageError(f"{name}={value!r} must be 'raise', 'collect' or 'stop'")


def _text(name: str, value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{name}={value!r} must be a text that is not empty")


def _on_change(name: str, value: Any) -> None:
    if value not in ("fail", "keep", "rerun"):
        raise UsageError(f"{name}={value!r} must be 'fail', 'keep' or 'rerun'")


def _callable(name: str, value: Any) -> None:
    if not callable(value):
        raise UsageError(
            f"{name}={value!r} must be a function of an item, such as {name}=lambda item: item.id"
        )


def _positive(name: str, value: Any) -> None:
    if not _is_integer(value) or value < 1:
        raise UsageError(f"{name}={value!r} must be a whole number from 1")


SUFFIXES = (".jsonl", ".csv", ".parquet", ".npy")
"""Kinds of files that values are saved to."""


def _saver(name: str, value: Any) -> None:
    if isinstance(value, (str, os.PathLike)):
        if not str(value).lower().endswith(SUFFIXES):
            raise UsageError(f"{name}={str(value)!r}: the path must end in {', '.join(SUFFIXES)}")
    elif not callable(getattr(value, "save", None)):
        raise UsageError(f"{name}={value!r} must be a path or an object with a method save(list)")


_CHECKS = {
    "checkpoint": _text,
    "on_change": _on_change,
    "key": _callable,
    "saver": _saver,
    "save_every": _positive,
    "n_jobs": _jobs,
    "chunk_size": _chunk_size,
    "timeout": _seconds,
    "time_limit": _seconds,
    "max_failures": _share,
    "memory_limit": _memory,
    "retries": _count,
    "crash_retries": _count,
    "on_error": _on_error,
    "seed": _count,
    "name": _text,
    "only": _count,
}
