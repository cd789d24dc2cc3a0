"""What agents and servers say to each other: read back as it was said, and bounded."""

import gzip
import json
import tracemalloc
import zlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mayfly.domain.architecture import Architecture
from mayfly.domain.placement import Capacity
from mayfly.protocol import codec, wire
from mayfly.protocol.fleet import Assignment, Given, Hello, Lease, Opened
from mayfly.protocol.reports import Tagged

LEASE = Lease("a job", 3)
MESSAGES = [
    wire.Trouble("no", "do", None),
    wire.Enrol("token", "name", "0" * 64, ("a", "b")),
    wire.Enrolled("host"),
    wire.NewKey("0" * 64),
    Hello(Capacity(Decimal("2.5"), 1024, frozenset(Architecture)), Architecture.ARM64, 2.0, "1"),
    Opened("session", 45.0),
    wire.Claim(Capacity(Decimal(0), 0, frozenset()), (LEASE,), 25.0),
    wire.Claimed((Given(Assignment(LEASE, "image", Architecture.AMD64, 1, 0.5, 512, 360.0)),)),
    wire.Claimed(),
    wire.AskWishes((LEASE,), (), 1.0),
    wire.Wished((wire.Wish(LEASE, "why"),), (LEASE,)),
    wire.Reports((wire.Sent(LEASE, 1, Tagged("JobPhase", {"state": "running"})),)),
    wire.Taken((LEASE,)),
    wire.OfSource(LEASE, None),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_what_is_written_is_read(message: Any) -> None:
    assert wire.read(type(message), wire.write(message)) == message


@given(st.text() | st.text(st.characters(categories=["Cs", "Cc", "Ll"])))
def test_any_text_can_be_stored_on_the_other_side(text: str) -> None:
    [read] = (wire.read(wire.Trouble, wire.write(wire.Trouble(text))).error,)
    read.encode()
    assert "\0" not in read
    if "\0" not in text and text.isprintable():
        assert read == text.encode("utf-8", "replace").decode()


def test_half_characters_of_other_writers_are_replaced() -> None:
    data = b'{"error": "a\\ud800b\\u0000c", "details": "\\ud83d\\ude00 \\\\u0000"}'
    assert wire.read(wire.Trouble, data) == wire.Trouble("a?b�c", details="😀 \\u0000")


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e999", "9007199254740993", "1" * 5000]
)
def test_numbers_that_no_database_has_are_refused(number: str) -> None:
    with pytest.raises(codec.DecodeError):
        wire.read(Opened, f'{{"session": "s", "ttl_s": {number}}}'.encode())


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"[" * 100_000, b"{}", b'{"error": 1}', b'{"error": "", "x": 1}', b"1 2"]
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(codec.DecodeError):
        wire.read(wire.Trouble, data)


@given(st.binary(max_size=5000))
def test_a_packed_body_is_unpacked(data: bytes) -> None:
    packed, headers = wire.pack(data)
    assert wire.unpack(packed, headers.get("Content-Encoding", ""), 5000) == data


def test_large_bodies_are_packed_so_that_anybody_can_unpack_them() -> None:
    packed, headers = wire.pack(b"line\n" * 10_000)
    assert headers == {"Content-Encoding": "gzip"}
    assert len(packed) < 1000
    assert gzip.decompress(packed) == b"line\n" * 10_000


def test_a_bomb_is_refused_before_it_goes_off() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    bomb = packer.compress(bytes(50_000_000)) + packer.flush()
    tracemalloc.start()
    try:
        with pytest.raises(OverflowError):
            wire.unpack(bomb, "gzip", 1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("data", "encoding"),
    [(b"no gzip", "gzip"), (gzip.compress(b"x" * 100)[:-5], "gzip"), (b"", "gzip"), (b"x", "br")],
)
def test_a_body_that_cannot_be_unpacked_is_refused(data: bytes, encoding: str) -> None:
    with pytest.raises(codec.DecodeError):
        wire.unpack(data, encoding, 1000)


def test_a_body_of_exactly_the_limit_is_allowed() -> None:
    assert wire.unpack(b"x" * 10, "", 10) == b"x" * 10
    assert wire.unpack(gzip.compress(b"x" * 10), "gzip", 10) == b"x" * 10
    for encoding in ("", "gzip"):
        data = b"x" * 11 if not encoding else gzip.compress(b"x" * 11)
        with pytest.raises(OverflowError):
            wire.unpack(data, encoding, 10)


def test_other_readers_understand_what_is_written() -> None:
    assert json.loads(wire.write(wire.Of(LEASE))) == {"lease": {"job": "a job", "attempt": 3}}
