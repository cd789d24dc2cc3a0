"""A server that is killed: after so many calls of its store and blobs nothing it does happens."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from tests.blobs import MemoryBlobs

from mayfly.store.base import Store, Tx, View, Watch
from mayfly.store.blobs import Stored

T = TypeVar("T")


class Killed(BaseException):
    """No code of the server gets at it."""


class Mortal:
    """`calls` are those it lives for; for ever if there are none given."""

    def __init__(self, calls: int | None = None):
        self._left = calls

    def live(self) -> None:
        """Raises Killed."""
        if self._left is not None:
            if not self._left:
                raise Killed
            self._left -= 1

    def store(self, inner: Store) -> "MortalStore":
        return MortalStore(inner, self)

    def blobs(self, inner: MemoryBlobs) -> "MortalBlobs":
        return MortalBlobs(inner, self)


class MortalStore:
    """Each call takes a moment, before and after."""

    def __init__(self, inner: Store, mortal: Mortal):
        self._inner = inner
        self._mortal = mortal

    async def serial(self, work: Callable[[Tx], T]) -> T:
        await asyncio.sleep(0)
        self._mortal.live()
        found = await self._inner.serial(work)
        await asyncio.sleep(0)
        return found

    async def write(self, work: Callable[[Tx], T]) -> T:
        await asyncio.sleep(0)
        self._mortal.live()
        found = await self._inner.write(work)
        await asyncio.sleep(0)
        return found

    async def read(self, work: Callable[[View], T]) -> T:
        await asyncio.sleep(0)
        found = await self._inner.read(work)
        await asyncio.sleep(0)
        return found

    def watch(self, *topics: str) -> Watch:
        return self._inner.watch(*topics)

    async def close(self) -> None:
        await self._inner.close()


class MortalBlobs(MemoryBlobs):
    """A blob appears a moment after its last bytes came."""

    def __init__(self, inner: MemoryBlobs, mortal: Mortal):
        super().__init__()
        self._inner = inner
        self._mortal = mortal
        self.kept = inner.kept

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> Stored:
        async def all_of_it() -> AsyncIterator[bytes]:
            async for chunk in chunks:
                yield chunk
            await asyncio.sleep(0)
            self._mortal.live()

        return await self._inner.put(key, all_of_it())

    async def delete(self, key: str) -> None:
        await asyncio.sleep(0)
        self._mortal.live()
        await self._inner.delete(key)
        await asyncio.sleep(0)
