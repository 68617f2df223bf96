"""What an item or a captured value is, as a few bytes: equal content gives equal bytes, in any process.

The encoding is canonical: it depends neither on the hash seed nor on the identity of objects nor on the
order of sets and dicts. Types count: ``1``, ``1.0`` and ``True`` are three different items.
"""

from __future__ import annotations

import copyreg
import math
import struct
import sys
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

SIZE = 16
"""Bytes of a digest."""

Bytes = Callable[[Any], bytes]


class Unidentifiable(TypeError):
    """A value whose content cannot be told; the message names its type."""


def digest(value: Any) -> bytes:
    """Return the ``SIZE`` bytes that stand for a value.

    Raises
    ------
    Unidentifiable
        The value holds something without content of its own: a lock, a connection, a generator.
    """
    return _short(Encoder().encode(value))


def digests(values: Iterable[Any]) -> list[bytes]:
    """Return ``[digest(value) for value in values]``, fast where values are plain."""
    plain, found = _PLAIN, []
    for value in values:
        encode = plain.get(type(value))
        found.append(digest(value) if encode is None else blake2b(encode(value), digest_size=SIZE).digest())
    return found


def identities(
    items: Sequence[Any], start: int, seen: dict[bytes, int], seeded: bool, key: Callable[[Any], Any] | None
) -> list[bytes]:
    """Return what identifies the results of consecutive items.

    Parameters
    ----------
    items, start
        The items and the index of the first.
    seen
        How often each item occurred before; updated. Equal items are told apart by their occurrence.
    seeded
        Items have random streams of their own, so their index belongs to them.
    key
        Gives what identifies an item, instead of the item itself.
    """
    base = digests(items if key is None else map(key, items))
    if seeded:
        return [_short(one + b"%d" % index) for index, one in enumerate(base, start)]
    found = []
    for one in base:
        before = seen.get(one, 0)
        seen[one] = before + 1
        found.append(one if not before else _short(one + b"%d" % before))
    return found


def _short(data: bytes) -> bytes:
    return blake2b(data, digest_size=SIZE).digest()


def _part(tag: bytes, body: bytes) -> bytes:
    return b"%b%d:%b" % (tag, len(body), body)


def _float(value: float) -> bytes:
    return b"f" + (b"nan" if math.isnan(value) else struct.pack(">d", value))


_PLAIN: dict[type, Bytes] = {
    int: lambda value: b"i%x" % value,
    str: lambda value: b"s" + value.encode("utf-8", "surrogatepass"),
    float: _float,
    bytes: lambda value: b"b" + value,
    bool: lambda value: b"o%d" % value,
    type(None): lambda value: b"n",
    complex: lambda value: b"c" + _float(value.real) + _float(value.imag),
    type(...): lambda value: b"e",
}


