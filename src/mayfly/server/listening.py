"""Serves an application on an address, as long as a block lasts."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from fastapi import FastAPI

from mayfly.domain.errors import HostCannot

# Streams and long polls are cut then; their clients come back, to another replica perhaps.
_GRACE_S = 5
_BACKLOG = 2048
_STARTING_S = 0.01


class _Server(uvicorn.Server):
    """Leaves signals to the program it is part of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def listening(app: FastAPI, address: str, port: int) -> AsyncIterator[int]:
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
            while not server.started and not serving.done():
                await asyncio.sleep(_STARTING_S)
            yield bound.getsockname()[1]
        finally:
            server.should_exit = True
            await asyncio.wait([serving])
            serving.result()


def _bound(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        bound = socket.create_server((address, port), family=family, backlog=_BACKLOG)
        # Else a body waits 40 ms behind its headers; asyncio does it for sockets of its own only.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise HostCannot(
            f"cannot listen on {address}:{port}: {error.strerror}",
            remedy="choose another address with --listen",
        ) from error
    return bound
