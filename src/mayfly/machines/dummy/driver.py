"""The `dummy` driver: keeps the whole contract of `machines.base` without a machine.

For tests of everything above a driver, ours and other people's, and for trying out a fleet.
"""

import asyncio
import contextlib
import secrets
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from mayfly.machines.base import (
    Death,
    MachineFailed,
    MachineSpec,
    MachineStart,
    Report,
    Usage,
    silent,
)
from mayfly.machines.dummy.pipe import Closed, Port
from mayfly.machines.dummy.scripted import scripted
from mayfly.protocol.messages import Identity
from mayfly.system.owned import reap_folders
from mayfly.system.tasks import stop

Guest = Callable[[Port], Awaitable[None]]
"""What runs in a machine, from where its runner waits for a job. When it returns the machine is
powered off; when it raises MachineFailed, that is what happened to the machine."""


@dataclass(slots=True)
class Faults:
    """What goes wrong on this host from now on; what goes wrong in a guest is the guest's choice.

    `prepare_s` and `start_s` are how long those take, in seconds of the event loop.
    """

    prepare: MachineFailed | None = None
    prepare_s: float = 0.0
    start: MachineFailed | None = None
    start_s: float = 0.0


class DummyMachine:
    """See `machines.base.Machine`."""

    accelerator = "none"

    def __init__(self, start: MachineStart, guest: Guest, gone: Callable[[str], None]):
        self.id = start.id
        self._machine_id = secrets.token_hex(16)
        self._mac = f"02:{secrets.token_hex(5)}"
        self._hostname = start.hostname
        self._port = Port()
        self._shell = Port()
        self._gone = gone
        self._since = asyncio.get_running_loop().time()
        self._echoing = asyncio.create_task(_echo(self._shell.other))
        self._running = asyncio.create_task(self._run(guest))
        self._running.add_done_callback(self._ended)

    @property
    def identity(self) -> Identity:
        return Identity(
            hostname=self._hostname,
            machine_id=self._machine_id,
            entropy=b64encode(secrets.token_bytes(64)).decode(),
            time_ns=time.time_ns(),
            mac=self._mac,
        )

    async def read(self) -> bytes:
        return await self._port.read()

    async def write(self, data: bytes) -> None:
        try:
            await self._port.write(data)
        except Closed:
            raise MachineFailed("the machine has ended") from None

    async def open_shell(self) -> Port:
        return self._shell

    async def death(self) -> Death:
        await asyncio.wait([self._running])
        error = None if self._running.cancelled() else self._running.exception()
        return Death(error is None, str(error or "power off"))

    def usage(self) -> Usage:
        lived = asyncio.get_running_loop().time() - self._since
        return Usage(lived, 64 * 1024 * 1024, net_received=0, net_sent=0)

    async def destroy(self) -> None:
        await stop(self._running, self._echoing)

    async def _run(self, guest: Guest) -> None:
        with contextlib.suppress(Closed):  # the host hung up
            await guest(self._port.other)

    def _ended(self, _running: "asyncio.Task[None]") -> None:
        self._port.hang_up()
        self._shell.hang_up()
        self._echoing.cancel()
        self._gone(self.id)


class DummyDriver:
    """See `machines.base.MachineDriver`; `guest` runs in every machine."""

    name = "dummy"

    def __init__(self, guest: Guest = scripted, *, folder: Path | None = None):
        """`folder` is where guests keep files, if they do; `reap` clears it."""
        self.faults = Faults()
        self.closed = False
        self._guest = guest
        self._folder = folder
        self._alive: dict[str, MachineSpec] = {}
        self._prepared: set[MachineSpec] = set()
        self._preparing: dict[MachineSpec, asyncio.Lock] = {}

    @property
    def alive(self) -> dict[str, MachineSpec]:
        """Machines that have neither ended nor been destroyed, by id."""
        return dict(self._alive)

    async def prepare(self, spec: MachineSpec, report: Report = silent) -> None:
        async with self._preparing.setdefault(spec, asyncio.Lock()):
            if spec in self._prepared:
                return
            report("booting", None)
            await asyncio.sleep(self.faults.prepare_s)
            if self.faults.prepare is not None:
                raise self.faults.prepare
            report("freezing", 1.0)
            self._prepared.add(spec)

    async def start(self, spec: MachineSpec, start: MachineStart) -> DummyMachine:
        if spec not in self._prepared:
            raise RuntimeError(f"{spec} was not prepared")
        await asyncio.sleep(self.faults.start_s)
        if self.faults.start is not None:
            raise self.faults.start
        self._alive[start.id] = spec
        return DummyMachine(start, self._guest, self._alive.__delitem__)

    async def reap(self) -> list[str]:
        if self._folder is None:
            return []
        return [f"machine {path.name}" for path in reap_folders(self._folder)]

    async def close(self) -> None:
        self.closed = True
        if self._alive:
            raise RuntimeError(f"machines are alive: {', '.join(self._alive)}")
        self._prepared.clear()


async def _echo(port: Port) -> None:
    """The shell of a machine that has none."""
    while data := await port.read():
        await port.write(data)
