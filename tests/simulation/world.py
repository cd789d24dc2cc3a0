"""One seed's world: servers, hosts and people, everything going wrong, and then the healing."""

import asyncio
import functools
import random
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from tests.blobs import MemoryBlobs
from tests.simulation import people
from tests.simulation.beginning import set_up
from tests.simulation.chances import Chances
from tests.simulation.clock import now
from tests.simulation.forge import Forge
from tests.simulation.forge_laws import look_at_the_end_of_forge, unsettled
from tests.simulation.guests import observed
from tests.simulation.hold import LawBroken
from tests.simulation.hosts import Host
from tests.simulation.laws import LawfulStore, Machines, look_at_the_end
from tests.simulation.replicas import SESSION_TTL_S, Replica

from mayfly.machines.dummy.scripted import scripted
from mayfly.server.journal import Journals
from mayfly.store.base import StoreUnavailable, Tx
from mayfly.store.rows import JobRow, ReviewRow, RunRow
from mayfly.system.tasks import stop

_REPLICAS, _HOSTS = 2, 2
_WITH_GITHUB = 5  # the seeds that are multiples of it
_HEALING_S = 4 * 3600.0
_LOCK_S = 150.0  # until GitHub gives up a job whose runner is silent; in truth four times that
_key = functools.cache(load_pem_private_key)


