"""Which webhooks follow from what happened, and to whom they go."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.standins.github.accounts import Json, stamp
from tests.standins.github.world import App, Installation, Job, Repository

if TYPE_CHECKING:
    from tests.standins.github.base import Base

NOWHERE = "0" * 40


class Announcements:
    def __init__(self, github: "Base"):
        self._github = github

    def ping(self, app: App) -> None:
        at = stamp(app.created)
        hook = {
            "type": "App",
            "id": app.id,
            "name": "web",
            "active": True,
            "events": app.events,
            "app_id": app.id,
            "config": {"url": app.webhook_url, "content_type": "json", "insecure_ssl": "0"},
            "created_at": at,
            "updated_at": at,
        }
        payload = {"zen": "Keep it logically awesome.", "hook_id": app.id, "hook": hook}
        self._github.hooks.send(app, "ping", payload)

    def installation(self, installation: Installation, action: str) -> None:
        github = self._github
        payload: Json = {
            "action": action,
            "installation": github.payloads.installation(installation),
            "repositories": self._short(github.seen_by(installation)),
            "sender": github.payloads.sender(github.visitor),
        }
        if action == "created":
            payload["requester"] = None
        github.hooks.send(installation.app, "installation", payload)

    def repositories(
        self, installation: Installation, action: str, changed: Sequence[Repository]
    ) -> None:
        payload = {
            "action": action,
            "repository_selection": "selected",
            "repositories_added": self._short(changed if action == "added" else []),
            "repositories_removed": self._short(changed if action == "removed" else []),
            "requester": None,
            "installation": self._github.payloads.installation(installation),
            "sender": self._github.payloads.sender(self._github.visitor),
        }
        self._github.hooks.send(installation.app, "installation_repositories", payload)

    def job(self, job: Job) -> None:
        payload = {
            "action": job.status,
            "workflow_job": self._github.payloads.job(job),
            "sender": self._github.payloads.sender(job.run.sender),
        }
        self._to_all("workflow_job", job.run.repository, payload)

    def push(
        self, repository: Repository, *, ref: str, before: str, after: str, message: str
    ) -> None:
        github = self._github
        person = {"name": github.visitor, "email": f"{github.visitor}@users.example"}
        commit = {
            "id": after,
            "tree_id": after,
            "distinct": True,
            "message": message,
            "timestamp": stamp(github.clock()),
            "url": f"{github.web_url}/{repository.full_name}/commit/{after}",
            "author": person,
            "committer": person,
            "added": [],
            "removed": [],
            "modified": [],
        }
        deleted = after == NOWHERE
        payload = {
            "ref": ref,
            "before": before,
            "after": after,
            "created": before == NOWHERE,
            "deleted": deleted,
            "forced": False,
            "base_ref": None,
            "compare": f"{github.web_url}/{repository.full_name}/compare/{before}...{after}",
            "commits": [] if deleted else [commit],
            "head_commit": None if deleted else commit,
            "pusher": person,
            "sender": github.payloads.sender(github.visitor),
        }
        self._to_all("push", repository, payload)

    def _to_all(self, event: str, repository: Repository, payload: Json) -> None:
        """The apps that may see the repository and listen to the event."""
        github = self._github
        payload["repository"] = github.payloads.repository(repository)
        if repository.owner.organization:
            payload["organization"] = github.payloads.organization(repository.owner)
        for installation in github.installations.values():
            if (
                github.may_see(installation, repository)
                and installation.suspended is None
                and event in installation.app.events
            ):
                mine = {"id": installation.id, "node_id": f"I_{installation.id}"}
                github.hooks.send(installation.app, event, {**payload, "installation": mine})

    def _short(self, repositories: Sequence[Repository]) -> list[Json]:
        return [self._github.payloads.short_repository(each) for each in repositories]
