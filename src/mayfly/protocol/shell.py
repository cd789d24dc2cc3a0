"""What host and guest say on the second port, for an interactive session.

The same frames as on the runner's port: CONTROL holds one of the messages below, BLOB is raw
terminal data, in both directions. One session at a time, in order:

    host → guest    ShellOpen · then any number of ShellResize and BLOB
    guest → host    BLOB… · then exactly one ShellClosed

A ShellOpen during a session ends that one without a word and begins anew: its host went away.
What comes for a session that has ended is dropped.
"""

from dataclasses import dataclass
from typing import Any

from mayfly.protocol import codec
from mayfly.protocol.frames import (
    MAX_DATA,
    Frame,
    FrameKind,
    ProtocolViolation,
    encode_frame,
)


@dataclass(frozen=True, slots=True)
class ShellOpen:
    """Begin a login shell of `user` on a terminal of this size and kind (as in $TERM)."""

    rows: int
    columns: int
    term: str
    user: str = "runner"


@dataclass(frozen=True, slots=True)
class ShellResize:
    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class ShellClosed:
    """`status` is the shell's exit status, 128 + n for signal n; `reason` if it never began."""

    status: int
    reason: str | None = None


ToShell = ShellOpen | ShellResize
_KINDS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (ShellOpen, ShellResize, ShellClosed)
}


@dataclass(frozen=True, slots=True)
class _Envelope:
    type: str
    body: Any


def encode_shell_message(message: ToShell | ShellClosed) -> bytes:
    """A whole CONTROL frame."""
    return encode_frame(FrameKind.CONTROL, codec.encode(_Envelope(type(message).__name__, message)))


def encode_terminal(data: bytes) -> bytes:
    """Terminal data of any length as BLOB frames."""
    pieces = (data[start : start + MAX_DATA] for start in range(0, len(data), MAX_DATA))
    return b"".join(encode_frame(FrameKind.BLOB, piece) for piece in pieces)


def decode_for_guest(frame: Frame) -> ToShell | bytes:
    """Terminal data, or a message. Raises ProtocolViolation for what a host may not say."""
    message = _decode(frame)
    if isinstance(message, ShellClosed):
        raise ProtocolViolation("ShellClosed from the host")
    return message


def decode_for_host(frame: Frame) -> ShellClosed | bytes:
    """Terminal data, or the end. Raises ProtocolViolation for what a guest may not say."""
    message = _decode(frame)
    if isinstance(message, (ShellOpen, ShellResize)):
        raise ProtocolViolation(f"{type(message).__name__} from the guest")
    return message


def _decode(frame: Frame) -> ToShell | ShellClosed | bytes:
    if frame.kind is FrameKind.BLOB:
        return frame.payload
    if frame.kind is not FrameKind.CONTROL:
        raise ProtocolViolation(f"expected CONTROL or BLOB, got {frame.kind.name}")
    try:
        envelope = codec.decode(_Envelope, frame.payload)
        kind = _KINDS.get(envelope.type)
        if kind is None:
            raise ProtocolViolation(f"unknown message {envelope.type[:80]!r}")
        message: ToShell | ShellClosed = codec.from_plain(kind, envelope.body)
    except codec.DecodeError as error:
        raise ProtocolViolation(f"malformed message: {error}") from None
    return message
