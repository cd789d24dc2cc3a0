"""The stand-in's two pages: a person makes an app from a manifest, and installs it."""

import json
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from tests.standins.github.stand_in import StandInGitHub


class Pages:
    """They agree to everything at once, and send the browser back as GitHub does."""

    def __init__(self, github: "StandInGitHub"):
        self._github = github

    def routes(self) -> list[Route]:
        return [
            Route("/settings/apps/new", self._create, methods=["POST"]),
            Route("/organizations/{org}/settings/apps/new", self._create, methods=["POST"]),
            Route("/apps/{slug}/installations/new", self._install, methods=["GET"]),
        ]

    async def _create(self, request: Request) -> Response:
        form = await request.form()
        manifest = json.loads(str(form["manifest"]))
        owner = request.path_params.get("org", self._github.visitor)
        if owner.lower() not in self._github.accounts:
            return PlainTextResponse("Not Found", 404)
        code = self._github.create_from_manifest(owner, manifest)
        query = urlencode({"code": code, "state": request.query_params.get("state", "")})
        return RedirectResponse(f"{manifest['redirect_url']}?{query}", 302)

    async def _install(self, request: Request) -> Response:
        slug = request.path_params["slug"]
        for app in self._github.apps.values():
            if app.slug == slug:
                installation = self._github.install(app, app.owner.login)
                query = urlencode({"installation_id": installation.id, "setup_action": "install"})
                return RedirectResponse(f"{self._github.setup_urls[app.id]}?{query}", 302)
        return PlainTextResponse("Not Found", 404)
