"""The server's HTTP application: all routes, and what is around each of them."""

from fastapi import FastAPI

import mayfly
from mayfly.server import problems
from mayfly.server.api import (
    blobs,
    events,
    health,
    hosts,
    jobs,
    members,
    people,
    projects,
    reviews,
    runs,
    session,
    submissions,
    values,
)
from mayfly.server.api.description import describe
from mayfly.server.api.headers import Heads, SecurityHeaders
from mayfly.server.api.methods import with_methods
from mayfly.server.api.requests import Defects, Requests
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
    values.router,
    runs.router,
    submissions.router,
    jobs.router,
    events.router,
    reviews.router,
    hosts.router,
)


def make_app(services: Services) -> FastAPI:
    """Starts nothing by itself: loops and listening are of `server.main`."""
    settings = services.settings
    app = FastAPI(
        title="Mayfly",
        summary="Every CI job in a fresh, single-use microVM",
        version=mayfly.__version__,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # they would load scripts from elsewhere
        redoc_url=None,
        max_body_size=settings.body_limit,
    )
    keep_services(app, services)
    shown = with_methods(app, errors.shown)
    problems.install(app, shown)
    # The last is the outermost.
    app.add_middleware(Defects, shown=shown)
    app.add_middleware(Heads)
    app.add_middleware(Requests, metrics=services.metrics)
    app.add_middleware(SecurityHeaders, secure=settings.secure)
    app.include_router(health.router)
    for router in _API_ROUTERS:
        app.include_router(router, prefix=API)
    app.include_router(blobs.upload_router(settings.blob_limit), prefix=API)
    describe(app)
    app.include_router(pages)
    return app
