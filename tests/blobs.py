"""Blobs in memory."""

from collections.abc import AsyncIterator
from hashlib import sha256

from mayfly.store.blobs import BlobMissing, Stored, check_key


class MemoryBlobs:
    """See `store.blobs.BlobStore`."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> Stored:
        data = b"".join([chunk async for chunk in chunks])
        self.kept[check_key(key)] = data
        return Stored(len(data), sha256(data).hexdigest())

    async def open(self, key: str, offset: int = 0) -> AsyncIterator[bytes]:
        if key not in self.kept:
            raise BlobMissing(f"there is no blob {key}")
        if data := self.kept[key][offset:]:
            yield data

    async def size(self, key: str) -> int | None:
        return len(self.kept[key]) if key in self.kept else None

    async def delete(self, key: str) -> None:
        self.kept.pop(key, None)

    async def keys(self, prefix: str = "") -> list[str]:
        return sorted(key for key in self.kept if key.startswith(prefix))

    async def close(self) -> None:
        pass
