"""Runs in a site, and a host that carries them out as a test wishes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from tests.server.api.site import PROJECT, Site
from tests.uploads import there

from mayfly.domain.architecture import Architecture
from mayfly.domain.job import JobState
from mayfly.domain.placement import Capacity
from mayfly.protocol.fleet import (
    Assignment,
    Hello,
    JobEnded,
    JobPhase,
    Lease,
    Measured,
    Numbered,
    Printed,
    Report,
)
from mayfly.protocol.submission import RunRequest, Submission
from mayfly.server.submissions import Submitted
from mayfly.store.rows import HostRow, JobRow
from mayfly.workflow.events import RepositoryState, event_for

TWO_JOBS = """\
on: push
jobs:
  build:
    runs-on: mayfly-1cpu-1gb
    steps: [{run: make}]
  test:
    needs: build
    runs-on: mayfly-1cpu-1gb
    steps: [{run: make test}]
"""
DEPLOY = """\
on: push
jobs:
  deploy:
    runs-on: mayfly-1cpu-1gb
    environment: production
    steps: [{run: make deploy}]
"""
STATE = RepositoryState("acme", "site", "main", "a" * 40)
_PATIENCE_S = 60.0  # never waited for: there is a job
SIZE = Capacity(Decimal(4), 8192, frozenset(Architecture))


async def submitted(
    site: Site, *texts: str, project: str = PROJECT, actor: str = "maintainer"
) -> Submitted:
    requests = tuple(
        RunRequest(
            file=f".github/workflows/{number}.yml",
            texts={f".github/workflows/{number}.yml": text},
            event=event_for("push", STATE),
            repository=STATE,
        )
        for number, text in enumerate(texts)
    )
    submission, begin = Submission(requests, source="0" * 64), site.services.submissions.begin
    await site.store.serial(lambda tx: there(tx, submission.source, now=site.now()))
    return await site.store.serial(lambda tx: begin(tx, project, submission, actor))


@dataclass
class Host:
    """One session of host `h1`."""

    site: Site
    session: str = ""
    _numbers: dict[Lease, int] = field(default_factory=dict)

    async def open(self) -> "Host":
        await self.site.add(HostRow(id="h1"))
        hello = Hello(SIZE, Architecture.AMD64)
        self.session = (await self.site.services.hosts.open_session("h1", hello)).session
        return self

    async def claim(self, patience_s: float = 0.01) -> Assignment | None:
        given = await self.site.services.hosts.claim(
            self.session, SIZE, frozenset(self._numbers), patience_s=patience_s
        )
        return given[0].assignment if given else None

    async def report(self, lease: Lease, *reports: Report) -> None:
        numbered = [Numbered(lease, self._next(lease), report) for report in reports]
        await self.site.services.hosts.report(self.session, numbered)

    async def start(self) -> Lease:
        """The next job, whose machine runs now."""
        assignment = await self.claim(_PATIENCE_S)
        assert assignment is not None
        await self.report(assignment.lease, JobPhase(JobState.STARTING), JobPhase(JobState.RUNNING))
        return assignment.lease

    async def print(self, lease: Lease, *lines: str) -> None:
        await self.report(lease, Printed(0, lines))

    async def end(self, lease: Lease, state: JobState = JobState.SUCCEEDED) -> None:
        await self.report(lease, Measured("kvm", 0.1, 12.5, 1 << 20), JobEnded(state))
        del self._numbers[lease]

    async def run_all(self, lines: Sequence[str] = ("hello",)) -> None:
        """Every job there is, one after another."""
        while await self.site.rows(JobRow, state=JobState.QUEUED):
            lease = await self.start()
            await self.print(lease, *lines)
            await self.end(lease)

    def _next(self, lease: Lease) -> int:
        self._numbers[lease] = self._numbers.get(lease, 0) + 1
        return self._numbers[lease]
