"""Connecting an organisation: manifest, keys, installation, as a person's browser does it."""

import html
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx
from tests.blobs import MemoryBlobs
from tests.standins.github.in_process import URL, InProcess, in_process, now

from mayfly.forges.github.connector import Connector
from mayfly.server.app import make_app
from mayfly.server.assembly import make_services
from mayfly.server.people.tokens import first_admin_token
from mayfly.server.settings import Settings
from mayfly.store.forge_rows import AppRow, InstallationRow
from mayfly.store.memory import MemoryStore
from mayfly.store.people import AuditRow
from mayfly.store.rows import ProjectRow

OURS = "https://mayfly.test"


class _Receiver:
    app: object = None

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        await self.app(scope, receive, send)  # type: ignore[operator]


@dataclass
class _Here:
    world: InProcess
    store: MemoryStore
    browser: httpx.AsyncClient

    async def get(self, path: str) -> httpx.Response:
        return await self.browser.get(path)

    async def post(self, path: str, **fields: str) -> httpx.Response:
        page = await self.browser.get("/github")
        [csrf] = set(re.findall(r'name="csrf" value="([^"]+)"', page.text))
        return await self.browser.post(path, data={**fields, "csrf": csrf})

    async def sent_to_github(self, organization: str = "acme") -> str:
        """The address that GitHub sends the browser back to, from our manifest."""
        page = await self.post("/github", called="Mayfly here", organization=organization)
        assert page.status_code == 200, page.text
        [action] = re.findall(r'action="(https://github\.test[^"]+)"', page.text)
        [manifest] = re.findall(r'name="manifest" value="([^"]+)"', page.text)
        asked = json.loads(html.unescape(manifest))
        assert asked["hook_attributes"]["url"] == f"{OURS}/webhooks/github"
        answer = await self.world.http.post(
            html.unescape(action), data={"manifest": json.dumps(asked)}
        )
        assert answer.status_code == 302, answer.text
        back = urlsplit(answer.headers["location"])
        return f"{back.path}?{back.query}"

    async def keep(self, back: str) -> httpx.Response:
        """What the page that GitHub sends people back to asks for."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
        return await self.post("/github/created", **query)


@asynccontextmanager
async def _here() -> AsyncIterator[_Here]:
    receiver = _Receiver()
    async with in_process(receiver) as world:
        store = MemoryStore()
        settings = Settings(base_url=OURS, github_url=URL, github_api_url=world.github.api_url)
        services = make_services(
            store, MemoryBlobs(), settings, now, connector=Connector(world.http, now)
        )
        receiver.app = make_app(services)
        token = await first_admin_token(store, now())
        transport = httpx.ASGITransport(receiver.app)
        async with httpx.AsyncClient(transport=transport, base_url=OURS) as browser:
            await browser.post("/sign-in", data={"token": token or ""})
            world.github.create_repository("acme/site")
            yield _Here(world, store, browser)
            github = services.github
            assert github is not None
            while await github.read_inbox():
                pass


async def test_an_organisation_is_connected_by_one_form() -> None:
    async with _here() as here:
        back = await here.sent_to_github()
        assert (await here.get(back)).status_code == 200
        assert here.store.view().find(AppRow) == []
        assert (await here.keep(back)).status_code == 303
        [app] = here.store.view().find(AppRow)
        assert app.private_key.startswith("-----BEGIN")
        install = f"{app.html_url}/installations/new"
        assert install in (await here.get("/github")).text
        installed = await here.world.http.get(install)
        assert installed.headers["location"].startswith(f"{OURS}/github?")
        await here.world.github.delivered()
        page = await here.get("/github?setup_action=install")
        assert "Mayfly here" in page.text
        assert app.private_key not in page.text
        assert app.webhook_secret not in page.text
    assert [row.account for row in here.store.view().find(InstallationRow)] == ["acme"]
    [project] = here.store.view().find(ProjectRow)
    assert (project.id, project.clone_url) == ("acme/site", f"{URL}/acme/site.git")
    assert "github.connect" in [row.action for row in here.store.view().find(AuditRow)]


async def test_who_was_not_sent_from_here_connects_nothing() -> None:
    async with _here() as here:
        back = await here.sent_to_github()
        forged = re.sub(r"state=[^&]+", "state=" + "0" * 64, back)
        assert (await here.get(forged)).status_code == 403
        assert (await here.keep(forged)).status_code == 403
        here.browser.cookies.clear()
        assert (await here.get(back)).status_code == 401
        assert here.store.view().find(AppRow) == []


async def test_a_code_works_once() -> None:
    async with _here() as here:
        back = await here.sent_to_github()
        assert (await here.keep(back)).status_code == 303
        again = await here.keep(back)
        assert again.status_code == 400, again.text
        assert len(here.store.view().find(AppRow)) == 1


async def test_webhooks_are_taken_only_with_the_secret_of_their_app() -> None:
    async with _here() as here:
        await here.keep(await here.sent_to_github())
        [app] = here.store.view().find(AppRow)
        headers = {
            "content-type": "application/json",
            "x-github-event": "workflow_job",
            "x-github-delivery": "1",
            "x-github-hook-installation-target-id": app.id,
            "x-hub-signature-256": "sha256=" + "0" * 64,
        }
        for change in ({}, {"x-github-hook-installation-target-id": "7"}):
            answer = await here.browser.post(
                "/webhooks/github", content=b"{}", headers={**headers, **change}
            )
            assert answer.status_code == 401, answer.text
