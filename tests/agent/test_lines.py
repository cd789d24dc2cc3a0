"""Output in pieces to lines."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mayfly.agent import lines
from mayfly.agent.lines import LineSplitter


def split(*pieces: bytes) -> list[str]:
    splitter = LineSplitter()
    found = [line for piece in pieces for line in splitter.feed(piece)]
    return found + list(splitter.flush())


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([b"a\nb\n"], ["a", "b"]),
        ([b"a", b"b\nc"], ["ab", "c"]),
        ([b"a\r\nb\r", b"\nc"], ["a", "b", "c"]),
        ([b"\n\n"], ["", ""]),
        ([b"10%\r20%\r\n"], ["10%\r20%"]),
        ([b"\xc3", b"\xa9\n"], ["é"]),
        ([b"\xff\xfe\n"], ["��"]),
        ([], []),
    ],
)
def test_lines(pieces: list[bytes], expected: list[str]) -> None:
    assert split(*pieces) == expected


def test_a_line_is_given_as_soon_as_it_is_whole() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"a\nb") == ("a",)
    assert splitter.feed(b"\n") == ("b",)
    assert splitter.flush() == ()


def test_a_line_without_end_is_held_within_bounds() -> None:
    splitter = LineSplitter()
    for _ in range(20):
        for part in splitter.feed(b"x" * 100_000):
            assert len(part) == lines.MAX_LINE
    assert len(splitter.flush()[0]) <= lines.MAX_LINE + 1


@pytest.mark.parametrize("line", [b"abcd", b"abcdefgh"])
def test_a_line_end_cut_in_two_after_a_full_part(
    line: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MAX_LINE", 4)
    assert split(line + b"\r", b"\n") == split(line + b"\r\n")
    assert "" not in split(line + b"\r", b"\n")


@given(
    data=st.lists(st.sampled_from([b"a", b"\r", b"\n", "é".encode(), "🦋".encode(), b"\xff"])),
    cuts=st.lists(st.integers(0, 200)),
)
def test_the_pieces_make_no_difference(data: list[bytes], cuts: list[int]) -> None:
    text = b"".join(data)
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[begin:end] for begin, end in itertools.pairwise(places)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "MAX_LINE", 8)
        assert split(*pieces) == split(text)
        joined = "".join(split(*pieces))
    assert joined.count("é") == text.count("é".encode())  # cut between characters
    assert joined.count("🦋") == text.count("🦋".encode())
