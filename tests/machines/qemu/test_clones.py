"""Two clones of one template at once, in real machines: what they share and what they must not."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from tests.machines.talking import run_scripts

from mayfly.agent.main import make_driver
from mayfly.domain.architecture import Architecture
from mayfly.machines.base import Machine, MachineDriver, MachineSpec, MachineStart, new_machine_id
from mayfly.system.home import Home

pytestmark = pytest.mark.e2e

DriverAndSpec = tuple[MachineDriver, MachineSpec]

# Each line is a name, a tab and a value that must differ from one clone to the next.
SCRIPT = r"""
say() { printf '%s\t%s\n' "$1" "$2"; }
say machine-id "$(cat /etc/machine-id)"
say hostname "$(hostname)"
say resolved-hostname "$(getent hosts "$(hostname)" | tr -s ' ')"
say urandom "$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')"
say uuid "$(cat /proc/sys/kernel/random/uuid)"
say python "$(python3 -c 'import secrets; print(secrets.token_hex())')"
say mac "$(cat /sys/class/net/eth0/address)"
say address "$(ip -4 -o addr show dev eth0 | awk '{print $4}')"
say time "$(date +%s.%N)"
say boot "$(($(date +%s) - $(cut -d. -f1 /proc/uptime)))"
say write "$(test -e ~/mark && echo there || echo absent)"
say etc "$(test -e /etc/mark && echo there || echo absent)"
hostname > ~/mark; hostname | sudo tee /etc/mark > /dev/null; sync
say read "$(cat ~/mark)"
"""


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
        printed = await run_scripts(machine, SCRIPT)
    except BaseException:
        await machine.destroy()
        raise
    pairs = [line.split("\t") for line in printed.splitlines() if "\t" in line]
    return machine, {pair[0]: pair[1] for pair in pairs}


async def test_two_clones_at_once(driver: DriverAndSpec) -> None:
    begun = time.time()
    (one, first), (two, second) = await asyncio.gather(_clone(*driver), _clone(*driver))
    third_machine, third = await _clone(*driver)
    ended = time.time()
    for machine in (one, two, third_machine):
        await machine.destroy()

    clones = [(one, first), (two, second), (third_machine, third)]
    own = ("machine-id", "hostname", "resolved-hostname", "urandom", "uuid", "python", "mac")
    for what in (*own, "address", "time"):
        assert len({values[what] for _, values in clones}) == 3, what
    for machine, values in clones:
        identity = machine.identity
        assert values["machine-id"] == identity.machine_id
        assert values["hostname"] == identity.hostname == machine.id
        assert values["mac"] == identity.mac
        assert values["address"] == identity.address
        assert begun - 1 <= float(values["time"]) <= ended + 1
        assert values["write"] == values["etc"] == "absent"
        assert values["read"] == machine.id


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
