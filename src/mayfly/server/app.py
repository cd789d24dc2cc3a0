"""The server's HTTP application: all routes, and what is around each of them."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

import mayfly
from mayfly.server import problems
from mayfly.server.api import (
    blobs,
    environment_values,
    events,
    health,
    hosts,
    images,
    insights,
    invitations,
    jobs,
    members,
    people,
    projects,
    reviews,
    runs,
    session,
    submissions,
    values,
    webhooks,
)
from mayfly.server.api.description import describe
from mayfly.server.api.headers import Heads, SecurityHeaders
from mayfly.server.api.methods import told_methods
from mayfly.server.api.requests import Defects, Requests, TooLargeToo
from mayfly.server.api.state import keep_services
from mayfly.server.services import Services
from mayfly.server.web import errors
from mayfly.server.web.router import router as pages

API = "/api/v1"

_API_ROUTERS = (
    session.router,
    people.router,
    projects.router,
    members.router,
    invitations.router,
    values.router,
    environment_values.router,
    runs.router,
    submissions.router,
    jobs.router,
    events.router,
    reviews.router,
    hosts.router,
    insights.router,
)


class _Application(FastAPI):
    """With what is around all of it, even around what the framework answers by itself."""

    def __init__(self, around: Callable[[ASGIApp], ASGIApp], **options: Any):
        self._around = around
        super().__init__(**options)

    def build_middleware_stack(self) -> ASGIApp:
        return self._around(super().build_middleware_stack())


def make_app(services: Services) -> FastAPI:
    """Starts nothing by itself: loops and listening are of `server.main`."""
    settings = services.settings

    shown = told_methods(errors.shown)

    def around(inner: ASGIApp) -> ASGIApp:
        told = Requests(TooLargeToo(inner, shown=shown), metrics=services.metrics)
        return SecurityHeaders(told, secure=settings.secure)

    app = _Application(
        around,
        title="Mayfly",
        summary="Every CI job in a fresh, single-use microVM",
        version=mayfly.__version__,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # they would load scripts from elsewhere
        redoc_url=None,
        max_body_size=settings.body_limit,
    )
    keep_services(app, services)
    problems.install(app, shown)
    app.add_middleware(Defects, shown=shown)
    app.add_middleware(Heads)
    app.include_router(health.router)
    for router in _API_ROUTERS:
        app.include_router(router, prefix=API)
    app.include_router(blobs.upload_router(settings.blob_limit), prefix=API)
    app.include_router(images.image_router(settings.blob_limit), prefix=API)
    if services.github is not None:
        app.include_router(webhooks.router(services.github.inbox, services.metrics))
    describe(app)
    app.include_router(pages)
    return app
