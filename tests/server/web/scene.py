"""A fleet with something to see, made through the real services, for pages and their pictures."""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from tests.server.api.site import PROJECT, Site, made
from tests.uploads import there

from mayfly.domain.architecture import Architecture
from mayfly.domain.job import Conclusion, JobState
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
    RunnerSaid,
)
from mayfly.protocol.messages import (
    Annotation,
    FromRunner,
    Level,
    StepFinished,
    StepStarted,
    Summary,
)
from mayfly.protocol.submission import RunRequest, Submission
from mayfly.store.people import MemberRow, Role
from mayfly.store.rows import (
    EnvironmentRow,
    HostRow,
    JobRow,
    MeteringRow,
    ProjectRow,
    RunRow,
)
from mayfly.workflow.events import Event, RepositoryState, event_for

AMD64, ARM64 = Architecture.AMD64, Architecture.ARM64
GIB = 1 << 30

CI = """\
name: CI
on: [push, pull_request]
jobs:
  lint:
    runs-on: mayfly-1cpu-2gb
    steps: [{run: make lint}]
  build:
    strategy: {matrix: {arch: [amd64, arm64]}}
    name: build (${{ matrix.arch }})
    runs-on: mayfly-${{ matrix.arch }}-4cpu-8gb
    steps: [{run: make}]
  test:
    needs: build
    strategy: {matrix: {arch: [amd64, arm64], suite: [unit, integration]}}
    name: test (${{ matrix.suite }}, ${{ matrix.arch }})
    runs-on: mayfly-${{ matrix.arch }}-2cpu-4gb
    steps: [{run: make test}]
  package:
    needs: [lint, test]
    runs-on: mayfly-2cpu-4gb
    steps: [{run: make package}]
"""
DEPLOY = """\
name: Deploy
on: push
jobs:
  deploy:
    runs-on: mayfly-1cpu-1gb
    environment: production
    steps: [{run: make deploy}]
"""
NIGHTLY = """\
name: Nightly
on: push
jobs:
  fuzz:
    strategy: {matrix: {target: [parser, codec, frames, globs, wire, yaml]}}
    name: fuzz ${{ matrix.target }}
    runs-on: mayfly-arm64-16cpu-32gb
    steps: [{run: make fuzz}]
"""
ONE = """\
name: One
on: push
jobs:
  build:
    runs-on: mayfly-1cpu-1gb
    steps: [{run: make}]
"""


@dataclass
class Worker:
    """A host with one session, which does as it is told."""

    site: Site
    name: str
    size: Capacity
    session: str = ""
    numbers: dict[Lease, int] = field(default_factory=dict)

    async def open(self, **row: Any) -> "Worker":
        await self.site.add(HostRow(id=self.name, created=self.site.clock - 40 * 86400, **row))
        native = ARM64 if ARM64 in self.size.architectures else AMD64
        hello = Hello(self.size, native, 1.0, "0.3.0", {native.value: "kvm"})
        self.session = (await self.site.services.hosts.open_session(self.name, hello)).session
        return self

    async def claim(self) -> Assignment | None:
        given = await self.site.services.hosts.claim(
            self.session, self.size, frozenset(self.numbers), patience_s=0.01
        )
        return given[0].assignment if given else None

    async def start(self) -> Lease:
        """The next job, whose machine runs now."""
        assignment = await self.claim()
        assert assignment is not None, f"nothing for {self.name}"
        self.site.clock += 0.4
        await self.report(assignment.lease, JobPhase(JobState.STARTING))
        self.site.clock += 0.6
        await self.report(assignment.lease, JobPhase(JobState.RUNNING))
        return assignment.lease

    async def report(self, lease: Lease, *reports: Report) -> None:
        numbered = []
        for one in reports:
            self.numbers[lease] = self.numbers.get(lease, 0) + 1
            numbered.append(Numbered(lease, self.numbers[lease], one))
        await self.site.services.hosts.report(self.session, numbered)

    async def say(self, lease: Lease, *messages: FromRunner) -> None:
        await self.report(lease, *(RunnerSaid(message) for message in messages))

    async def print(self, lease: Lease, step: int, *lines: str) -> None:
        await self.report(lease, Printed(step, lines))

    async def step(
        self,
        lease: Lease,
        number: int,
        name: str,
        *lines: str,
        seconds: float = 2.0,
        ok: bool = True,
    ) -> None:
        """A whole step."""
        await self.say(lease, StepStarted(number, name))
        if lines:
            await self.print(lease, number, *lines)
        self.site.clock += seconds
        ended = Conclusion.SUCCESS if ok else Conclusion.FAILURE
        await self.say(lease, StepFinished(number, ended, ended, 0 if ok else 2))

    async def end(
        self, lease: Lease, state: JobState = JobState.SUCCEEDED, **measured: Any
    ) -> None:
        usage = {"cpu_seconds": 31.0, "peak_memory": 700 << 20} | measured
        await self.report(lease, Measured("kvm", 0.31, **usage), JobEnded(state))
        del self.numbers[lease]

    async def run_all(self, seconds: float = 20.0) -> None:
        while (assignment := await self.claim()) is not None:
            lease = assignment.lease
            await self.report(lease, JobPhase(JobState.STARTING), JobPhase(JobState.RUNNING))
            await self.step(lease, 0, "Run make", "hello", seconds=seconds)
            await self.end(lease, cpu_seconds=seconds * 0.9)


