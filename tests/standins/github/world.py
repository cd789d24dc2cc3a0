"""What the stand-in remembers: accounts, apps, repositories, runs, jobs, runners, checks."""

from dataclasses import dataclass, field
from typing import Any

GROUP = "Default"
WAITING, QUEUED, IN_PROGRESS, COMPLETED = "waiting", "queued", "in_progress", "completed"


@dataclass(eq=False)
class Account:
    id: int
    login: str
    organization: bool


@dataclass(eq=False)
class App:
    id: int
    slug: str
    name: str
    owner: Account
    client_id: str
    client_secret: str
    webhook_url: str
    webhook_secret: str
    pem: str
    permissions: dict[str, str]
    events: list[str]
    created: float
    deliveries: list["Delivery"] = field(default_factory=list)


@dataclass(eq=False)
class Installation:
    """`repositories` are the names of those it may see; None for all of the account."""

    id: int
    app: App
    account: Account
    created: float
    repositories: set[str] | None = None
    suspended: float | None = None
    deleted: bool = False


@dataclass(eq=False)
class Repository:
    id: int
    owner: Account
    name: str
    private: bool
    created: float
    checks: dict[int, "CheckRun"] = field(default_factory=dict)
    runs: dict[int, "Run"] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"


@dataclass(frozen=True)
class JobSpec:
    """A job of a workflow. `script` is what a real runner runs; `environment` must be approved."""

    name: str
    labels: tuple[str, ...]
    script: str = "true"
    environment: str | None = None


@dataclass(eq=False)
class Run:
    id: int
    repository: Repository
    number: int
    event: str
    sender: str
    head_sha: str
    created: float
    updated: float
    attempt: int = 1
    jobs: list["Job"] = field(default_factory=list)
    """Of all attempts."""

    @property
    def latest(self) -> list["Job"]:
        """The jobs of the newest attempt."""
        return [job for job in self.jobs if job.attempt == self.attempt]

    @property
    def status(self) -> str:
        states = {job.status for job in self.latest}
        if states == {COMPLETED}:
            return COMPLETED
        return next(
            (state for state in (IN_PROGRESS, QUEUED, WAITING) if state in states), COMPLETED
        )

    @property
    def conclusion(self) -> str | None:
        if self.status != COMPLETED:
            return None
        ends = {job.conclusion for job in self.latest}
        return next((end for end in ("failure", "cancelled") if end in ends), "success")


@dataclass(eq=False)
class Job:
    """`offered` to a runner until that says that it starts; `lock` is when it must say it lives."""

    id: int
    run: Run
    attempt: int
    spec: JobSpec
    created: float
    status: str = QUEUED
    conclusion: str | None = None
    started: float | None = None
    completed: float | None = None
    runner: "Runner | None" = None
    lock: float | None = None
    cancelling: bool = False
    log: list[str] = field(default_factory=list)


@dataclass(eq=False)
class Session:
    """A runner that listens. `polling` while it holds a request open."""

    id: str
    runner: "Runner"
    seen: float
    polling: bool = False
    job: Job | None = None


@dataclass(eq=False)
class Runner:
    """A registration; `account` or `repository` is its scope. Kept after it was removed."""

    id: int
    name: str
    account: Account
    repository: Repository | None
    group: int
    labels: tuple[str, ...]
    secret: str
    created: float
    removed: float | None = None
    session: Session | None = None
    connected: float | None = None
    job: Job | None = None


@dataclass(eq=False)
class CheckRun:
    id: int
    repository: Repository
    app: App
    body: dict[str, Any]


@dataclass(eq=False)
class Delivery:
    """One try; `status_code` 0 until it ended or when there was no answer."""

    id: int
    guid: str
    event: str
    payload: dict[str, Any]
    at: float
    redelivery: bool = False
    status: str = "pending"
    status_code: int = 0
    duration: float = 0.0
