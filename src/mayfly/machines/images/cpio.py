"""Writes newc cpio archives, the format the kernel unpacks as its first root file system.

Deterministic: the same entries give the same bytes (inode numbers count from 1, times are 0, every
owner is root), so an initrd can be named by its digest. Archives may be concatenated; each one is
padded to a multiple of 512 bytes, which the kernel's unpacker skips.
"""

import stat
from dataclasses import dataclass
from typing import BinaryIO

_MAGIC = b"070701"
_ALIGNMENT = 4
_BLOCK = 512
_TRAILER = "TRAILER!!!"
_MAX_SIZE = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Entry:
    """One member: `name` is relative, without leading slash; `mode` holds type and permissions.

    `data` is a regular file's content or a symbolic link's target, empty otherwise.
    """

    name: str
    mode: int
    data: bytes = b""


def is_plain(path: str) -> bool:
    """Whether a path is relative and spelled in the only way that leads to its file."""
    return "\0" not in path and not {"", ".", ".."} & set(path.split("/"))


def directory(name: str, permissions: int = 0o755) -> Entry:
    return Entry(name, stat.S_IFDIR | permissions)


def regular(name: str, data: bytes, permissions: int = 0o644) -> Entry:
    return Entry(name, stat.S_IFREG | permissions, data)


def symlink(name: str, target: str) -> Entry:
    return Entry(name, stat.S_IFLNK | 0o777, target.encode())


class Writer:
    """Writes entries to a binary stream; call `close` for the trailer (the stream stays open)."""

    def __init__(self, stream: BinaryIO):
        self._stream = stream
        self._written = 0
        self._inode = 0

    def add(self, entry: Entry) -> None:
        """Append one member; parents come before children. Raises ValueError for a bad entry."""
        if not is_plain(entry.name):
            raise ValueError(f"not a relative path inside the archive: {entry.name!r}")
        if len(entry.data) > _MAX_SIZE:
            raise ValueError(f"{entry.name}: {len(entry.data)} bytes do not fit a newc archive")
        self._inode += 1
        self._member(entry, self._inode)

    def close(self) -> None:
        self._member(Entry(_TRAILER, 0), 0)
        self._pad(_BLOCK)

    def _member(self, entry: Entry, inode: int) -> None:
        name = entry.name.encode() + b"\0"
        links = 2 if stat.S_ISDIR(entry.mode) else 1
        # inode, mode, uid, gid, links, mtime, size, device and special device numbers, name, check
        fields = (inode, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0, 0, 0, len(name), 0)
        self._write(_MAGIC + b"".join(b"%08X" % field for field in fields) + name)
        self._pad(_ALIGNMENT)
        self._write(entry.data)
        self._pad(_ALIGNMENT)

    def _write(self, data: bytes) -> None:
        self._stream.write(data)
        self._written += len(data)

    def _pad(self, boundary: int) -> None:
        self._write(b"\0" * (-self._written % boundary))
