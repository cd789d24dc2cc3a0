"""Sparse files: copied and hashed by what they hold, so that holes cost nothing."""

import hashlib
import os
from collections.abc import Iterator

_CHUNK = 1024 * 1024
_ZEROS = bytes(_CHUNK)


def chunks(source: int) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of each 1 MiB chunk of a descriptor's file that is not all zeros."""
    size = os.fstat(source).st_size
    offset = 0
    while offset < size:
        try:
            offset = os.lseek(source, offset, os.SEEK_DATA) // _CHUNK * _CHUNK
        except OSError:  # ENXIO: nothing but a hole from here on
            return
        data = os.pread(source, _CHUNK, offset)
        if data != _ZEROS[: len(data)]:
            yield offset, data
        offset += _CHUNK


def digest(source: int) -> str:
    """SHA-256 over the size and the chunks that are not all zeros; the same on any file system."""
    return _hash(source, None)


def copy(source: int, target: int) -> str:
    """Copy into an empty file, holes left out; the digest of what was read."""
    os.ftruncate(target, os.fstat(source).st_size)
    return _hash(source, target)


def _hash(source: int, target: int | None) -> str:
    result = hashlib.sha256(str(os.fstat(source).st_size).encode())
    for offset, data in chunks(source):
        result.update(offset.to_bytes(8, "big"))
        result.update(data)
        if target is not None:
            os.pwrite(target, data, offset)
    return result.hexdigest()
