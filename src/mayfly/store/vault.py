"""Encrypts what holds secrets before it is written down: AES-256-GCM, bound to its place.

A sealed value says by which key it was sealed, and opens only at the place it was sealed for
(table, column, row): one that was copied elsewhere is refused. The first of the keys seals, the
others still open what they sealed: to change the key put a new one first (`generate_key`), run
`mayfly reseal`, and remove the old one.

Form of a sealed value: version (1 byte), key id (8), nonce (12), ciphertext and tag.
"""

import base64
import binascii
import contextlib
import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mayfly.domain.errors import HostCannot, InvalidInput

_VERSION = b"\x01"
_KEY_BYTES = 32
_ID_BYTES = 8
_NONCE_BYTES = 12
_HEAD_BYTES = 1 + _ID_BYTES + _NONCE_BYTES
_REMEDY = "give the key it was written with, too: one a line, the one to write with first"


class CannotUnseal(HostCannot):
    """A sealed value does not open: its key is not there, or it was changed or moved."""


class Vault:
    """Usable by several threads at once."""

    def __init__(self, keys: Sequence[bytes]):
        """Keys of 32 bytes; the first one seals."""
        if not keys or any(len(key) != _KEY_BYTES for key in keys):
            raise InvalidInput(f"a vault needs keys of {_KEY_BYTES} bytes, at least one")
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._current = _key_id(keys[0])
        self.ids = tuple(key.hex() for key in self._ciphers)
        """Names of the keys, which tell nothing about them."""

    @classmethod
    def from_text(cls, text: str, *, where: str = "the vault's keys") -> "Vault":
        """Keys as `generate_key` makes them, one a line; lines that begin with # are left out."""
        lines = (line.strip() for line in text.splitlines())
        return cls([_parse(line, where) for line in lines if line and not line.startswith("#")])

    @classmethod
    def open(cls, path: Path) -> "Vault":
        """With the keys of a file, which is made with a new key if it is not there (mode 0600)."""
        if not path.exists():
            _make_key_file(path)
        if path.stat().st_mode & 0o077:
            raise HostCannot(f"others may read {path}", remedy=f"chmod 600 {path}")
        return cls.from_text(path.read_text(), where=str(path))

    def seal(self, value: bytes, *place: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        head = _VERSION + self._current + nonce
        return head + self._ciphers[self._current].encrypt(nonce, value, _bound_to(place))

    def unseal(self, sealed: bytes, *place: str) -> bytes:
        """Raises CannotUnseal."""
        key, nonce = sealed[1 : 1 + _ID_BYTES], sealed[1 + _ID_BYTES : _HEAD_BYTES]
        cipher = self._ciphers.get(key) if len(sealed) >= _HEAD_BYTES else None
        if sealed[:1] != _VERSION or cipher is None:
            raise CannotUnseal(
                f"{' '.join(place)} was sealed by a key that is not here ({key.hex()})",
                remedy=_REMEDY,
            )
        try:
            return cipher.decrypt(nonce, sealed[_HEAD_BYTES:], _bound_to(place))
        except InvalidTag:
            raise CannotUnseal(
                f"{' '.join(place)} does not open: it was changed, or moved from elsewhere",
                remedy="restore it from a backup",
            ) from None

    def is_current(self, sealed: bytes) -> bool:
        """Whether it was sealed by the first key."""
        return sealed[1 : 1 + _ID_BYTES] == self._current


def generate_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(_KEY_BYTES)).decode()


def _make_key_file(path: Path) -> None:
    """It appears whole, and the first of several who make it at the same time wins."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{generate_key()}\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"mayfly key id" + key).digest()[:_ID_BYTES]


def _bound_to(place: Sequence[str]) -> bytes:
    """Each part with its length before it, so that no two places look alike."""
    parts = [part.encode("utf-8", "surrogatepass") for part in place]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _parse(line: str, where: str) -> bytes:
    try:
        key = base64.b64decode(line, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise InvalidInput(f"{where}: a line is not a key of 32 bytes in base64")
    return key