def size(cpu: int, gib: int, *architectures: Architecture) -> Capacity:
    return Capacity(Decimal(cpu), gib * 1024, frozenset(architectures))


async def submit(
    site: Site,
    text: str,
    *,
    file: str = "ci.yml",
    project: str = PROJECT,
    actor: str = "maintainer",
    branch: str = "main",
    sha: str = "3f9a1c77d2" * 4,
) -> str:
    """The id of the run."""
    owner, _, name = project.partition("/")
    state = RepositoryState(owner, name, branch, sha)
    path = f".github/workflows/{file}"
    event: Event = event_for("push", state)
    request = RunRequest(file=path, texts={path: text}, event=event, repository=state)
    await site.store.serial(lambda tx: there(tx, "0" * 64, now=site.now()))
    submitted = await site.services.submissions.submit(
        project, Submission((request,), source="0" * 64), actor
    )
    return submitted.runs[0]


async def jobs_of(site: Site, run: str) -> list[JobRow]:
    return await site.rows(JobRow, run=run, order="created")


async def run_row(site: Site, run: str) -> RunRow:
    [row] = await site.rows(RunRow, id=run)
    assert isinstance(row, RunRow)
    return row


async def environment(site: Site, name: str = "production", **options: Any) -> None:
    options = {"reviewers": ("maintainer", "admin")} | options
    key = f"{PROJECT}/{name}".lower()
    await site.add(EnvironmentRow(id=key, project=PROJECT, name=name, **options))


BUILD_LOG = (
    "##[group]Run make -j4",
    "##[command]make -j4",
    "##[endgroup]",
    "\x1b[1mCompiling\x1b[0m engine \x1b[2mv2.4.1\x1b[0m",
    "\x1b[32m   Compiling\x1b[0m serde v1.0.219",
    "\x1b[32m   Compiling\x1b[0m tokio v1.44.2",
    "\x1b[33mwarning\x1b[0m: unused variable: `\x1b[1mspan\x1b[0m`",
    "  \x1b[34m-->\x1b[0m src/render/pass.rs:118:9",
    "\x1b[32m    Finished\x1b[0m `release` profile in \x1b[38;5;208m41.20s\x1b[0m",
)
SUMMARY = """\
### Tests
| suite | passed | failed |
| --- | --- | --- |
| unit | 412 | 0 |
| integration | 38 | **1** |

Slowest: `render::shadows` (4.1 s). See [the report](https://example.org/report).
"""


async def story(clock: float) -> Site:
    """What the pictures show."""
    site = await made(clock=clock - 3 * 3600)
    await site.add(
        ProjectRow(id="lumen/engine", created=site.clock, weight=2, quota_millicpu=64_000),
        ProjectRow(id="tidal/api", created=site.clock, public=True),
    )
    for project in ("lumen/engine", "tidal/api"):
        key = f"{project}/admin"
        role = Role.ADMIN
        await site.add(MemberRow(id=key, project=project, user="admin", role=role, created=clock))
    await environment(site)
    arm = await Worker(site, "ampere-01", size(32, 64, ARM64)).open()
    epyc = await Worker(site, "epyc-01", size(16, 64, AMD64)).open(labels=("nvme",))
    await Worker(site, "epyc-02", size(16, 64, AMD64)).open(draining=True)
    await _rest(site)
    await _history(site)
    await _past(site, arm, epyc)
    await _present(site, arm, epyc)
    return site


