"""Images that the server has, over HTTP; see `agent.images.ImageSource`."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx

from mayfly.agent.backoff import Backoff
from mayfly.agent.connection import Connection, Refused, Unreachable
from mayfly.agent.source import fetch
from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import HostCannot
from mayfly.protocol import wire

_TRIES = 6


class ServerImages:
    """Asks again while the server cannot be reached, for some seconds."""

    def __init__(self, connection: Connection):
        self._connection = connection

    async def digest(self, name: str, architecture: Architecture) -> str | None:
        backoff, tries = Backoff(), 0
        wanted = wire.OfImage(name, architecture)
        while True:
            try:
                found = await self._connection.ask("/images", wanted, wire.ImageFound)
            except Unreachable as error:
                tries += 1
                if tries == _TRIES:
                    raise HostCannot(
                        f"the server does not say which image {name!r} is: {error}",
                        remedy="see that the server can be reached from this host",
                    ) from error
            except Refused as error:
                if error.status == httpx.codes.NOT_FOUND:  # a server from before it had images
                    return None
                raise
            else:
                return found.digest
            await backoff.pause()

    async def open(self, digest: str) -> AsyncIterator[bytes]:
        wanted = wire.OfPart(digest)
        pieces = fetch(lambda: self._connection.stream("/images/part", wanted))
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece
