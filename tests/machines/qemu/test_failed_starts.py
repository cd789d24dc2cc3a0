"""Starts that fail in real life: one clear error, and nothing left."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mayfly.agent.main import make_driver
from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import HostCannot, MayflyError
from mayfly.machines.base import MachineFailed, MachineSpec, MachineStart, new_machine_id
from mayfly.machines.qemu.driver import QemuDriver
from mayfly.system.home import Home

pytestmark = pytest.mark.e2e

SPEC = MachineSpec("default", Architecture.AMD64, vcpus=1, memory_mib=1024)


@pytest.fixture
async def driver() -> AsyncIterator[QemuDriver]:
    driver = make_driver(Home.default())
    await driver.prepare(SPEC)
    yield driver
    await driver.close()


async def failing_start(driver: QemuDriver) -> MayflyError:
    """Its error; as many descriptors and namespaces are there as before."""
    name = new_machine_id()
    with contextlib.suppress(MayflyError):  # what is opened once is open now
        await driver.start(SPEC, MachineStart(name, name))
    before = _descriptors()
    with pytest.raises(MayflyError) as caught:
        await driver.start(SPEC, MachineStart(name, name))
    assert _descriptors() == before
    return caught.value


def _descriptors() -> list[str]:
    """What is open, namespaces and devices among it."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(link.readlink()).partition(":")[0])
    return sorted(found)


async def test_no_folder_for_the_disk(driver: QemuDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAYFLY_SCRATCH", "/nowhere")
    error = await failing_start(driver)
    assert isinstance(error, HostCannot)
    assert "no room for a machine's disk in /nowhere" in error.message
    assert error.remedy is not None
    assert "MAYFLY_SCRATCH" in error.remedy


async def test_no_program_to_start_it_with(
    driver: QemuDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("mayfly.machines.qemu.process.start", refuse)
    error = await failing_start(driver)
    assert isinstance(error, MachineFailed)
    assert "Resource temporarily unavailable" in (error.details or "")
