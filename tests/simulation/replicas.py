"""Servers over one store that fails now and then; a crash takes all that a server remembers."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import httpx
from fastapi import FastAPI
from tests.blobs import MemoryBlobs
from tests.simulation.chances import Chances
from tests.simulation.clock import now
from tests.simulation.network import ToForge

from mayfly.forges.github.connector import Connector
from mayfly.server.api import agents, webhooks
from mayfly.server.assembly import make_services
from mayfly.server.clockwork import Clockwork
from mayfly.server.enrolment import HostKeys
from mayfly.server.services import Services
from mayfly.server.settings import Settings
from mayfly.store.base import StoreUnavailable, Tx, View, Watch
from mayfly.store.memory import MemoryStore
from mayfly.system.tasks import stop

T = TypeVar("T")

SESSION_TTL_S = 30.0


class FailingStore:
    """One server's way to the store. What it answers may not be what was done."""

    def __init__(self, store: MemoryStore, chances: Chances):
        self._store = store
        self._chances = chances
        self.gone = False

    async def serial(self, work: Callable[[Tx], T]) -> T:
        return await self._try(self._store.serial, work)

    async def write(self, work: Callable[[Tx], T]) -> T:
        return await self._try(self._store.write, work)

    async def read(self, work: Callable[[View], T]) -> T:
        return await self._try(self._store.read, work)

    def watch(self, *topics: str) -> Watch:
        return self._store.watch(*topics)

    async def close(self) -> None:
        pass

    async def _try(self, way: Callable[[Any], Any], work: Callable[[Any], T]) -> T:
        await self._chances.delay()
        self._perhaps_fail()
        result: T = await way(work)
        await self._chances.delay()
        self._perhaps_fail()
        return result

    def _perhaps_fail(self) -> None:
        if self.gone or self._chances.fault(0.2):
            raise StoreUnavailable("the simulated database broke off")


class Replica:
    """One life of a server; `github` is its way there, if the world has one."""

    def __init__(
        self,
        store: MemoryStore,
        blobs: MemoryBlobs,
        chances: Chances,
        new_id: Callable[[], str],
        github: ToForge | None,
    ):
        self._github = github
        connector = None
        if github is not None:
            connector = Connector(httpx.AsyncClient(transport=github), now)
        self._store = FailingStore(store, chances)
        self.services = make_services(
            self._store,
            blobs,
            Settings(),
            now,
            new_id=new_id,
            connector=connector,
            session_ttl_s=SESSION_TTL_S,
        )
        self.crashed = asyncio.Event()
        self.http: httpx.AsyncBaseTransport = httpx.ASGITransport(
            _app(self.services), raise_app_exceptions=False
        )
        self._loops = [asyncio.create_task(_clockwork(self.services).run())]
        if self.services.github is not None:
            self._loops.append(asyncio.create_task(self.services.github.run()))

    def check(self) -> None:
        """Raises what ended one of its loops."""
        for loop in self._loops:
            if loop.done() and not loop.cancelled():
                loop.result()

    async def crash(self) -> None:
        """As by kill -9: nothing is said to anyone, nothing is written any more."""
        self._store.gone = True
        self.crashed.set()
        if self._github is not None:
            self._github.dead.set()
        await stop(*self._loops)


def _app(services: Services) -> FastAPI:
    app = FastAPI()
    keys = HostKeys(services.store, services.now)
    app.include_router(agents.router(services.hosts, keys, services.store, services.now))
    if services.github is not None:
        app.include_router(webhooks.router(services.github.inbox, services.metrics))
    return app


def _clockwork(services: Services) -> Clockwork:
    return Clockwork(
        services.store,
        services.orchestrator,
        services.scheduler,
        services.journal,
        services.now,
        retention=services.retention,
        interval_s=3.0,
    )
