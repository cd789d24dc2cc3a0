"""Hosts with dummy machines: the real agents, which lose their network or their life."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import httpx
from tests.simulation.chances import Chances
from tests.simulation.replicas import Replica

from mayfly.agent.connection import Connection, reach
from mayfly.agent.job import JobSettings
from mayfly.agent.serve import Serving
from mayfly.agent.session import SessionSettings
from mayfly.domain.architecture import Architecture
from mayfly.domain.placement import Capacity
from mayfly.machines.dummy.driver import DummyDriver
from mayfly.machines.dummy.pipe import Port
from mayfly.machines.dummy.scripted import scripted
from mayfly.machines.network.base import NetworkMode, NetworkPolicy
from mayfly.protocol.fleet import Hello
from mayfly.system.home import Home
from mayfly.system.switch import Switch
from mayfly.system.tasks import stop

CAPACITY = Capacity(Decimal(2), 4096, frozenset(Architecture))
HELLO = Hello(CAPACITY, Architecture.AMD64)


class Network(httpx.AsyncBaseTransport):
    """From one agent to whichever server it gets: loses requests and answers, repeats, delays."""

    def __init__(self, replicas: list[Replica], chances: Chances):
        self._replicas = replicas
        self._chances = chances
        self.cut = False
        self.dead = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self._chances.delay()
        self._perhaps_lose()
        response = await self._served(request)
        if self._chances.fault():
            response = await self._served(request)
        await self._chances.delay()
        self._perhaps_lose()
        return response

    async def _served(self, request: httpx.Request) -> httpx.Response:
        if not self._replicas:
            raise httpx.ConnectError("no server is up")
        replica = self._chances.random.choice(self._replicas)
        answering = asyncio.create_task(replica.http.handle_async_request(request))
        crash = asyncio.create_task(replica.crashed.wait())
        dead = asyncio.create_task(self.dead.wait())
        try:
            await asyncio.wait({answering, crash, dead}, return_when=asyncio.FIRST_COMPLETED)
            if replica.crashed.is_set() or self.dead.is_set():
                raise httpx.ReadError("the other side is gone")
            return answering.result()
        finally:
            await stop(answering, crash, dead)

    def _perhaps_lose(self) -> None:
        if self.cut or self.dead.is_set() or self._chances.fault():
            raise httpx.ConnectError("the simulated network lost it")


class Host:
    """A host through the lives of its agents. `guest` runs in each of its machines."""

    def __init__(
        self,
        name: str,
        folder: Path,
        replicas: list[Replica],
        chances: Chances,
        guest: Callable[[Port], object] = scripted,
    ):
        self.name = name
        self.key = f"key of {name}"
        self._home = Home(folder / name)
        self._replicas = replicas
        self._chances = chances
        self._guest = guest
        self._life: asyncio.Task[None] | None = None
        self.network = Network(replicas, chances)

    def start(self) -> None:
        self.network = Network(self._replicas, self._chances)
        self._life = asyncio.create_task(self._live(self.network))

    @property
    def alive(self) -> bool:
        return self._life is not None and not self._life.done()

    async def crash(self) -> None:
        """As by kill -9: the machines go with it, and nobody is told."""
        self.network.dead.set()
        await stop(self._life)

    async def leave(self) -> None:
        """In order: what it holds is given back."""
        await stop(self._life)

    def check(self) -> None:
        """Raises what ended its agent."""
        if self._life is not None and self._life.done() and not self._life.cancelled():
            self._life.result()

    async def _live(self, network: Network) -> None:
        driver = DummyDriver(self._guest)  # type: ignore[arg-type]
        settings = JobSettings(NetworkPolicy(NetworkMode.NONE), SessionSettings(cancel_grace_s=5.0))
        async with reach("http://servers", transport=network) as http:
            connection = Connection(http, lambda: self.key)
            serving = Serving(self._home, connection, HELLO, settings, drain=Switch())
            try:
                await serving.run(driver)
            finally:
                await driver.close()
