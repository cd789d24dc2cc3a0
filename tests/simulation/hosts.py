"""Hosts with dummy machines: the real agents, which lose their network or their life."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

from tests.simulation.chances import Chances
from tests.simulation.network import Network, ToServers
from tests.simulation.replicas import Replica

from mayfly.agent.connection import Connection, reach
from mayfly.agent.job import JobSettings
from mayfly.agent.serve import Serving
from mayfly.agent.session import SessionSettings
from mayfly.domain.architecture import Architecture
from mayfly.domain.placement import Capacity
from mayfly.machines.dummy.driver import DummyDriver
from mayfly.machines.dummy.pipe import Port
from mayfly.machines.network.base import NetworkMode, NetworkPolicy
from mayfly.protocol.fleet import Hello
from mayfly.system.home import Home
from mayfly.system.switch import Switch
from mayfly.system.tasks import stop

CAPACITY = Capacity(Decimal(2), 4096, frozenset(Architecture))
HELLO = Hello(CAPACITY, Architecture.AMD64)


class Host:
    """A host through the lives of its agents. `guest` runs in each of its machines."""

    def __init__(
        self,
        name: str,
        folder: Path,
        replicas: list[Replica],
        chances: Chances,
        guest: Callable[[Port], Awaitable[None]],
    ):
        self.name = name
        self.key = f"key of {name}"
        self._home = Home(folder / name)
        self._replicas = replicas
        self._chances = chances
        self._guest = guest
        self._life: asyncio.Task[None] | None = None
        self.network = ToServers(replicas, chances)

    def start(self) -> None:
        self.network = ToServers(self._replicas, self._chances)
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
        driver = DummyDriver(self._guest)
        settings = JobSettings(NetworkPolicy(NetworkMode.NONE), SessionSettings(cancel_grace_s=5.0))
        async with reach("http://servers", transport=network) as http:
            connection = Connection(http, lambda: self.key)
            serving = Serving(self._home, connection, HELLO, settings, drain=Switch())
            try:
                await serving.run(driver)
            finally:
                await driver.close()
