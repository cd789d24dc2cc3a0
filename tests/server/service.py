"""The server's core over a store in memory: hosts, projects and runs as a test needs them."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from textwrap import dedent
from typing import Any, TypeVar

from tests.uploads import there
from tests.workflow.simulation import FILE, STATE

from mayfly.domain.architecture import Architecture
from mayfly.domain.events import Event
from mayfly.domain.job import JobState
from mayfly.domain.placement import Capacity
from mayfly.protocol.fleet import Assignment, Hello, JobEnded, JobPhase, Lease, Numbered, Report
from mayfly.protocol.submission import RunRequest, Submission
from mayfly.server.dispatch import Dispatch
from mayfly.server.hosts import Hosts
from mayfly.server.native import PlannedSpecs
from mayfly.server.orchestrator import Orchestrator
from mayfly.server.plans import StoredPlans
from mayfly.server.scheduler import Scheduler
from mayfly.server.submissions import Submissions, Submitted
from mayfly.store.base import StoreUnavailable, Tx, View
from mayfly.store.memory import MemoryStore
from mayfly.store.rows import HostRow, JobRow, LeaseRow, ProjectRow, RunRow, SpecRow
from mayfly.workflow.events import RepositoryState, event_for
from mayfly.workflow.spec import JobSpec

T = TypeVar("T")

PROJECT = STATE.full_name
BOTH = frozenset(Architecture)
LARGE = Capacity(Decimal(8), 65536, BOTH)
SMALL = Capacity(Decimal(1), 1024, BOTH)
SOON_S = 1.0
"""How long a claim of a test waits."""

START = 1_000_000.0


class NearStore(MemoryStore):
    """Each call takes a moment, as over a network; the next `breaks` serial ones are undone."""

    breaks = 0

    async def serial(self, work: Callable[[Tx], T]) -> T:
        await asyncio.sleep(0)
        try:
            if not self.breaks:
                return await super().serial(work)
            self.breaks -= 1
            return await super().serial(lambda tx: _undone(work, tx))
        finally:
            await asyncio.sleep(0)


def _undone(work: Callable[[Tx], T], tx: Tx) -> T:
    work(tx)
    raise StoreUnavailable("the database went away")


def request(text: str, file: str = FILE, state: RepositoryState = STATE, **more: Any) -> RunRequest:
    """Of a push to the clone, unless `event` names another."""
    name = more.pop("event", "push")
    called = {path: dedent(body) for path, body in more.pop("called", {}).items()}
    texts = {file: dedent(text), **called}
    return RunRequest(file, texts, event_for(name, state), state, **more)


def submission(*runs: RunRequest | str, **more: Any) -> Submission:
    requests = (request(one) if isinstance(one, str) else one for one in runs)
    return Submission(tuple(requests), more.pop("source", "0" * 64), **more)


def jobs(*names: str, **more: Any) -> str:
    """A workflow of jobs; `more` as for `entries`."""
    return f"on: push\njobs:\n{entries(*names, **more)}"


def entries(*names: str, size: str = "mayfly-1cpu-1gb", **more: Any) -> str:
    """Entries of `jobs`; `more` are further keys of each."""
    return "".join(
        f"  {name}:\n    runs-on: {size}\n    steps: [{{run: make}}]\n"
        + "".join(f"    {key.replace('_', '-')}: {value}\n" for key, value in more.items())
        for name in names
    )


@dataclass
class Service:
    """Everything behind `Hosts`. Sessions and runs get the ids s1, s2, …, and their jobs' keys."""

    store: NearStore = field(default_factory=NearStore)
    bound_s: float = 600.0
    journal_limit: int | None = None

    def __post_init__(self) -> None:
        numbers = itertools.count(1)
        self.scheduler = Scheduler(self.now, self.bound_s)
        self.orchestrator = Orchestrator(StoredPlans(), self.scheduler, self.now)
        self.dispatch = Dispatch(self.store, self.orchestrator.jobs, self.scheduler, self.now)
        self.new_id = lambda: f"s{next(numbers)}"
        self.hosts = Hosts(
            self.store,
            self.orchestrator,
            self.dispatch,
            hand_over=PlannedSpecs(self.store),
            sources=source_of,
            now=self.now,
            new_id=self.new_id,
            journal_limit=self.journal_limit,
        )
        self.submissions = Submissions(self.store, self.orchestrator, self.now, self.new_id)

    @staticmethod
    def now() -> float:
        return START + asyncio.get_running_loop().time()

    async def serial(self, work: Callable[[Tx], T]) -> T:
        return await self.store.serial(work)

    async def read(self, work: Callable[[View], T]) -> T:
        return await self.store.read(work)

    async def put(self, *rows: Any) -> None:
        def work(tx: Tx) -> None:
            for row in rows:
                tx.put(row)

        await self.serial(work)

    async def host(self, name: str = "h1", capacity: Capacity = LARGE, **more: Any) -> str:
        """A new host with a session, whose id it gives; `more` are fields of its row."""
        await self.put(HostRow(id=name, **more))
        return await self.session(name, capacity)

    async def session(self, host: str = "h1", capacity: Capacity = LARGE, **more: Any) -> str:
        hello = Hello(capacity, Architecture.AMD64, **more)
        return (await self.hosts.open_session(host, hello)).session

    async def submit(self, *runs: RunRequest | str, **project: Any) -> list[str]:
        """The ids of the runs. The project is made, if need be; `project` are fields of its row.

        With `proven` a server fetched them itself.
        """
        name, proven = project.pop("id", PROJECT), project.pop("proven", False)
        if project or not await self.read(lambda view: view.get(ProjectRow, name)):
            await self.put(ProjectRow(id=name, **project))
        wanted = submission(*runs)

        def work(tx: Tx) -> Submitted:
            there(tx, *_named(wanted), now=self.now())
            return self.submissions.begin(tx, name, wanted, "mona", proven=proven)

        # Without `check`, whose thread does not go with virtual time.
        return list((await self.serial(work)).runs)

    async def sources(self, wanted: Submission) -> None:
        """What it names was uploaded just now."""
        await self.serial(lambda tx: there(tx, *_named(wanted), now=self.now()))

    async def claim(
        self,
        session: str,
        free: Capacity = LARGE,
        *held: Lease,
        patience_s: float | None = SOON_S,
    ) -> Assignment | None:
        """One, if there is one."""
        given = await self.hosts.claim(session, free, frozenset(held), patience_s)
        return given[0].assignment if given else None

    async def given(self, session: str, *held: Lease) -> Lease:
        """The lease of a job that is there."""
        assignment = await self.claim(session, LARGE, *held)
        assert assignment is not None
        return assignment.lease

    async def fill(self, session: str, free: Capacity = LARGE) -> list[Assignment]:
        """Claims as an agent does that has so much room, until there is nothing more for it."""
        taken: list[Assignment] = []
        while True:
            left = Capacity(
                free.cpu - sum(Decimal(str(one.cpu)) for one in taken),
                free.memory_mib - sum(one.memory_mib for one in taken),
                free.architectures,
            )
            found = await self.claim(session, left, *(one.lease for one in taken))
            if found is None:
                return taken
            taken.append(found)

    async def report(
        self, session: str, lease: Lease, *reports: Report, first: int = 1
    ) -> tuple[Lease, ...]:
        return await self.hosts.report(session, numbered(lease, *reports, first=first))

    async def finish(
        self, session: str, lease: Lease, state: JobState = JobState.SUCCEEDED, **more: Any
    ) -> None:
        """It runs and ends."""
        reports = (JobPhase(JobState.STARTING), JobPhase(JobState.RUNNING), JobEnded(state, **more))
        assert await self.report(session, lease, *reports) == ()

    async def cancel(self, run: str, reason: str = "mona cancelled it") -> None:
        await self.serial(lambda tx: self.orchestrator.cancel_run(tx, run, reason))

    async def run(self, run: str) -> RunRow:
        row = await self.read(lambda view: view.get(RunRow, run))
        assert row is not None
        return row

    async def job(self, run: str, key: str) -> JobRow:
        rows = await self.read(lambda view: view.find(JobRow, run=run))
        return next(row for row in rows if row.planned.key == key)

    async def spec(self, run: str, key: str) -> JobSpec:
        row = await self.job(run, key)
        found = await self.read(lambda view: view.get(SpecRow, row.id))
        assert found is not None
        return found.spec

    async def row(self, lease: Lease) -> JobRow:
        row = await self.read(lambda view: view.get(JobRow, lease.job))
        assert row is not None
        return row

    async def states(self, run: str) -> dict[str, JobState]:
        rows = await self.read(lambda view: view.find(JobRow, order="created", run=run))
        return {row.planned.key: row.state for row in rows}

    async def leases(self) -> list[LeaseRow]:
        return await self.read(lambda view: view.find(LeaseRow))

    async def events(self, run: str, after: int = 0) -> list[Event]:
        entries = await self.read(lambda view: view.journal(run, after=after))
        return [entry.event for entry in entries]


def _named(wanted: Submission) -> list[str]:
    return [wanted.source, *wanted.actions.values()]


def numbered(lease: Lease, *reports: Report, first: int = 1) -> Sequence[Numbered]:
    return [Numbered(lease, number, report) for number, report in enumerate(reports, first)]


async def source_of(run: RunRow, action: str | None) -> AsyncIterator[bytes]:
    yield f"{run.id}:{action}".encode()
