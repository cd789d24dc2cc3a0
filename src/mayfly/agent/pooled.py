"""One machine of the warm pool: on its way, ready, and in the hands of a job."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace

from mayfly.machines.base import (
    Death,
    Machine,
    MachineDriver,
    MachineSpec,
    MachineStart,
    ShellChannel,
    Usage,
    new_machine_id,
)
from mayfly.machines.network.base import NetworkPolicy
from mayfly.machines.rehearsal import rehearse
from mayfly.protocol.messages import Identity
from mayfly.system.tasks import to_the_end

Kind = tuple[MachineSpec, NetworkPolicy]
"""Two machines of a kind are as good as each other."""


class Place:
    """A machine that is made, rehearses, and waits until it is taken, too old, or dead.

    `task` ends with the machine, or when it is taken; cancelling it destroys the machine. `ready`
    says whether it can be taken; `on_ready` is called when it becomes so.
    """

    def __init__(
        self,
        driver: MachineDriver,
        kind: Kind,
        on_ready: Callable[[], None],
        *,
        rehearsal_s: float,
        max_age_s: float,
    ):
        self.kind = kind
        self.ready = False
        self._taken = False
        self._machine: Machine | None = None
        self.task = asyncio.create_task(self._live(driver, on_ready, rehearsal_s, max_age_s))

    @property
    def spec(self) -> MachineSpec:
        return self.kind[0]

    def take(self) -> Machine:
        """The caller's from now on; only while `ready`."""
        assert self._machine is not None
        self._taken, self.ready = True, False
        self.task.cancel()
        return self._machine

    async def _live(
        self,
        driver: MachineDriver,
        on_ready: Callable[[], None],
        rehearsal_s: float,
        max_age_s: float,
    ) -> None:
        spec, network = self.kind
        name = new_machine_id()
        await driver.prepare(spec)  # it was, but may have been given up as long unused
        machine = await driver.start(spec, MachineStart(name, name, network))
        try:
            await rehearse(machine, rehearsal_s)
            self._machine, self.ready = machine, True
            on_ready()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max_age_s):
                    await machine.death()
        finally:
            self.ready = False
            if not self._taken:
                await to_the_end(machine.destroy())


class Given:
    """A machine of the pool under the names its job's start gives it; see `machines.base.Machine`.

    Nothing in it knows the names it waited under once it has its identity.
    """

    def __init__(self, machine: Machine, start: MachineStart):
        self._machine = machine
        self._start = start
        self._waiting = machine.usage()

    @property
    def id(self) -> str:
        return self._start.id

    @property
    def identity(self) -> Identity:
        return replace(self._machine.identity, hostname=self._start.hostname)

    @property
    def accelerator(self) -> str:
        return self._machine.accelerator

    async def read(self) -> bytes:
        return await self._machine.read()

    async def write(self, data: bytes) -> None:
        await self._machine.write(data)

    async def open_shell(self) -> ShellChannel:
        return await self._machine.open_shell()

    async def death(self) -> Death:
        return await self._machine.death()

    def usage(self) -> Usage:
        """Since it was given; what it took while it rehearsed and waited is not the job's."""
        return self._machine.usage().since(self._waiting)

    async def destroy(self) -> None:
        await self._machine.destroy()
