"""A server with GitHub, hosts with dummy machines, and the stand-in, in virtual time."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from tests.blobs import MemoryBlobs
from tests.server.github.guest import Guests
from tests.standins.github.connected import app_row
from tests.standins.github.in_process import InProcess, in_process, now
from tests.standins.github.world import App, Installation, JobSpec, Repository, Run

from mayfly.agent.connection import Connection, reach
from mayfly.agent.job import JobSettings
from mayfly.agent.serve import Serving
from mayfly.agent.session import SessionSettings
from mayfly.domain.architecture import Architecture
from mayfly.domain.placement import Capacity
from mayfly.forges.github.connector import Connector
from mayfly.machines.dummy.driver import DummyDriver
from mayfly.machines.network.base import NetworkMode, NetworkPolicy
from mayfly.protocol.fleet import Hello
from mayfly.protocol.wire import hash_key
from mayfly.server.api import agents, webhooks
from mayfly.server.assembly import make_services
from mayfly.server.clockwork import Clockwork
from mayfly.server.enrolment import HostKeys
from mayfly.server.github.connecting import connect
from mayfly.server.github.service import GitHub
from mayfly.server.people.audit import Author
from mayfly.server.services import Services
from mayfly.server.settings import Settings
from mayfly.store.forge_rows import ChoreRow, RunnerRow
from mayfly.store.memory import MemoryStore
from mayfly.store.rows import HostRow, JobRow, ProjectRow, RunRow
from mayfly.system.home import Home
from mayfly.system.switch import Switch
from mayfly.system.tasks import stop

ORG, REPOSITORY = "octo-org", "octo-org/site"
LABEL = "mayfly-1cpu-1gb"
BOTH = frozenset(Architecture)
_HOOK = "https://mayfly.test/webhooks/github"
_LIFE_S = 30.0  # of a session


class _Receiver:
    """GitHub's way to the server, which is made later."""

    app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


@dataclass
class Fleet:
    """`github` is the stand-in; `guests` are all machines there ever were."""

    world: InProcess
    store: MemoryStore
    services: Services
    guests: Guests
    folder: Path
    app: App
    installation: Installation
    repository: Repository
    hosts: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)
    drivers: dict[str, DummyDriver] = field(default_factory=dict)
    loops: "list[asyncio.Task[None]]" = field(default_factory=list)
    others: "list[asyncio.Task[None]]" = field(default_factory=list)
    replica: Any = None

    @property
    def github(self) -> Any:
        return self.world.github

    @property
    def ours(self) -> GitHub:
        assert self.services.github is not None
        return self.services.github

    def queue(self, *names: str, label: str = LABEL) -> Run:
        run: Run = self.github.start_run(
            self.repository, [JobSpec(name, (label,)) for name in names or ("build",)]
        )
        return run

    async def host(self, name: str = "h1", cpu: int = 4) -> None:
        """A host with an agent, from now on."""
        if not self.rows(HostRow, id=name):
            await self.put(HostRow(id=name, key_hash=hash_key(f"key of {name}")))
        capacity = Capacity(Decimal(cpu), cpu * 2048, BOTH)
        driver = self.drivers[name] = DummyDriver(self.guests)
        self.hosts[name] = asyncio.create_task(self._serve(name, driver, capacity))

    def start_replica(self) -> None:
        """One more server does what is to be done about GitHub."""
        self.others.append(asyncio.create_task(self.replica().github.run()))

    async def crash_replica(self) -> None:
        """The first of those, wherever it is."""
        await stop(self.others.pop(0))

    async def lose(self, name: str = "h1") -> None:
        """As by kill -9: its machines go with it, and nobody is told."""
        task = self.hosts.pop(name)
        self._cut.add(name)
        await stop(task)

    async def put(self, *rows: Any) -> None:
        def work(tx: Any) -> None:
            for row in rows:
                tx.put(row)

        await self.store.serial(work)

    def rows(self, kind: type[Any], /, **conditions: Any) -> list[Any]:
        view: Any = self.store.view()
        found: list[Any] = view.find(kind, **conditions)
        return found

    def jobs(self) -> list[JobRow]:
        """Ours that GitHub's became, the oldest first."""
        rows: list[JobRow] = self.rows(JobRow, order="created")
        return rows

    def chores(self, kind: str) -> list[ChoreRow]:
        """What is still to be asked of GitHub."""
        return [chore for chore in self.rows(ChoreRow) if chore.kind == kind]

    @property
    def machines(self) -> int:
        return sum(len(driver.alive) for driver in self.drivers.values())

    def registered(self) -> list[str]:
        """Names of the runners that GitHub has."""
        runners = self.github.runners.all.values()
        return [runner.name for runner in runners if runner.removed is None]

    async def until(self, what: Any, patience_s: float = 3600.0) -> None:
        """Wait until it is so; it is looked at each second."""
        for _ in range(int(patience_s)):
            if what():
                return
            await asyncio.sleep(1.0)
        raise AssertionError(f"never came to be; jobs: {self.jobs()}")

    async def done(self, *runs: Run, patience_s: float = 4 * 3600.0) -> None:
        """All jobs of GitHub are over, and nothing of ours is left."""
        await self.until(lambda: all(run.status == "completed" for run in runs), patience_s)
        await self.until(self.is_clean)

    def is_clean(self) -> bool:
        """No job, no machine, no runner."""
        return (
            not self.rows(RunRow, conclusion=None)
            and not self.rows(RunnerRow, live=True)
            and not self.machines
            and not self.registered()
        )

    def check(self) -> None:
        """Raises what ended a loop or a host."""
        for task in [*self.loops, *self.others, *self.hosts.values()]:
            if task.done():
                task.result()

    def __post_init__(self) -> None:
        self._cut: set[str] = set()

    async def _serve(self, name: str, driver: DummyDriver, capacity: Capacity) -> None:
        settings = JobSettings(NetworkPolicy(NetworkMode.NONE), SessionSettings(cancel_grace_s=5.0))
        self._cut.discard(name)
        transport = _Network(agents_app(self.services), lambda: name in self._cut)
        async with reach("http://servers", transport=transport) as http:
            connection = Connection(http, lambda: f"key of {name}")
            hello = Hello(capacity, Architecture.AMD64)
            home = Home(self.folder / name)
            serving = Serving(home, connection, hello, settings, drain=Switch())
            try:
                await serving.run(driver)
            finally:
                await driver.close()


