"""The bytes between host and guest: a stream of bounded frames, decoded without I/O.

    frame   = kind (1 byte) · length (4 bytes, big endian) · payload (length bytes)
    CONTROL   one JSON message, see `messages`
    LOG       step number (4 bytes, big endian) · raw output of that step
    BLOB      a piece of the file that was asked for; an empty BLOB ends it

The decoder believes nothing: an unknown kind or a length over the kind's bound is a
`ProtocolViolation` at once, before any of the payload is read.
"""

import enum
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_HEADER = struct.Struct(">BI")
_STEP = struct.Struct(">I")

MAX_CONTROL = 8 * 1024 * 1024
MAX_DATA = 256 * 1024


class FrameKind(enum.IntEnum):
    CONTROL = 1
    LOG = 2
    BLOB = 3


_BOUNDS = {
    FrameKind.CONTROL: MAX_CONTROL,
    FrameKind.LOG: MAX_DATA + _STEP.size,
    FrameKind.BLOB: MAX_DATA,
}


class ProtocolViolation(Exception):
    """The peer sent what the protocol does not allow; the connection is beyond repair."""


@dataclass(frozen=True, slots=True)
class Frame:
    kind: FrameKind
    payload: bytes


def encode_frame(kind: FrameKind, payload: bytes) -> bytes:
    """Raises ProtocolViolation when the payload is over the kind's bound."""
    if len(payload) > _BOUNDS[kind]:
        raise ProtocolViolation(
            f"{kind.name} frame of {len(payload)} bytes; at most {_BOUNDS[kind]} are allowed"
        )
    return _HEADER.pack(kind, len(payload)) + payload


def encode_log(step: int, data: bytes) -> bytes:
    """A LOG frame; `data` is at most MAX_DATA bytes."""
    if len(data) > MAX_DATA:
        raise ProtocolViolation(f"LOG of {len(data)} bytes; at most {MAX_DATA} are allowed")
    # One copy, not two: this is the path of every byte a job prints.
    return b"".join((_HEADER.pack(FrameKind.LOG, _STEP.size + len(data)), _STEP.pack(step), data))


def decode_log(payload: bytes) -> tuple[int, bytes]:
    """Step number and raw bytes of a LOG frame's payload."""
    if len(payload) < _STEP.size:
        raise ProtocolViolation("LOG frame without a step number")
    return _STEP.unpack_from(payload)[0], payload[_STEP.size :]


class FrameDecoder:
    """Feed it what arrives, in pieces of any size; it yields whole frames in order.

    Holds at most one frame's bound plus the last piece fed. After a ProtocolViolation it must not
    be fed again.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        buffer = self._buffer
        buffer += data
        start = 0
        while len(buffer) - start >= _HEADER.size:
            kind, length = _bounded(*_HEADER.unpack_from(buffer, start))
            end = start + _HEADER.size + length
            if len(buffer) < end:
                break
            yield Frame(kind, bytes(buffer[start + _HEADER.size : end]))
            start = end
        del buffer[:start]

    @property
    def mid_frame(self) -> bool:
        """True while a frame has begun and not ended: the end of the stream here is a cut."""
        return bool(self._buffer)


def _bounded(number: int, length: int) -> tuple[FrameKind, int]:
    try:
        kind = FrameKind(number)
    except ValueError:
        raise ProtocolViolation(f"unknown frame kind {number}") from None
    if length > _BOUNDS[kind]:
        raise ProtocolViolation(
            f"{kind.name} frame of {length} bytes; at most {_BOUNDS[kind]} are allowed"
        )
    return kind, length
