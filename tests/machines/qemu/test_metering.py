"""What a real machine's work shows up as."""

import os

import pytest
from tests.machines.talking import run_scripts

from mayfly.agent.main import make_driver
from mayfly.domain.architecture import Architecture
from mayfly.machines.base import MachineSpec, MachineStart, new_machine_id
from mayfly.system.home import Home

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.geteuid() != 0, reason="users may not read all of what QEMU took"),
]

MIB = 1024 * 1024
WORK = """
dd if=/dev/urandom of=file bs=1M count=24 conv=fsync status=none
for number in 1 2 3; do ping -c 1 -W 1 192.0.2.1 || true; done
getent hosts example.org || true
"""


async def test_disk_and_network_are_counted() -> None:
    driver = make_driver(Home.default())
    spec = MachineSpec("default", Architecture.AMD64, vcpus=1, memory_mib=1024)
    await driver.prepare(spec)
    name = new_machine_id()
    machine = await driver.start(spec, MachineStart(name, name))
    try:
        before = machine.usage()
        await run_scripts(machine, WORK)
        taken = machine.usage().since(before)
    finally:
        await machine.destroy()
        await driver.close()
    assert taken.cpu_seconds > 0
    assert taken.disk_written is not None
    assert 24 * MIB <= taken.disk_written < 240 * MIB
    assert taken.net_sent is not None
    assert 40 <= taken.net_sent < MIB
    assert taken.net_received is not None
    assert taken.cpu_wait_seconds is not None
    assert set(machine.usage().more()) >= {"disk_read", "disk_written", "net_received", "net_sent"}
