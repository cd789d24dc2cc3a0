"""Machines to visit: a fresh one, made and destroyed here, or one that a run keeps."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal

from mayfly.agent.kept import shell_socket
from mayfly.agent.main import host_capacity, make_driver
from mayfly.cli.shell_session import visit
from mayfly.cli.terminal import say
from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.domain.labels import Requirement
from mayfly.domain.placement import misfit, nearest_fit
from mayfly.machines.base import (
    Machine,
    MachineFailed,
    MachineSpec,
    MachineStart,
    Report,
    new_machine_id,
)
from mayfly.machines.network.base import NetworkMode, NetworkPolicy
from mayfly.protocol.frames import FrameDecoder, FrameKind
from mayfly.protocol.messages import Assign, JobFinished, decode_from_runner, encode_message
from mayfly.system.home import Home
from mayfly.system.tasks import to_the_end
from mayfly.workflow.spec import JobSpec


@dataclass(frozen=True, slots=True)
class Wanted:
    image: str
    architecture: Architecture
    vcpus: int
    memory_mib: int
    network: bool

    def check(self) -> None:
        """HostCannot names the nearest size that fits."""
        requirement = Requirement(
            self.architecture, Decimal(self.vcpus), self.memory_mib, self.image
        )
        capacity = host_capacity()
        if (objection := misfit(requirement, capacity)) is not None:
            nearest = nearest_fit(requirement, capacity)
            remedy = f"the nearest that fits is {nearest}" if nearest else "mayfly doctor says more"
            raise HostCannot(f"this host cannot run that machine: {objection}", remedy=remedy)


async def visit_fresh(home: Home, wanted: Wanted, user: str) -> int:
    """Exit status of the shell; the machine is gone afterwards."""
    wanted.check()
    spec = MachineSpec(wanted.image, wanted.architecture, wanted.vcpus, wanted.memory_mib)
    policy = NetworkPolicy(NetworkMode.INTERNET if wanted.network else NetworkMode.NONE)
    driver = make_driver(home)
    try:
        await driver.prepare(spec, _report())
        name = new_machine_id()
        machine = await driver.start(spec, MachineStart(name, name, policy))
        try:
            await _settle(machine)
            channel = await machine.open_shell()
            return await visit(channel.read, channel.write, user)
        finally:
            await to_the_end(machine.destroy())
    finally:
        await driver.close()


async def visit_kept(home: Home, machine: str, user: str) -> int:
    """The same for a machine that another process holds; it goes when the visit ends."""
    path = shell_socket(home, machine)
    try:
        reader, writer = await asyncio.open_unix_connection(path)
    except (OSError, ValueError) as error:
        kept = sorted(found.parent.name for found in home.machines.glob("*/shell.sock"))
        raise InvalidInput(
            f"no machine {machine} is kept here",
            remedy=f"kept are: {', '.join(kept)}" if kept else "mayfly run --keep-on-failure",
        ) from error

    async def read() -> bytes:
        return await reader.read(64 * 1024)

    async def write(data: bytes) -> None:
        writer.write(data)
        await writer.drain()

    try:
        return await visit(read, write, user)
    finally:
        writer.close()


async def _settle(machine: Machine) -> None:
    """Have the runner make the machine one of its own: names, clock, network, random numbers.

    It does that for a job, so it gets one without steps.
    """
    job = JobSpec(key="shell", name="shell", steps=(), contexts={})
    await machine.write(encode_message(Assign(machine.identity, job)))
    decoder = FrameDecoder()
    while data := await machine.read():
        for frame in decoder.feed(data):
            control = frame.kind is FrameKind.CONTROL  # else a piece of the job's log
            if control and isinstance(decode_from_runner(frame), JobFinished):
                return
    death = await machine.death()
    raise MachineFailed("the machine ended before its shell began", details=death.last_words)


def _report() -> Report:
    """Tells each stage once."""
    last = ""

    def report(stage: str, _fraction: float | None) -> None:
        nonlocal last
        if stage != last:
            last = stage
            say(f"mayfly: {stage}")

    return report
