"""Tells everyone who waits that something has changed."""

import asyncio


class Changes:
    """A waiter looks, then waits, with nothing in between that awaits: so it misses nothing."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def announce(self) -> None:
        self._next.set()
        self._next = asyncio.Event()

    async def wait(self) -> None:
        """Returns at the next change."""
        await self._next.wait()