class World:
    """`run` is called once, in an event loop with a virtual clock."""

    def __init__(self, seed: int, folder: Path, tell: Callable[[str], None] = lambda text: None):
        self.chances = Chances(seed)
        self.random = self.chances.random
        random.seed(seed)  # back-off and jitter of the code itself
        self.store = LawfulStore()
        self._blobs = MemoryBlobs()
        self._machines = Machines()
        self._tell = tell
        self._ids = 0
        self._replicas: list[Replica] = []
        self._pace = 1.0
        self._later: set[asyncio.Task[None]] = set()
        self._forge = Forge(self._replicas, self.chances) if seed % _WITH_GITHUB == 0 else None
        guest = observed(self._machines, self._forge.guests if self._forge else scripted)
        if self._forge is not None:  # where much takes minutes
            self._pace = self.random.choice([1.0, 1.0, 5.0, 30.0])
        self._hosts = [
            Host(f"host{number}", folder, self._replicas, self.chances, guest)
            for number in range(_HOSTS)
        ]

    async def run(self) -> None:
        """Raises LawBroken."""
        with (
            # The agents' watchdogs are threads, with a clock of their own.
            mock.patch("mayfly.agent.serve.Watchdog"),
            # To prove a key takes as long as a tenth of a world, and so does a minute at GitHub.
            mock.patch("mayfly.forges.github.auth.load_pem_private_key", _key),
            mock.patch("tests.standins.github.actions.LOCK", _LOCK_S),
        ):
            try:
                await self._live()
            finally:
                await self._end()
        journals = Journals(self.store, self._blobs)
        await look_at_the_end(self.store, journals, self._machines)
        if self._forge is not None:
            look_at_the_end_of_forge(self._forge, self.store.view())

    async def _live(self) -> None:
        await self._begin()
        for _ in range(self.random.randint(4, 16)):
            await asyncio.sleep(self._pace * self.random.expovariate(0.5))
            await self._something_happens()
            self._check()
        await self._heal()

    async def _begin(self) -> None:
        await people.upload(self.store, self._blobs)
        await self.store.serial(self._set_up)
        for _ in range(_REPLICAS):
            self._start_replica()
        for host in self._hosts:
            host.start()
        if self._forge is not None:
            self._forge.install()
        await self._submit()

    def _set_up(self, tx: Tx) -> None:
        set_up(tx, self.random, self._hosts)
        if self._forge is not None:
            self._forge.connect(tx)

    def _start_replica(self) -> None:
        github = self._forge.way() if self._forge is not None else None
        replica = Replica(self.store, self._blobs, self.chances, self._new_id, github)
        self._replicas.append(replica)

    def _new_id(self) -> str:
        self._ids += 1
        return f"{self._ids:06x}"

    async def _something_happens(self) -> None:
        happenings: list[tuple[int, Callable[[], Coroutine[Any, Any, None]]]] = [
            (10, self._submit),
            (3, self._cancel),
            (2, self._approve),
            (2, self._drain),
            (2, self._crash_replica),
            (2, self._crash_host),
            (2, self._cut_network),
            *(self._forge.happenings if self._forge is not None else []),
        ]
        weights = [weight for weight, _ in happenings]
        [(_, happen)] = self.random.choices(happenings, weights)
        self._tell(f"{asyncio.get_running_loop().time():9.2f} {happen.__name__.strip('_')}")
        await happen()

    async def _submit(self) -> None:
        if self._replicas:
            services = self.random.choice(self._replicas).services
            wanted = people.submission(self.random)
            project = self.random.choice(people.PROJECTS)
            await self._trying(services.submissions.submit(project, wanted, "bob"))

    async def _cancel(self) -> None:
        runs = await self.store.read(lambda view: view.find(RunRow, conclusion=None))
        if runs and self._replicas:
            run = self.random.choice(runs).id
            orchestrator = self.random.choice(self._replicas).services.orchestrator
            close = self.random.random() < 0.3
            work = self.store.serial(
                lambda tx: orchestrator.cancel_run(tx, run, "by bob", close=close)
            )
            await self._trying(work)

    async def _approve(self) -> None:
        if self._replicas:
            orchestrator = self.random.choice(self._replicas).services.orchestrator
            word = self.random.random() < 0.8

            def work(tx: Tx) -> None:
                for review in tx.find(ReviewRow, approved=None):
                    tx.put(replace(review, approved=word, by="ann", at=now()))
                    orchestrator.advance(tx, review.run)

            await self._trying(self.store.serial(work))

    async def _drain(self) -> None:
        name, draining = self.random.choice(self._hosts).name, self.random.random() < 0.5
        await self.store.serial(lambda tx: people.set_draining(tx, name, draining=draining))

    async def _crash_replica(self) -> None:
        if self._replicas:
            replica = self._replicas.pop(self.random.randrange(len(self._replicas)))
            await replica.crash()
            self._afterwards(self._start_replica)

    async def _crash_host(self) -> None:
        host = self.random.choice(self._hosts)
        if host.alive:
            await host.crash()
            self._afterwards(host.start)

    async def _cut_network(self) -> None:
        network = self.random.choice(self._hosts).network
        network.cut = True
        self._afterwards(lambda: setattr(network, "cut", False))

    def _afterwards(self, mend: Callable[[], None]) -> None:
        async def later() -> None:
            await asyncio.sleep(self.random.expovariate(0.05))
            mend()

        self._later.add(asyncio.create_task(later()))

    async def _trying(self, work: Coroutine[Any, Any, object]) -> None:
        """People see that it failed, and may not know whether it was done."""
        try:
            await work
        except StoreUnavailable as error:
            self._tell(f"          failed: {error}")

    async def _heal(self) -> None:
        """No more faults: all that was accepted must come to its end."""
        self._tell("healing")
        self.chances.calm = True
        if self._forge is not None:
            self._forge.heal()
        await asyncio.gather(*self._later)
        while len(self._replicas) < _REPLICAS:
            self._start_replica()
        for host in self._hosts:
            host.network.cut = False
            await self.store.serial(lambda tx, name=host.name: people.set_draining(tx, name))  # type: ignore[misc]
            if not host.alive:
                host.start()
        try:
            async with asyncio.timeout(_HEALING_S):
                while self._left():
                    await asyncio.sleep(10.0)
                    await self._approve()
                    if self._forge is not None:
                        self._forge.approve()
                    self._check()
        except TimeoutError:
            raise LawBroken(f"everything ends: {self._left()}") from None
        for host in self._hosts:
            await host.leave()
        await asyncio.sleep(2 * SESSION_TTL_S)  # sessions of those that were killed

    def _left(self) -> list[str]:
        view = self.store.view()
        left = [
            f"{row.id} {row.state} {row.reason} on {row.host}"
            for run in view.find(RunRow, conclusion=None)
            for row in view.find(JobRow, run=run.id)
        ]
        return left + (unsettled(self._forge, view) if self._forge is not None else [])

    def _check(self) -> None:
        """Nothing that runs by itself may have ended by itself."""
        self._machines.look()
        for host in self._hosts:
            host.check()
        for replica in self._replicas:
            replica.check()

    async def _end(self) -> None:
        await stop(*self._later)
        for host in self._hosts:
            await host.leave()
        for replica in self._replicas:
            await replica.crash()
        if self._forge is not None:
            await self._forge.close()
