"""What the control plane remembers of forges: rows as in `store.rows`."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from mayfly.store.rows import indexed, sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class AppRow:
    """An app of ours at a GitHub; `id` is its number there. `prefix` begins its runners' names."""

    id: str
    slug: str
    name: str
    owner: str
    html_url: str
    api_url: str
    web_url: str
    prefix: str
    client_id: str = ""
    client_secret: str = sealed(default="")
    webhook_secret: str = sealed(default="")
    private_key: str = sealed(default="")
    created: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationRow:
    """An app on one account; `id` is its number. `permissions` are empty until they are known."""

    id: str
    app: str = indexed()
    account: str = ""
    organization: bool = False
    permissions: dict[str, str] = dataclasses.field(default_factory=dict)
    suspended: bool = False
    removed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """A webhook as it came; `id` is shared by its redeliveries. `body` is gone once it was read."""

    id: str
    app: str = indexed()
    event: str
    body: str
    received: float = indexed(default=0.0)
    read: bool = indexed(default=False)
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeJobRow:
    """One attempt of a job at its forge, as far as is known; `id` is `job-attempt`.

    `pool` names the runners that could take it. `problem` is why none is made for it; after a
    place came to nothing for the `tries`-th time, none is made before `after`.
    """

    id: str
    project: str = indexed()
    installation: int
    job: int
    attempt: int
    run: int
    status: str = indexed()
    conclusion: str | None = None
    name: str = ""
    workflow: str = ""
    branch: str = ""
    sha: str = ""
    actor: str = ""
    labels: tuple[str, ...] = ()
    runner: int | None = None
    runner_name: str | None = None
    pool: str = indexed(default="")
    since: float = 0.0
    changed: float = indexed(default=0.0)
    problem: str | None = None
    tries: int = 0
    after: float = indexed(default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerRow:
    """A place: one of our jobs, whose machine becomes a runner; `id` is the job's.

    `made_for` is the forge's job whose turn it was, `works_on` the one its runner took. A
    registration is intended first (`name`, `asked`, of that `attempt`; `turn` is unique to each
    try), then made (`runner`, `config`, `minted`). `leaving` is since when it takes no job any
    more, `seen_working` when its machine said that it works.
    """

    id: str
    project: str = indexed()
    installation: int
    owner: str
    repo: str | None = None
    labels: tuple[str, ...] = ()
    pool: str = indexed()
    made_for: str = indexed()
    made: float = 0.0
    attempt: int = 0
    turn: str = ""
    name: str | None = indexed(default=None)
    asked: float | None = None
    runner: int | None = indexed(default=None)
    config: str | None = sealed(default=None)
    minted: float | None = None
    works_on: str | None = indexed(default=None)
    seen_working: float | None = None
    leaving: float | None = None
    ended: float | None = None
    live: bool = indexed(default=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoreRow:
    """Something to be asked of a forge at `due`, once or again and again; `id` is `kind/target`.

    Who works on it moves `due` on first, so that it is due again if that one dies.
    """

    id: str
    kind: str
    target: str
    installation: int | None = None
    due: float = indexed(default=0.0)
    tries: int = 0
    note: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRow:
    """An image whose machines can serve no job of a forge, until somebody tries again then."""

    id: str
    reason: str
    since: float
    until: float


FORGE_ROWS: tuple[type[Any], ...] = (
    AppRow,
    InstallationRow,
    DeliveryRow,
    ForgeJobRow,
    RunnerRow,
    ChoreRow,
    AlarmRow,
)
