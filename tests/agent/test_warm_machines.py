"""Real machines from the warm pool: they do jobs as fresh ones do, and are nobody else."""

import asyncio
import time
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from tests.machines.clones import assert_apart, what_differs
from tests.machines.talking import run_scripts

from mayfly.agent.main import make_driver
from mayfly.agent.pool import Pool, PoolSettings
from mayfly.domain.architecture import Architecture
from mayfly.domain.placement import Capacity
from mayfly.machines.base import Machine, MachineSpec, MachineStart, new_machine_id
from mayfly.system.home import Home

pytestmark = pytest.mark.e2e

ROOM = Capacity(Decimal(4), 8192, frozenset(Architecture))


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    pool = Pool(make_driver(Home.default()), lambda: ROOM, PoolSettings(each=2, calm_s=0))
    yield pool
    await pool.close()


async def started(pool: Pool, spec: MachineSpec) -> Machine:
    name = new_machine_id()
    return await pool.start(spec, MachineStart(name, name))


async def wait_for_waiting(pool: Pool, count: int) -> None:
    while len(pool.waiting) < count:  # noqa: ASYNC110 (jobs do not wait for this, so none is told)
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("architecture", list(Architecture))
async def test_warm_machines_are_machines_of_their_own(
    pool: Pool, architecture: Architecture
) -> None:
    spec = MachineSpec("default", architecture, vcpus=1, memory_mib=1024)
    await pool.prepare(spec)
    machines = [await started(pool, spec) for _ in range(2)]
    try:
        await wait_for_waiting(pool, 2)
        begun = time.time()
        machines += [await started(pool, spec) for _ in range(2)]
        assert (pool.hits, pool.misses) == (2, 2)
        told = [(machine, await what_differs(machine)) for machine in machines]
        assert_apart(told, begun, time.time())
    finally:
        await asyncio.gather(*(machine.destroy() for machine in machines))


async def test_a_warm_machine_shows_nothing_of_its_rehearsal(pool: Pool) -> None:
    spec = MachineSpec("default", Architecture.AMD64, vcpus=1, memory_mib=1024)
    look = (
        "sudo find /home /root /etc /tmp /var/tmp /run /opt -printf '%p %M %u\\n' | sort",
        "sudo find /sys/fs/cgroup -name cgroup.procs | sort; ps -eo user,comm | grep -v kworker",
        "git config --list; id; ulimit -a; pwd; ls -A ~",
    )
    await pool.prepare(spec)
    cold = await started(pool, spec)
    try:
        await wait_for_waiting(pool, 1)
        warm = await started(pool, spec)
        try:
            one, other = [(await run_scripts(machine, *look)) for machine in (cold, warm)]
        finally:
            await warm.destroy()
    finally:
        await cold.destroy()
    assert pool.hits == 1
    assert _comparable(one) == _comparable(other)


def _comparable(text: str) -> list[str]:
    """Without what two fresh machines do not share either: the journal's files."""
    return [line for line in text.splitlines() if "/run/log/journal" not in line]
