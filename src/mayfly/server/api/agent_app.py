"""What agents ask, as an application of its own beside that of people and forges.

Hosts ask many times for each job, with nothing of what browsers need around an answer.
"""

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from mayfly.protocol import wire
from mayfly.server.api import agent_images, agents
from mayfly.server.api.state import share_state
from mayfly.server.enrolment import HostKeys
from mayfly.server.services import Services


def with_agents(app: FastAPI, services: Services) -> ASGIApp:
    """Requests of agents go to their own application, all others to `app`."""
    store, now = services.store, services.now
    keys = HostKeys(store, now)
    theirs = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    share_state(app, theirs)
    theirs.include_router(agents.router(services.hosts, keys, store, now))
    theirs.include_router(agent_images.router(keys, store, services.blobs))

    async def either(scope: Scope, receive: Receive, send: Send) -> None:
        agent = scope["type"] == "http" and scope["path"].startswith(f"{wire.PREFIX}/")
        await (theirs if agent else app)(scope, receive, send)

    return either
