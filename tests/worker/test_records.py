"""Records as bytes, values as texts, frames in memory: what leaves comes back."""

from __future__ import annotations

import collections
import dataclasses
import io
import pickle
import sys
from array import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_parallel.backends.records import BatchValues, EachValues, to_records
from jupyter_parallel.worker import envelope
from jupyter_parallel.worker.brief import LIMIT, brief
from jupyter_parallel.worker.capture import HEAD, TAIL, Capture, Said
from jupyter_parallel.worker.envelope import Blob, Broke, Done, decode_records
from jupyter_parallel.worker.frames import ALIGNMENT, decode_frame, encode_frame, plain_dump
from jupyter_parallel.worker.report import Report

texts = st.text(max_size=20)
atoms = st.one_of(
    st.integers(), st.floats(allow_nan=False), texts, st.binary(max_size=20), st.none(), st.booleans()
)


def encode_record(record: envelope.Made) -> bytes:
    return b"".join(envelope.encode_record(record))


def stamps(count: int) -> array[float]:
    return array("d", [float(number) for number in range(count + 1)])


@given(st.lists(atoms, min_size=1, max_size=20), st.integers(0, 10**12))
def test_plain_values_survive_the_spool(values: list[Any], start: int) -> None:
    block = encode_record(Done(start, stamps(len(values)), values))
    (record,) = to_records(decode_records(block))
    assert (record.start, record.stop) == (start, start + len(values))  # type: ignore[union-attr]
    assert list(record.stamps) == list(stamps(len(values)))  # type: ignore[union-attr]
    assert record.store.all() == values  # type: ignore[union-attr]


@given(st.lists(st.tuples(st.binary(max_size=50), texts), min_size=1, max_size=10))
def test_blobs_survive_the_spool(pairs: list[tuple[bytes, str]]) -> None:
    blobs = [Blob(pickle.dumps(data), text) for data, text in pairs]
    block = encode_record(Done(3, stamps(len(blobs)), blobs, blobs=True))
    (record,) = to_records(decode_records(block))
    assert record.store.all() == [data for data, _ in pairs]  # type: ignore[union-attr]
    assert [record.store.brief(n) for n in range(len(pairs))] == [text for _, text in pairs]  # type: ignore[union-attr]


@given(texts, texts, texts, texts, st.none() | st.binary(min_size=1), st.booleans())
def test_reports_survive_the_spool(
    kind: str, message: str, trace: str, where: str, exception: bytes | None, cancelled: bool
) -> None:
    record = Broke(7, 1.0, 2.5, Report(kind, message, trace, where, exception, cancelled))
    assert list(decode_records(encode_record(record))) == [record]


def test_lone_surrogates_survive_the_spool() -> None:
    said = Said(1, "stdout", "a\ud800b", 3)
    assert list(decode_records(encode_record(said))) == [said]


@given(st.lists(st.integers(0, 3), max_size=10))
def test_records_of_one_block_come_in_order(kinds: list[int]) -> None:
    made = [
        (
            Said(index, "stderr", "x"),
            Broke(index, 0.0, 1.0, Report("T", "m")),
            Said(index, "stdout", ""),
            Said(index, "stdout", "y", 9),
        )[kind]
        for index, kind in enumerate(kinds)
    ]
    assert list(decode_records(b"".join(map(encode_record, made)))) == made


def test_values_are_decoded_once() -> None:
    each = EachValues([memoryview(pickle.dumps([1]))], ["[1]"])
    assert each.get(0) is each.get(0)
    batch = BatchValues(memoryview(pickle.dumps(["text", (1, 2)])), 2)
    assert batch.get(1) is batch.get(1)


class Loud:
    """Its repr raises."""

    def __repr__(self) -> str:
        raise KeyboardInterrupt


class LoudDict(collections.OrderedDict[str, int]):
    def __repr__(self) -> str:
        raise AssertionError("spelled out")


Pair = collections.namedtuple("Pair", "left right")