class Encoder:
    """Encodes values, and notes what classes and functions they hold.

    Parameters
    ----------
    describe
        Gives the content of a function that cannot be imported: of a notebook, a lambda.
    """

    def __init__(self, describe: Callable[[FunctionType], bytes] | None = None) -> None:
        self.classes: dict[type, None] = {}
        self._describe = describe
        self._done: dict[int, tuple[Any, bytes]] = {}
        self._open: dict[int, int] = {}

    def encode(self, value: Any) -> bytes:
        """Return the canonical bytes of a value."""
        plain = _PLAIN.get(type(value))
        if plain is not None:
            return plain(value)
        known = self._done.get(id(value))
        if known is not None:
            return known[1]
        if id(value) in self._open:
            # A value that holds itself: say how many steps up.
            return _part(b"@", b"%d" % (len(self._open) - self._open[id(value)]))
        self._open[id(value)] = len(self._open)
        try:
            encoded = self._content(value)
        finally:
            del self._open[id(value)]
        # The value is kept so that its identity is not given to another one.
        self._done[id(value)] = (value, encoded)
        return encoded

    def _content(self, value: Any) -> bytes:
        kind = type(value)
        own = _OWN.get(kind)
        if own is not None:
            return own(self, value)
        for module, base, encode in _BY_BASE:
            loaded = sys.modules.get(module)
            if loaded is not None and isinstance(value, getattr(loaded, base)):
                return encode(self, value)
        if isinstance(value, PurePath):
            return self._named(kind) + _part(b"p", str(value).encode("utf-8", "surrogatepass"))
        if isinstance(value, type):
            return _part(b"C", self._named(value))
        return self._reduced(value)

    def _named(self, kind: type) -> bytes:
        self.classes[kind] = None
        return _part(b"t", f"{kind.__module__}.{kind.__qualname__}".encode())

    def _all(self, tag: bytes, values: Iterable[Any]) -> bytes:
        return _part(tag, b"".join(_part(b",", self.encode(value)) for value in values))

    def _sorted(self, tag: bytes, encoded: Iterable[bytes]) -> bytes:
        return _part(tag, b"".join(_part(b",", one) for one in sorted(encoded)))

    def _mapping(self, value: dict[Any, Any]) -> bytes:
        pairs = (_part(b"k", self.encode(key)) + self.encode(held) for key, held in value.items())
        return self._sorted(b"D", pairs)

    def _function(self, value: FunctionType) -> bytes:
        importable = "<" not in value.__qualname__ and value.__module__ != "__main__"
        if self._describe is not None and not importable:
            return _part(b"F", self._describe(value))
        if not importable:
            code = value.__code__
            return _part(b"F", code.co_code + repr(code.co_consts).encode())
        return _part(b"F", f"{value.__module__}.{value.__qualname__}".encode())

    def _builtin(self, value: Any) -> bytes:
        if isinstance(value.__self__, ModuleType | type(None)):
            return _part(b"F", f"{value.__module__}.{value.__qualname__}".encode())
        return _part(b"M", self.encode(value.__self__) + value.__name__.encode())

    def _method(self, value: MethodType) -> bytes:
        return _part(b"M", self.encode(value.__self__) + self.encode(value.__func__))

    def _reduced(self, value: Any) -> bytes:
        """Encode by the way the value would be pickled."""
        kind = type(value)
        try:
            reduce = copyreg.dispatch_table.get(kind)
            made = value.__reduce_ex__(4) if reduce is None else reduce(value)
        except Exception as error:
            raise Unidentifiable(f"{kind.__module__}.{kind.__qualname__}") from error
        if isinstance(made, str):
            return self._named(kind) + _part(b"g", made.encode())
        make, arguments, *rest = made
        state, in_order, pairs = (*rest[:3], None, None, None)[:3]
        return _part(
            b"R",
            self._named(kind)
            + self.encode(make)
            + self.encode(tuple(arguments))
            + self.encode(state)
            + self._all(b"l", in_order or ())
            + self._all(b"d", pairs or ()),
        )

    # Libraries --------------------------------------------------------------------------------

    def _array(self, value: Any) -> bytes:
        kind = type(value)
        if kind.__name__ not in ("ndarray", "memmap"):
            return self._reduced(value)
        head = f"{value.dtype.descr if value.dtype.names else value.dtype.str}{value.shape}".encode()
        if value.dtype.hasobject:
            return _part(b"A", head + self._all(b"l", value.ravel().tolist()))
        import numpy

        data = numpy.ascontiguousarray(value)
        return _part(b"A", head + blake2b(data.reshape(-1).view(numpy.uint8).data, digest_size=32).digest())

    def _scalar(self, value: Any) -> bytes:
        return _part(b"N", value.dtype.str.encode() + value.tobytes())

    def _frame(self, value: Any) -> bytes:
        columns = [self._column(value.iloc[:, number]) for number in range(value.shape[1])]
        labels = self._index(value.index) + self._index(value.columns)
        return _part(b"P", self._named(type(value)) + labels + b"".join(columns))

    def _series(self, value: Any) -> bytes:
        return _part(
            b"P",
            self._named(type(value))
            + self._index(value.index)
            + self.encode(value.name)
            + self._column(value),
        )

    def _index(self, value: Any) -> bytes:
        names = self.encode(tuple(value.names))
        return _part(b"I", self._named(type(value)) + names + self._column(value))

    def _column(self, value: Any) -> bytes:
        kind = str(value.dtype).encode()
        values = value.to_numpy()
        return _part(b"v", kind + self.encode(values))


_OWN: dict[type, Callable[[Encoder, Any], bytes]] = {
    tuple: lambda encoder, value: encoder._all(b"T", value),
    list: lambda encoder, value: encoder._all(b"L", value),
    dict: lambda encoder, value: encoder._mapping(value),
    set: lambda encoder, value: encoder._sorted(b"S", map(encoder.encode, value)),
    frozenset: lambda encoder, value: encoder._sorted(b"Z", map(encoder.encode, value)),
    bytearray: lambda encoder, value: _part(b"B", bytes(value)),
    FunctionType: lambda encoder, value: encoder._function(value),
    BuiltinFunctionType: lambda encoder, value: encoder._builtin(value),
    MethodType: lambda encoder, value: encoder._method(value),
    ModuleType: lambda encoder, value: _part(b"m", value.__name__.encode()),
}

_BY_BASE: tuple[tuple[str, str, Callable[[Encoder, Any], bytes]], ...] = (
    ("numpy", "ndarray", lambda encoder, value: encoder._array(value)),
    ("numpy", "generic", lambda encoder, value: encoder._scalar(value)),
    ("pandas", "DataFrame", lambda encoder, value: encoder._frame(value)),
    ("pandas", "Series", lambda encoder, value: encoder._series(value)),
    ("pandas", "Index", lambda encoder, value: encoder._index(value)),
)
"""Types of libraries by module and base: looked up only where the library is loaded."""
