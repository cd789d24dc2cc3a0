"""Serves an ASGI application on a port of the loopback, for programs and guests."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import uvicorn

from mayfly.system.tasks import stop


def bound(host: str = "127.0.0.1") -> socket.socket:
    """A socket on a free port; its port is known before anything listens."""
    bound_socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound_socket.bind((host, 0))
    return bound_socket


@contextlib.asynccontextmanager
async def serving(asgi: Any, at: socket.socket) -> AsyncIterator[None]:
    """While the block runs; the socket is closed after it."""
    config = uvicorn.Config(asgi, lifespan="off", log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    with at:
        at.listen(128)
        task = asyncio.ensure_future(server.serve([at]))
        try:
            yield
        finally:
            server.should_exit = True
            try:
                await task
            finally:
                await stop(task)