@dataclasses.dataclass
class Holder:
    name: str
    loud: Loud


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, "1"),
        ("a", "'a'"),
        (Loud(), "<Loud: its repr raised KeyboardInterrupt>"),
        (Pair(1, "b"), {"left": "1", "right": "'b'"}),
        (Holder("n", Loud()), {"name": "'n'", "loud": "<Loud: its repr raised KeyboardInterrupt>"}),
        ({"a": [1]}, {"a": "[1]"}),
        ({1: 2}, "{1: 2}"),
        ({}, "{}"),
        (10**5000, "<int: its repr raised ValueError>"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_briefs(value: Any, expected: Any) -> None:
    assert brief(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "x" * 10**6,
        b"x" * 10**6,
        list(range(10**6)),
        {str(n): n for n in range(10**5)},
        [[[[[[[[1] * 100] * 100]]]]]],
        LoudDict({str(n): n for n in range(1000)}),
        io.StringIO(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_briefs_are_bounded(value: Any) -> None:
    told = brief(value)
    assert isinstance(told, str) and 0 < len(told) <= LIMIT and "raised" not in told


def test_numpy_numbers_read_like_numbers() -> None:
    import numpy

    assert brief(numpy.float64(1.5)) == "1.5"
    assert brief([numpy.int64(3)]) == "[3]"


def test_frames_are_told_by_shape() -> None:
    import pandas

    assert brief(pandas.DataFrame({"a": [1, 2]})) == "DataFrame 2x1"


@given(st.lists(st.sampled_from([0, 7, 70, 7_000, 21_000, 42_000, 70_000]), max_size=8))
def test_a_flow_keeps_what_it_says_it_keeps(sizes: list[int]) -> None:
    capture = Capture()
    pieces = [(chr(97 + number % 26) * 7 + str(number)) * (size // 7) for number, size in enumerate(sizes)]
    for piece in pieces:
        capture.add(0, "stdout", piece)
    said = capture.take(1)
    whole = "".join(pieces)
    kept = "".join(piece.text for piece in said)
    dropped = sum(piece.dropped for piece in said)
    assert dropped == max(0, len(whole) - HEAD - TAIL)
    assert len(kept) + dropped == len(whole)
    assert kept[:HEAD] == whole[:HEAD]
    assert whole.endswith(kept[HEAD:])
    assert capture.take(1) == []


def test_a_running_item_is_heard_at_once_but_only_its_head() -> None:
    capture = Capture()
    capture.add(4, "stdout", "h" * HEAD + "tail")
    assert [piece.text for piece in capture.take(4)] == ["h" * HEAD]
    assert capture.take(4) == []
    assert [piece.text for piece in capture.take(5)] == ["tail"]


@pytest.mark.parametrize("value", [1, "text", [1, {"a": (2, None)}], b"bytes"])
def test_frames_give_back_what_they_hold(value: Any) -> None:
    block = memoryview(bytearray(b"".join(encode_frame(plain_dump(value)))))
    assert decode_frame(block) == value


def test_arrays_in_frames_are_aligned_writable_and_not_copied() -> None:
    import numpy

    arrays = [numpy.arange(7.0), numpy.arange(5, dtype=numpy.int8)]
    block = memoryview(bytearray(b"".join(encode_frame(plain_dump(arrays)))))
    decoded = decode_frame(block)
    start = numpy.frombuffer(block, numpy.uint8).ctypes.data
    for before, after in zip(arrays, decoded, strict=True):
        assert (before == after).all()
        assert (after.ctypes.data - start) % ALIGNMENT == 0
        after[0] = 42
    assert bytes(block).count(b"\x2a\x01\x02\x03\x04") == 1


def test_reading_a_batch_imports_nothing() -> None:
    before = set(sys.modules)
    BatchValues(memoryview(pickle.dumps([1, "a", (2, b"c")])), 3).all()
    assert set(sys.modules) == before
