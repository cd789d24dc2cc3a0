"""What happens in runs, as it happens: server-sent events that go on where a client left off."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from mayfly.domain.errors import InvalidInput
from mayfly.domain.events import LogLines
from mayfly.protocol import codec
from mayfly.protocol.reports import tag_event
from mayfly.protocol.told import END, Told, place_text, read_place
from mayfly.server.api.access import Caller, may
from mayfly.server.api.jobs import JobPath
from mayfly.server.api.runs import RunPath
from mayfly.server.api.said import REFUSALS
from mayfly.server.api.state import closing_of
from mayfly.server.following import Followed, follow
from mayfly.server.people.roles import Action
from mayfly.store.rows import RunRow
from mayfly.system.tasks import stop

router = APIRouter(tags=["events"], responses=REFUSALS)

_LONGEST_S = 900.0
"""Then a stream ends, and the client comes back: so that lost rights are noticed."""


Reader = Annotated[Caller, may(Action.RUN_READ)]
Places = Mapping[str, int]


async def _place(
    after: Annotated[str, Query(max_length=10_000, description="`id` of the last event")] = "",
    last_event_id: Annotated[str, Header(max_length=10_000)] = "",
) -> str:
    return last_event_id or after


Place = Annotated[str, Depends(_place)]

# Where to go on is found out before the stream begins, when it can still be refused.


async def _of_submission(submission: RunPath, caller: Reader, place: Place) -> Places:
    rows = await caller.read(lambda view: view.find(RunRow, submission=submission))
    return _read(place, [row.id for row in rows])


async def _of_run(run: RunPath, _caller: Reader, place: Place) -> Places:
    return _read(place, [run])


async def _of_job(caller: Reader, place: Place) -> Places:
    return _read(place, [caller.the_job.run])


@router.get(
    "/submissions/{submission}/events",
    summary="What happens in all runs of a submission",
    response_class=EventSourceResponse,
)
async def follow_submission(
    request: Request, caller: Reader, places: Annotated[Places, Depends(_of_submission)]
) -> AsyncIterator[ServerSentEvent]:
    """Ends with an event `end`; if it ends without, come back with the last `id`."""
    async for event in _told(request, caller, places):
        yield event


@router.get(
    "/runs/{run}/events", summary="What happens in a run", response_class=EventSourceResponse
)
async def follow_run(
    request: Request, caller: Reader, places: Annotated[Places, Depends(_of_run)]
) -> AsyncIterator[ServerSentEvent]:
    """Ends with an event `end`; if it ends without, come back with the last `id`."""
    async for event in _told(request, caller, places):
        yield event


@router.get(
    "/jobs/{job}/log",
    summary="What happens in a job, and what it prints",
    response_class=EventSourceResponse,
)
async def follow_job(
    job: JobPath, request: Request, caller: Reader, places: Annotated[Places, Depends(_of_job)]
) -> AsyncIterator[ServerSentEvent]:
    """Ends with an event `end`; if it ends without, come back with the last `id`."""
    async for event in _told(request, caller, places, job):
        yield event


@router.get(
    "/jobs/{job}/log.txt", summary="What a job printed so far", response_class=StreamingResponse
)
async def read_log(job: JobPath, caller: Reader) -> StreamingResponse:
    return StreamingResponse(_lines(caller, job), media_type="text/plain; charset=utf-8")


async def _told(
    request: Request, caller: Caller, places: Places, job: str | None = None
) -> AsyncIterator[ServerSentEvent]:
    services = caller.services
    entries = follow(services.store, services.journal, places, job)
    async with aclosing(entries), aclosing(_for_a_while(entries, closing_of(request))) as bounded:
        async for followed in bounded:
            if followed is None:
                return
            yield _event(followed)
    yield ServerSentEvent(event=END, raw_data="{}")


async def _for_a_while(
    entries: AsyncIterator[Followed], closing: asyncio.Event
) -> AsyncGenerator[Followed | None, None]:
    """The entries; None at the end if there may be more."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _LONGEST_S
    closed = asyncio.create_task(closing.wait())
    step: asyncio.Task[Followed | None] | None = None
    try:
        while True:
            step = asyncio.create_task(_next(entries))
            await asyncio.wait(
                {step, closed}, timeout=until - loop.time(), return_when=asyncio.FIRST_COMPLETED
            )
            if not step.done():
                yield None
                return
            if (followed := step.result()) is None:
                return
            yield followed
    finally:
        await stop(step, closed)


async def _next(entries: AsyncIterator[Followed]) -> Followed | None:
    return await anext(entries, None)


def _event(followed: Followed) -> ServerSentEvent:
    entry = followed.entry
    told = Told(entry.run, entry.job, tag_event(entry.event))
    numbers = (number for _, number in sorted(followed.places.items()))
    return ServerSentEvent(id=place_text(numbers), raw_data=json.dumps(codec.to_plain(told)))


def _read(place: str, runs: list[str]) -> Places:
    try:
        return dict(zip(sorted(runs), read_place(place, len(runs)), strict=True))
    except codec.DecodeError as error:
        raise InvalidInput(str(error), remedy="give the `id` of an event of this stream") from None


async def _lines(caller: Caller, job: str) -> AsyncIterator[bytes]:
    at = 0
    while True:
        entries, at = await caller.services.journal.entries(caller.the_job.run, at, job)
        if not entries:
            return
        for entry in entries:
            if isinstance(entry.event, LogLines):
                yield "".join(f"{line}\n" for line in entry.event.lines).encode()