class _Network(httpx.AsyncBaseTransport):
    def __init__(self, app: FastAPI, cut: Any):
        self._inner = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._cut = cut

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._cut():
            raise httpx.ConnectError("the host is dead")
        return await self._inner.handle_async_request(request)


def agents_app(services: Services) -> FastAPI:
    app = FastAPI()
    keys = HostKeys(services.store, services.now)
    app.include_router(agents.router(services.hosts, keys, services.store, services.now))
    return app


@contextlib.asynccontextmanager
async def fleet(folder: Path, *, seed: int = 0, hosts: int = 1) -> AsyncIterator[Fleet]:
    """A connected app on an organisation with one repository, and idle hosts."""
    receiver = _Receiver()
    async with in_process(receiver, seed=seed) as world:
        store, numbers = MemoryStore(), itertools.count(1)
        blobs = MemoryBlobs()

        def replica() -> Services:
            return make_services(
                store,
                blobs,
                Settings(base_url="https://mayfly.test"),
                now,
                new_id=lambda: f"{next(numbers):06x}",
                connector=Connector(world.http, now),
                session_ttl_s=_LIFE_S,
            )

        services = replica()
        assert services.github is not None
        receiver.app = FastAPI()
        receiver.app.include_router(webhooks.router(services.github.inbox, services.metrics))
        repository = world.github.create_repository(REPOSITORY, private=True)
        app = world.github.create_app(ORG, webhook_url=_HOOK)
        author = Author("ada", now())
        await store.serial(lambda tx: connect(tx, author, app_row(world.github, app)))
        installation = world.github.install(app, ORG)
        made = Fleet(
            world, store, services, Guests(world.http), folder, app, installation, repository
        )
        clockwork = Clockwork(
            store,
            services.orchestrator,
            services.scheduler,
            services.journal,
            now,
            retention=services.retention,
        )
        made.loops = [asyncio.create_task(loop()) for loop in (clockwork.run, made.ours.run)]
        try:
            for number in range(hosts):
                await made.host(f"h{number + 1}")
            await made.until(lambda: made.rows(ProjectRow))
            made.replica = replica
            yield made
            made.check()
        finally:
            await stop(*made.loops, *made.others, *made.hosts.values())
