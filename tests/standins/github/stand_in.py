"""`StandInGitHub`: what a test holds, with all that people do at GitHub."""

import functools
from collections.abc import Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Mount
from tests.standins.github import http, rest_app, rest_runners, rest_runs
from tests.standins.github.base import Base, private_key
from tests.standins.github.pages import Pages
from tests.standins.github.runner_api import RunnerApi
from tests.standins.github.world import Account, App, Installation, JobSpec, Repository, Run

from mayfly.forges.github.manifest import EVENTS

HANDLERS = (*rest_app.ROUTES, *rest_runners.ROUTES, *rest_runs.ROUTES)
RIGHTS = {
    "actions": "write",
    "administration": "write",
    "checks": "write",
    "contents": "read",
    "metadata": "read",
    "organization_self_hosted_runners": "write",
}


class StandInGitHub(Base):
    """See `Base` for how it is made. Each method does what a person or a program does at GitHub."""

    @functools.cached_property
    def asgi(self) -> Starlette:
        """All of it, to be served at `url`."""
        return Starlette(
            routes=[
                Mount(self.api_path, routes=http.starlette_routes(self, HANDLERS)),
                Mount("/_runner", routes=RunnerApi(self).routes()),
                *Pages(self).routes(),
            ]
        )

    def create_account(self, login: str, *, organization: bool = True) -> Account:
        account = Account(self.next_id(), login, organization)
        self.accounts[login.lower()] = account
        return account

    def create_repository(self, full_name: str, *, private: bool = False) -> Repository:
        """Its organisation is made with it, if there is none yet."""
        owner, _, name = full_name.partition("/")
        account = self.accounts.get(owner.lower()) or self.create_account(owner)
        made = Repository(self.next_id(), account, name, private, self.clock())
        self.repositories[full_name.lower()] = made
        return made

    def create_app(
        self,
        owner: str,
        *,
        webhook_url: str,
        name: str = "Mayfly",
        permissions: dict[str, str] | None = None,
        events: Sequence[str] = EVENTS,
    ) -> App:
        """GitHub pings its webhook."""
        id_ = self.next_id()
        account = self.accounts.get(owner.lower()) or self.create_account(owner)
        app = App(
            id=id_,
            slug=name.lower().replace(" ", "-"),
            name=name,
            owner=account,
            client_id=f"Iv1.{self.rng.getrandbits(64):016x}",
            client_secret=f"{self.rng.getrandbits(160):040x}",
            webhook_url=webhook_url,
            webhook_secret=f"{self.rng.getrandbits(160):040x}",
            pem=private_key(),
            permissions=dict(RIGHTS if permissions is None else permissions),
            events=list(events),
            created=self.clock(),
        )
        self.apps[id_] = app
        self.announcements.ping(app)
        return app

    def create_from_manifest(self, owner: str, manifest: dict[str, Any]) -> str:
        """What the page does; gives the code that the app's keys are got with, once."""
        app = self.create_app(
            owner,
            webhook_url=manifest["hook_attributes"]["url"],
            name=manifest["name"],
            permissions=manifest["default_permissions"],
            events=manifest["default_events"],
        )
        self.setup_urls[app.id] = manifest["setup_url"]
        code = f"{self.rng.getrandbits(160):040x}"
        self.codes[code] = app
        return code

    def install(
        self, app: App, account: str, repositories: Sequence[str] | None = None
    ) -> Installation:
        """On all repositories of the account, or those named `owner/name`."""
        chosen = None if repositories is None else {name.lower() for name in repositories}
        made = Installation(
            self.next_id(), app, self.accounts[account.lower()], self.clock(), chosen
        )
        self.installations[made.id] = made
        self.announcements.installation(made, "created")
        return made

    def suspend(self, installation: Installation) -> None:
        installation.suspended = self.clock()
        self.announcements.installation(installation, "suspend")

    def unsuspend(self, installation: Installation) -> None:
        installation.suspended = None
        self.announcements.installation(installation, "unsuspend")

    def uninstall(self, installation: Installation) -> None:
        installation.deleted = True
        self.announcements.installation(installation, "deleted")

    def choose_repositories(self, installation: Installation, chosen: Sequence[str]) -> None:
        """From now on it sees those alone."""
        before = self.seen_by(installation)
        installation.repositories = {name.lower() for name in chosen}
        after = self.seen_by(installation)
        added = [each for each in after if each not in before]
        removed = [each for each in before if each not in after]
        for action, changed in (("added", added), ("removed", removed)):
            if changed:
                self.announcements.repositories(installation, action, changed)

    def start_run(
        self, repository: Repository, jobs: Sequence[JobSpec], *, event: str = "push"
    ) -> Run:
        """Its jobs are queued, but for those whose environment must be approved first."""
        now = self.clock()
        sha = f"{self.rng.getrandbits(160):040x}"
        number = len(repository.runs) + 1
        run = Run(self.next_id(), repository, number, event, self.visitor, sha, now, now)
        repository.runs[run.id] = run
        for spec in jobs:
            self.actions.add(run, spec)
        return run

    def cancel(self, run: Run) -> None:
        """What waits ends at once, what runs when its runner hears of it."""
        self.actions.cancel(run)

    def approve(self, run: Run, *environments: str, approved: bool = True) -> None:
        self.actions.approve(run, set(environments), approved=approved)

    def rerun(self, run: Run, *, failed_only: bool = False) -> None:
        self.actions.rerun(run, failed_only=failed_only)

    def push(
        self, repository: Repository, *, ref: str, before: str, after: str, message: str = ""
    ) -> None:
        """Tells of commits; git itself is not part of this."""
        self.announcements.push(repository, ref=ref, before=before, after=after, message=message)
