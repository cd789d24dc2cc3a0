"""Machines: how long one takes to its job's first byte, what it takes of memory, how fast it talks.

Every figure is of real machines with a full systemd guest, driven as the agent drives them.
"""

import asyncio
import contextlib
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from mayfly.agent.main import make_driver
from mayfly.agent.pool import Pool, PoolSettings
from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import Location
from mayfly.domain.placement import Capacity
from mayfly.machines.base import Machine, MachineDriver, MachineSpec, MachineStart, new_machine_id
from mayfly.machines.network.base import NetworkPolicy
from mayfly.machines.qemu.driver import QemuDriver
from mayfly.machines.rehearsal import rehearse
from mayfly.protocol.conversation import Conversation
from mayfly.protocol.messages import Assign, JobFinished, encode_message
from mayfly.system.home import Home
from mayfly.workflow.model import Step
from mayfly.workflow.spec import JobSpec

_HERE = Location("bench", 1, 1)
_NO_LIMIT = 1 << 40
_PATIENCE_S = 120.0
_SETTLING_S = 2.0
_WATCHED_S = 5.0


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds from the claim: to QEMU's process, the runner's first word, the step's first byte.

    That byte is printed by the step's own program, not by the runner on its behalf.
    """

    process: float
    runner: float
    first_byte: float
    whole_job: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """MiB resident, and of those its own; share of a processor."""

    resident: int
    private: int
    cpu: float


def spec_for(architecture: Architecture, memory_mib: int = 1024, vcpus: int = 2) -> MachineSpec:
    return MachineSpec("default", architecture, vcpus, memory_mib)


def job(script: str) -> JobSpec:
    step = Step(_HERE, run=script, shell="bash")  # noqa: S604 (the shell of a step)
    contexts = {"github": {"repository": "bench/bench", "event": {}, "ref": "refs/heads/main"}}
    return JobSpec("bench", "bench", (step,), contexts, repository="bench/bench")


@contextlib.asynccontextmanager
async def machine(driver: MachineDriver, spec: MachineSpec) -> AsyncIterator[Machine]:
    name = new_machine_id()
    running = await driver.start(spec, MachineStart(name, name, NetworkPolicy()))
    try:
        yield running
    finally:
        await running.destroy()


async def time_start(driver: MachineDriver, spec: MachineSpec) -> Start:
    """One job that prints a line, from the claim on; the machine is destroyed afterwards."""
    claimed = time.monotonic()
    async with machine(driver, spec) as running:
        process = time.monotonic() - claimed
        await running.write(encode_message(Assign(running.identity, job("echo $((6 * 7))"))))
        conversation = Conversation(log_limit=_NO_LIMIT)
        runner = first = 0.0
        while data := await running.read():
            for item in conversation.feed(data):
                runner = runner or time.monotonic() - claimed
                if isinstance(item, tuple) and item[1].startswith(b"42"):
                    first = time.monotonic() - claimed
            if conversation.finished:
                return Start(process, runner, first, time.monotonic() - claimed)
    raise RuntimeError("the machine ended early")


async def cold_boot(home: Home, spec: MachineSpec) -> float:
    """Seconds from QEMU's start to the runner's Ready, without a snapshot; images are `home`'s."""
    stages: dict[str, float] = {}

    def note(stage: str, _fraction: float | None) -> None:
        stages[stage] = time.monotonic()

    with tempfile.TemporaryDirectory() as folder:
        driver = make_driver(_beside(home, Path(folder)))
        await driver.prepare(spec, note)
        await driver.close()
    return stages["freezing"] - stages["booting"]


async def log_throughput(driver: QemuDriver, spec: MachineSpec, mib: int) -> float:
    """MB (10^6 bytes) a second that a step prints, as they arrive on the host."""
    script = f"yes 'a line of output such as compilers print: warning: unused' | head -c {mib}M"
    async with machine(driver, spec) as running:
        await running.write(encode_message(Assign(running.identity, job(script))))
        conversation = Conversation(log_limit=_NO_LIMIT)
        began = ended = 0.0
        received = 0
        while data := await running.read():
            for item in conversation.feed(data):
                if isinstance(item, tuple) and item[0] > 0:
                    began = began or time.monotonic()
                    ended = time.monotonic()
                    received += len(item[1])
                if isinstance(item, JobFinished):
                    return received / (ended - began) / 1e6
    raise RuntimeError("the machine ended early")


async def starts(driver: MachineDriver, spec: MachineSpec, count: int) -> list[Start]:
    await driver.prepare(spec)
    return [await time_start(driver, spec) for _ in range(count)]


async def warm_starts(home: Home, spec: MachineSpec, count: int) -> list[Start]:
    """As `starts`, each on a machine that waited in the pool."""
    room = Capacity(Decimal(spec.vcpus), spec.memory_mib * 2, frozenset(Architecture))
    pool = Pool(make_driver(home), lambda: room, PoolSettings(each=1, calm_s=0))
    try:
        await starts(pool, spec, 1)
        found = []
        for _ in range(count):
            while not pool.waiting:  # noqa: ASYNC110 (jobs do not wait for it, so none is told)
                await asyncio.sleep(0.1)
            found += await starts(pool, spec, 1)
        return found
    finally:
        await pool.close()


async def waiting(driver: QemuDriver, spec: MachineSpec, *, warm: bool) -> Waiting:
    """What a clone takes that waits for its job, after a rehearsal if it is to be warm."""
    await driver.prepare(spec)
    name = new_machine_id()
    running = await driver.start(spec, MachineStart(name, name, NetworkPolicy()))
    try:
        if warm:
            await rehearse(running, _PATIENCE_S)
        await asyncio.sleep(_SETTLING_S)  # what a restored machine does by itself
        before = running.usage().cpu_seconds
        await asyncio.sleep(_WATCHED_S)
        cpu = (running.usage().cpu_seconds - before) / _WATCHED_S
        return Waiting(*_resident(running.pid), cpu)
    finally:
        await running.destroy()


async def side_by_side(driver: QemuDriver, specs: Sequence[MachineSpec]) -> list[Start]:
    """All at once, each to its job's end."""
    for spec in specs:
        await driver.prepare(spec)
    return list(await asyncio.gather(*(time_start(driver, spec) for spec in specs)))


def _beside(home: Home, folder: Path) -> Home:
    """A home without templates that shares the images of another."""
    (folder / "images").symlink_to(home.images)
    return Home(folder)


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def _resident(pid: int) -> tuple[int, int]:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    fields = {line.split(":")[0]: line.split() for line in rollup.splitlines()[1:]}
    private = int(fields["Private_Clean"][1]) + int(fields["Private_Dirty"][1])
    return int(fields["Rss"][1]) // 1024, private // 1024
