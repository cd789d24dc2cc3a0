"""What must hold at every commit, on every machine, and in the end. A broken law raises."""

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from tests.simulation.clock import now
from tests.simulation.forge_laws import ForgeJobs
from tests.simulation.hold import hold

from mayfly.domain.events import JobChanged, LogLines, RunFinished
from mayfly.domain.job import JobState
from mayfly.domain.scheduling.model import millicpu
from mayfly.server.following import follow
from mayfly.server.github.spec import WORKING
from mayfly.server.journal import Journals
from mayfly.store.base import Entry, Tx, View
from mayfly.store.memory import MemoryStore
from mayfly.store.rows import HostRow, JobRow, LeaseRow, ProjectRow, RunKind, RunRow, SessionRow

T = TypeVar("T")

_ACTIVE = (JobState.ASSIGNED, JobState.STARTING, JobState.RUNNING)


class LawfulStore(MemoryStore):
    """Looks at what was committed, each time."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, JobRow] = {}
        self._forge_jobs = ForgeJobs()
        self.history: list[str] = []

    def _carry_out(self, work: Callable[[Tx], T], number: int) -> T:
        result = super()._carry_out(work, number)
        if number:
            view = self.view()
            self._look_at_changes(view)
            _look_at_room(view)
            _look_at_leases(view)
            self._forge_jobs.look(view)
        return result

    def _look_at_changes(self, view: View) -> None:
        """States go forward, but for a job whose host was lost or gave it back."""
        for row in view.find(JobRow):
            before = self._known.get(row.id)
            self._known[row.id] = row
            if before is None or before is row:
                continue
            hold(row.attempt >= before.attempt, "attempts grow", before, row)
            if row.state is not before.state:
                self.history.append(f"{now():.6f} {row.id} {row.attempt} {row.state}")
                lost = row.losses == before.losses + 1
                returned = before.state is JobState.ASSIGNED
                again = row.state is JobState.QUEUED and (lost or returned)
                forward = before.state.may_become(row.state)
                hold(forward or again, "states go forward", before.state, row.state, row.id)


def _look_at_room(view: View) -> None:
    """Neither a host nor a quota is ever exceeded."""
    active = view.find(JobRow, state=_ACTIVE)
    cpu: Counter[str] = Counter()
    memory: Counter[str] = Counter()
    jobs: Counter[str] = Counter()
    for row in active:
        assert row.requirement is not None
        assert row.host is not None
        cpu[row.host] += millicpu(row.requirement.cpu)
        memory[row.host] += row.requirement.memory_mib
        jobs[row.project] += 1
    for host in view.find(HostRow):
        room = host.millicpu * host.cpu_factor
        hold(cpu[host.id] <= room, "vCPU of a host", host.id, cpu[host.id], room)
        hold(memory[host.id] <= host.memory_mib, "memory of a host", host.id, memory[host.id])
    for project in view.find(ProjectRow):
        if project.quota_jobs is not None:
            hold(jobs[project.id] <= project.quota_jobs, "quota", project.id, jobs[project.id])
    for project in view.find(ProjectRow):
        alone = [
            row
            for row in active
            if row.project == project.id
            and any(group.group == "only-one" for group in row.planned.concurrency)
        ]
        hold(len(alone) <= 1, "one holder of a concurrency group", [row.id for row in alone])


def _look_at_leases(view: View) -> None:
    """A job that was given out has one lease, of a session that lives; no other job has one."""
    leases = {lease.id: lease for lease in view.find(LeaseRow)}
    active = {row.id: row for row in view.find(JobRow, state=_ACTIVE)}
    hold(leases.keys() == active.keys(), "leases", sorted(leases), sorted(active))
    for job, lease in leases.items():
        session = view.get(SessionRow, lease.session)
        hold(session is not None and not session.ended, "leases live in sessions", lease)
        hold(lease.attempt == active[job].attempt, "attempt of a lease", lease)


class Machines:
    """Which jobs are at work in machines: each in one at most, whatever the servers believe."""

    def __init__(self) -> None:
        self.alive: Counter[str] = Counter()
        self.doubled: list[str] = []

    def begin(self, job: str) -> None:
        self.alive[job] += 1
        if self.alive[job] > 1:
            self.doubled.append(job)

    def end(self, job: str) -> None:
        self.alive[job] -= 1

    def look(self) -> None:
        """What a guest raises would only be a machine that failed."""
        hold(not self.doubled, "no job is in two machines", self.doubled)


async def look_at_the_end(store: MemoryStore, journals: Journals, machines: Machines) -> None:
    """Nothing is lost, and nothing is left."""
    view = store.view()
    for run in view.find(RunRow):
        hold(run.conclusion is not None, "every run ends", run.id, run)
        told = follow(store, journals, {run.id: 0})
        entries = [one.entry async for batch in told for one in batch]
        numbers = [entry.number for entry in entries]
        hold(numbers == list(range(1, len(numbers) + 1)), "journals have no gaps", run.id)
        ends = [entry for entry in entries if isinstance(entry.event, RunFinished)]
        hold(len(ends) == 1, "a run ends once", run.id, ends)
        for row in view.find(JobRow, run=run.id):
            hold(row.state.is_final, "every job ends", row)
            _look_at_journal(run, row, [entry for entry in entries if entry.job == row.id])
    hold(not view.find(LeaseRow), "no lease is left")
    hold(not view.find(SessionRow, ended=False), "no session is left")
    machines.look()
    hold(not any(machines.alive.values()), "no machine is left", machines.alive)


def _look_at_journal(run: RunRow, row: JobRow, entries: list[Entry]) -> None:
    """It tells the last state last, and of a job that succeeded each line once, in order."""
    changes = [entry.event for entry in entries if isinstance(entry.event, JobChanged)]
    hold(changes[-1].state is row.state, "the journal tells how a job ended", row, changes[-1])
    if row.state is not JobState.SUCCEEDED or row.attempt == 0:
        return
    begun = max(
        number
        for number, entry in enumerate(entries)
        if isinstance(entry.event, JobChanged) and entry.event.state is JobState.ASSIGNED
    )
    told: list[Any] = [entry.event for entry in entries[begun:]]
    lines = [line for event in told if isinstance(event, LogLines) for line in event.lines]
    printed = [line for line in lines if line.startswith(("echo", WORKING))]
    if run.kind is RunKind.GITHUB:
        hold(len(printed) == 1, "GitHub's runner says once that it works", row.id, lines)
    else:
        whole = printed in (["echo one"], ["echo one", "echo two"])
        hold(whole, "lines arrive once", row.id, lines)
