"""What GitHub's events change here. Serial transactions; old news and repeated ones change nothing.

The same is done with what a webhook said and with what a look at GitHub showed.
"""

from collections.abc import Callable
from dataclasses import replace

from mayfly.forges.github import events, model
from mayfly.server.github import chores
from mayfly.server.github.apps import scope_of
from mayfly.server.github.binding import bind
from mayfly.server.github.places import Places, key_of, pool_key
from mayfly.server.schedules import STARTS
from mayfly.store.base import FLEET, Tx
from mayfly.store.forge_rows import AppRow, ForgeJobRow, InstallationRow
from mayfly.store.rows import ProjectRow, StartRow

_OURS = ("mayfly", "actuated")


class News:
    """`now` gives seconds since 1970."""

    def __init__(self, places: Places, now: Callable[[], float]):
        self._places = places
        self._now = now

    def take(self, tx: Tx, app: str, delivery: str, event: events.Event) -> set[str]:
        """Write down what it says; gives the kinds of runners that must be balanced now.

        An app has no say on another one's installations: it may be of another forge.
        """
        if not _concerns(tx, app, event):
            return set()
        match event:
            case events.WorkflowJob():
                return self._workflow_job(tx, app, event)
            case events.Push():
                self._push(tx, app, delivery, event)
            case events.InstallationChanged():
                removed = event.action == "deleted"
                self.installation(tx, app, event.installation, removed=removed)
                self._look_up(tx, event.installation.id)
                for repository in event.repositories:
                    self.repository(tx, event.installation.id, repository, gone=removed)
            case events.RepositoriesChanged():
                self.installation(tx, app, event.installation)
                self._look_up(tx, event.installation.id)
                for repository in event.added:
                    self.repository(tx, event.installation.id, repository)
                for repository in event.removed:
                    self.repository(tx, event.installation.id, repository, gone=True)
            case events.Ping():
                pass
        return set()

    def installation(
        self, tx: Tx, app: str, seen: model.Installation, *, removed: bool = False
    ) -> None:
        """As GitHub knows it."""
        row = InstallationRow(
            id=str(seen.id),
            app=app,
            account=seen.account,
            organization=seen.organization,
            permissions=seen.permissions,
            suspended=seen.suspended,
            removed=removed,
        )
        if tx.get(InstallationRow, row.id) != row:
            tx.put(row)

    def repository(
        self, tx: Tx, installation: int, seen: model.Repository, *, gone: bool = False
    ) -> None:
        """A project of the same name goes with it, which stays when the app may not see it."""
        known = tx.get(ProjectRow, seen.full_name)
        if gone:
            if known is not None and known.installation == installation:
                tx.put(replace(known, installation=None))
            return
        row = known or ProjectRow(id=seen.full_name, created=self._now())
        row = replace(
            row,
            installation=installation,
            clone_url=row.clone_url or self._clone_url(tx, installation, seen),
            default_branch=seen.default_branch or row.default_branch,
        )
        if row != known:
            tx.put(row)
            tx.announce(FLEET)
        chores.ask(tx, chores.POLL, seen.full_name, installation, self._now() + 60)

    def job(
        self, tx: Tx, project: str, installation: int, seen: model.Job, actor: str = ""
    ) -> set[str]:
        """As a webhook or a look at GitHub shows it."""
        if not is_ours(seen.labels):
            return set()
        key = key_of(*seen.key)
        known = tx.get(ForgeJobRow, key)
        if known is not None and not seen.follows(_as_seen(known)):
            return set()
        now = self._now()
        pool = known.pool if known else self._pool(tx, project, installation, seen)
        row = known or _new(project, installation, seen, actor, pool)
        row = replace(
            row,
            status=seen.status.value,
            conclusion=seen.conclusion,
            runner=seen.runner_id or row.runner,
            runner_name=seen.runner_name or row.runner_name,
            changed=now,
        )
        tx.put(row)
        if seen.status in {model.Status.IN_PROGRESS, model.Status.COMPLETED}:
            return {pool, *bind(tx, row, seen)}
        return {pool}

    def _workflow_job(self, tx: Tx, app: str, event: events.WorkflowJob) -> set[str]:
        if event.installation is None or not is_ours(event.job.labels):
            return set()
        self._known_installation(tx, app, event.installation, event.repository.owner)
        project = tx.get(ProjectRow, event.repository.full_name)
        if project is None or project.installation != event.installation:
            self.repository(tx, event.installation, event.repository)
        name = event.repository.full_name
        return self.job(tx, name, event.installation, event.job, event.sender)

    def _push(self, tx: Tx, app: str, delivery: str, event: events.Push) -> None:
        if event.installation is None or event.deleted:
            return
        project = tx.get(ProjectRow, event.repository.full_name)
        if project is None or not project.native_on_push:
            return
        self._known_installation(tx, app, event.installation, event.repository.owner)
        start = StartRow(
            id=f"{project.id}@{delivery}",
            project=project.id,
            event="push",
            ref=event.ref,
            sha=event.after,
            actor=event.sender,
            payload={"before": event.before, "after": event.after, "ref": event.ref},
        )
        if tx.get(StartRow, start.id) is None:
            tx.add(start)
            tx.announce(STARTS)

    def _known_installation(self, tx: Tx, app: str, installation: int, owner: str) -> None:
        """It must be one of ours, for the app's secret signed it: its own news may come later."""
        if tx.get(InstallationRow, str(installation)) is None:
            tx.put(InstallationRow(id=str(installation), app=app, account=owner))
            self._look_up(tx, installation)

    def _look_up(self, tx: Tx, installation: int) -> None:
        """What it may see, from GitHub itself: lists in webhooks are short, and may be lost."""
        chores.ask(tx, chores.SYNC, str(installation), installation, self._now())

    def _pool(self, tx: Tx, project: str, installation: int, seen: model.Job) -> str:
        row = tx.get(InstallationRow, str(installation))
        return pool_key(scope_of(row, project), seen.labels)

    def _clone_url(self, tx: Tx, installation: int, seen: model.Repository) -> str | None:
        row = tx.get(InstallationRow, str(installation))
        app = tx.get(AppRow, row.app) if row else None
        return f"{app.web_url}/{seen.full_name}.git" if app else None


