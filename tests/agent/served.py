"""A server of agents in this process: real routes, hosts that remember, a faulty network."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx
from fastapi import FastAPI

from mayfly.agent.connection import Connection, reach
from mayfly.agent.remote import RemoteControlPlane, session
from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import InvalidInput
from mayfly.domain.placement import Capacity, less
from mayfly.protocol.fleet import (
    Assignment,
    Given,
    Hello,
    JobEnded,
    Lease,
    Numbered,
    Opened,
    Report,
    StaleLease,
    Wishes,
)
from mayfly.protocol.wire import hash_key
from mayfly.server.api import agents
from mayfly.server.dispatch import SessionOver
from mayfly.server.enrolment import HostKeys
from mayfly.server.taking import ReportsMissing
from mayfly.store.memory import MemoryStore
from mayfly.store.rows import HostRow, SessionRow
from mayfly.system.changes import Changes
from mayfly.workflow.spec import JobSpec

TTL_S = 30.0
KEY = "a key"
HELLO = Hello(Capacity(Decimal(8), 1 << 20, frozenset(Architecture)), Architecture.AMD64)


@dataclass
class Session:
    until: float
    ended: bool = False
    leases: dict[Lease, int] = field(default_factory=dict)  # how many reports were taken in


@dataclass
class RememberingHosts:
    """As `server.hosts.Hosts`, without jobs and machines: knows what it gave out and was told.

    `on_report` is called with each report that is taken in. `asked` is what each session has room
    for.
    """

    store: MemoryStore
    queue: list[Assignment] = field(default_factory=list)
    specs: dict[str, JobSpec] = field(default_factory=dict)
    sources: dict[str | None, Sequence[bytes]] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    reports: dict[Lease, list[Report]] = field(default_factory=dict)
    lost: list[Lease] = field(default_factory=list)
    cancelled: dict[Lease, str] = field(default_factory=dict)
    taken_at: list[float] = field(default_factory=list)
    asked: dict[str, Capacity] = field(default_factory=dict)
    on_report: Callable[[Lease, Report], None] = lambda lease, report: None
    changes: Changes = field(default_factory=Changes)

    def put(self, *assignments: Assignment) -> None:
        self.queue += assignments
        self.changes.announce()

    def cancel(self, lease: Lease, reason: str = "a test says so") -> None:
        self.cancelled[lease] = reason
        self.changes.announce()

    def take_away(self, lease: Lease) -> None:
        for one in self.sessions.values():
            one.leases.pop(lease, None)
        self.changes.announce()

    def end(self, name: str) -> None:
        """Give away what the session held."""
        one = self.sessions[name]
        if not one.ended:
            one.ended = True
            self.lost += one.leases
            one.leases.clear()
            self.changes.announce()

    async def open_session(self, host: str, hello: Hello) -> Opened:
        name = f"session-{len(self.sessions) + 1}"
        now = asyncio.get_running_loop().time()
        self.sessions[name] = Session(now + TTL_S)
        await self.store.write(lambda tx: tx.add(SessionRow(id=name, host=host)))
        return Opened(name, TTL_S)

    async def renew(self, name: str) -> bool:
        one = self._look(name)
        if not one.ended:
            one.until = asyncio.get_running_loop().time() + TTL_S
        return not one.ended

    async def close_session(self, name: str) -> None:
        self.end(name)

    async def claim(
        self,
        name: str,
        free: Capacity,
        held: frozenset[Lease] = frozenset(),
        patience_s: float | None = None,
        most: int = 1,
    ) -> tuple[Given, ...]:
        self.asked[name] = free
        self.changes.announce()
        try:
            async with asyncio.timeout(patience_s):
                while True:
                    if given := self._given(self._alive(name), free, held, most):
                        return tuple(Given(job, self._known_spec(job.lease)) for job in given)
                    await self.changes.wait()
        except TimeoutError:
            return ()

    def _given(
        self, one: Session, free: Capacity, held: frozenset[Lease], most: int
    ) -> list[Assignment]:
        if lost := [self._known[lease] for lease in one.leases if lease not in held]:
            return lost[:most]
        given: list[Assignment] = []
        for job in tuple(self.queue):
            fits = Decimal(str(job.cpu)) <= free.cpu and job.memory_mib <= free.memory_mib
            if fits and len(given) < most:
                free = less(free, job.cpu, job.memory_mib)
                self.queue.remove(job)
                one.leases[job.lease] = 0
                self._known[job.lease] = job
                given.append(job)
        return given

    def __post_init__(self) -> None:
        self._known: dict[Lease, Assignment] = {}

    def _known_spec(self, lease: Lease) -> JobSpec | None:
        """Of every other job, as of such that are not a forge's."""
        return self.specs.get(lease.job) if len(lease.job) % 2 else None

    async def hand_over(self, name: str, lease: Lease) -> JobSpec:
        self._held(name, lease)
        return self.specs[lease.job]

    async def report(self, name: str, reports: Sequence[Numbered]) -> tuple[Lease, ...]:
        stale: dict[Lease, None] = {}
        leases = self._look(name).leases
        for one in reports:
            if one.lease not in leases:
                stale[one.lease] = None
            elif one.number > leases[one.lease] + 1:
                raise ReportsMissing(f"{one}")
            elif one.number == leases[one.lease] + 1:
                leases[one.lease] = one.number
                self._take(leases, one)
        return tuple(stale)

    def _take(self, leases: dict[Lease, int], one: Numbered) -> None:
        self.reports.setdefault(one.lease, []).append(one.report)
        self.taken_at.append(asyncio.get_running_loop().time())
        self.on_report(one.lease, one.report)
        if isinstance(one.report, JobEnded):
            del leases[one.lease]
            self.changes.announce()

    async def wishes(
        self,
        name: str,
        held: frozenset[Lease],
        told: frozenset[Lease] = frozenset(),
        patience_s: float | None = None,
    ) -> Wishes:
        try:
            async with asyncio.timeout(patience_s):
                while True:
                    ours = frozenset(self._look(name).leases)
                    cancel = [
                        (lease, why)
                        for lease, why in self.cancelled.items()
                        if lease in ours - told
                    ]
                    if cancel or held - ours:
                        return Wishes(tuple(cancel), tuple(held - ours))
                    await self.changes.wait()
        except TimeoutError:
            return Wishes()

    async def source(self, name: str, lease: Lease, action: str | None) -> AsyncIterator[bytes]:
        self._held(name, lease)
        if action not in self.sources:
            raise InvalidInput(f"there is no {action}")
        for piece in self.sources[action]:
            await asyncio.sleep(0)
            yield piece

    def _look(self, name: str) -> Session:
        """Sessions that nobody renewed end as time passes."""
        one = self.sessions[name]
        if one.until < asyncio.get_running_loop().time():
            self.end(name)
        return one

    def _alive(self, name: str) -> Session:
        one = self._look(name)
        if one.ended:
            raise SessionOver(f"session {name} is over")
        return one

    def _held(self, name: str, lease: Lease) -> None:
        if lease not in self._look(name).leases:
            raise StaleLease(f"{lease}")


