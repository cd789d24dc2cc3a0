"""Starts are counted, and a host on which none works any more says so."""

import asyncio
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry
from tests.agent.served import served
from tests.virtual_time import virtual_time

from mayfly.agent.starts import ALLOWED, Illness, StartMetrics, WatchedDriver
from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import InvalidInput, MayflyError
from mayfly.machines.base import MachineFailed, MachineSpec, MachineStart
from mayfly.machines.dummy.driver import DummyDriver
from mayfly.store.rows import HostRow
from mayfly.system.tasks import stop

SPEC = MachineSpec("an image", Architecture.AMD64, 1, 512)
LABELS = {"image": "an image", "architecture": "amd64"}


class Host:
    def __init__(self) -> None:
        self.dummy = DummyDriver()
        self.registry = CollectorRegistry()
        self.illness = Illness()
        self.driver = WatchedDriver(self.dummy, StartMetrics.of(self.registry), self.illness)

    async def start(self) -> None:
        await self.driver.prepare(SPEC)
        machine = await self.driver.start(SPEC, MachineStart("m", "m"))
        await machine.destroy()

    async def fail(self, times: int) -> None:
        self.dummy.faults.start = MachineFailed("no memory")
        for _ in range(times):
            with pytest.raises(MachineFailed):
                await self.start()
        self.dummy.faults.start = None

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


async def told(host: Host, happens: Callable[[], object]) -> str | None:
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
async def test_a_host_on_which_nothing_starts_asks_for_a_person() -> None:
    host = Host()
    await host.fail(ALLOWED)
    reason = await told(host, lambda: None)
    assert (
        reason
        == f"{ALLOWED} machines in a row did not start; the last, of image an image: no memory"
    )


@virtual_time
async def test_a_host_on_which_some_start_is_well() -> None:
    host = Host()
    for _ in range(3):
        await host.fail(ALLOWED - 1)
        await host.start()
    assert await told(host, lambda: None) is None


@virtual_time
async def test_jobs_that_ask_for_what_there_is_not_are_not_the_hosts_fault() -> None:
    host = Host()

    def ask() -> None:
        for _ in range(2 * ALLOWED):
            host.illness.failed("unknown", InvalidInput("there is no image unknown"))

    assert await told(host, ask) is None


@virtual_time
async def test_an_ill_host_that_a_person_released_is_asked_anew() -> None:
    host = Host()
    error = MayflyError("no")
    for _ in range(2):
        for _ in range(ALLOWED):
            host.illness.failed("image", error)
        assert await told(host, lambda: None)
    host.illness.failed("image", error)
    assert await told(host, lambda: None) is None
