"""Puts a server's parts together over a store and blobs: the same for replicas and for tests."""

from collections.abc import Callable, Mapping

from mayfly.forges.github.connector import Connector
from mayfly.server.dispatch import Dispatch
from mayfly.server.github.connecting import Place
from mayfly.server.github.ends import as_forge_says
from mayfly.server.github.service import GitHub
from mayfly.server.hosts import SESSION_TTL_S, Hosts
from mayfly.server.ids import id_maker
from mayfly.server.journal import Journals
from mayfly.server.metrics import Metrics, TimedStore
from mayfly.server.native import BlobSources, PlannedSpecs
from mayfly.server.orchestrator import Orchestrator
from mayfly.server.people.sign_in import SignIn
from mayfly.server.plans import StoredPlans
from mayfly.server.retention import Retention
from mayfly.server.scheduler import Scheduler
from mayfly.server.services import Services
from mayfly.server.settings import Settings
from mayfly.server.submissions import Submissions
from mayfly.server.uploads import Uploads
from mayfly.services.sign_in import Provider
from mayfly.store.base import Store
from mayfly.store.blobs import BlobStore


def make_services(
    store: Store,
    blobs: BlobStore,
    settings: Settings,
    now: Callable[[], float],
    *,
    providers: Mapping[str, Provider] | None = None,
    new_id: Callable[[], str] | None = None,
    connector: Connector | None = None,
    session_ttl_s: float = SESSION_TTL_S,
) -> Services:
    """Nothing runs yet, nothing needs to be closed. GitHub is served if there is a connector."""
    metrics = Metrics()
    store = TimedStore(store, metrics)
    new_id = new_id or id_maker(now)
    scheduler = Scheduler(now)
    orchestrator = Orchestrator(StoredPlans(), scheduler, now)
    uploads = Uploads(store, blobs, now, new_id, settings.uploads_limit)
    github = None
    if connector is not None:
        place = Place(settings.github_api_url, settings.github_url)
        github = GitHub(store, orchestrator, connector, now=now, new_id=new_id, place=place)
    hosts = Hosts(
        store,
        orchestrator,
        Dispatch(store, orchestrator.jobs, scheduler, now, timed=metrics.claim_seconds.time),
        hand_over=github.hand_over if github else PlannedSpecs(store),
        endings=as_forge_says,
        sources=BlobSources(uploads),
        now=now,
        new_id=new_id,
        ttl_s=session_ttl_s,
        journal_limit=settings.journal_limit,
    )
    sign_in = SignIn(
        store,
        providers or {},
        now,
        base_url=settings.base_url,
        session_s=settings.session_s,
    )
    return Services(
        store=store,
        blobs=blobs,
        orchestrator=orchestrator,
        scheduler=scheduler,
        uploads=uploads,
        submissions=Submissions(store, orchestrator, now, new_id),
        hosts=hosts,
        journal=Journals(store, blobs),
        retention=Retention(
            store, blobs, now, uploads_s=settings.uploads_s, logs_s=settings.logs_s
        ),
        sign_in=sign_in,
        github=github,
        metrics=metrics,
        settings=settings,
        now=now,
        new_id=new_id,
    )
