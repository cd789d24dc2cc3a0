"""The fleet in one process: control plane and one host, joined by function calls.

What `mayfly run` does with its plans: `Orchestrator` decides, `LocalControlPlane` gives out,
`Agent` runs. There is no second way to run a job.
"""

import asyncio
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mayfly.agent import main as agent
from mayfly.agent.job import JobSettings
from mayfly.agent.kept import keep_until
from mayfly.agent.loop import Agent
from mayfly.agent.main import host_capacity, make_driver
from mayfly.agent.session import SessionSettings, Sources
from mayfly.domain.events import Observer, RunRef
from mayfly.domain.job import Conclusion
from mayfly.machines.base import MachineDriver
from mayfly.machines.network.base import NetworkPolicy
from mayfly.server.control import LocalControlPlane
from mayfly.server.orchestrator import Orchestrator
from mayfly.services import scratch
from mayfly.store.memory import MemoryStore
from mayfly.system.home import Home
from mayfly.workflow.planned import RunPlan

# Jobs wait for networks and disks as much as they compute, so cores may be given out twice;
# memory never is.
_CPU_SHARE = 2
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """What a person chose for this run; `log_limit` is in bytes."""

    home: Home
    sources: Sources
    fit: bool = False
    keep_on_failure: bool = False
    network: NetworkPolicy = field(default_factory=NetworkPolicy)
    disk_gib: int = 24
    log_limit: int = 64 * _MIB
    cancel_grace_s: float = 30.0


async def run_plans(
    plans: Sequence[RunPlan],
    options: FleetOptions,
    observer: Observer,
    stop: asyncio.Event,
    *,
    driver: MachineDriver | None = None,
) -> Mapping[RunRef, Conclusion]:
    """Run all plans to their end; `driver` is this host's own unless given.

    Setting `stop` cancels them: jobs clean up within their grace, nothing new starts. Cancelling
    the call ends everything at once. Either way no machine is left.
    """
    largest = host_capacity()
    store = MemoryStore()
    orchestrator = Orchestrator(store, largest, time.time, observer, fit=options.fit)
    control = LocalControlPlane(store, orchestrator, time.time, observer)
    driver = driver or make_driver(options.home)
    room = replace(largest, cpu=largest.cpu * _CPU_SHARE)
    host = Agent("local", room, control, driver, _settings(options))
    hosting = asyncio.create_task(host.run())
    stopping = asyncio.create_task(_interrupt_when(stop, orchestrator))
    try:
        conclusions = await _first_of(orchestrator.run(plans), hosting)
        await keep_until(stop, host.kept, options.home)
        return conclusions
    finally:
        for task in (hosting, stopping):
            task.cancel()
        await asyncio.gather(hosting, stopping, return_exceptions=True)
        await driver.close()


def _settings(options: FleetOptions) -> JobSettings:
    return JobSettings(
        network=options.network,
        session=SessionSettings(options.sources, options.log_limit, options.cancel_grace_s),
        disk_gib=options.disk_gib,
        keep_failed=options.keep_on_failure,
    )


async def _interrupt_when(stop: asyncio.Event, orchestrator: Orchestrator) -> None:
    await stop.wait()
    await orchestrator.interrupt()


async def _first_of(
    running: Coroutine[Any, Any, Mapping[RunRef, Conclusion]], hosting: "asyncio.Task[None]"
) -> Mapping[RunRef, Conclusion]:
    """What the runs come to; a host that fails meanwhile fails the call."""
    runs = asyncio.create_task(running)
    try:
        await asyncio.wait({runs, hosting}, return_when=asyncio.FIRST_COMPLETED)
        if not runs.done():
            hosting.result()
        return await runs
    finally:
        runs.cancel()
        await asyncio.gather(runs, return_exceptions=True)


async def reap(home: Home) -> list[str]:
    """What `mayfly gc` removes: whatever killed runs left behind; one line for each thing."""
    return [*await agent.reap(home), *scratch.reap(home)]
