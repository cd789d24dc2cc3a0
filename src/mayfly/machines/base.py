"""The machine interface, whole: what a driver must offer and what its callers may rely on.

The order of calls for one job:

    driver = QemuDriver(...)                  once a process
    await driver.prepare(spec, report)        makes the template; idempotent, safe concurrently
    machine = await driver.start(spec, ...)   a fresh clone whose runner is waiting
    machine.identity                          what the clone must become; sent with the job
    await machine.read() / machine.write()    the runner's frames, as raw bytes
    await machine.destroy()                   always; safe twice, and while read() waits

`start` cleans up after itself when it fails or is cancelled. A machine serves one job and is never
reused. All methods are coroutines of one event loop; different machines may be used concurrently,
one machine has one reader and one writer at a time. When the process that owns a machine ends,
however it ends, the machine ends with it; what files that leaves `reap` removes.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import MayflyError
from mayfly.machines.network.base import NetworkPolicy
from mayfly.protocol.messages import Identity

Report = Callable[[str, float | None], None]
"""Progress of a long step: what is being done, and the fraction done (0…1) when known."""


def silent(_stage: str, _fraction: float | None) -> None:
    """A Report for callers that show nothing."""


def new_machine_id() -> str:
    """Names a machine and is its host name: `mayfly-` and 8 hexadecimal digits."""
    return f"mayfly-{secrets.token_hex(4)}"


class MachineFailed(MayflyError):
    """A machine could not be made, or ended on its own: ours or the guest's fault, said which."""


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """What is asked for; equal specs share a template. `disk_gib` is the throw-away layer."""

    image: str
    architecture: Architecture
    vcpus: int
    memory_mib: int
    disk_gib: int = 24


@dataclass(frozen=True, slots=True)
class MachineStart:
    """What differs from one machine of a spec to the next."""

    id: str
    hostname: str
    network: NetworkPolicy = field(default_factory=NetworkPolicy)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a machine took from its host since it started; None where the host cannot tell.

    `peak_memory` is what was resident at most, the guest's file cache included. `cpu_wait_seconds`
    is how long its CPUs were ready and had to wait for the host's. Disk and network are in bytes,
    as the host's disks and the guest's network saw them. The host's own: what a hypervisor below
    took from its CPUs, summed over them, and how long anything on it waited for a CPU, for memory
    or for a disk.
    """

    cpu_seconds: float
    peak_memory: int
    cpu_wait_seconds: float | None = None
    disk_read: int | None = None
    disk_written: int | None = None
    net_received: int | None = None
    net_sent: int | None = None
    host_steal_seconds: float | None = None
    host_cpu_pressure_seconds: float | None = None
    host_memory_pressure_seconds: float | None = None
    host_io_pressure_seconds: float | None = None

    def since(self, earlier: "Usage") -> "Usage":
        """What was taken after `earlier` of the same machine; the peak stays that of all time.

        What could not be told then counts from the beginning: a process that has just been started
        is not in its network yet.
        """
        told = {
            field.name: _less(getattr(self, field.name), getattr(earlier, field.name))
            for field in fields(self)
        }
        return Usage(**{**told, "peak_memory": self.peak_memory})

    def more(self) -> dict[str, float]:
        """What is known besides CPU seconds and memory, by name."""
        known = {field.name: getattr(self, field.name) for field in fields(self)[2:]}
        return {name: value for name, value in known.items() if value is not None}


def _less(now: Any, earlier: Any) -> Any:
    return None if now is None else now - (earlier or 0)


@dataclass(frozen=True, slots=True)
class Death:
    """Why a machine ended before it was destroyed.

    `by_guest`: it powered off, rebooted, panicked or closed the runner's port; else the host or
    the driver failed. `last_words` is the end of what it printed.
    """

    by_guest: bool
    last_words: str


class Machine(Protocol):
    """One running virtual machine."""

    @property
    def id(self) -> str: ...

    @property
    def identity(self) -> Identity:
        """Unique to this machine. Its entropy and time are of the moment it is asked for: ask for
        it when it is sent, with the job or a rehearsal.
        """

    @property
    def accelerator(self) -> str:
        """`kvm`, `tcg` or `none`."""

    async def read(self) -> bytes:
        """The next bytes from the runner; empty once the machine has ended."""

    async def write(self, data: bytes) -> None:
        """Waits while the guest does not take it. Raises MachineFailed when the machine ended."""

    async def open_shell(self) -> "ShellChannel":
        """The guest's second port, for an interactive session; one at a time."""

    async def death(self) -> "Death":
        """How it ended; waits for that, so call it after `read` gave nothing."""

    def usage(self) -> Usage: ...

    async def destroy(self) -> None:
        """Ends it at once and removes what it held. Idempotent; never raises."""


class ShellChannel(Protocol):
    """Raw bytes to and from the shell service in the guest."""

    async def read(self) -> bytes: ...

    async def write(self, data: bytes) -> None: ...

    async def close(self) -> None: ...


class MachineDriver(Protocol):
    """Makes machines of one kind on this host."""

    @property
    def name(self) -> str: ...

    async def prepare(self, spec: MachineSpec, report: Report = silent) -> None:
        """Makes what `start` needs (image, template). Idempotent; concurrent calls share work.

        Raises MayflyError with a remedy when this host cannot.
        """

    async def start(self, spec: MachineSpec, start: MachineStart) -> Machine:
        """A fresh machine whose runner waits for its job. `prepare` must have succeeded lately: a
        driver may give up what was not asked for within an hour.
        """

    async def reap(self) -> list[str]:
        """Removes what dead owners left behind; says what it removed. Never touches the living."""

    async def close(self) -> None:
        """Releases what the driver holds; machines must have been destroyed before."""
