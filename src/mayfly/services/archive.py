"""A tar made of files on disk, read by many at once; nothing is copied to make it."""

import os
import tarfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_PIECE = 256 * 1024
_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)


@dataclass(frozen=True, slots=True)
class Part:
    """One member: `head`, then the content of the open file, if there is one."""

    name: str
    head: bytes = b""
    descriptor: int | None = None

    @classmethod
    def of_file(cls, name: str, path: Path, head: bytes = b"") -> "Part":
        """The descriptor stays good when the file is removed."""
        return cls(name, head, os.open(path, os.O_RDONLY))


class Archive:
    """Owns the descriptors of its parts until `close`."""

    def __init__(self, parts: Sequence[Part]):
        self._parts = tuple(parts)

    async def read(self) -> AsyncIterator[bytes]:
        """The whole tar, in pieces; the same bytes for everyone who reads it."""
        for part in self._parts:
            length = 0 if part.descriptor is None else os.fstat(part.descriptor).st_size
            size = len(part.head) + length
            yield _header(part.name, size) + part.head
            # Read in place: these files were written a moment ago and are in the page cache.
            for offset in range(0, length, _PIECE):
                assert part.descriptor is not None
                yield os.pread(part.descriptor, _PIECE, offset)
            if padding := -size % _BLOCK:
                yield bytes(padding)
        yield _END

    def close(self) -> None:
        """Safe to call twice."""
        for part in self._parts:
            if part.descriptor is not None:
                os.close(part.descriptor)
        self._parts = ()


def _header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size = size
    return member.tobuf(tarfile.GNU_FORMAT)
