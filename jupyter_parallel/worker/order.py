"""What the kernel tells a worker process to do, and what it answers."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from .frames import decode_frame, map_block
from .payload import Call, Program

ENDED = "ended"
STALE = "stale"
"""This worker has loaded a local module that was edited since: replace it."""
UNREADABLE = "unreadable"
"""The items cannot be unpickled together: send them apart, so that only the bad one fails."""
UNLOADABLE = "unloadable"
"""The function cannot be loaded here."""

Answer = tuple[str, int, str]
"""How the chunk ended, the first item that was not run, and an explanation."""


@dataclass(frozen=True, slots=True)
class Start:
    """What a worker process needs to know to begin."""

    kernel: int
    page: str
    spool: str
    crash: str
    """File for the stack of a worker that dies by a fatal signal."""
    own_environment: dict[str, str]


@dataclass(frozen=True, slots=True)
class Order:
    """A chunk as it is sent to a worker process.

    Attributes
    ----------
    block
        The frame of the list of items, or the address of a file that holds it.
    names
        Pickled definitions of the notebook by key; bytes are sent once, later only the key.
    """

    chunk: int
    token: str
    address: str
    start: int
    block: bytes | str
    names: dict[str, bytes | None] = field(default_factory=dict)
    apart: bool = False
    """Each item is pickled by itself."""


def items_of(order: Order) -> list[Any]:
    """Return the items of an order; raises whatever unpickling raises."""
    sent = order.block
    block = map_block(sent) if isinstance(sent, str) else memoryview(bytearray(sent))
    items: list[Any] = decode_frame(block)
    return items


def taken_apart(program: Program) -> Program:
    """Return the program for items that arrive pickled one by one."""
    function = program.function

    def of_item(data: bytes) -> Any:
        return function(pickle.loads(data))

    def of_star(data: bytes) -> Any:
        return function(*pickle.loads(data))

    def of_chunk(data: list[bytes]) -> Any:
        return function([pickle.loads(each) for each in data])

    calls: dict[Call, Callable[..., Any]] = {"item": of_item, "star": of_star, "chunk": of_chunk}
    call: Call = "chunk" if program.call == "chunk" else "item"
    return replace(program, function=calls[program.call], call=call)