async def _history(site: Site) -> None:
    """What jobs took in the last eight weeks: busier each week, quiet on each seventh day."""
    rows = []
    people = ((PROJECT, "maintainer"), ("lumen/engine", "ada"), ("tidal/api", "lin"))
    for day in range(1, 56):
        for number in range(2 if day % 7 == 3 else 22 - day // 4 - day % 4):
            project, actor = people[number % 3 if number % 5 else 1]
            state = JobState.FAILED if (number + day) % 11 == 0 else JobState.SUCCEEDED
            rows.append(
                MeteringRow(
                    id=f"past-{day}-{number}:1",
                    project=project,
                    job=f"past-{day}-{number}",
                    actor=actor,
                    state=JobState.LOST if (day, number) == (4, 1) else state,
                    architecture=ARM64 if number % 2 else AMD64,
                    millicpu=4000,
                    memory_mib=8192,
                    queued_s=2.0 + number % 7,
                    ran_s=300.0 + 40 * number,
                    finished=site.clock - day * 86400 + number * 600,
                )
            )
    await site.add(*rows)


async def _rest(site: Site) -> None:
    """Hosts that do nothing, each for a reason."""
    now = site.clock
    broken = HostRow(
        id="nuc-lab",
        created=now,
        millicpu=8000,
        memory_mib=32768,
        architectures=(AMD64,),
        online=True,
        quarantined="5 machines in a row did not start: /dev/kvm vanished",
        failures=5,
        agent_version="0.3.0",
        last_seen=now,
    )
    away = replace(
        broken,
        id="pi-farm",
        quarantined=None,
        online=False,
        failures=0,
        architectures=(ARM64,),
        last_seen=now - 7200,
    )
    await site.add(broken, away)


async def _past(site: Site, *workers: Worker) -> None:
    """Runs that are over: of several projects, people and ends."""
    for project, actor, branch in (
        ("lumen/engine", "ada", "main"),
        ("tidal/api", "lin", "feature/tide-tables"),
        (PROJECT, "maintainer", "main"),
        ("lumen/engine", "lin", "fix/shadows"),
    ):
        await submit(site, CI, project=project, actor=actor, branch=branch)
        for _ in range(4):
            for worker in workers:
                await worker.run_all()
            site.clock += 3
        site.clock += 1500


async def _present(site: Site, arm: Worker, epyc: Worker) -> None:
    failing = await submit(site, CI, branch="fix/border-radius", actor="ada")
    lint = await epyc.start()
    build = await epyc.start()
    build_arm = await arm.start()
    await epyc.step(lint, 0, "Run actions/checkout@v4", "Fetching the repository", seconds=1.2)
    await epyc.step(lint, 1, "Run make lint", "all 214 files are fine", seconds=5)
    await epyc.end(lint, cpu_seconds=5.5, peak_memory=310 << 20)
    for worker, lease in ((epyc, build), (arm, build_arm)):
        await worker.step(lease, 0, "Run actions/checkout@v4", "Fetching the repository")
        await worker.step(lease, 1, "Run make", *BUILD_LOG, seconds=40)
        await worker.end(lease, cpu_seconds=36, peak_memory=900 << 20)
    unit = await epyc.start()
    other = await epyc.start()
    await epyc.step(unit, 0, "Run actions/checkout@v4", "Fetching the repository")
    await epyc.step(
        unit,
        1,
        "Run make test",
        *BUILD_LOG[:4],
        "\x1b[31m✗ render::shadows::soft_edges\x1b[0m",
        "  assertion failed: left == right",
        "    left: 0.331",
        "   right: 0.330",
        "make: *** [Makefile:31: test] Error 2",
        ok=False,
        seconds=24,
    )
    await epyc.say(
        unit,
        Annotation(1, Level.ERROR, "left == right", "soft_edges", "src/render/shadows.rs", 88),
        Summary(1, SUMMARY),
    )
    await epyc.end(unit, JobState.FAILED, cpu_seconds=20, peak_memory=1200 << 20)
    await epyc.say(other, StepStarted(0, "Run make test"))
    await epyc.print(other, 0, *BUILD_LOG)
    del failing
    await submit(site, DEPLOY, file="deploy.yml", branch="main", actor="ada")
    await submit(site, NIGHTLY, file="nightly.yml", project="lumen/engine", actor="ada")
    for _ in range(1):
        lease = await arm.start()
        await arm.say(lease, StepStarted(0, "Run make fuzz"))
        await arm.print(lease, 0, "seed 20261121", "cov: 1412 ft: 5120 exec/s: 20411")
    site.clock += 95
    await submit(site, CI, project="tidal/api", actor="lin", branch="feature/tide-tables")
    for worker in (arm, epyc):
        await worker.claim()
    site.clock += 12