@dataclass
class Network(httpx.AsyncBaseTransport):
    """Calls the server directly, or fails to: chances 0…1 of each request, and a cut cable.

    `late_s` is how long each way may take at most, `answer_s` how long the way back takes at least.
    """

    app: FastAPI
    lose_request: float = 0.0
    lose_answer: float = 0.0
    repeat: float = 0.0
    break_off: float = 0.0
    late_s: float = 0.0
    answer_s: float = 0.0
    cut: bool = False
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    seen: list[str] = field(default_factory=list)
    silent: bool = False

    def __post_init__(self) -> None:
        self._server = httpx.ASGITransport(self.app, raise_app_exceptions=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request.url.path)
        await asyncio.sleep(self.late_s * self.chance.random())
        await self._fail(self.lose_request)
        response = await self._server.handle_async_request(request)
        if self.chance.random() < self.repeat:
            response = await self._server.handle_async_request(request)
        await asyncio.sleep(self.answer_s + self.late_s * self.chance.random())
        await self._fail(self.lose_answer)
        if request.url.path.endswith("source") and self.chance.random() < self.break_off:
            return httpx.Response(
                response.status_code, stream=_Broken(await response.aread(), self.chance.random())
            )
        return response

    async def _fail(self, probability: float) -> None:
        if self.cut or self.chance.random() < probability:
            if self.silent:
                await asyncio.Event().wait()
            raise httpx.ConnectError("the cable is cut")


class _Broken(httpx.AsyncByteStream):
    def __init__(self, data: bytes, where: float):
        self._data = data[: int(len(data) * where)]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._data
        raise httpx.ReadError("broken off")


@dataclass
class Served:
    hosts: RememberingHosts
    network: Network
    connection: Connection

    @asynccontextmanager
    async def session(self) -> AsyncIterator[RemoteControlPlane]:
        async with session(self.connection, HELLO) as control:
            yield control


@asynccontextmanager
async def served(**faults: Any) -> AsyncIterator[Served]:
    """A server with one host, `host`, and the way to it."""
    store = MemoryStore()
    await store.serial(lambda tx: tx.put(HostRow(id="host", created=0.0, key_hash=hash_key(KEY))))
    hosts = RememberingHosts(store)
    now = asyncio.get_running_loop().time
    app = FastAPI()
    app.include_router(agents.router(hosts, HostKeys(store, now), store, now))  # type: ignore[arg-type]
    network = Network(app, **faults)
    async with reach("http://server", transport=network) as http:
        yield Served(hosts, network, Connection(http, lambda: KEY))
