"""Looks at GitHub again and again, within its limits: webhooks get lost, registrations are left.

Each look compares what is there with what is known, and changes only what differs.
"""

from collections.abc import Callable
from dataclasses import replace

from mayfly.forges.github import model
from mayfly.forges.github.client import Attempt, GitHubApp
from mayfly.forges.github.errors import Busy, NotFound
from mayfly.forges.github.installation import InstallationClient
from mayfly.forges.github.model import Scope, Status
from mayfly.forges.github.redelivery import HORIZON, to_redeliver
from mayfly.forges.github.runners import Doubts, compare
from mayfly.server.github import chores
from mayfly.server.github.apps import Apps
from mayfly.server.github.inbox import LISTENED
from mayfly.server.github.news import News
from mayfly.server.github.places import Places, seen_working
from mayfly.store.base import Store, Tx, View
from mayfly.store.forge_rows import ChoreRow, DeliveryRow, ForgeJobRow, InstallationRow, RunnerRow
from mayfly.store.rows import JobRow, ProjectRow

_ACTIVE_S = 60.0  # between looks at a repository with jobs that have not ended
_QUIET_S = 900.0  # and at one without
_GHOSTS_S = 120.0
_SYNC_S = 6 * 3600.0
_SWEEP_S = 60.0
_SWEPT_AGAIN_S = 3600.0  # deliveries so old are looked at once more
_MOST_PAGES = 50

_OPEN = tuple(status.value for status in Status if status is not Status.COMPLETED)


class Looks:
    """Each raises GitHubError or NotConnected, and comes again in any case.

    `now` gives seconds since 1970.
    """

    def __init__(
        self, store: Store, apps: Apps, news: News, places: Places, now: Callable[[], float]
    ):
        self._store = store
        self._apps = apps
        self._news = news
        self._places = places
        self._now = now

    async def poll(self, chore: ChoreRow) -> None:
        """The jobs of one repository, as they are."""
        project = await self._store.read(lambda view: view.get(ProjectRow, chore.target))
        if project is None or project.installation is None:
            await self._store.serial(lambda tx: chores.done(tx, chore))
            return
        client = await self._apps.installation(project.installation)
        seen: dict[int, model.Job] = {}
        for run in await client.active_runs(project.id):
            seen |= {job.id: job for job in await client.jobs(project.id, run.id)}
        known = await self._store.read(lambda view: _open_jobs(view, project.id))
        for row in known:
            if row.job not in seen:
                seen[row.job] = await _one(client, row)
        jobs, installation = list(seen.values()), project.installation

        def work(tx: Tx) -> None:
            pools: set[str] = set()
            for job in jobs:
                pools |= self._news.job(tx, project.id, installation, job)
            self._places.balance(tx, pools)
            active = bool(_open_jobs(tx, project.id))
            chores.again(tx, chore, self._now() + (_ACTIVE_S if active else _QUIET_S))

        await self._store.serial(work)

    async def ghosts(self, chore: ChoreRow) -> None:
        """Registrations without a machine, and machines whose registration is no more."""
        assert chore.installation is not None
        scope = _scope(chore)
        client = await self._apps.installation(chore.installation)
        names = await self._apps.names(chore.installation)
        # First what there is here: what is registered meanwhile would look like a ghost.
        places = await self._store.read(lambda view: _of_scope(view, scope))
        listed = await client.runners(scope)
        compared = compare(
            listed,
            names=names,
            live={row.name for row in places if row.name},
            registered={row.name for row in places if row.name and _waits(row)},
            before=_doubts(chore),
        )
        for runner in compared.remove:
            try:
                await client.delete_runner(scope, runner.id)
            except Busy:
                continue  # its job is not given up yet
        doubts = compared.doubts
        ghosts, missing = sorted(doubts.ghosts), sorted(doubts.missing)
        idle = not places and not any(names.owns(runner.name) for runner in listed)

        def work(tx: Tx) -> None:
            for name in compared.gone:
                self._gone(tx, name)
            if idle and not _of_scope(tx, scope):
                chores.done(tx, chore)
            else:
                at = self._now() + _GHOSTS_S
                chores.again(tx, chore, at, ghosts=ghosts, missing=missing)

        await self._store.serial(work)

    async def sync(self, chore: ChoreRow) -> None:
        """What one installation is, and which repositories it may see."""
        row = await self._store.read(lambda view: view.get(InstallationRow, chore.target))
        if row is None or row.removed:
            await self._store.serial(lambda tx: chores.done(tx, chore))
            return
        app = await self._apps.app(row.app)
        found = next((one for one in await app.installations() if str(one.id) == row.id), None)
        visible: tuple[model.Repository, ...] = ()
        if found is not None and not found.suspended:
            visible = await app.installation(found.id).repositories()
        names = {repository.full_name for repository in visible}

        def work(tx: Tx) -> None:
            if found is None:
                tx.put(replace(row, removed=True))
            else:
                self._news.installation(tx, row.app, found)
                for repository in visible:
                    self._news.repository(tx, found.id, repository)
            if found is None or not found.suspended:
                _forget_others(tx, int(row.id), names)
            chores.again(tx, chore, self._now() + _SYNC_S)

        await self._store.serial(work)

    async def sweep(self, chore: ChoreRow) -> None:
        """Have GitHub deliver again what never arrived."""
        app = await self._apps.app(chore.target)
        now = self._now()
        since = max(float(chore.note.get("swept", 0.0)) - _SWEPT_AGAIN_S, now - HORIZON)
        attempts = await _attempts(app, since)
        ids = [attempt.guid for attempt in attempts]
        arrived = await self._store.read(lambda view: _arrived(view, ids))
        for attempt in to_redeliver(attempts, arrived, LISTENED, now):
            await app.redeliver(attempt)
        await self._store.serial(lambda tx: chores.again(tx, chore, now + _SWEEP_S, swept=now))

    def _gone(self, tx: Tx, name: str) -> None:
        """GitHub forgot a runner, so no job comes to it any more; unless it has one."""
        for place in tx.find(RunnerRow, name=name, live=True):
            row = tx.get(JobRow, place.id)
            if row is not None and place.works_on is None and not seen_working(tx, row):
                self._places.cancel(tx, place, "GitHub forgot its registration")
                self._places.balance(tx, {place.pool})


