"""The warm pool: what waits, what it yields to, what it leaves."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from tests.machines.talking import run_scripts
from tests.virtual_time import cancelled_at_every_turn, run_virtual, virtual_time

from mayfly.agent.pool import Pool, PoolSettings
from mayfly.domain.architecture import Architecture
from mayfly.domain.placement import Capacity
from mayfly.machines.base import Machine, MachineFailed, MachineSpec, MachineStart, new_machine_id
from mayfly.machines.dummy.driver import DummyDriver, Guest
from mayfly.machines.dummy.pipe import Port
from mayfly.machines.dummy.scripted import scripted
from mayfly.machines.network.base import NetworkMode, NetworkPolicy
from mayfly.system.tasks import first

SPEC = MachineSpec("default", Architecture.AMD64, vcpus=2, memory_mib=1024)
OTHER = replace(SPEC, architecture=Architecture.ARM64)
LARGE = replace(SPEC, memory_mib=4096)
CLOSED = NetworkPolicy(mode=NetworkMode.NONE)
SETTINGS = PoolSettings(calm_s=1, tick_s=1, max_age_s=600, recent_s=1800, rest_s=60, rehearsal_s=30)


@dataclass
class Host:
    """A host of 4 CPU and 4 GiB; `jobs` is what they were promised."""

    guest: Guest = scripted
    settings: PoolSettings = SETTINGS
    start_s: float = 0.0
    jobs: list[MachineSpec] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.driver = DummyDriver(self.guest)
        self.driver.faults.start_s = self.start_s
        self.pool = Pool(self.driver, self.spare, self.settings)
        self.memory: list[int] = []

    def spare(self) -> Capacity:
        cpu = 4 - sum(spec.vcpus for spec in self.jobs)
        memory = 4096 - sum(spec.memory_mib for spec in self.jobs)
        return Capacity(Decimal(cpu), memory, frozenset(Architecture))

    async def claim(
        self, spec: MachineSpec = SPEC, network: NetworkPolicy | None = None
    ) -> Machine:
        """As an agent does: promise the room, prepare, start."""
        self.jobs.append(spec)
        await self.pool.prepare(spec)
        name = new_machine_id()
        start = MachineStart(name, name, network or NetworkPolicy())
        machine = await self.pool.start(spec, start)
        assert machine.id == machine.identity.hostname == name
        self.memory.append(sum(alive.memory_mib for alive in self.driver.alive.values()))
        return machine

    async def end(self, machine: Machine, spec: MachineSpec = SPEC) -> None:
        await machine.destroy()
        self.jobs.remove(spec)

    async def job(self, spec: MachineSpec = SPEC, network: NetworkPolicy | None = None) -> str:
        """One from its claim to its end; what it printed."""
        machine = await self.claim(spec, network)
        try:
            return await run_scripts(machine, "echo 1")
        finally:
            await self.end(machine, spec)


def on_a_host(test: Callable[[Host], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Nothing is alive after it."""

    @virtual_time
    async def wrapped() -> None:
        host = Host()
        try:
            await test(host)
        finally:
            await host.pool.close()
        assert not host.driver.alive
        assert host.driver.closed

    return wrapped


@on_a_host
async def test_the_second_job_of_a_kind_finds_a_machine_that_waits(host: Host) -> None:
    await host.job()
    assert (host.pool.hits, host.pool.misses) == (0, 1)
    await asyncio.sleep(5)
    assert host.pool.waiting == [SPEC]
    waiting = set(host.driver.alive)
    machine = await host.claim()
    assert set(host.driver.alive) == waiting
    assert "echo 1" in await run_scripts(machine, "echo 1")
    await host.end(machine)
    assert not waiting & set(host.driver.alive)
    assert host.pool.hits == 1


@on_a_host
async def test_a_machine_is_given_to_one_job_only(host: Host) -> None:
    await asyncio.gather(host.job(), host.job())
    await asyncio.sleep(10)
    assert host.pool.waiting == [SPEC, SPEC]
    one, two = await asyncio.gather(host.claim(), host.claim())
    assert host.pool.hits == 2
    for what in ("machine_id", "entropy", "mac", "hostname"):
        assert getattr(one.identity, what) != getattr(two.identity, what)
    await host.end(one)
    await host.end(two)


@on_a_host
async def test_entropy_is_never_given_twice(host: Host) -> None:
    machine = await host.claim()
    assert machine.identity.entropy != machine.identity.entropy
    await host.end(machine)


@on_a_host
async def test_a_job_does_not_pay_for_what_its_machine_took_before(host: Host) -> None:
    await host.job()
    await asyncio.sleep(100)
    machine = await host.claim()
    assert host.pool.hits == 1
    await asyncio.sleep(7)
    assert machine.usage().cpu_seconds == pytest.approx(7)
    await host.end(machine)


@on_a_host
async def test_another_spec_or_network_is_another_kind(host: Host) -> None:
    await host.job()
    await asyncio.sleep(5)
    await host.job(OTHER)
    await host.job(network=CLOSED)
    assert host.pool.hits == 0
    await asyncio.sleep(5)
    assert sorted(host.pool.waiting, key=str) == sorted([SPEC, OTHER, SPEC], key=str)
    await host.job(network=CLOSED)
    assert host.pool.hits == 1


@on_a_host
async def test_no_more_wait_than_were_wanted_nor_than_are_allowed(host: Host) -> None:
    await host.job()
    await asyncio.sleep(30)
    assert host.pool.waiting == [SPEC]
    for _ in range(5):
        await host.job()
    await asyncio.sleep(30)
    assert host.pool.waiting == [SPEC] * SETTINGS.each


