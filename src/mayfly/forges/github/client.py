"""The app's own requests: its installations, and the deliveries of its webhook.

One `GitHubApp` a configured app; `installation(id)` gives what can be done on one account.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from mayfly.forges.fields import Fields, flag, items, moment, number, text
from mayfly.forges.github import budget, manifest, model
from mayfly.forges.github.auth import AppKey, Clock, Token, Tokens, read_token
from mayfly.forges.github.budget import Budget, Kind
from mayfly.forges.github.installation import InstallationClient
from mayfly.forges.github.reading import read_all, read_one
from mayfly.forges.github.transport import Identity, Request, Transport

PUBLIC_API = "https://api.github.com"


@dataclass(frozen=True, slots=True)
class App:
    """Who we are."""

    id: int
    slug: str
    name: str
    html_url: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver a webhook; `guid` is `Delivery.id`, shared by all tries of one."""

    id: int
    guid: str
    event: str
    delivered_at: float
    redelivery: bool
    delivered: bool


@dataclass(frozen=True, slots=True)
class Attempts:
    """A page of them, the newest first; `cursor` gives the next page, None after the last."""

    attempts: tuple[Attempt, ...]
    cursor: str | None


class GitHubApp:
    """All methods raise GitHubError. Calls may be made concurrently."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        app_id: int,
        private_key: str,
        clock: Clock,
        base_url: str = PUBLIC_API,
    ):
        """The caller closes `http`. Raises InvalidInput."""
        self._transport = Transport(http, base_url, clock)
        self._id = app_id
        self._registrations = budget.registrations()
        key = AppKey(str(app_id), private_key, clock)
        self._app = Identity("app", Budget(self._registrations), key)
        self._tokens = Tokens(self._new_token, clock)
        self._installations: dict[int, InstallationClient] = {}

    async def app(self) -> App:
        """Proves that the key is the app's."""
        answer = await self._transport.send(Request("GET", "app"), self._app)
        return read_one(answer.data, _app)

    async def installations(self) -> tuple[model.Installation, ...]:
        pages = await self._transport.pages(
            Request("GET", "app/installations{?per_page}", kind=Kind.POLL, polled=True), self._app
        )
        return read_all(pages, model.installation)

    def installation(self, id_: int) -> InstallationClient:
        """Always the same object for the same installation, for it keeps count of requests."""
        client = self._installations.get(id_)
        if client is None:
            identity = Identity(str(id_), Budget(self._registrations), self._tokens.of(id_))
            client = InstallationClient(self._transport, identity, self._id)
            self._installations[id_] = client
        return client

    async def deliveries(self, *, cursor: str | None = None, failed: bool = False) -> Attempts:
        """Tries to deliver, 100 a page; with `failed` only those that did not succeed."""
        variables: dict[str, str | int] = {"per_page": 100}
        if cursor is not None:
            variables["cursor"] = cursor
        if failed:
            variables["status"] = "failure"
        request = Request(
            "GET", "app/hook/deliveries{?per_page,cursor,status}", variables, kind=Kind.POLL
        )
        answer = await self._transport.send(request, self._app)
        attempts = read_one(answer.data, items(_attempt, 100))
        return Attempts(attempts, _cursor(answer.next))

    async def redeliver(self, attempt_id: int) -> None:
        """Have GitHub deliver once more; the delivery bears the same `guid`."""
        path = "app/hook/deliveries/{id}/attempts"
        request = Request("POST", path, {"id": attempt_id}, kind=Kind.WRITE)
        await self._transport.send(request, self._app)

    async def _new_token(self, installation: int) -> Token:
        path = "app/installations/{id}/access_tokens"
        request = Request("POST", path, {"id": installation}, kind=Kind.WRITE)
        answer = await self._transport.send(request, self._app)
        return read_one(answer.data, lambda value, _: read_token(value))


async def convert_manifest(
    http: httpx.AsyncClient, code: str, *, clock: Clock, base_url: str = PUBLIC_API
) -> manifest.AppCredentials:
    """The keys of an app that a person has just made from our manifest; a code works once.

    Raises GitHubError: NotFound for a code that was used, or is older than an hour.
    """
    nobody = Identity("nobody", Budget(budget.registrations()))
    path = "app-manifests/{code}/conversions"
    request = Request("POST", path, {"code": code}, kind=Kind.WRITE)
    answer = await Transport(http, base_url, clock).send(request, nobody)
    return read_one(answer.data, lambda value, _: manifest.read_credentials(value))


def _app(value: Any, path: str) -> App:
    fields = Fields(value, path)
    return App(
        id=fields.need("id", number),
        slug=fields.need("slug", text),
        name=fields.need("name", text),
        html_url=fields.need("html_url", text),
    )


def _attempt(value: Any, path: str) -> Attempt:
    fields = Fields(value, path)
    return Attempt(
        id=fields.need("id", number),
        guid=fields.need("guid", text),
        event=fields.need("event", text),
        delivered_at=fields.need("delivered_at", moment),
        redelivery=fields.need("redelivery", flag),
        delivered=200 <= fields.need("status_code", number) < 300,
    )


def _cursor(following: str | None) -> str | None:
    cursors = parse_qs(urlsplit(following or "").query).get("cursor")
    return cursors[0] if cursors else None