async def _one(client: InstallationClient, row: ForgeJobRow) -> model.Job:
    """A job that no active run has any more."""
    try:
        return await client.job(row.project, row.job)
    except NotFound:
        return model.Job(
            id=row.job,
            run_id=row.run,
            run_attempt=row.attempt,
            status=Status.COMPLETED,
            conclusion="cancelled",
            name=row.name,
            workflow=row.workflow,
            head_branch=row.branch,
            head_sha=row.sha,
            labels=row.labels,
            runner_id=None,
            runner_name=None,
            created_at=row.since,
            started_at=None,
            completed_at=None,
        )


async def _attempts(app: GitHubApp, since: float) -> list[Attempt]:
    """Those that are not older; the newest come first."""
    found: list[Attempt] = []
    cursor = None
    for _ in range(_MOST_PAGES):
        page = await app.deliveries(cursor=cursor)
        found += [attempt for attempt in page.attempts if attempt.delivered_at >= since]
        cursor = page.cursor
        if cursor is None or any(one.delivered_at < since for one in page.attempts):
            break
    return found


def _arrived(view: View, ids: list[str]) -> set[str]:
    return {id_ for id_ in ids if view.get(DeliveryRow, id_) is not None}


def _open_jobs(view: View, project: str) -> list[ForgeJobRow]:
    return view.find(ForgeJobRow, project=project, status=_OPEN)


def _of_scope(view: View, scope: Scope) -> list[RunnerRow]:
    return [row for row in view.find(RunnerRow, live=True) if Scope(row.owner, row.repo) == scope]


def _waits(row: RunnerRow) -> bool:
    return row.minted is not None and row.works_on is None and row.seen_working is None


def _scope(chore: ChoreRow) -> Scope:
    """The target is `installation/owner[/repo]`."""
    owner, _, repo = chore.target.partition("/")[2].partition("/")
    return Scope(owner, repo or None)


def _doubts(chore: ChoreRow) -> Doubts:
    note = chore.note
    return Doubts(frozenset(note.get("ghosts", ())), frozenset(note.get("missing", ())))


def _forget_others(tx: Tx, installation: int, names: set[str]) -> None:
    for project in tx.find(ProjectRow):
        if project.installation == installation and project.id not in names:
            tx.put(replace(project, installation=None))
