"""Messages of the shell port: each side takes only what the other may say."""

import pytest

from mayfly.protocol.frames import MAX_DATA, Frame, FrameDecoder, FrameKind, ProtocolViolation
from mayfly.protocol.shell import (
    ShellClosed,
    ShellOpen,
    ShellResize,
    decode_for_guest,
    decode_for_host,
    encode_shell_message,
    encode_terminal,
)


def frame(data: bytes) -> Frame:
    [found] = FrameDecoder().feed(data)
    return found


@pytest.mark.parametrize("message", [ShellOpen(24, 80, "xterm", "root"), ShellResize(1, 2)])
def test_what_a_host_says_arrives_at_the_guest_only(message: ShellOpen | ShellResize) -> None:
    sent = frame(encode_shell_message(message))
    assert decode_for_guest(sent) == message
    with pytest.raises(ProtocolViolation, match="from the guest"):
        decode_for_host(sent)


def test_what_a_guest_says_arrives_at_the_host_only() -> None:
    sent = frame(encode_shell_message(ShellClosed(3, "gone")))
    assert decode_for_host(sent) == ShellClosed(3, "gone")
    with pytest.raises(ProtocolViolation, match="from the host"):
        decode_for_guest(sent)


def test_terminal_data_goes_both_ways_as_it_is() -> None:
    sent = frame(encode_terminal(b"\x00\xff\x1b"))
    assert decode_for_guest(sent) == decode_for_host(sent) == b"\x00\xff\x1b"


def test_long_data_is_cut_into_frames_that_are_allowed() -> None:
    data = bytes(range(256)) * (MAX_DATA // 100)
    frames = list(FrameDecoder().feed(encode_terminal(data)))
    assert len(frames) > 1
    assert b"".join(piece.payload for piece in frames) == data
    assert encode_terminal(b"") == b""


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b'{"type":"ShellOpen"}',
        b'{"type":"ShellOpen","body":{"rows":"1","columns":1,"term":"x"}}',
        b'{"type":"ShellClosed","body":{"status":1,"more":2}}',
        b'{"type":"Ready","body":{"protocol":1}}',
    ],
)
def test_anything_else_is_a_violation_on_either_side(payload: bytes) -> None:
    for decode in (decode_for_guest, decode_for_host):
        with pytest.raises(ProtocolViolation):
            decode(Frame(FrameKind.CONTROL, payload))


def test_log_frames_have_no_place_here() -> None:
    with pytest.raises(ProtocolViolation, match="LOG"):
        decode_for_host(Frame(FrameKind.LOG, b"\0\0\0\0x"))
