"""The fleet in one process: control plane and one host, joined by function calls.

What `mayfly run` does with its plans: `Orchestrator` decides, `LocalControlPlane` gives out,
`Agent` runs. There is no second way to run a job.
"""

import asyncio
import functools
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from mayfly.agent import kept
from mayfly.agent import main as agent
from mayfly.agent.job import JobSettings
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
from mayfly.system import tasks
from mayfly.system.home import Home
from mayfly.workflow.planned import RunPlan

# Jobs wait for networks and disks as much as they compute, so cores may be given out twice;
# memory never is.
_CPU_SHARE = 2
_MIB = 1024 * 1024

_T = TypeVar("_T")


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
        conclusions = await _or_failure(orchestrator.run(plans), hosting, stopping)
        await _or_failure(tasks.first(host.idle(), stop.wait()), hosting)
        return conclusions
    finally:
        await tasks.to_the_end(_closed(driver, hosting, stopping))


def _settings(options: FleetOptions) -> JobSettings:
    keep = functools.partial(kept.offer, options.home) if options.keep_on_failure else None
    return JobSettings(
        network=options.network,
        session=SessionSettings(options.sources, options.log_limit, options.cancel_grace_s),
        disk_gib=options.disk_gib,
        keep=keep,
    )


async def _closed(driver: MachineDriver, *running: "asyncio.Task[None]") -> None:
    await tasks.stop(*running)
    await driver.close()


async def _interrupt_when(stop: asyncio.Event, orchestrator: Orchestrator) -> None:
    await stop.wait()
    orchestrator.interrupt()


async def _or_failure(work: Coroutine[Any, Any, _T], *others: "asyncio.Task[None]") -> _T:
    """What the work comes to; if one of the others fails meanwhile, its failure."""
    working = asyncio.create_task(work)
    try:
        waiting: set[asyncio.Task[Any]] = {working, *others}
        while not working.done():
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {working}:
                task.result()
        return working.result()
    finally:
        await tasks.stop(working)


async def reap(home: Home) -> list[str]:
    """What `mayfly gc` removes: whatever killed runs left behind; one line for each thing."""
    return [*await agent.reap(home), *scratch.reap(home)]
