"""Serves an application on an address, as long as a block lasts."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from starlette.types import ASGIApp

from mayfly.domain.errors import HostCannot
from mayfly.system.tasks import stop

# Streams and long polls are cut then; their clients come back, to another replica perhaps.
_GRACE_S = 5
_BACKLOG = 2048


class _Server(uvicorn.Server):
    """Leaves signals to the program it is part of; `up` is set once it answers."""

    def __init__(self, config: uvicorn.Config):
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def listening(app: ASGIApp, address: str, port: int) -> AsyncIterator[int]:
    """The port, which is chosen if it is given as 0. Raises HostCannot.

    The end of the block lets answers that are on their way come to their end.
    """
    with _bound(address, port) as bound:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=_GRACE_S,
            timeout_keep_alive=75,  # longer than proxies keep theirs
            server_header=False,
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[bound]))
        try:
            await _until_up(server, serving)
            yield bound.getsockname()[1]
        finally:
            server.should_exit = True
            await asyncio.wait([serving])
            serving.result()


async def _until_up(server: _Server, serving: "asyncio.Task[None]") -> None:
    up = asyncio.create_task(server.up.wait())
    try:
        await asyncio.wait({up, serving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await stop(up)


def _bound(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        bound = socket.create_server((address, port), family=family, backlog=_BACKLOG)
        # Else a body waits 40 ms behind its headers; asyncio does it for sockets of its own only.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        # The standard library puts the address into the words of the system's errors.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror
        raise HostCannot(
            f"cannot listen on {address}:{port}: {reason}",
            remedy="choose another address with --listen",
        ) from error
    return bound
