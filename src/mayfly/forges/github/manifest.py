"""How an app comes to be: the page shows a form with a manifest, GitHub makes the app and sends
the person back with a code, and the code gives the app's keys once.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from mayfly.forges.fields import Fields, number, text

MAX_NAME = 34  # characters; GitHub's own bound for names of apps
EVENTS = ("workflow_job", "push")  # installations and pings come without asking


@dataclass(frozen=True, slots=True)
class AppCredentials:
    """The new app. Everything from `client_secret` on is secret."""

    id: int
    slug: str
    name: str
    owner: str
    html_url: str
    client_id: str
    client_secret: str
    webhook_secret: str
    pem: str

    def __repr__(self) -> str:
        return f"AppCredentials(id={self.id}, slug={self.slug!r})"


def manifest(
    *, name: str, server_url: str, webhook_url: str, redirect_url: str, setup_url: str
) -> dict[str, Any]:
    """What the form's field `manifest` holds, as JSON; GitHub asks for no more rights than these.

    `administration` is for runners of repositories that belong to a person, `actions` to run jobs
    again whose host was lost, `contents` to plan runs of our own.
    """
    return {
        "name": name[:MAX_NAME],
        "url": server_url,
        "hook_attributes": {"url": webhook_url, "active": True},
        "redirect_url": redirect_url,
        "setup_url": setup_url,
        "setup_on_update": False,
        "public": False,
        "default_events": list(EVENTS),
        "default_permissions": {
            "actions": "write",
            "administration": "write",
            "checks": "write",
            "contents": "read",
            "metadata": "read",
            "organization_self_hosted_runners": "write",
        },
    }


def form_url(web_url: str, organization: str | None, state: str) -> str:
    """Where the form posts to; `state` comes back with the code, and proves whose form it was."""
    place = f"organizations/{quote(organization, safe='')}/settings" if organization else "settings"
    return f"{web_url.rstrip('/')}/{place}/apps/new?{urlencode({'state': state})}"


def read_credentials(value: Any) -> AppCredentials:
    """Raises DecodeError."""
    fields = Fields(value)
    owner = fields.need("owner", Fields)
    return AppCredentials(
        id=fields.need("id", number),
        slug=fields.need("slug", text),
        name=fields.need("name", text),
        owner=owner.maybe("login", text) or owner.need("slug", text),
        html_url=fields.need("html_url", text),
        client_id=fields.need("client_id", text),
        client_secret=fields.need("client_secret", text),
        webhook_secret=fields.need("webhook_secret", text),
        pem=fields.need("pem", text),
    )
