"""One agent process of a host: its parts, its signals, its predecessor and its successor."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from prometheus_client import CollectorRegistry

import mayfly
from mayfly.agent import handover, metrics
from mayfly.agent.connection import Connection, reach
from mayfly.agent.enrol import renew_keys
from mayfly.agent.handover import Link, Successor, predecessor, successor
from mayfly.agent.images import ImageSource
from mayfly.agent.job import JobSettings
from mayfly.agent.membership import Membership, MembershipFile
from mayfly.agent.pool import Pool
from mayfly.agent.serve import Serving
from mayfly.agent.server_images import ServerImages
from mayfly.agent.starts import Illness, StartMetrics, WatchedDriver
from mayfly.agent.tidy import keep_tidy
from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import HostCannot
from mayfly.domain.placement import Capacity
from mayfly.machines.base import MachineDriver
from mayfly.protocol.fleet import Hello
from mayfly.system.garbage import settle
from mayfly.system.home import Home
from mayfly.system.notify import notify
from mayfly.system.switch import Switch
from mayfly.system.tasks import first, to_the_end

_log = logging.getLogger(__name__)

_PREDECESSOR_S = 20.0
_AGAIN_S = 0.5


DriverOf = Callable[[ImageSource], MachineDriver]
"""A driver that takes the server's images from there."""


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """`capacity` is what the host has. `accelerators` are by architecture.

    `command` starts this program anew, to replace this process. `drain_s` bounds how long jobs may
    go on once the process was told to stop. `metrics` is `HOST:PORT`.
    """

    settings: JobSettings
    capacity: Capacity
    accelerators: dict[str, str]
    command: Sequence[str]
    drain_s: float
    metrics: str | None = None
    pool: bool = True


async def run_agent(
    home: Home,
    options: AgentOptions,
    driver_of: DriverOf,
    stopping: asyncio.Event,
    replacing: asyncio.Event,
) -> None:
    """Until the agent was stopped or replaced, and what it ran has ended; closes the driver.

    `stopping` lets jobs end, `replacing` starts a successor; cancelling the call ends all at once.
    """
    file = MembershipFile(home)
    membership = file.load()
    ca_file = Path(membership.ca_file) if membership.ca_file else None
    async with predecessor() as before, reach(membership.server, ca_file) as http:
        connection = Connection(http, file.key)
        process = _Process(
            home=home,
            options=options,
            membership=membership,
            connection=connection,
            before=before,
            stopping=stopping,
            replacing=replacing,
        )
        await process.run(driver_of(ServerImages(connection)), file)


class _Process:
    def __init__(
        self,
        *,
        home: Home,
        options: AgentOptions,
        membership: Membership,
        connection: Connection,
        before: Link | None,
        stopping: asyncio.Event,
        replacing: asyncio.Event,
    ):
        self._options = options
        self._connection = connection
        self._before = before
        self._stopping = stopping
        self._replacing = replacing
        self._drain = Switch()
        self._replaced = Switch()
        self._serving = Serving(
            home,
            connection,
            _hello(membership, options),
            options.settings,
            drain=self._drain,
            opened=self._ready,
        )
        self._alone = asyncio.Event()
        if before is None:
            self._alone.set()

    async def run(self, driver: MachineDriver, file: MembershipFile) -> None:
        registry, illness = CollectorRegistry(), Illness()
        pool = Pool(driver, self._spare) if self._options.pool else None
        watched = WatchedDriver(pool or driver, StartMetrics.of(registry), illness)
        registry.register(metrics.Now(self._serving, pool))
        settle()
        try:
            await first(
                self._serve(watched),
                self._stop_when_told(),
                self._replace_when_told(),
                self._outlive(),
                self._show(registry),
                renew_keys(self._connection, file),
                illness.report(self._connection),
                keep_tidy(watched),
            )
        finally:
            await to_the_end(self._close(watched))

    async def _serve(self, driver: MachineDriver) -> None:
        await self._serving.run(driver)
        await self._alone.wait()

    async def _close(self, driver: MachineDriver) -> None:
        await driver.close()
        if self._before is not None and not self._alone.is_set():
            self._before.say(handover.STOP)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PREDECESSOR_S):
                    await self._before.ended()

    async def _outlive(self) -> None:
        """Take note when the predecessor has ended."""
        if self._before is not None:
            await self._before.ended()
            _log.info("the agent before this one has ended")
            self._alone.set()
        await asyncio.Event().wait()

    async def _show(self, registry: CollectorRegistry) -> None:
        """Metrics, until a successor shows its own at the same address."""
        address, patient = self._options.metrics, self._before is not None
        while address is not None:
            await self._replaced.until(on=False)
            try:
                async with metrics.served(registry, address):
                    patient = True
                    await self._replaced.until(on=True)
            except HostCannot:
                if not patient:
                    raise
                await asyncio.sleep(_AGAIN_S)
        await asyncio.Event().wait()

    def _ready(self) -> None:
        notify("READY=1", f"STATUS=in session as {os.getpid()}")
        if self._before is not None and not self._alone.is_set():
            self._before.say(handover.READY)

    def _spare(self) -> Capacity:
        """For warm machines: none while another agent's jobs take room that only it knows of."""
        if self._alone.is_set():
            return self._serving.spare()
        return Capacity(Decimal(0), 0, self._options.capacity.architectures)

    async def _stop_when_told(self) -> None:
        await self._stopping.wait()
        if self._before is not None:
            self._before.say(handover.DRAIN)
        self._drain.turn(on=True)
        await asyncio.sleep(self._options.drain_s)
        _log.warning("jobs still run after %g s; they are stopped", self._options.drain_s)

    async def _replace_when_told(self) -> None:
        """Returns when the successor wants this one to end at once."""
        while True:
            await self._replacing.wait()
            self._replacing.clear()
            if self._drain.on:
                continue
            notify("RELOADING=1")
            try:
                async with successor(self._options.command) as new:
                    if await new.ready() and await self._follow(new):
                        return
            except OSError as error:
                _log.error("a new agent could not be started: %s", error)
            _log.error("this agent goes on")
            notify("READY=1", f"MAINPID={os.getpid()}")

    async def _follow(self, new: Successor) -> bool:
        """Drain while the successor lives; whether it wants this one to end at once."""
        _log.info("process %d takes over", new.pid)
        notify(f"MAINPID={new.pid}")
        self._drain.turn(on=True)
        self._replaced.turn(on=True)
        while (word := await new.link.hear()) is not None:
            if word == handover.DRAIN:
                self._stopping.set()
            elif word == handover.STOP:
                return True
        await new.end()
        self._replaced.turn(on=False)
        if not self._stopping.is_set():
            self._drain.turn(on=False)
        return False


def _hello(membership: Membership, options: AgentOptions) -> Hello:
    return Hello(
        capacity=options.capacity,
        native=Architecture.of_host(),
        cpu_factor=membership.cpu_factor,
        agent_version=mayfly.__version__,
        accelerators=options.accelerators,
    )