def _concerns(tx: Tx, app: str, event: events.Event) -> bool:
    """Whether the installation is the app's, or new."""
    if isinstance(event, events.Ping) or event.installation is None:
        return True
    told = event.installation
    row = tx.get(InstallationRow, str(told if isinstance(told, int) else told.id))
    return row is None or row.app == app


def is_ours(labels: tuple[str, ...]) -> bool:
    """Whether a job asks for us at all."""
    names = [label.strip().lower() for label in labels]
    return any(name in _OURS or name.startswith(tuple(f"{o}-" for o in _OURS)) for name in names)


def may_be_ours(body: str) -> bool:
    """Whether a webhook could be of a job that asks for us: most are not, and need no reading."""
    lowered = body.lower()
    return any(name in lowered for name in _OURS)


def _new(project: str, installation: int, seen: model.Job, actor: str, pool: str) -> ForgeJobRow:
    return ForgeJobRow(
        id=key_of(*seen.key),
        project=project,
        installation=installation,
        job=seen.id,
        attempt=seen.run_attempt,
        run=seen.run_id,
        status=seen.status.value,
        name=seen.name,
        workflow=seen.workflow or "",
        branch=seen.head_branch or "",
        sha=seen.head_sha,
        actor=actor,
        labels=seen.labels,
        pool=pool,
        since=seen.created_at or 0.0,
    )


def _as_seen(row: ForgeJobRow) -> model.Job:
    """What is known, to be compared with what is seen."""
    return model.Job(
        id=row.job,
        run_id=row.run,
        run_attempt=row.attempt,
        status=model.Status(row.status),
        conclusion=row.conclusion,
        name=row.name,
        workflow=row.workflow,
        head_branch=row.branch,
        head_sha=row.sha,
        labels=row.labels,
        runner_id=row.runner,
        runner_name=row.runner_name,
        created_at=row.since,
        started_at=None,
        completed_at=None,
    )
