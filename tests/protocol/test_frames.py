"""The frame decoder: exact on what is valid, bounded and plain-spoken on what is not."""

import itertools
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mayfly.protocol.frames import (
    MAX_CONTROL,
    MAX_DATA,
    Frame,
    FrameDecoder,
    FrameKind,
    ProtocolViolation,
    decode_log,
    encode_frame,
    encode_log,
)

FRAMES = st.lists(st.builds(Frame, st.sampled_from(FrameKind), st.binary(max_size=50)), max_size=6)


def pieces_of(data: bytes, sizes: list[int]) -> list[bytes]:
    cuts = list(itertools.accumulate(sizes))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@settings(deadline=None)
@given(FRAMES, st.lists(st.integers(0, 40), max_size=20))
def test_frames_come_out_as_they_went_in(frames: list[Frame], sizes: list[int]) -> None:
    data = b"".join(encode_frame(frame.kind, frame.payload) for frame in frames)
    decoder = FrameDecoder()
    decoded = [frame for piece in pieces_of(data, sizes) for frame in decoder.feed(piece)]
    assert decoded == frames
    assert not decoder.mid_frame


@settings(deadline=None)
@given(st.binary(max_size=400), st.lists(st.integers(0, 40), max_size=20))
def test_garbage_is_frames_or_a_violation(garbage: bytes, sizes: list[int]) -> None:
    decoder = FrameDecoder()
    decoded = b""
    try:
        for piece in pieces_of(garbage, sizes):
            for frame in decoder.feed(piece):
                decoded += encode_frame(frame.kind, frame.payload)
    except ProtocolViolation:
        pass
    assert garbage.startswith(decoded)


@pytest.mark.parametrize(
    ("kind", "bound"),
    [
        (FrameKind.CONTROL, MAX_CONTROL),
        (FrameKind.LOG, MAX_DATA + 4),
        (FrameKind.BLOB, MAX_DATA),
    ],
)
def test_a_length_over_the_bound_is_refused_before_any_payload(kind: FrameKind, bound: int) -> None:
    assert list(FrameDecoder().feed(struct.pack(">BI", kind, bound))) == []
    with pytest.raises(ProtocolViolation, match=f"{kind.name} frame of {bound + 1} bytes"):
        list(FrameDecoder().feed(struct.pack(">BI", kind, bound + 1)))
    with pytest.raises(ProtocolViolation):
        encode_frame(kind, bytes(bound + 1))


@pytest.mark.parametrize("kind", [0, 4, 255])
def test_an_unknown_kind_is_refused(kind: int) -> None:
    with pytest.raises(ProtocolViolation, match=f"unknown frame kind {kind}"):
        list(FrameDecoder().feed(struct.pack(">BI", kind, 0)))


def test_what_came_before_a_violation_is_still_given() -> None:
    frames = FrameDecoder().feed(encode_log(1, b"x") + b"\xff" * 5)
    assert decode_log(next(frames).payload) == (1, b"x")
    with pytest.raises(ProtocolViolation):
        next(frames)


def test_a_cut_is_known() -> None:
    decoder = FrameDecoder()
    list(decoder.feed(encode_log(1, b"x")[:-1]))
    assert decoder.mid_frame


def test_log_frames() -> None:
    (frame,) = FrameDecoder().feed(encode_log(7, b"\xff\x00"))
    assert decode_log(frame.payload) == (7, b"\xff\x00")
    with pytest.raises(ProtocolViolation, match="without a step number"):
        decode_log(b"abc")
