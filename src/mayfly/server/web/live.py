"""Tells open pages that what they show has changed, as server-sent events; they then ask anew."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from http import HTTPStatus
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from mayfly.server.api.access import Caller, may
from mayfly.server.api.lasting import while_allowed
from mayfly.server.api.state import closing_of
from mayfly.server.people.roles import Action
from mayfly.server.refusals import Refused
from mayfly.store.base import FLEET, Watch, run_topic
from mayfly.system.tasks import first

_GAP_S = 1.0
"""At most one news in that time, however much happens."""

_LONGEST_S = 600.0
"""Then the browser connects again."""

CHANGED = "changed"


class NotAStream(Refused):
    """A client that does not say so could wait for the end of this answer for ever."""

    status: ClassVar[HTTPStatus] = HTTPStatus.NOT_ACCEPTABLE


async def _for_streams(accept: Annotated[str, Header(max_length=1000)] = "") -> None:
    if "text/event-stream" not in accept:
        raise NotAStream("this is for pages", remedy="ask with Accept: text/event-stream")


router = APIRouter(prefix="/live", dependencies=[Depends(_for_streams)])


@router.get("/fleet", response_class=EventSourceResponse)
async def fleet(
    request: Request, caller: Annotated[Caller, may(Action.LOOK)]
) -> AsyncIterator[ServerSentEvent]:
    watch = caller.services.store.watch(FLEET)
    async with while_allowed(caller, closing_of(request)) as over:
        async for event in news(watch, over):
            yield event


@router.get("/runs/{run}", response_class=EventSourceResponse)
async def run(
    request: Request, caller: Annotated[Caller, may(Action.RUN_READ)]
) -> AsyncIterator[ServerSentEvent]:
    watch = caller.services.store.watch(run_topic(caller.the_run.id))
    async with while_allowed(caller, closing_of(request)) as over:
        async for event in news(watch, over):
            yield event


async def news(watch: Watch, closing: asyncio.Event) -> AsyncGenerator[ServerSentEvent, None]:
    """One at first, as something may have changed before; then whenever something does.

    Closes the watch.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + _LONGEST_S
    try:
        yield ServerSentEvent(event=CHANGED, raw_data="", retry=1000)
        async with asyncio.timeout_at(until):
            while not closing.is_set():
                await first(watch.wait(), closing.wait())
                yield ServerSentEvent(event=CHANGED, raw_data="")
                await first(asyncio.sleep(_GAP_S), closing.wait())
    except TimeoutError:
        return
    finally:
        watch.close()
