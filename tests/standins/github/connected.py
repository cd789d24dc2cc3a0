"""An app of the stand-in as Mayfly knows it once it was connected."""

from tests.standins.github.stand_in import StandInGitHub
from tests.standins.github.world import App

from mayfly.store.forge_rows import AppRow

PREFIX = "mayflytest"
"""How the names of runners begin that Mayfly registers for it."""


def app_row(github: StandInGitHub, app: App) -> AppRow:
    """As the page keeps it that connects an app."""
    return AppRow(
        id=str(app.id),
        slug=app.slug,
        name=app.name,
        owner=app.owner.login,
        html_url=f"{github.web_url}/apps/{app.slug}",
        api_url=github.api_url,
        web_url=github.web_url,
        prefix=PREFIX,
        webhook_secret=app.webhook_secret,
        private_key=app.pem,
    )
