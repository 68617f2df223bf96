"""The function of a run and what it carries: packed once in the kernel, loaded once by each worker.

``pack_task`` and ``PackedTask`` are each other's inverse. A packed task is two frames: how to prepare the
worker (directory, path, environment), and the function with its data, which can only be loaded after that.
"""

from __future__ import annotations

import functools
import io
import pickle
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, Literal

import cloudpickle

from .frames import ALIGNMENT, Dump, Part, decode_frame, encode_frame, plain_dump, total
from .report import Sources
from .twin import Surroundings

Call = Literal["item", "star", "chunk"]

SMALL_KEYWORDS = 1_000_000
"""Keyword arguments below this many pickled bytes are made anew for each item: items never share them."""

_CACHED = type(functools.cache(len))

_SIZE = struct.Struct("<q")


@dataclass(frozen=True, slots=True)
class Task:
    """A function over items.

    Parameters
    ----------
    function
        Called in the workers.
    call
        ``"item"``: with one item; ``"star"``: with the item's elements; ``"chunk"``: with a list of items,
        and must return one value per item.
    kwargs
        Keyword arguments of every call.
    seed
        Seeds ``random``, ``numpy.random`` and ``context().rng`` for each item.
    sources
        ``{file name: (label, text)}`` of notebook code, for tracebacks.
    pickled
        Values are pickled as soon as their item has ended, also where they could stay objects.
    memory_limit
        Bytes a worker process may have while it runs items; ``None`` for any number.
    """

    function: Callable[..., Any]
    call: Call = "item"
    kwargs: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    sources: dict[str, tuple[str, str]] = field(default_factory=dict)
    memory_limit: int | None = None
    pickled: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """A task as a worker holds it; ``keywords`` makes the keyword arguments of one call."""

    function: Callable[..., Any]
    call: Call
    keywords: Callable[[], dict[str, Any]] | None
    seed: int | None
    sources: Sources
    names: dict[str, Any] = field(default_factory=dict)
    """Functions and classes of the notebook that belong on the worker's ``__main__``."""
    memory_limit: int | None = None
    pickled: bool = False


@dataclass(frozen=True, slots=True)
class _Preparation:
    surroundings: Surroundings
    call: Call
    seed: int | None
    sources: Sources
    small_keywords: bytes | None
    memory_limit: int | None


class NotebookPickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles by value what is defined in the notebook, and notes its names in ``names``."""

    def __init__(
        self,
        file: io.BytesIO,
        names: dict[str, Any],
        buffer_callback: Callable[[pickle.PickleBuffer], Any] | None = None,
    ) -> None:
        super().__init__(file, protocol=5, buffer_callback=buffer_callback)
        self._names = names

    def reducer_override(self, obj: Any) -> Any:
        known = _shared_generator(obj) or _with_empty_cache(obj)
        if known is not None:
            return known
        note_notebook_name(obj, self._names)
        return super().reducer_override(obj)


def note_notebook_name(obj: Any, names: dict[str, Any]) -> None:
    """Note a class or function if it is what the notebook knows by its name."""
    if isinstance(obj, type | FunctionType) and getattr(obj, "__module__", None) == "__main__":
        name = obj.__qualname__
        if getattr(sys.modules["__main__"], name, None) is obj:
            names[name] = obj


def _shared_generator(obj: Any) -> Any:
    """Let ``from random import choice`` be a method of the worker's own generator, not of a copy of ours."""
    for name, attribute in (("random", "_inst"), ("numpy.random.mtrand", "_rand")):
        module = sys.modules.get(name)
        if module is not None and obj is getattr(module, attribute, None):
            return getattr, (module, attribute)
    return None


def _with_empty_cache(obj: Any) -> Any:
    """Let a notebook function with a cache travel by value: pickle would send nothing but its name."""
    if type(obj) is not _CACHED or obj.__module__ != "__main__":
        return None
    return _cached, (obj.__wrapped__, obj.cache_parameters())


def _cached(function: Callable[..., Any], parameters: dict[str, Any]) -> Callable[..., Any]:
    cached: Callable[..., Any] = functools.lru_cache(**parameters)(function)
    return cached


def _notebook_dump(value: Any, names: dict[str, Any]) -> Dump:
    def dump(file: io.BytesIO, keep: Callable[[pickle.PickleBuffer], Any]) -> None:
        NotebookPickler(file, names, keep).dump(value)

    return dump


def pack_task(task: Task) -> list[Part]:
    """Return the parts of a packed task; raises whatever pickling raises."""
    names: dict[str, Any] = {}
    small, large = _pack_keywords(task.kwargs, names)
    # The names come last in the tuple: by then everything reached has been noted in them.
    body = encode_frame(_notebook_dump((task.function, large, names), names))
    told = _Preparation(Surroundings.here(), task.call, task.seed, task.sources, small, task.memory_limit)
    head = encode_frame(plain_dump(told))
    start = _SIZE.size + total(head)
    padding = -start % ALIGNMENT
    return [_SIZE.pack(start + padding), *head, bytes(padding), *body]


def _pack_keywords(
    kwargs: dict[str, Any], names: dict[str, Any]
) -> tuple[bytes | None, dict[str, Any] | None]:
    if not kwargs:
        return None, None
    if total(encode_frame(_notebook_dump(kwargs, names))) >= SMALL_KEYWORDS:
        return None, kwargs
    file = io.BytesIO()
    NotebookPickler(file, names).dump(kwargs)
    return file.getvalue(), None


def pack_names(names: dict[str, Any]) -> bytes:
    """Return definitions of the notebook, to be installed in workers that have not seen them."""
    file = io.BytesIO()
    NotebookPickler(file, {}).dump(names)
    return file.getvalue()


class PackedTask:
    """A packed task in a worker, between being mapped and being loaded."""

    def __init__(self, block: memoryview) -> None:
        (start,) = _SIZE.unpack_from(block)
        self.size = len(block)
        self._body = block[start:]
        self._preparation: _Preparation = decode_frame(block[_SIZE.size : start])
        self.surroundings = self._preparation.surroundings

    def load(self) -> Program:
        """Unpickle the function; call it when the worker's surroundings are the kernel's."""
        function, large, names = decode_frame(self._body)
        told = self._preparation
        keywords: Callable[[], dict[str, Any]] | None = None
        if told.small_keywords is not None:
            keywords = functools.partial(pickle.loads, told.small_keywords)
        elif large is not None:
            keywords = functools.partial(dict, large)
        # What the task brings along is shared by all workers, and mapped by each of them.
        limit = None if told.memory_limit is None else told.memory_limit + self.size
        return Program(function, told.call, keywords, told.seed, told.sources, names, limit)


def program_here(task: Task) -> Program:
    """Return a task as a worker inside this process holds it: the objects themselves, apart from keywords."""
    keywords = _keywords_here(task.kwargs)
    return Program(task.function, task.call, keywords, task.seed, task.sources, pickled=task.pickled)


def _keywords_here(kwargs: dict[str, Any]) -> Callable[[], dict[str, Any]] | None:
    if not kwargs:
        return None
    try:
        data = cloudpickle.dumps(kwargs, 5)
    except Exception:  # a connection or a lock cannot be copied, only shared
        return functools.partial(dict, kwargs)
    if len(data) >= SMALL_KEYWORDS:
        return functools.partial(dict, kwargs)
    return functools.partial(pickle.loads, data)
