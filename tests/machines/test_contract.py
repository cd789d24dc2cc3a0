"""The contract of `machines.base`, held against every driver."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.machines.talking import Talk, run_scripts, spec_of, turns

from mayfly.agent.main import make_driver
from mayfly.domain.architecture import Architecture
from mayfly.domain.job import Conclusion
from mayfly.machines.base import (
    Machine,
    MachineDriver,
    MachineFailed,
    MachineSpec,
    MachineStart,
    new_machine_id,
)
from mayfly.machines.dummy.driver import DummyDriver
from mayfly.machines.dummy.real import RealRunner
from mayfly.machines.rehearsal import rehearse
from mayfly.protocol.messages import JobFinished, JobStarted, StepStarted
from mayfly.system.home import Home


@dataclass
class Lab:
    """A driver under test. `fatal` is a script that ends its machine from inside."""

    driver: MachineDriver
    spec: MachineSpec
    fatal: str
    alive: Callable[[], Iterable[object]]

    async def start(self) -> Machine:
        name = new_machine_id()
        return await self.driver.start(self.spec, MachineStart(name, name))

    @contextlib.asynccontextmanager
    async def machine(self) -> AsyncIterator[Machine]:
        machine = await self.start()
        try:
            yield machine
        finally:
            await machine.destroy()


def _scripted(_folder: Path) -> Lab:
    driver = DummyDriver()
    return Lab(driver, _spec(Architecture.AMD64), "dies", lambda: driver.alive)


def _real(folder: Path) -> Lab:
    driver = DummyDriver(RealRunner(folder), folder=folder)
    script = f"pkill -9 -f 'mayfly.machines.dummy.real [0-9]+ {folder}'; sleep 100"
    return Lab(driver, _spec(Architecture.AMD64), script, lambda: driver.alive)


def _qemu(architecture: Architecture) -> Callable[[Path], Lab]:
    def make(_folder: Path) -> Lab:
        driver = make_driver(Home.default())
        spec = _spec(architecture)
        return Lab(driver, spec, "sudo poweroff -f; sleep 1000", lambda: _children("qemu"))

    return make


def _spec(architecture: Architecture) -> MachineSpec:
    return MachineSpec("default", architecture, vcpus=1, memory_mib=1024)


def _children(name: str) -> list[int]:
    tasks = Path("/proc/self/task").glob("*/children")
    pids = [pid for file in tasks for pid in file.read_text().split()]
    return [int(pid) for pid in pids if name in Path(f"/proc/{pid}/comm").read_text()]


def _descriptors() -> set[str]:
    """What is open: number, and the file, pipe or socket behind it."""
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # that of the listing itself
            found.add(f"{descriptor.name} {descriptor.readlink()}")
    return found


DRIVERS = [
    pytest.param(_scripted, id="dummy"),
    pytest.param(_real, id="dummy-real"),
    pytest.param(_qemu(Architecture.AMD64), id="qemu-amd64", marks=pytest.mark.e2e),
    pytest.param(_qemu(Architecture.ARM64), id="qemu-arm64", marks=pytest.mark.e2e),
]


@pytest.fixture(params=DRIVERS)
async def lab(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Lab]:
    lab: Lab = request.param(tmp_path)
    await lab.driver.prepare(lab.spec)
    yield lab
    await lab.driver.close()
    assert not lab.alive()


async def test_a_machine_waits_for_its_job_and_does_it(lab: Lab) -> None:
    async with lab.machine() as machine:
        talk = Talk(machine)
        await talk.assign(spec_of("echo hello"))
        assert await talk.until(JobFinished)
        assert talk.messages[0] == JobStarted()
        finished = talk.messages[-1]
        assert isinstance(finished, JobFinished)
        assert finished.conclusion is Conclusion.SUCCESS
        assert b"hello" in talk.output


async def test_machines_work_side_by_side_and_have_identities_of_their_own(lab: Lab) -> None:
    async with lab.machine() as one, lab.machine() as two:
        printed = await asyncio.gather(run_scripts(one, "echo 1"), run_scripts(two, "echo 2"))
        assert [text.split()[-1] for text in printed] == ["1", "2"]
        identities = one.identity, two.identity
        for what in ("hostname", "machine_id", "entropy", "mac"):
            assert len({getattr(identity, what) for identity in identities}) == 2
        assert identities[0].hostname == one.id
        assert all(abs(identity.time_ns - time.time_ns()) < 600e9 for identity in identities)
        assert one.accelerator in {"kvm", "tcg", "none"}


async def test_a_machine_rehearses_and_then_waits_as_before(lab: Lab) -> None:
    async with lab.machine() as machine:
        await rehearse(machine, 100)
        await rehearse(machine, 100)
        word = secrets.token_hex(8)
        assert word in await run_scripts(machine, f"echo {word}")


async def test_a_machine_that_ends_does_not_rehearse(lab: Lab) -> None:
    machine = await lab.start()
    await machine.destroy()
    with pytest.raises(MachineFailed):
        await rehearse(machine, 100)


async def test_preparing_is_idempotent_and_shared(lab: Lab) -> None:
    stages: list[str] = []
    reports = [lambda stage, _: stages.append(stage) for _ in range(3)]
    await asyncio.gather(*(lab.driver.prepare(lab.spec, report) for report in reports))
    assert stages == []


async def test_destroying_twice_and_at_the_same_time(lab: Lab) -> None:
    machine = await lab.start()
    await asyncio.gather(machine.destroy(), machine.destroy())
    await machine.destroy()
    await machine.death()
    assert await machine.read() == b""
    assert not lab.alive()


async def test_machines_leave_no_descriptor_open(lab: Lab) -> None:
    async with lab.machine() as machine:
        await run_scripts(machine, "true")
    await turns(5)
    before = _descriptors()
    for _ in range(3):
        async with lab.machine() as machine:
            await run_scripts(machine, "true")
        await turns(5)  # transports close a little later
    # Those of an earlier test may go meanwhile, so none must be new, rather than the number same.
    assert not _descriptors() - before


async def test_destroying_while_somebody_reads_and_writes(lab: Lab) -> None:
    machine = await lab.start()
    talk = Talk(machine)
    await talk.assign(spec_of("sleep 1000", seconds=1000))
    assert await talk.until(StepStarted)

    async def write_for_ever() -> None:
        while True:
            await machine.write(bytes(1 << 20))

    reading = asyncio.create_task(talk.until(JobFinished))
    writing = asyncio.create_task(write_for_ever())
    await turns(5)
    await machine.destroy()
    assert not await reading
    with pytest.raises(MachineFailed):
        await writing
    assert await machine.read() == b""
    with pytest.raises(MachineFailed):
        await machine.write(b"x" * (1 << 20))


async def test_usage_grows_and_is_known_after_the_end(lab: Lab) -> None:
    machine = await lab.start()
    await run_scripts(machine, "echo hello")
    before = machine.usage()
    await machine.destroy()
    after = machine.usage()
    assert after.cpu_seconds >= before.cpu_seconds >= 0
    assert after.peak_memory >= before.peak_memory > 0


async def test_a_guest_that_ends_itself_is_told_from_a_machine_that_fails(lab: Lab) -> None:
    async with lab.machine() as machine:
        talk = Talk(machine)
        await talk.assign(spec_of(lab.fatal, conduct="dies"))
        assert not await talk.until(JobFinished)
        assert (await machine.death()).by_guest


@pytest.mark.parametrize("after", [0, 1, 3, 10])
async def test_a_start_that_is_cancelled_leaves_nothing(lab: Lab, after: int) -> None:
    starting = asyncio.create_task(lab.start())
    await turns(after)
    starting.cancel()
    await asyncio.wait([starting])
    if not starting.cancelled():
        await starting.result().destroy()
    assert not lab.alive()


async def test_reaping_spares_the_living(lab: Lab) -> None:
    async with lab.machine() as machine:
        await lab.driver.reap()
        word = secrets.token_hex(8)
        assert word in await run_scripts(machine, f"echo {word}")


async def test_the_shell_carries_bytes(lab: Lab) -> None:
    async with lab.machine() as machine:
        shell = await machine.open_shell()
        await machine.destroy()
        assert await shell.read() == b""
        await shell.close()
