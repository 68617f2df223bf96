"""Files that take values in order while a run goes on. One class a kind, each with ``write`` and ``close``.

``write`` takes ``(index, value)`` pairs and makes them last; after ``close`` it may be called again, for
a run that went on.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..errors import UsageError

Pairs = Sequence[tuple[int, Any]]


class Saver(Protocol):
    def write(self, start: int, stop: int, pairs: Pairs) -> None:
        """Save the values of items ``start … stop-1``; those that have none are missing in ``pairs``."""

    def close(self) -> None:
        """Make the file complete. Idempotent."""


class ObjectSaver:
    """Any object with ``save(list)``."""

    def __init__(self, saver: Any) -> None:
        self._save: Callable[[list[Any]], Any] = saver.save

    def write(self, start: int, stop: int, pairs: Pairs) -> None:
        if pairs:
            self._save([value for _, value in pairs])

    def close(self) -> None:
        return None


class JsonLines:
    """One ``{"index": …, "value": …}`` a line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begun = False

    def write(self, start: int, stop: int, pairs: Pairs) -> None:
        lines = [
            json.dumps({"index": index, "value": value}, default=_plain) + "\n" for index, value in pairs
        ]
        self._append("".join(lines))

    def _append(self, text: str) -> None:
        with self._path.open("a" if self._begun else "w", encoding="utf-8", newline="") as file:
            file.write(text)
        self._begun = True

    def close(self) -> None:
        if not self._begun:
            self._append("")


class Csv(JsonLines):
    """A column ``index``, then one column for each field of the values, or ``value``."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._columns: list[str] | None = None

    def write(self, start: int, stop: int, pairs: Pairs) -> None:
        rows = [{"index": index, **fields(value)} for index, value in pairs]
        text = io.StringIO()
        writer: csv.DictWriter[str] = csv.DictWriter(text, [], lineterminator="\n")
        if self._columns is None and rows:
            self._columns = list(rows[0])
            writer.fieldnames = self._columns
            writer.writeheader()
        writer.fieldnames = self._columns or []
        for row in rows:
            if new := [name for name in row if name not in writer.fieldnames]:
                raise ValueError(
                    f"item {row['index']} has a new column {new[0]!r}; the file has those of its first row: "
                    f"{', '.join(map(str, writer.fieldnames))}"
                )
            writer.writerow(row)
        self._append(text.getvalue())


class Parquet:
    """The columns of ``Csv``, one row group a batch."""

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow.parquet
        except ImportError:
            raise UsageError("saving to .parquet needs pyarrow: pip install pyarrow") from None
        self._arrow = pyarrow
        self._path = path
        self._writer: Any = None
        self._begun = False

    def write(self, start: int, stop: int, pairs: Pairs) -> None:
        if not pairs:
            return
        rows = [{"index": index, **fields(value, _plain_scalar)} for index, value in pairs]
        schema = None if self._writer is None else self._writer.schema
        table = self._arrow.Table.from_pylist(rows, schema=schema)
        if schema is not None and (new := {name for row in rows for name in row} - set(schema.names)):
            raise ValueError(
                f"items {start} to {stop - 1} have a new column {min(new)!r}; the file has {schema.names}"
            )
        if self._writer is None:
            self._open(table.schema)
        self._writer.write_table(table)

    def _open(self, schema: Any) -> None:
        """Begin the file; one that was complete is written again, for parquet cannot be continued."""
        parquet = self._arrow.parquet
        before = parquet.read_table(self._path) if self._begun else None
        self._writer = parquet.ParquetWriter(self._path, schema if before is None else before.schema)
        self._begun = True
        if before is not None:
            self._writer.write_table(before)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class Npy:
    """An array whose first axis is the items; every item needs a value."""

    _HEADER = 1024
    """Bytes of the header: enough for any length, so that it can be written again in place."""

    def __init__(self, path: Path) -> None:
        try:
            import numpy
        except ImportError:
            raise UsageError("saving to .npy needs numpy: pip install numpy") from None
        self._numpy = numpy
        self._path = path
        self._kind: Any = None
        self._shape: tuple[int, ...] = ()
        self._count = 0

    def write(self, start: int, stop: int, pairs: Pairs) -> None:
        if len(pairs) != stop - start:
            missing = min(set(range(start, stop)) - {index for index, _ in pairs})
            raise ValueError(
                f"item {missing} has no value, and an array has no place for that: give a default"
            )
        if not pairs:
            return
        array = self._numpy.asarray([value for _, value in pairs])
        if array.dtype.hasobject:
            raise TypeError(f"the values of items {start} to {stop - 1} are no numbers of one shape")
        if self._kind is None:
            self._kind, self._shape = array.dtype, array.shape[1:]
            self._path.write_bytes(bytes(self._HEADER))
        fits = self._numpy.can_cast(array.dtype, self._kind, "safe")
        if array.shape[1:] != self._shape or not fits:
            raise TypeError(
                f"items {start} to {stop - 1} are {array.dtype} of shape {array.shape[1:]}; "
                f"the file holds {self._kind} of shape {self._shape}"
            )
        with self._path.open("r+b") as file:
            file.seek(0, io.SEEK_END)
            file.write(self._numpy.ascontiguousarray(array, dtype=self._kind).tobytes())
            self._count += len(array)
            file.seek(0)
            file.write(self._header())

    def _header(self) -> bytes:
        described = self._numpy.lib.format.dtype_to_descr(self._kind)
        shape = (self._count, *self._shape)
        text = repr({"descr": described, "fortran_order": False, "shape": shape}).encode("latin1")
        length = self._HEADER - 10
        return b"\x93NUMPY\x01\x00" + length.to_bytes(2, "little") + text.ljust(length - 1) + b"\n"

    def close(self) -> None:
        return None


_KINDS: dict[str, Callable[[Path], Saver]] = {
    ".jsonl": JsonLines,
    ".csv": Csv,
    ".parquet": Parquet,
    ".npy": Npy,
}


def saver_of(given: Any) -> Saver:
    """Return the saver for a path or an object with ``save(list)``.

    Raises
    ------
    UsageError
        The folder does not exist, or a library is missing.
    """
    if callable(getattr(given, "save", None)):
        return ObjectSaver(given)
    path = Path(given).expanduser().absolute()
    if not path.parent.is_dir():
        raise UsageError(f"saver={str(given)!r}: the folder {path.parent} does not exist; make it first")
    return _KINDS[path.suffix.lower()](path)


def fields(value: Any, plain: Callable[[Any], Any] = lambda part: part) -> dict[str, Any]:
    """Return the columns of a value: of a dict, named tuple or dataclass its fields, else ``value``."""
    if isinstance(value, dict) and value and all(type(key) is str for key in value):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {name: plain(part) for name, part in zip(value._fields, value, strict=True)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return {"value": plain(value)}


def _plain_scalar(value: Any) -> Any:
    """Return what pyarrow understands: numpy's numbers and arrays as Python's."""
    return value.tolist() if hasattr(value, "dtype") and hasattr(value, "tolist") else value


def _plain(value: Any) -> Any:
    """Return what JSON has in place of a value it does not know."""
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        return value.tolist()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return fields(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    if hasattr(value, "isoformat") or hasattr(value, "__fspath__"):
        return str(value)
    raise TypeError(
        f"a {type(value).__name__} has no place in a json file; return plain data, or save elsewhere"
    )
