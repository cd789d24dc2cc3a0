"""What happens in runs, as it happens: server-sent events that go on where a client left off."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse
from starlette.types import Send

from mayfly.domain.errors import InvalidInput
from mayfly.domain.events import LogLines
from mayfly.protocol import codec
from mayfly.protocol.reports import tag_event
from mayfly.protocol.told import END, Told, place_text, read_place
from mayfly.server.api.access import Caller, may
from mayfly.server.api.jobs import JobPath
from mayfly.server.api.lasting import while_allowed
from mayfly.server.api.runs import RunPath
from mayfly.server.api.said import REFUSALS
from mayfly.server.api.state import closing_of
from mayfly.server.following import Followed, follow
from mayfly.server.people.roles import Action
from mayfly.server.refusals import Gone
from mayfly.store.rows import RunRow
from mayfly.system.tasks import stop

router = APIRouter(tags=["events"], responses=REFUSALS)

_LONGEST_S = 900.0
"""Then a stream ends, and the client comes back: connections do not grow old."""

_EVENTS = "text/event-stream"
_EVENT = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "event": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "required": ["data"],
}
_STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {_EVENTS: {"itemSchema": _EVENT}}}}

_SILENT_S = 15.0
_COMMENT = ": nothing new\n\n"
_PIECE = 64 * 1024
"""Characters, roughly: what is told at once costs one write."""

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


async def _with_log(caller: Reader) -> None:
    """Of a job: until its time is over. Raises Gone."""
    gone = caller.the_run.log_gone
    if gone is not None:
        day = datetime.fromtimestamp(gone, UTC).date()
        raise Gone(f"the log of job {caller.the_job.id} was deleted on {day}: its time was over")


async def _of_job(caller: Reader, place: Place) -> Places:
    await _with_log(caller)
    return _read(place, [caller.the_job.run])


class EventStream(StreamingResponse):
    """Server-sent events, see `protocol.told`. Ends what it reads from when its client leaves."""

    def __init__(self, pieces: AsyncGenerator[bytes, None], status_code: int = 200):
        unbuffered = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        super().__init__(pieces, status_code, unbuffered, _EVENTS)
        self._pieces = pieces

    async def stream_response(self, send: Send) -> None:
        async with aclosing(self._pieces):
            await super().stream_response(send)


@router.get(
    "/submissions/{submission}/events",
    summary="What happens in all runs of a submission",
    response_class=EventStream,
    responses=_STREAM,
)
async def follow_submission(
    request: Request, caller: Reader, places: Annotated[Places, Depends(_of_submission)]
) -> EventStream:
    """Ends with an event `end`; if it ends without, come back with the last `id`."""
    return EventStream(_told(request, caller, places))


@router.get(
    "/runs/{run}/events",
    summary="What happens in a run",
    response_class=EventStream,
    responses=_STREAM,
)
async def follow_run(
    request: Request, caller: Reader, places: Annotated[Places, Depends(_of_run)]
) -> EventStream:
    """Ends with an event `end`; if it ends without, come back with the last `id`."""
    return EventStream(_told(request, caller, places))


@router.get(
    "/jobs/{job}/log",
    summary="What happens in a job, and what it prints",
    response_class=EventStream,
    responses=_STREAM,
)
async def follow_job(
    job: JobPath, request: Request, caller: Reader, places: Annotated[Places, Depends(_of_job)]
) -> EventStream:
    """Ends with an event `end`; if it ends without, come back with the last `id`."""
    return EventStream(_told(request, caller, places, job))


@router.get(
    "/jobs/{job}/log.txt", summary="What a job printed so far", response_class=StreamingResponse
)
async def read_log(job: JobPath, caller: Reader) -> StreamingResponse:
    await _with_log(caller)
    return StreamingResponse(_lines(caller, job), media_type="text/plain; charset=utf-8")


async def _told(
    request: Request, caller: Caller, places: Places, job: str | None = None
) -> AsyncGenerator[bytes, None]:
    services = caller.services
    batches = follow(services.store, services.journal, places, job)
    async with (
        while_allowed(caller, closing_of(request)) as over,
        aclosing(batches),
        aclosing(_for_a_while(batches, over)) as bounded,
    ):
        async for batch in bounded:
            if batch is None:
                return
            for piece in _pieces(batch):
                yield piece
    yield f"event: {END}\ndata: {{}}\n\n".encode()


async def _for_a_while(
    batches: AsyncIterator[Sequence[Followed]], closing: asyncio.Event
) -> AsyncGenerator[Sequence[Followed] | None, None]:
    """The batches, an empty one after a silence; None at the end if there may be more."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _LONGEST_S
    closed = asyncio.create_task(closing.wait())
    step: asyncio.Task[Sequence[Followed] | None] | None = None
    try:
        while True:
            step = step or asyncio.create_task(_next(batches))
            patience = min(_SILENT_S, until - loop.time())
            await asyncio.wait(
                {step, closed}, timeout=patience, return_when=asyncio.FIRST_COMPLETED
            )
            if closed.done() or loop.time() >= until:
                yield None
                return
            if not step.done():
                yield ()
                continue
            if (batch := step.result()) is None:
                return
            step = None
            yield batch
    finally:
        await stop(step, closed)


async def _next(batches: AsyncIterator[Sequence[Followed]]) -> Sequence[Followed] | None:
    return await anext(batches, None)


def _pieces(batch: Sequence[Followed]) -> Iterator[bytes]:
    """A comment for an empty one: proxies between must not take silence for an end."""
    events: list[str] = []
    size = 0
    for followed in batch:
        events.append(event := _event(followed))
        size += len(event)
        if size >= _PIECE:
            yield "".join(events).encode()
            events, size = [], 0
    if events or not batch:
        yield "".join(events or [_COMMENT]).encode()


def _event(followed: Followed) -> str:
    entry = followed.entry
    told = Told(entry.run, entry.job, tag_event(entry.event))
    place = place_text(number for _, number in sorted(followed.places.items()))
    return f"data: {json.dumps(codec.to_plain(told))}\nid: {place}\n\n"


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
