"""Two clones of one template at once, in real machines: what they share and what they must not."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from tests.machines.clones import assert_apart, what_differs

from mayfly.agent.main import make_driver
from mayfly.domain.architecture import Architecture
from mayfly.machines.base import Machine, MachineDriver, MachineSpec, MachineStart, new_machine_id
from mayfly.system.home import Home

pytestmark = pytest.mark.e2e

DriverAndSpec = tuple[MachineDriver, MachineSpec]


def _spec(architecture: Architecture) -> MachineSpec:
    return MachineSpec("default", architecture, vcpus=1, memory_mib=1024)


@pytest.fixture(params=list(Architecture))
async def driver(
    request: pytest.FixtureRequest,
) -> AsyncIterator[tuple[MachineDriver, MachineSpec]]:
    driver, spec = make_driver(Home.default()), _spec(request.param)
    await driver.prepare(spec)
    yield driver, spec
    await driver.close()


async def _clone(driver: MachineDriver, spec: MachineSpec) -> tuple[Machine, dict[str, str]]:
    name = new_machine_id()
    machine = await driver.start(spec, MachineStart(name, name))
    try:
        return machine, await what_differs(machine)
    except BaseException:
        await machine.destroy()
        raise


async def test_two_clones_at_once(driver: DriverAndSpec) -> None:
    begun = time.time()
    (one, first), (two, second) = await asyncio.gather(_clone(*driver), _clone(*driver))
    third_machine, third = await _clone(*driver)
    ended = time.time()
    for machine in (one, two, third_machine):
        await machine.destroy()

    clones = [(one, first), (two, second), (third_machine, third)]
    assert_apart(clones, begun, ended)


async def test_clones_leave_their_template_as_it_was(
    driver: DriverAndSpec,
) -> None:
    home = Home.default()
    machine, _ = await _clone(*driver)
    await machine.destroy()
    await driver[0].close()
    again = make_driver(home)
    stages: list[str] = []
    await again.prepare(driver[1], lambda stage, _: stages.append(stage))
    await again.close()
    assert "booting" not in stages  # every digest of its seal still holds
