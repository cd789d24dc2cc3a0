"""Starts are counted, and a host on which none works any more says so; an image may be broken."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry
from tests.agent.served import served
from tests.virtual_time import virtual_time

from mayfly.agent.starts import ALLOWED, OF_ONE_IMAGE, Illness, StartMetrics, WatchedDriver
from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import InvalidInput
from mayfly.machines.base import MachineFailed, MachineSpec, MachineStart
from mayfly.machines.dummy.driver import DummyDriver
from mayfly.store.rows import HostRow
from mayfly.system.tasks import stop

SPEC = MachineSpec("an image", Architecture.AMD64, 1, 512)
OTHER = replace(SPEC, image="another")
FOREIGN = replace(SPEC, architecture=Architecture.ARM64)
LABELS = {"image": "an image", "architecture": "amd64"}


class Host:
    def __init__(self) -> None:
        self.dummy = DummyDriver()
        self.registry = CollectorRegistry()
        self.illness = Illness()
        self.driver = WatchedDriver(self.dummy, StartMetrics.of(self.registry), self.illness)

    async def start(self, spec: MachineSpec = SPEC) -> None:
        await self.driver.prepare(spec)
        machine = await self.driver.start(spec, MachineStart("m", "m"))
        await machine.destroy()

    async def fail(self, times: int, spec: MachineSpec = SPEC) -> None:
        self.dummy.faults.start = MachineFailed("no memory")
        for _ in range(times):
            with pytest.raises(MachineFailed):
                await self.start(spec)
        self.dummy.faults.start = None

    async def fail_to_prepare(self, times: int, spec: MachineSpec = SPEC) -> None:
        """As an image does whose guest does not come up."""
        self.dummy._prepared.clear()
        self.dummy.faults.prepare = MachineFailed("the guest ended")
        for _ in range(times):
            with pytest.raises(MachineFailed):
                await self.start(spec)
        self.dummy.faults.prepare = None

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"mayfly_agent_{name}", {**LABELS, **labels})


@virtual_time
async def test_starts_are_counted_and_timed() -> None:
    host = Host()
    for _ in range(3):
        await host.start()
    await host.fail(2)
    host.dummy.faults.prepare = MachineFailed("no image")
    host.dummy._prepared.clear()
    with pytest.raises(MachineFailed):
        await host.start()
    assert host.value("machine_start_seconds_count") == 3
    assert host.value("template_seconds_count") == 1
    assert host.value("machine_start_failures_total", where="start") == 2
    assert host.value("machine_start_failures_total", where="template") == 1
    await host.driver.close()
    assert host.dummy.closed


async def told(host: Host, happens: Callable[[], object] = lambda: None) -> str | None:
    """What the server knows afterwards of the illness of the host."""
    async with served(lose_answer=0.5, lose_request=0.3) as server:
        reporting = asyncio.create_task(host.illness.report(server.connection))
        happens()
        await asyncio.sleep(3600)
        await stop(reporting)
        row = await server.hosts.store.read(lambda view: view.get(HostRow, "host"))
        assert row is not None
        return row.quarantined


@virtual_time
async def test_a_host_on_which_no_image_starts_asks_for_a_person() -> None:
    host = Host()
    await host.fail_to_prepare(OF_ONE_IMAGE, OTHER)
    await host.fail(ALLOWED - OF_ONE_IMAGE)
    reason = f"{ALLOWED} machines in a row did not start; the last, of image an image: no memory"
    assert await told(host) == reason


@virtual_time
async def test_an_image_that_never_started_here_makes_no_host_ill() -> None:
    host = Host()
    await host.fail_to_prepare(2 * ALLOWED)
    await host.fail(2 * ALLOWED)
    assert await told(host) is None


@virtual_time
async def test_a_broken_image_makes_one_failure_of_another_no_illness() -> None:
    host = Host()
    await host.start()
    await host.fail_to_prepare(2 * ALLOWED, OTHER)
    await host.fail(1)
    assert await told(host) is None
    await host.fail(1)
    assert await told(host) is not None


@virtual_time
async def test_a_host_on_which_its_only_image_starts_no_more_is_ill() -> None:
    host = Host()
    await host.start()
    await host.fail(ALLOWED - 1)
    assert await told(host) is None
    await host.fail(1)
    assert await told(host) is not None


@virtual_time
async def test_an_image_that_was_pushed_anew_and_broken_makes_no_host_ill() -> None:
    host = Host()
    await host.start()
    await host.fail_to_prepare(2 * ALLOWED)
    assert await told(host) is None


@virtual_time
async def test_an_image_that_is_broken_for_one_architecture_makes_no_host_ill() -> None:
    host = Host()
    await host.start()
    await host.fail(2 * ALLOWED, FOREIGN)
    assert await told(host) is None


@virtual_time
async def test_one_image_of_two_architectures_is_one_image() -> None:
    host = Host()
    await host.fail_to_prepare(ALLOWED, FOREIGN)
    await host.fail_to_prepare(ALLOWED)
    assert await told(host) is None


@virtual_time
async def test_a_host_on_which_some_start_is_well() -> None:
    host = Host()
    await host.start()
    for _ in range(3):
        await host.fail(ALLOWED - 1)
        await host.start(OTHER)
    assert await told(host) is None


@virtual_time
async def test_jobs_that_ask_for_what_there_is_not_are_not_the_hosts_fault() -> None:
    host = Host()
    await host.start()

    def ask() -> None:
        for _ in range(2 * ALLOWED):
            host.illness.failed(SPEC, InvalidInput("no such size"), prepared=True)

    assert await told(host, ask) is None


@virtual_time
async def test_an_ill_host_that_a_person_released_is_asked_anew() -> None:
    host = Host()
    await host.start()
    for _ in range(2):
        await host.fail(ALLOWED)
        assert await told(host)
    await host.fail(ALLOWED - 1)
    assert await told(host) is None
