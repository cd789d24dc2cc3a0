"""What the control plane remembers, one frozen dataclass a kind of row; `id` is its key.

A store makes its tables from these definitions: a field marked `indexed` can be searched by, one
marked `sealed` is encrypted at rest. Times are seconds since 1970. Change a row by `replace` and
`Tx.put`; what several processes change at the same time lives in rows of its own (`LeaseRow`,
`SessionRow`), changed by guarded updates only.
"""

import dataclasses
import enum
from dataclasses import dataclass
from typing import Any

from mayfly.domain.architecture import Architecture
from mayfly.domain.events import RunRef
from mayfly.domain.job import Conclusion, JobState
from mayfly.domain.labels import Requirement
from mayfly.workflow.planned import PlannedJob
from mayfly.workflow.spec import JobSpec

INDEXED = "indexed"
SEALED = "sealed"


def indexed(**options: Any) -> Any:
    """A field that rows are found by."""
    return dataclasses.field(metadata={INDEXED: True}, **options)


def sealed(**options: Any) -> Any:
    """A field that holds secrets: encrypted where rows are written down, never searched by."""
    return dataclasses.field(metadata={SEALED: True}, **options)


class RunKind(enum.StrEnum):
    """Who planned the run: we did, from workflow files, or a forge did and its runner runs it."""

    NATIVE = "native"
    GITHUB = "github"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRow:
    """Whom jobs belong to; `id` is `owner/name`.

    `weight` is its share against others, quotas bound what it has at once (None: no bound):
    `quota_unfinished` all jobs that have not ended, the others what runs. `hosts` are the only ones
    its jobs may run on (empty: any). `losses_allowed`: how often a native job may be queued again
    after its host was lost.
    """

    id: str
    created: float = 0.0
    weight: int = 1
    priority: int = 0
    quota_millicpu: int | None = None
    quota_memory_mib: int | None = None
    quota_jobs: int | None = None
    quota_unfinished: int | None = 10_000
    hosts: tuple[str, ...] = ()
    losses_allowed: int = 1
    rerun_lost: bool = False
    native_on_push: bool = False
    clone_url: str | None = None
    default_branch: str = "main"
    installation: int | None = None
    public: bool = False
    version: int = indexed(default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One workflow on one leg, or one job of a forge.

    `serial` counts all runs here, `number` those of its workflow, `attempt` its own.
    `submission` joins the runs that one person asked for at once. `source` is the blob its
    machines check out, `actions` those of the actions it uses, by key. `proven_ref` is the
    branch or tag (`refs/…`) that a server itself got the source of from the forge; empty where
    `branch` is the word of who sent a clone. With `fit` a job that no host is large enough for gets
    the nearest size. `cancelled` says why, once it is; `closed` once not even `always()` jobs may
    start. `problem` is why it could not begin at all. `look_at` is when it must be looked at again
    although nothing happened. `sealed`: its journal lies in blobs, which are deleted since
    `log_gone`.
    """

    id: str
    project: str = indexed()
    ref: RunRef
    name: str
    kind: RunKind = RunKind.NATIVE
    serial: int = 1
    number: int = 1
    attempt: int = 1
    submission: str = indexed(default="")
    event: str = ""
    branch: str = ""
    proven_ref: str = ""
    sha: str = ""
    actor: str = ""
    priority: int = 0
    fit: bool = False
    source: str | None = None
    actions: dict[str, str] = dataclasses.field(default_factory=dict)
    created: float = indexed(default=0.0)
    finished: float | None = indexed(default=None)
    conclusion: Conclusion | None = None
    cancelled: str | None = None
    closed: bool = False
    problem: str | None = None
    look_at: float | None = indexed(default=None)
    sealed: bool = indexed(default=False)
    log_gone: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """What a native run was asked for, `id` is the run's; text in the form of `server.requests`.

    Sealed because secrets of the run are in it.
    """

    id: str
    text: str = sealed()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job as it stands. `attempt` counts its assignments; `outputs` are set when it ended.

    `planned` is without its spec, which is a row of its own. `requirement` is what it will be
    given (after `--fit`), `placed` the architecture it was given, `reason` why it stands where it
    does. `losses` counts hosts lost under it, `failed_starts` machines that did not start.
    `expected_s` is how long it will take, as it seemed when it was queued (None: nothing is known).
    `told` is the size of what earlier assignments added to the journal, as `LeaseRow.told` of this
    one. `reserved_on` is the host that keeps room for it since `reserved_at`. `version` is the
    transaction that wrote it last; stores set it.
    """

    id: str
    run: str = indexed()
    project: str = indexed()
    planned: PlannedJob
    state: JobState = indexed()
    reason: str | None = None
    requirement: Requirement | None = None
    placed: Architecture | None = None
    attempt: int = 0
    outputs: dict[str, str] = dataclasses.field(default_factory=dict)
    cancel_reason: str | None = None
    priority: int = 0
    created: float = 0.0
    queued_at: float | None = None
    claimed_at: float | None = None
    started_at: float | None = None
    finished_at: float | None = indexed(default=None)
    host: str | None = indexed(default=None)
    reserved_on: str | None = indexed(default=None)
    reserved_at: float = 0.0
    losses: int = 0
    failed_starts: int = 0
    expected_s: float | None = None
    told: int = 0
    version: int = indexed(default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecRow:
    """What a queued or running job is to do; `id` is the job's. Gone when that has ended.

    Apart from the job's row because it holds secrets, and is asked for once while that is read
    all the time.
    """

    id: str
    spec: JobSpec = sealed()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRow:
    """The right of a session to run an attempt of a job; `id` is the job's.

    `reports` counts those taken in: the next must bear the next number. It is the fence: a report
    is taken in only by a guarded update of this row. `told` is how large they were.
    """

    id: str
    attempt: int
    session: str = indexed()
    host: str = indexed()
    reports: int = 0
    told: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRow:
    """A machine that agents run on. Its vCPU are given out `cpu_factor` times, its memory once.

    `over_commit` is the factor that an administrator chose instead of what its agent says. It is
    `online` while it has a session, and `removed` once nobody wants it any more.
    `architectures` begins with its own. `key_hash` is of the key its agent shows; `next_key_hash`
    of the one it is changing to. `failures` counts failed starts in a row.
    """

    id: str
    created: float = 0.0
    key_hash: str = indexed(default="")
    next_key_hash: str | None = indexed(default=None)
    key_since: float = 0.0
    millicpu: int = 0
    memory_mib: int = 0
    cpu_factor: float = 1.0
    over_commit: float | None = None
    architectures: tuple[Architecture, ...] = ()
    labels: tuple[str, ...] = ()
    online: bool = False
    removed: bool = False
    draining: bool = False
    quarantined: str | None = None
    failures: int = 0
    agent_version: str = ""
    accelerators: dict[str, str] = dataclasses.field(default_factory=dict)
    last_seen: float | None = None
    version: int = indexed(default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """One life of an agent's process; its leases end when it does. Changed by guarded updates."""

    id: str
    host: str = indexed()
    opened: float = 0.0
    until: float = indexed(default=0.0)
    ended: bool = indexed(default=False)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has or wants a concurrency group: a run, or with `key` a job or call of it."""

    run: str
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """A concurrency group; `id` is `project/name` in lower case.

    The first of the `holders` runs, the others wait in order.
    """

    id: str
    project: str = indexed()
    holders: tuple[Holder, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentRow:
    """A deployment environment; `id` is `project/name` in lower case.

    A job that names it waits for `wait_minutes` and for one of the `reviewers` (user names).
    `branches` are patterns of those that may use it, `tag:…` of tags (empty: all).
    `prevent_self_review`: who started the run may not approve it.
    """

    id: str
    project: str = indexed()
    name: str
    reviewers: tuple[str, ...] = ()
    wait_minutes: float = 0.0
    branches: tuple[str, ...] = ()
    prevent_self_review: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRow:
    """One run waits for, or got, leave to use an environment; `id` is `run/environment`."""

    id: str
    run: str = indexed()
    project: str = indexed()
    environment: str
    asked: float = 0.0
    approved: bool | None = indexed(default=None)
    by: str | None = None
    at: float | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    """A workflow that starts by the clock; `id` is `project/file/cron`; `cron` is UTC."""

    id: str
    project: str = indexed()
    workflow: str
    cron: str
    next_at: float = indexed()


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRow:
    """Runs to be started by a server itself: for a push, or by the clock.

    Written down first and removed by the transaction that starts the runs, so that it happens
    once. `workflow` and `cron` are of a schedule. `payload` is the event's, as JSON. Who works on
    it has it until `taken_until`; after a failure it is tried again from `after` on.
    """

    id: str
    project: str = indexed()
    event: str
    ref: str
    sha: str | None = None
    actor: str = ""
    payload: dict[str, Any] = dataclasses.field(default_factory=dict)
    workflow: str | None = None
    cron: str | None = None
    tries: int = 0
    after: float = indexed(default=0.0)
    taken_until: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterRow:
    """Numbers that are given out once: of runs of a workflow, for example."""

    id: str
    value: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MeteringRow:
    """What one attempt took; `id` is `job:attempt`. `usage` is as the host reported it."""

    id: str
    project: str = indexed()
    job: str = indexed()
    run: str = ""
    name: str = ""
    actor: str = ""
    host: str = ""
    state: JobState = JobState.SUCCEEDED
    architecture: Architecture = Architecture.AMD64
    millicpu: int = 0
    memory_mib: int = 0
    queued_s: float = 0.0
    ran_s: float = 0.0
    finished: float = indexed(default=0.0)
    usage: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationRow:
    """How many seconds the last jobs of one kind took that succeeded; see `server.durations`.

    The kind is a job of a workflow on one architecture, a workflow or a project, `id` a digest of
    its name. `at` is when the last of them ended.
    """

    id: str
    project: str = indexed()
    seconds: tuple[float, ...] = ()
    at: float = indexed(default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRow:
    """A part of a run's journal that lies in a blob since `at`; `id` is `run/first`."""

    id: str
    run: str = indexed()
    first: int = 0
    last: int = 0
    blob: str = ""
    at: float = indexed(default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRow:
    """What runs check out, or an action they use; `id` is how runs name it.

    `blob` is where it lies: a key that no other upload ever gets. `owner` is the `UploaderRow` that
    its `size` in bytes is counted in. `used` is when it was last sent, asked for, or named by a
    new run.
    """

    id: str
    owner: str
    blob: str
    size: int
    used: float = indexed()


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivingRow:
    """Room for an upload that is being sent: `size` bytes, given back at `until` at the latest."""

    id: str
    owner: str
    size: int
    until: float = indexed()


@dataclass(frozen=True, slots=True, kw_only=True)
class UploaderRow:
    """Whose uploads are bounded together; `stored` bytes, with what is arriving."""

    id: str
    stored: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalRow:
    """A blob that no row names any more, and that is to be deleted; `id` is its key."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRow:
    """The image that a name stands for on this server's hosts; `id` is `name/architecture`.

    `digest` is of its manifest; `parts` are the blobs it is made of, the manifest among them.
    """

    id: str
    digest: str
    parts: tuple[str, ...] = ()
    pushed: float = 0.0
    by: str = ""


FLEET_ROWS: tuple[type[Any], ...] = (
    ProjectRow,
    RunRow,
    RequestRow,
    JobRow,
    SpecRow,
    LeaseRow,
    HostRow,
    SessionRow,
    GroupRow,
    EnvironmentRow,
    ReviewRow,
    ScheduleRow,
    StartRow,
    CounterRow,
    MeteringRow,
    DurationRow,
    SegmentRow,
    UploadRow,
    ArrivingRow,
    UploaderRow,
    RemovalRow,
    ImageRow,
)
