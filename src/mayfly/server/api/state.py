"""Where routes find what the server is made of, and whether it is about to stop."""

import asyncio
from dataclasses import dataclass

from fastapi import FastAPI, Request

from mayfly.server.services import Services


@dataclass(frozen=True, slots=True)
class _State:
    services: Services
    closing: asyncio.Event


def keep_services(app: FastAPI, services: Services) -> None:
    app.state.mayfly = _State(services, asyncio.Event())


def share_state(app: FastAPI, other: FastAPI) -> None:
    """The other application is part of the same server."""
    other.state.mayfly = _of(app)


def services_of(request: Request) -> Services:
    return _of(request.app).services


def closing_of(request: Request) -> asyncio.Event:
    """Set when the server stops: streams end then, and clients go on elsewhere."""
    kept = getattr(request.app.state, "mayfly", None)
    return kept.closing if isinstance(kept, _State) else asyncio.Event()


def begin_closing(app: FastAPI) -> None:
    """End all streams, so that a graceful stop need not wait for who only looks on."""
    _of(app).closing.set()


def _of(app: FastAPI) -> _State:
    state = app.state.mayfly
    assert isinstance(state, _State)
    return state
