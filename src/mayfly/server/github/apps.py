"""The apps that were connected, as clients: made when they are needed, kept while they are good."""

from mayfly.domain.errors import MayflyError
from mayfly.forges.github.client import GitHubApp
from mayfly.forges.github.connector import Connector
from mayfly.forges.github.installation import InstallationClient
from mayfly.forges.github.model import Scope
from mayfly.forges.github.runners import Names
from mayfly.store.base import Store, View
from mayfly.store.forge_rows import AppRow, InstallationRow


class NotConnected(MayflyError):
    """No app is known that could do it."""


class Apps:
    """Used from one event loop."""

    def __init__(self, store: Store, connector: Connector):
        self._store = store
        self._connector = connector
        self._clients: dict[AppRow, GitHubApp] = {}

    async def app(self, app: str) -> GitHubApp:
        """Raises NotConnected."""
        row = await self._store.read(lambda view: view.get(AppRow, app))
        if row is None:
            raise NotConnected(f"GitHub app {app} is not connected here")
        return self._client(row)

    async def installation(self, installation: int) -> InstallationClient:
        """Raises NotConnected."""
        row = await self._store.read(lambda view: _app_of(view, installation))
        return self._client(row).installation(installation)

    async def clone_url(self, installation: int, repository: str) -> str:
        """Where git finds a repository of the installation. Raises NotConnected."""
        row = await self._store.read(lambda view: _app_of(view, installation))
        return f"{row.web_url}/{repository}.git"

    async def names(self, installation: int) -> Names:
        """What runners of the installation's app are called. Raises NotConnected."""
        row = await self._store.read(lambda view: _app_of(view, installation))
        return Names(row.prefix)

    def _client(self, row: AppRow) -> GitHubApp:
        client = self._clients.get(row)
        if client is None:
            client = self._connector.app(int(row.id), row.private_key, row.api_url)
            self._clients[row] = client
        return client


def scope_of(installation: InstallationRow | None, project: str) -> Scope:
    """Where runners for a project's jobs are registered.

    At the repository, so that no other project's job comes onto its hosts and its account; at the
    organisation only if the app was given no right to do so.
    """
    owner, _, name = project.partition("/")
    rights = installation.permissions if installation else {}
    at_organization = (
        installation is not None
        and installation.organization
        and rights.get("organization_self_hosted_runners") == "write"
        and rights.get("administration") != "write"
    )
    return Scope(owner) if at_organization else Scope(owner, name)


def _app_of(view: View, installation: int) -> AppRow:
    row = view.get(InstallationRow, str(installation))
    app = view.get(AppRow, row.app) if row and not row.removed else None
    if app is None:
        raise NotConnected(
            f"installation {installation} of a GitHub app is not connected here",
            remedy="install the app again, or connect it on the page /github",
        )
    return app
