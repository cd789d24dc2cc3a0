"""A host at work for a server: one session after another, until it has drained."""

import asyncio
import logging
from collections.abc import Callable
from decimal import Decimal

from mayfly.agent.connection import Connection
from mayfly.agent.job import JobSettings
from mayfly.agent.lives import close_left, living
from mayfly.agent.loop import Agent
from mayfly.agent.remote import RemoteControlPlane, session
from mayfly.agent.watchdog import Watchdog
from mayfly.domain.placement import Capacity
from mayfly.machines.base import MachineDriver
from mayfly.protocol.fleet import Hello, StaleLease
from mayfly.system.home import Home
from mayfly.system.switch import Switch
from mayfly.system.tasks import first, stop

_log = logging.getLogger(__name__)


class Serving:
    """One agent. `run` is called once; the rest may be asked at any time."""

    def __init__(
        self,
        home: Home,
        connection: Connection,
        hello: Hello,
        settings: JobSettings,
        *,
        drain: Switch,
        opened: Callable[[], None] = lambda: None,
    ):
        """`drain`: end what runs and take nothing more; can be taken back.

        `opened` is called with each session that was opened.
        """
        self._home = home
        self._connection = connection
        self._hello = hello
        self._settings = settings
        self._drain = drain
        self._agent: Agent | None = None
        self._control: RemoteControlPlane | None = None
        self._tell_opened = opened

    @property
    def jobs(self) -> int:
        """How many run now."""
        return len(self._control.held) if self._control else 0

    @property
    def waiting_bytes(self) -> int:
        """Of reports that the server has not yet taken in."""
        return self._control.waiting_bytes if self._control else 0

    @property
    def in_session(self) -> bool:
        return self._control is not None

    def spare(self) -> Capacity:
        """Room that no job has, and none is about to get."""
        if self._agent is None or self._drain.on:
            return Capacity(Decimal(0), 0, self._hello.capacity.architectures)
        return self._agent.free

    async def run(self, driver: MachineDriver) -> None:
        """Until it has drained. Cancelled, or without a server, it destroys what it runs at once.

        Raises Refused when the server does not want this host.
        """
        await close_left(self._home, self._connection)
        while not self._drain.on:
            await first(self._session(driver), self._unopened())

    async def _unopened(self) -> None:
        """A host that drains does not wait for a server."""
        await self._drain.until(on=True)
        if self._control is not None:
            await asyncio.Event().wait()

    async def _session(self, driver: MachineDriver) -> None:
        with Watchdog() as watchdog:
            opening = session(self._connection, self._hello, watchdog.put_off)
            async with opening as control:
                with living(self._home, control.id):
                    await self._work(control, driver)
                watchdog.rest()

    async def _work(self, control: RemoteControlPlane, driver: MachineDriver) -> None:
        """Run jobs until the session is over or the host has drained."""
        agent = Agent(_room(self._hello), control, driver, self._settings)
        self._control, self._agent = control, agent
        self._tell_opened()
        _log.info("in session %s", control.id)
        running = asyncio.create_task(agent.run())
        draining = asyncio.create_task(_drained(self._drain, control, agent))
        try:
            done, _ = await asyncio.wait({running, draining}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except StaleLease as over:
            _log.warning("%s; what it ran here was stopped", over)
        finally:
            # What is stopped now was not cancelled by a person: the server gives it to others.
            control.end("the agent stops")
            await stop(running, draining)
            self._control = self._agent = None


def _room(hello: Hello) -> Capacity:
    """What all jobs together may be given."""
    capacity = hello.capacity
    cpu = capacity.cpu * Decimal(str(hello.cpu_factor))
    return Capacity(cpu, capacity.memory_mib, capacity.architectures)


async def _drained(drain: Switch, control: RemoteControlPlane, agent: Agent) -> None:
    """Returns when all jobs have ended while the host drains."""
    while True:
        await drain.until(on=True)
        _log.info("draining: %d jobs run", len(control.held))
        control.drain()
        await first(_idle(control, agent), drain.until(on=False))
        if drain.on:
            return
        control.drain(draining=False)


async def _idle(control: RemoteControlPlane, agent: Agent) -> None:
    await control.settled()
    await agent.idle()
