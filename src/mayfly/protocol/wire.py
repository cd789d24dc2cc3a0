"""What agents and the server say over HTTP: paths, headers, bodies, and their bounds.

Every request is a POST (the end of a session a DELETE) under `PREFIX`, with the host's key as
bearer token and JSON bodies of the types below. All may be repeated when an answer was lost: a
claim says what is held, reports are numbered, and the rest is idempotent.

    POST   /enroll                      Enrol → Enrolled            with a token instead of a key
    POST   /key                         NewKey → nothing            a key to be used from now on
    POST   /sessions                    Hello → Opened
    DELETE /sessions/{session}
    POST   /sessions/{session}/renew    nothing → nothing
    POST   /sessions/{session}/claim    Claim → Claimed             waits
    POST   /sessions/{session}/wishes   AskWishes → Wished          waits
    POST   /sessions/{session}/reports  Reports → Taken             may be gzip
    POST   /sessions/{session}/spec     Of → JobSpec
    POST   /sessions/{session}/source   OfSource → a tar stream
    POST   /quarantine                  Quarantine → nothing
    POST   /images                      OfImage → ImageFound
    POST   /images/part                 OfPart → its bytes

401 the key is not known · 409 the lease is not held any more · 410 the session is over · 413 and
422 will not be taken, ever · 426 the agent is too old · 5xx try again; each with a `Trouble`.
"""

import hashlib
import json
import math
import zlib
from dataclasses import dataclass
from typing import Any, TypeVar

from mayfly.domain.architecture import Architecture
from mayfly.domain.placement import Capacity
from mayfly.protocol import codec
from mayfly.protocol.fleet import Given, Lease
from mayfly.protocol.reports import Tagged

T = TypeVar("T")

PREFIX = "/agent/v1"

PROTOCOL = 1
OLDEST_PROTOCOL = 1
PROTOCOL_HEADER = "Mayfly-Protocol"
VERSION_HEADER = "Mayfly-Agent"

MAX_BODY = 1024 * 1024
MAX_REPORTS = 24 * 1024 * 1024  # the largest message of a runner, and others before it
MAX_PATIENCE_S = 60.0
MAX_CLAIMED = 16

_LARGEST = 2**53  # what every reader of JSON, and every database, counts to
_GZIP = 16 + zlib.MAX_WBITS
_SMALL = 1024


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a request was not served."""

    error: str
    remedy: str | None = None
    details: str | None = None


@dataclass(frozen=True, slots=True)
class Enrol:
    """`key_hash` is `hash_key` of a key that the agent made and keeps; to be repeated with both."""

    token: str
    name: str
    key_hash: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Enrolled:
    host: str


@dataclass(frozen=True, slots=True)
class NewKey:
    key_hash: str


@dataclass(frozen=True, slots=True)
class Claim:
    """`most`: how many jobs it takes at once, if there is room for all of them in what is free."""

    free: Capacity
    held: tuple[Lease, ...]
    patience_s: float
    most: int = 1


@dataclass(frozen=True, slots=True)
class Claimed:
    """None is given when there was nothing in time."""

    given: tuple[Given, ...] = ()


@dataclass(frozen=True, slots=True)
class AskWishes:
    """`told` are the leases whose wish the agent knows."""

    held: tuple[Lease, ...]
    told: tuple[Lease, ...]
    patience_s: float


@dataclass(frozen=True, slots=True)
class Wish:
    lease: Lease
    reason: str


@dataclass(frozen=True, slots=True)
class Wished:
    cancel: tuple[Wish, ...] = ()
    gone: tuple[Lease, ...] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """A numbered report."""

    lease: Lease
    number: int
    report: Tagged


@dataclass(frozen=True, slots=True)
class Reports:
    reports: tuple[Sent, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """All were taken in, but for those of leases that are not held any more."""

    stale: tuple[Lease, ...] = ()


@dataclass(frozen=True, slots=True)
class Of:
    lease: Lease


@dataclass(frozen=True, slots=True)
class OfSource:
    lease: Lease
    action: str | None = None


@dataclass(frozen=True, slots=True)
class OfImage:
    name: str
    architecture: Architecture


@dataclass(frozen=True, slots=True)
class ImageFound:
    """None: the server has no image of that name."""

    digest: str | None = None


@dataclass(frozen=True, slots=True)
class OfPart:
    """A manifest of an image, or one of its files."""

    sha256: str


@dataclass(frozen=True, slots=True)
class Quarantine:
    """The host asks for no more work until a person has looked."""

    reason: str


def write(message: Any) -> bytes:
    """A message as JSON that any reader takes: half characters, as guests may send, replaced."""
    text = json.dumps(codec.to_plain(message), separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "replace")


def read(kind: type[T], data: bytes) -> T:
    """Raises codec.DecodeError; what no database could store is refused or replaced here."""
    try:
        text = data.decode()
        value = json.loads(
            text, parse_int=_integer, parse_float=_number, parse_constant=_not_a_number
        )
        if "\\u" in text:
            value = _storable(value)
    except (ValueError, RecursionError) as error:
        raise codec.DecodeError("", f"not JSON: {error}") from None
    return codec.from_plain(kind, value)


def hash_key(key: str) -> str:
    """What a server keeps of a host's key, which has at least 256 random bits."""
    return hashlib.sha256(key.encode()).hexdigest()


def pack(data: bytes) -> tuple[bytes, dict[str, str]]:
    """A body and its headers; compressed when that is worth it."""
    if len(data) < _SMALL:
        return data, {}
    packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    return packer.compress(data) + packer.flush(), {"Content-Encoding": "gzip"}


def unpack(data: bytes, encoding: str, limit: int) -> bytes:
    """Undoes `pack`. Raises codec.DecodeError, and OverflowError beyond the limit (bytes)."""
    if encoding == "gzip":
        unpacker = zlib.decompressobj(_GZIP)
        try:
            data = unpacker.decompress(data, limit + 1)
        except zlib.error as error:
            raise codec.DecodeError("", f"not gzip: {error}") from None
        if len(data) <= limit and not unpacker.eof:
            raise codec.DecodeError("", "the gzip stream is cut short")
    elif encoding:
        raise codec.DecodeError("", f"unknown Content-Encoding {encoding[:80]!r}")
    if len(data) > limit:
        raise OverflowError(f"more than {limit} bytes")
    return data


def _integer(digits: str) -> int:
    number = int(digits)
    if abs(number) > _LARGEST:
        raise ValueError(f"{digits[:40]} is too large")
    return number


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is too large")
    return number


def _not_a_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _storable(value: Any) -> Any:
    """Without half characters and NUL, which text columns refuse."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value
