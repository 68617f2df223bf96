from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_parallel.view import format as fmt


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 µs"),
        (-1.0, "0 µs"),
        (12e-6, "12 µs"),
        (0.9994e-3, "999 µs"),
        (0.00123, "1.2 ms"),
        (0.012, "12 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.0 s"),
        (4.24, "4.2 s"),
        (59.9, "60 s"),
        (60, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3599.6, "1 h 00 min"),
        (3720, "1 h 02 min"),
        (90_000, "25 h 00 min"),
    ],
)
def test_duration_has_two_or_three_digits(seconds: float, text: str) -> None:
    assert fmt.duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (-3, "0:00"), (15.9, "0:15"), (723, "12:03"), (3600, "1:00:00"), (86_399, "23:59:59")],
)
def test_clock_counts_whole_seconds(seconds: float, text: str) -> None:
    assert fmt.clock(seconds) == text


@pytest.mark.parametrize(
    ("per_second", "text"),
    [
        (41.2, "41 items/s"),
        (1.24, "1.2 items/s"),
        (0.42, "25 items/min"),
        (0.001, "3.6 items/h"),
        (123_456.0, "123,000 items/s"),
        (1234.0, "1,230 items/s"),
    ],
)
def test_rate_takes_the_unit_that_reads_best(per_second: float, text: str) -> None:
    assert fmt.rate(per_second) == text


def test_control_and_bidi_characters_are_written_out() -> None:
    hostile = "a\u202eb\u2066c\x1b[31m\x07\n\u200b\ufeff\ud800\u2028"
    assert fmt.visible(hostile) == r"a\u202eb\u2066c\x1b[31m\x07\n\u200b\ufeff\ud800\u2028"


def test_letters_of_any_script_and_emoji_stay_as_they_are() -> None:
    text = "Größe ✓ 日本語 עברית 👩‍👩‍👧 ❤️"
    assert fmt.visible(text) == text


@given(st.text())
def test_visible_text_can_be_sent_and_moves_nothing(text: str) -> None:
    shown = fmt.visible(text)
    json.dumps(shown).encode()
    shown.encode("utf-8")
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\n\r\t\x00\x1b")


def test_a_printed_line_loses_its_colours_and_keeps_its_spaces() -> None:
    assert fmt.plain("\x1b[1;31mred\x1b[0m   x\ty\x07") == r"red   x    y\x07"


@given(st.text(), st.integers(2, 50))
def test_a_cut_text_is_as_long_as_asked_and_says_that_it_was_cut(text: str, limit: int) -> None:
    cut = fmt.cut(text, limit)
    assert len(cut) <= limit
    assert cut == text or cut.endswith("…")


def test_one_line_of_a_huge_text_is_cheap_and_bounded() -> None:
    assert len(fmt.one_line("x\n" * 10_000_000)) <= 400
