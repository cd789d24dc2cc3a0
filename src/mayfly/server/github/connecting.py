"""Connecting an app: its keys are kept, sealed, and what must be done for it again and again."""

import secrets
from dataclasses import dataclass

from mayfly.forges.github.manifest import AppCredentials
from mayfly.server.github import chores
from mayfly.server.people.audit import Author, note
from mayfly.store.base import Tx, View
from mayfly.store.forge_rows import AlarmRow, AppRow, InstallationRow

_PREFIX = "mayfly"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a GitHub is: github.com, or a server of one's own."""

    api_url: str = "https://api.github.com"
    web_url: str = "https://github.com"


@dataclass(frozen=True, slots=True)
class Connected:
    """An app with where it is installed."""

    app: AppRow
    installations: tuple[InstallationRow, ...]

    @property
    def install_url(self) -> str:
        return install_url(self.app)


def app_of(made: AppCredentials, place: Place, now: float) -> AppRow:
    """The app that a person just made at GitHub; its runners' names begin like no other's."""
    return AppRow(
        id=str(made.id),
        slug=made.slug,
        name=made.name,
        owner=made.owner,
        html_url=made.html_url,
        api_url=place.api_url,
        web_url=place.web_url,
        prefix=f"{_PREFIX}{secrets.token_hex(3)}",
        client_id=made.client_id,
        client_secret=made.client_secret,
        webhook_secret=made.webhook_secret,
        private_key=made.pem,
        created=now,
    )


def connect(tx: Tx, author: Author, app: AppRow) -> None:
    """Keep it; from now on its webhooks are taken."""
    tx.put(app)
    chores.ask(tx, chores.SWEEP, app.id, None, author.at + 60)
    chores.ask(tx, chores.PRUNE, "all", None, author.at + 3600)
    note(tx, author, "github.connect", app.slug, owner=app.owner, app=app.id)


def install_url(app: AppRow) -> str:
    """Where a person chooses what it may see."""
    return f"{app.html_url}/installations/new"


def connected(view: View) -> list[Connected]:
    return [
        Connected(
            app,
            tuple(row for row in view.find(InstallationRow, app=app.id) if not row.removed),
        )
        for app in view.find(AppRow)
    ]


def alarms(view: View, now: float) -> list[AlarmRow]:
    """Images whose machines get no jobs."""
    return [row for row in view.find(AlarmRow) if row.until > now]
