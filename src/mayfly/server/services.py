"""What a server is made of, as its routes see it; put together by `server.main`."""

from collections.abc import Callable
from dataclasses import dataclass

from mayfly.server.github.service import GitHub
from mayfly.server.hosts import Hosts
from mayfly.server.journal import Journals
from mayfly.server.metrics import Metrics
from mayfly.server.orchestrator import Orchestrator
from mayfly.server.people.sign_in import SignIn
from mayfly.server.retention import Retention
from mayfly.server.scheduler import Scheduler
from mayfly.server.settings import Settings
from mayfly.server.submissions import Submissions
from mayfly.server.uploads import Uploads
from mayfly.store.base import Store
from mayfly.store.blobs import BlobStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """`now` gives seconds since 1970; `new_id` an id nobody has."""

    store: Store
    blobs: BlobStore
    orchestrator: Orchestrator
    scheduler: Scheduler
    uploads: Uploads
    submissions: Submissions
    hosts: Hosts
    journal: Journals
    retention: Retention
    sign_in: SignIn
    github: GitHub | None = None
    metrics: Metrics
    settings: Settings
    now: Callable[[], float]
    new_id: Callable[[], str]
