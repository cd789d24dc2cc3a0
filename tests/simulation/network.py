"""The ways between the parts of a world: they lose requests and answers, repeat and delay."""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

import httpx
from tests.simulation.chances import Chances

from mayfly.system.tasks import stop


class Server(Protocol):
    """What answers, until it has crashed."""

    http: httpx.AsyncBaseTransport
    crashed: asyncio.Event


class Network(httpx.AsyncBaseTransport):
    """One side's way; `cut` for a while, `dead` for ever."""

    def __init__(self, chances: Chances):
        self._chances = chances
        self.cut = False
        self.dead = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self._chances.delay()
        self._perhaps_lose()
        response = await self._served(request)
        await self._chances.delay()
        self._perhaps_lose()
        return response

    async def _served(self, request: httpx.Request) -> httpx.Response:
        raise NotImplementedError

    async def _unless(
        self, request: httpx.Request, server: httpx.AsyncBaseTransport, *ends: asyncio.Event
    ) -> httpx.Response:
        """The answer, unless one of the sides is gone before."""
        answering = asyncio.create_task(server.handle_async_request(request))
        gone = [asyncio.create_task(event.wait()) for event in ends]
        try:
            await asyncio.wait([answering, *gone], return_when=asyncio.FIRST_COMPLETED)
            if any(event.is_set() for event in ends):
                raise httpx.ReadError("the other side is gone")
            return answering.result()
        finally:
            await stop(answering, *gone)

    def _perhaps_lose(self) -> None:
        if self.cut or self.dead.is_set() or self._chances.fault():
            raise httpx.ConnectError("the simulated network lost it")


class ToServers(Network):
    """To whichever server it gets: agents, and GitHub with its webhooks, come this way."""

    def __init__(self, servers: Sequence[Server], chances: Chances):
        super().__init__(chances)
        self._servers = servers

    async def _served(self, request: httpx.Request) -> httpx.Response:
        response = await self._once(request)
        return await self._once(request) if self._chances.fault() else response

    async def _once(self, request: httpx.Request) -> httpx.Response:
        if not self._servers:
            raise httpx.ConnectError("no server is up")
        server = self._chances.random.choice(self._servers)
        return await self._unless(request, server.http, server.crashed, self.dead)


class ToForge(Network):
    """To GitHub: servers, and the runners in machines, go this way."""

    def __init__(self, forge: Any, chances: Chances):
        """`forge` is an ASGI application."""
        super().__init__(chances)
        self._forge = httpx.ASGITransport(forge)

    async def _served(self, request: httpx.Request) -> httpx.Response:
        return await self._unless(request, self._forge, self.dead)
