"""What GitHub speaks of, in the few fields that Mayfly uses; webhooks and answers alike.

Each type comes with the function that reads it from JSON.
"""

import enum
import re
from dataclasses import dataclass
from typing import Any

from mayfly.forges.fields import Fields, flag, moment, number, one_of, text
from mayfly.protocol.codec import DecodeError

MAX_LABELS = 100  # GitHub's own bound
_FULL_NAME = re.compile(r"([A-Za-z0-9_-]{1,100})/([A-Za-z0-9_.-]{1,100})")


class Status(enum.StrEnum):
    """Where a job or a run is. The first three wait for something else than a runner."""

    REQUESTED = "requested"
    PENDING = "pending"
    WAITING = "waiting"
    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"

    @property
    def rank(self) -> int:
        """Grows along a job's life."""
        return _RANKS.get(self, 0)


_RANKS = {Status.QUEUED: 1, Status.IN_PROGRESS: 2, Status.COMPLETED: 3}


@dataclass(frozen=True, slots=True)
class Scope:
    """Where runners are registered: an organisation, or one repository (`repo` is set)."""

    owner: str
    repo: str | None = None

    def __str__(self) -> str:
        return f"{self.owner}/{self.repo}" if self.repo else self.owner


@dataclass(frozen=True, slots=True)
class Repository:
    id: int
    owner: str
    name: str
    private: bool
    default_branch: str | None = None

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True)
class Installation:
    """The app on one account. `permissions` maps for example `checks` to `write`."""

    id: int
    account: str
    organization: bool
    permissions: dict[str, str]
    suspended: bool


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt of a job. Times are seconds since 1970.

    `runner_id` is set as soon as GitHub chose a runner, which may be while it is still queued.
    """

    id: int
    run_id: int
    run_attempt: int
    status: Status
    conclusion: str | None
    name: str
    workflow: str | None
    head_branch: str | None
    head_sha: str
    labels: tuple[str, ...]
    runner_id: int | None
    runner_name: str | None
    created_at: float | None
    started_at: float | None
    completed_at: float | None

    @property
    def key(self) -> tuple[int, int]:
        """What identifies it: a rerun has the next `run_attempt`."""
        return self.id, self.run_attempt

    def follows(self, known: "Job") -> bool:
        """Whether this tells more than what is known of the same job: states move forward only.

        Of the same state only a runner that was not yet known is news.
        """
        if self.status.rank != known.status.rank:
            return self.status.rank > known.status.rank
        return known.runner_id is None and self.runner_id is not None


@dataclass(frozen=True, slots=True)
class Run:
    """A workflow run: its newest attempt."""

    id: int
    run_attempt: int
    status: Status
    conclusion: str | None
    name: str | None
    event: str
    head_branch: str | None
    head_sha: str
    created_at: float


@dataclass(frozen=True, slots=True)
class Runner:
    """A registration. `busy` is advice: it has been seen to read false in the middle of a job."""

    id: int
    name: str
    online: bool
    busy: bool
    labels: tuple[str, ...]


def repository(value: Any, path: str) -> Repository:
    fields = Fields(value, path)
    full_name = fields.need("full_name", text)
    if (found := _FULL_NAME.fullmatch(full_name)) is None or found[2] in {".", ".."}:
        raise DecodeError(f"{path}.full_name", f"{full_name[:80]!r} is no repository's name")
    return Repository(
        id=fields.need("id", number),
        owner=found[1],
        name=found[2],
        private=fields.need("private", flag),
        default_branch=fields.maybe("default_branch", text),
    )


def installation(value: Any, path: str) -> Installation:
    fields = Fields(value, path)
    account = fields.need("account", Fields)
    return Installation(
        id=fields.need("id", number),
        account=account.maybe("login", text) or account.need("slug", text),
        organization=fields.need("target_type", text) == "Organization",
        permissions=fields.need("permissions", _permissions),
        suspended=fields.maybe("suspended_at", moment) is not None,
    )


def job(value: Any, path: str) -> Job:
    fields = Fields(value, path)
    attempt = fields.maybe("run_attempt", number)  # old GitHub Enterprise Servers leave it out
    return Job(
        id=fields.need("id", number),
        run_id=fields.need("run_id", number),
        run_attempt=1 if attempt is None else attempt,
        status=fields.need("status", one_of(Status)),
        conclusion=fields.maybe("conclusion", text),
        name=fields.need("name", text),
        workflow=fields.maybe("workflow_name", text),
        head_branch=fields.maybe("head_branch", text),
        head_sha=fields.need("head_sha", text),
        labels=fields.many("labels", text, most=MAX_LABELS),
        runner_id=fields.maybe("runner_id", number) or None,  # 0 stands for none
        runner_name=fields.maybe("runner_name", text) or None,
        created_at=fields.maybe("created_at", moment),
        started_at=fields.maybe("started_at", moment),
        completed_at=fields.maybe("completed_at", moment),
    )


def run(value: Any, path: str) -> Run:
    fields = Fields(value, path)
    attempt = fields.maybe("run_attempt", number)
    return Run(
        id=fields.need("id", number),
        run_attempt=1 if attempt is None else attempt,
        status=fields.need("status", one_of(Status)),
        conclusion=fields.maybe("conclusion", text),
        name=fields.maybe("name", text),
        event=fields.need("event", text),
        head_branch=fields.maybe("head_branch", text),
        head_sha=fields.need("head_sha", text),
        created_at=fields.need("created_at", moment),
    )


def runner(value: Any, path: str) -> Runner:
    fields = Fields(value, path)
    return Runner(
        id=fields.need("id", number),
        name=fields.need("name", text),
        online=fields.need("status", text) == "online",
        busy=fields.need("busy", flag),
        labels=fields.many("labels", _label, most=MAX_LABELS),
    )


def _label(value: Any, path: str) -> str:
    return Fields(value, path).need("name", text)


def _permissions(value: Any, path: str) -> dict[str, str]:
    fields = Fields(value, path)
    return {name: fields.need(name, text) for name in value}
