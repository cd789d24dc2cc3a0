"""The fleet in one process: control plane and one host, joined by function calls.

What `mayfly run` does with its plans: `Orchestrator` decides, `LocalControlPlane` gives out,
`Agent` runs. There is no second way to run a job.
"""

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from mayfly.agent import kept
from mayfly.agent import main as agent
from mayfly.agent.job import JobSettings
from mayfly.agent.loop import Agent
from mayfly.agent.main import host_capacity, make_driver
from mayfly.agent.session import SessionSettings
from mayfly.domain.architecture import Architecture
from mayfly.domain.events import Observer, RunRef
from mayfly.domain.job import Conclusion
from mayfly.machines.base import MachineDriver
from mayfly.machines.network.base import NetworkPolicy
from mayfly.protocol.fleet import Hello
from mayfly.server.control import LocalControlPlane
from mayfly.server.dispatch import Dispatch
from mayfly.server.hosts import Hosts
from mayfly.server.native import PlannedSpecs
from mayfly.server.orchestrator import Orchestrator
from mayfly.server.scheduler import Scheduler
from mayfly.services import scratch
from mayfly.store.base import Store, Tx, run_topic
from mayfly.store.memory import MemoryStore
from mayfly.store.rows import HostRow, RunRow
from mayfly.system import tasks
from mayfly.system.home import Home
from mayfly.workflow.plan import advance
from mayfly.workflow.planned import RunPlan

# Jobs wait for networks and disks as much as they compute, so cores may be given out twice;
# memory never is.
_CPU_SHARE = 2
_MIB = 1024 * 1024
_HOST = "local"
_INTERRUPTED = "interrupted"

_T = TypeVar("_T")

Sources = Callable[[str | None], AsyncIterator[bytes]]
"""Opens a tar stream: None is the clone, else the key of an action. Raises MayflyError."""


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
    store = MemoryStore(observer)
    scheduler = Scheduler(time.time)
    given = {run_id(plan): plan for plan in plans}
    orchestrator = Orchestrator(_Given(given), scheduler, time.time)
    hosts = Hosts(
        store,
        orchestrator,
        Dispatch(store, orchestrator.jobs, scheduler, time.time),
        hand_over=PlannedSpecs(store),
        sources=lambda _run, action: options.sources(action),
        now=time.time,
        new_id=lambda: _HOST,
    )
    driver = driver or make_driver(options.home)
    agent = await _agent(store, hosts, driver, options)
    hosting = asyncio.create_task(agent.run())
    stopping = asyncio.create_task(_interrupt_when(stop, store, orchestrator, given))
    try:
        runs = [_new_run(key, plan, options, stop) for key, plan in given.items()]
        await store.serial(lambda tx: _submit(tx, orchestrator, runs))
        conclusions = await _or_failure(_concluded(store, runs), hosting, stopping)
        await _or_failure(tasks.first(agent.idle(), stop.wait()), hosting)
        return conclusions
    finally:
        await tasks.to_the_end(_closed(driver, hosting, stopping))


class _Given:
    """See `server.rounds.Plans`: plans that are there already."""

    def __init__(self, plans: Mapping[str, RunPlan]):
        self._plans = plans

    def plan(self, _tx: Tx, run: RunRow) -> RunPlan:
        return self._plans[run.id]


def run_id(plan: RunPlan) -> str:
    return f"{plan.workflow.file}@{plan.architecture or ''}"


def _new_run(key: str, plan: RunPlan, options: FleetOptions, stop: asyncio.Event) -> RunRow:
    """Raises InvalidInput for what is wrong with the whole run."""
    return RunRow(
        id=key,
        project=plan.repository.full_name,
        ref=RunRef(plan.workflow.file, plan.architecture),
        name=advance(plan, {}).name,
        created=time.time(),
        fit=options.fit,
        cancelled=_INTERRUPTED if stop.is_set() else None,
        closed=stop.is_set(),
    )


def _submit(tx: Tx, orchestrator: Orchestrator, runs: Sequence[RunRow]) -> None:
    for run in runs:
        orchestrator.submit(tx, run)


async def _concluded(store: Store, runs: Sequence[RunRow]) -> Mapping[RunRef, Conclusion]:
    """Waits until all runs have ended."""
    watch = store.watch(*(run_topic(run.id) for run in runs))
    try:
        while True:
            rows = await store.read(lambda view: view.find(RunRow, order="created"))
            ended = {row.id: row.conclusion for row in rows if row.conclusion}
            if len(ended) == len(runs):
                return {run.ref: ended[run.id] for run in runs}
            await watch.wait()
    finally:
        watch.close()


async def _agent(store: Store, hosts: Hosts, driver: MachineDriver, options: FleetOptions) -> Agent:
    """This host, in a session that lasts as long as the process."""
    largest = host_capacity()
    await store.serial(lambda tx: tx.add(HostRow(id=_HOST)))
    hello = Hello(largest, Architecture.of_host(), _CPU_SHARE)
    opened = await hosts.open_session(_HOST, hello)
    room = replace(largest, cpu=largest.cpu * _CPU_SHARE)
    control = LocalControlPlane(hosts, opened.session)
    return Agent(room, control, driver, _settings(options))


def _settings(options: FleetOptions) -> JobSettings:
    keep = functools.partial(kept.offer, options.home) if options.keep_on_failure else None
    return JobSettings(
        network=options.network,
        session=SessionSettings(options.log_limit, options.cancel_grace_s),
        disk_gib=options.disk_gib,
        keep=keep,
    )


async def _closed(driver: MachineDriver, *running: "asyncio.Task[None]") -> None:
    await tasks.stop(*running)
    await driver.close()


async def _interrupt_when(
    stop: asyncio.Event, store: Store, orchestrator: Orchestrator, runs: Iterable[str]
) -> None:
    """Cancel everything; nothing new is started any more."""
    await stop.wait()

    def work(tx: Tx) -> None:
        for run in runs:
            orchestrator.cancel_run(tx, run, _INTERRUPTED, close=True)

    await store.serial(work)


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
