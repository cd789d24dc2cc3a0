"""Large things without structure (journals, sources, images): a folder, or S3 (`store.s3`).

Keys are paths of safe names, `a/b/c`; none is another's folder. A blob appears whole or not at all;
writing one again replaces it. Calls may be made concurrently.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.system.locks import locked, locked_if_free
from mayfly.system.threads import in_thread

PIECE = 256 * 1024
_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_LOCK = ".lock"
_TRIES = 100
_NO_FILE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


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
        """Nothing if it is not there. Raises HostCannot."""

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
    """Files in a folder, mode 0600; those being written are in `.parts`, locked by their writer."""

    def __init__(self, root: Path):
        """Removes what writers that were killed left behind."""
        self._root = root
        self._parts = root / ".parts"
        self._parts.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(root / _LOCK):
            for part in self._parts.iterdir():
                with locked_if_free(part) as free:
                    if free:
                        part.unlink()

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> Stored:
        place = self._root / check_key(key)
        digest, size = hashlib.sha256(), 0
        try:
            with self._part() as part:
                async for chunk in chunks:
                    digest.update(chunk)
                    size += len(chunk)
                    await in_thread(part.write, chunk)
                await in_thread(_settle, part, place)
        except OSError as error:
            raise HostCannot(
                f"cannot write the blob {place}: {error.strerror}",
                remedy="make room, or give another folder or bucket for blobs",
            ) from error
        return Stored(size, digest.hexdigest())

    async def open(self, key: str, offset: int = 0) -> AsyncIterator[bytes]:
        try:
            file = (self._root / check_key(key)).open("rb")
        except _NO_FILE:
            raise BlobMissing(f"there is no blob {key}") from None
        with file:
            file.seek(offset)
            while piece := await in_thread(file.read, PIECE):
                yield piece

    async def size(self, key: str) -> int | None:
        try:
            found = (self._root / check_key(key)).stat()
        except _NO_FILE:
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    async def delete(self, key: str) -> None:
        place = self._root / check_key(key)
        try:
            await in_thread(_remove, place, self._root)
        except _NO_FILE:
            return
        except OSError as error:
            raise HostCannot(
                f"cannot delete the blob {place}: {error.strerror}",
                remedy="see that the folder of blobs belongs to the server's user",
            ) from error

    async def keys(self, prefix: str = "") -> list[str]:
        return await in_thread(self._keys, prefix)

    async def close(self) -> None:
        pass

    def _keys(self, prefix: str) -> list[str]:
        found = []
        for folder, folders, files in os.walk(self._root):
            folders[:] = [name for name in folders if not name.startswith(".")]
            names = (str((Path(folder) / name).relative_to(self._root)) for name in files)
            found += [name for name in names if name.startswith(prefix) and name != _LOCK]
        return sorted(found)

    @contextlib.contextmanager
    def _part(self) -> Iterator[IO[bytes]]:
        """A new file, gone at the end unless it was renamed."""
        with locked(self._root / _LOCK):
            part = tempfile.NamedTemporaryFile(dir=self._parts, delete=False)  # noqa: SIM115
            fcntl.flock(part, fcntl.LOCK_EX)
        with part:
            try:
                yield part
            finally:
                Path(part.name).unlink(missing_ok=True)


def _settle(part: IO[bytes], place: Path) -> None:
    """To its place, so that it is there also after the power has failed."""
    part.flush()
    os.fsync(part.fileno())
    for more in reversed(range(_TRIES)):
        try:
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            Path(part.name).rename(place)
            break
        # Somebody removed the folder, which was empty: before the renaming, or while it was looked
        # at, when it is said to exist and to be no folder.
        except (FileNotFoundError, FileExistsError):
            if not more:
                raise
    folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _remove(place: Path, root: Path) -> None:
    """With the folders that it was the last in."""
    place.unlink()
    for folder in place.parents:
        if folder == root:
            return
        try:
            folder.rmdir()
        except OSError:  # there is more in it, or somebody else was quicker
            return


def open_blobs(place: str, s3_endpoint: str | None = None) -> BlobStore:
    """A folder, or `s3://bucket/prefix`. InvalidInput for anything else that has a scheme.

    HostCannot for a folder that cannot be made or written to.
    """
    scheme, colon, _ = place.partition("://")
    if not colon:
        try:
            return DirectoryBlobs(Path(place))
        except OSError as error:
            raise HostCannot(
                f"cannot keep blobs in {place}: {error.strerror}",
                remedy="give a folder that can be written to, with --blobs or store.blobs",
            ) from error
    if scheme != "s3":
        raise InvalidInput(f"{place}: blobs lie in a folder or under s3://")
    from mayfly.store.s3 import S3Blobs  # which takes long to import

    return S3Blobs.at(place, s3_endpoint)
