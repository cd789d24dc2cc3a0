"""Large things without structure (journals, sources, images): a folder, or S3 (`store.s3`).

Keys are paths of safe names, `a/b/c`. A blob appears whole or not at all; writing one again
replaces it. Calls may be made concurrently.
"""

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.system.threads import in_thread

PIECE = 256 * 1024
_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_PART = ".part-"


class BlobMissing(InvalidInput):
    """There is no blob with this key."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a blob is: its size in bytes, and the SHA-256 of what was written."""

    size: int
    sha256: str


class BlobStore(Protocol):
    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> Stored:
        """Nothing is left of one whose chunks break off. Raises HostCannot."""

    def open(self, key: str, offset: int = 0) -> AsyncIterator[bytes]:
        """The bytes from there on. Raises BlobMissing when it is read."""

    async def size(self, key: str) -> int | None:
        """In bytes; None if there is no such blob."""

    async def delete(self, key: str) -> None:
        """Nothing if it is not there."""

    async def keys(self, prefix: str = "") -> list[str]:
        """Of all blobs whose keys begin so, in order."""

    async def close(self) -> None:
        """Nothing is called afterwards. Idempotent."""


def check_key(key: str) -> str:
    """The key, if it is a safe one: InvalidInput otherwise."""
    if not _KEY.fullmatch(key) or len(key) > 512:
        raise InvalidInput(f"{key!r} is no key of a blob")
    return key


class DirectoryBlobs:
    """Files in a folder, mode 0600."""

    def __init__(self, root: Path):
        self._root = root
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> Stored:
        place = self._root / check_key(key)
        digest, size = hashlib.sha256(), 0
        try:
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor, name = tempfile.mkstemp(prefix=_PART, dir=place.parent)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    async for chunk in chunks:
                        digest.update(chunk)
                        size += len(chunk)
                        await in_thread(file.write, chunk)
                Path(name).rename(place)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    Path(name).unlink()
        except OSError as error:
            raise HostCannot(f"cannot write {place}: {error.strerror}") from error
        return Stored(size, digest.hexdigest())

    async def open(self, key: str, offset: int = 0) -> AsyncIterator[bytes]:
        try:
            file = (self._root / check_key(key)).open("rb")
        except FileNotFoundError:
            raise BlobMissing(f"there is no blob {key}") from None
        with file:
            file.seek(offset)
            while piece := await in_thread(file.read, PIECE):
                yield piece

    async def size(self, key: str) -> int | None:
        try:
            return (self._root / check_key(key)).stat().st_size
        except FileNotFoundError:
            return None

    async def delete(self, key: str) -> None:
        (self._root / check_key(key)).unlink(missing_ok=True)

    async def keys(self, prefix: str = "") -> list[str]:
        files = (path for path in self._root.rglob("*") if path.is_file())
        names = (str(path.relative_to(self._root)) for path in files if _PART not in path.name)
        return sorted(name for name in names if name.startswith(prefix))

    async def close(self) -> None:
        pass


def open_blobs(place: str, s3_endpoint: str | None = None) -> BlobStore:
    """A folder, or `s3://bucket/prefix`. InvalidInput for anything else that has a scheme."""
    scheme, colon, _ = place.partition("://")
    if not colon:
        return DirectoryBlobs(Path(place))
    if scheme != "s3":
        raise InvalidInput(f"{place}: blobs lie in a folder or under s3://")
    from mayfly.store.s3 import S3Blobs  # which takes long to import

    return S3Blobs.at(place, s3_endpoint)