@on_a_host
async def test_a_job_gets_the_memory_of_what_waits_before_its_machine_starts(host: Host) -> None:
    await host.job()
    await host.job(OTHER)
    await asyncio.sleep(10)
    assert len(host.pool.waiting) == 2
    await host.job(LARGE)
    assert host.memory[-1] == LARGE.memory_mib
    assert host.pool.waiting == []


@on_a_host
async def test_what_was_wanted_last_is_given_up_last(host: Host) -> None:
    await host.job()
    await asyncio.sleep(10)
    await host.job(OTHER)
    await asyncio.sleep(10)
    await host.job(replace(SPEC, memory_mib=3072))
    assert host.pool.waiting == [OTHER]


@on_a_host
async def test_the_machine_a_job_waits_for_is_not_given_up_for_it(host: Host) -> None:
    await host.job(LARGE)
    await asyncio.sleep(10)
    assert host.pool.waiting == [LARGE]
    await host.job(LARGE)
    assert host.pool.hits == 1


@on_a_host
async def test_nothing_is_made_while_jobs_have_the_processors(host: Host) -> None:
    one, two = await host.claim(), await host.claim()
    await asyncio.sleep(100)
    assert host.pool.waiting == []
    await host.end(one)
    await asyncio.sleep(5)
    await host.end(two)
    assert host.pool.waiting == [SPEC, SPEC]


@on_a_host
async def test_nothing_is_made_without_memory_for_it(host: Host) -> None:
    small = replace(SPEC, memory_mib=3584, vcpus=1)
    machine = await host.claim(small)
    await asyncio.sleep(100)
    assert host.pool.waiting == []
    await host.end(machine, small)
    await asyncio.sleep(5)
    assert host.pool.waiting == [small]


@on_a_host
async def test_jobs_that_come_while_one_is_made_stop_it_when_they_need_the_processors(
    host: Host,
) -> None:
    await host.job()
    host.driver.faults.start_s = 10
    await asyncio.sleep(5)  # one is being made
    host.driver.faults.start_s = 0
    machines = [await host.claim(), await host.claim()]
    await asyncio.sleep(30)
    assert host.pool.waiting == []
    assert len(host.driver.alive) == 2
    for machine in machines:
        await host.end(machine)


@on_a_host
async def test_a_machine_that_waits_too_long_is_replaced_and_at_last_not_any_more(
    host: Host,
) -> None:
    await host.job()
    await asyncio.sleep(10)
    [before] = host.driver.alive
    await asyncio.sleep(SETTINGS.max_age_s)
    [after] = host.driver.alive
    assert before != after
    await asyncio.sleep(SETTINGS.recent_s + SETTINGS.max_age_s)
    assert not host.driver.alive


@virtual_time
async def test_a_machine_that_dies_while_it_waits_is_not_given_out() -> None:
    deaths: list[asyncio.Event] = []

    async def mortal(port: Port) -> None:
        deaths.append(asyncio.Event())
        await first(deaths[-1].wait(), scripted(port))

    host = Host(mortal)
    await host.job()
    await asyncio.sleep(5)
    [before] = host.driver.alive
    deaths[-1].set()
    await asyncio.sleep(5)
    [after] = host.driver.alive
    assert before != after
    await host.job()
    assert host.pool.hits == 1
    await host.pool.close()


@virtual_time
async def test_a_host_whose_machines_fail_is_left_in_peace_and_jobs_fail_as_ever() -> None:
    host = Host()
    await host.job()
    host.driver.faults.start = MachineFailed("no more")
    await asyncio.sleep(SETTINGS.rest_s / 2)
    with pytest.raises(MachineFailed, match="no more"):
        await host.claim()
    host.driver.faults.start = None
    await asyncio.sleep(SETTINGS.rest_s / 4)
    assert host.pool.waiting == []
    host.jobs.clear()
    await asyncio.sleep(SETTINGS.rest_s)
    assert host.pool.waiting
    await host.pool.close()


async def _mute(port: Port) -> None:
    while await port.read():
        pass


async def _babbling(port: Port) -> None:
    await port.read()
    await port.write(b"\xff" * 10)
    await _mute(port)


async def _dying(port: Port) -> None:
    await port.read()


@pytest.mark.parametrize("rehearsing", [_mute, _babbling, _dying])
def test_a_machine_that_cannot_rehearse_is_no_use(rehearsing: Guest) -> None:
    @virtual_time
    async def test() -> None:
        made = 0

        async def guest(port: Port) -> None:
            nonlocal made
            made += 1
            await (scripted if made == 1 else rehearsing)(port)

        host = Host(guest)
        await host.job()
        await asyncio.sleep(SETTINGS.rehearsal_s + SETTINGS.rest_s / 2)
        assert made == 2
        assert not host.driver.alive
        assert host.pool.waiting == []
        await host.pool.close()

    test()


@pytest.mark.parametrize("times", [1, 2])
def test_a_call_that_is_cancelled_at_any_moment_leaves_nothing(times: int) -> None:
    hosts: list[Host] = []

    async def work() -> None:
        host = Host(start_s=0.5)
        hosts.append(host)
        try:
            await host.job(OTHER)
            await host.job()
            await asyncio.sleep(5)
            await asyncio.gather(host.job(), host.job(LARGE))
        finally:
            await host.pool.close()

    def check() -> None:
        assert not hosts[-1].driver.alive

    assert cancelled_at_every_turn(work, check, times=times) > 20
    assert hosts[-1].pool.hits == 1


def test_the_pool_ends_with_machines_in_the_making() -> None:
    async def work(after: float) -> DummyDriver:
        host = Host(start_s=3)
        try:
            await host.job()
            await asyncio.sleep(after)
        finally:
            await host.pool.close()
        return host.driver

    for after in (0.5, 1.5, 3.5, 4.5):
        assert not run_virtual(partial(work, after)).alive
