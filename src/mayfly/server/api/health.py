"""For those who look after the server: is it alive, is it ready, what does it measure."""

from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from mayfly.server.api.access import Caller, may
from mayfly.server.api.said import REFUSALS
from mayfly.server.people.roles import Action
from mayfly.store.rows import CounterRow

router = APIRouter(tags=["operations"], responses=REFUSALS)


class Health(BaseModel):
    """`ok`; anything else is said by the status."""

    status: Literal["ok"] = "ok"


@router.get("/healthz", summary="Whether the process is alive")
async def healthz() -> Health:
    """Asks nothing of the store: a server whose database is away must not be restarted for it."""
    return Health()


@router.get("/readyz", summary="Whether requests can be served")
async def readyz(caller: Annotated[Caller, may(Action.LOOK)]) -> Health:
    """503 while the store cannot be reached."""
    await caller.read(lambda view: view.get(CounterRow, "ready"))
    return Health()


@router.get("/metrics", summary="What Prometheus reads", response_class=PlainTextResponse)
async def metrics(caller: Annotated[Caller, may(Action.METRICS_READ)]) -> PlainTextResponse:
    """A site administrator's token with the scope `read` opens it, unless it is open to all."""
    services = caller.services
    await services.metrics.fleet.refresh(services.store)
    return PlainTextResponse(services.metrics.text())
