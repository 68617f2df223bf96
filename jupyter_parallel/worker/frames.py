"""Frames: an object as one block of bytes whose large buffers stay outside the pickle stream.

``encode_frame`` and ``decode_frame`` are each other's inverse. The buffers lie at multiples of 64 bytes, so
an array decoded from a mapped file is aligned, shared with every process that maps the file, and, because the
mapping is private, writable without anybody else seeing it.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import struct
from collections.abc import Callable, Sequence
from typing import Any

ALIGNMENT = 64
_WORD = struct.Struct("<q")

Part = bytes | memoryview
Dump = Callable[[io.BytesIO, Callable[[pickle.PickleBuffer], Any]], None]
"""Pickles something into the first argument, handing large buffers to the second."""


def plain_dump(value: Any) -> Dump:
    """Return a ``Dump`` of ``value`` by plain pickle."""

    def dump(file: io.BytesIO, keep: Callable[[pickle.PickleBuffer], Any]) -> None:
        pickle.Pickler(file, protocol=5, buffer_callback=keep).dump(value)

    return dump


def encode_frame(dump: Dump) -> list[Part]:
    """Return the parts of a frame; together they are what ``decode_frame`` reads."""
    buffers: list[pickle.PickleBuffer] = []
    file = io.BytesIO()
    dump(file, buffers.append)
    stream = file.getbuffer()
    bodies: list[Part] = [stream, *(buffer.raw() for buffer in buffers)]
    sizes = [len(body) for body in bodies]
    parts: list[Part] = []
    position = 0
    header = b"".join(_WORD.pack(number) for number in (len(sizes), *sizes))
    for body in (header, *bodies):
        padding = -position % ALIGNMENT
        if padding:
            parts.append(bytes(padding))
        parts.append(body)
        position += padding + len(body)
    return parts


def decode_frame(block: memoryview, load: Callable[..., Any] = pickle.loads) -> Any:
    """Return the object; its buffers are parts of ``block``, writable if the block is."""
    (count,) = _WORD.unpack_from(block)
    position = _WORD.size * (1 + count)
    bodies = []
    for number in range(count):
        (size,) = _WORD.unpack_from(block, _WORD.size * (1 + number))
        position += -position % ALIGNMENT
        bodies.append(block[position : position + size])
        position += size
    return load(bodies[0], buffers=bodies[1:])


def map_block(address: str) -> memoryview:
    """Map a file copy-on-write: shared memory until written to, and nobody else sees the writing."""
    descriptor = os.open(address, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        return memoryview(mmap.mmap(descriptor, size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE))
    finally:
        os.close(descriptor)


def total(parts: Sequence[Part]) -> int:
    """Return the size of the parts in bytes."""
    return sum(len(part) for part in parts)
