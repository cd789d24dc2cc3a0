"""Streams of events over HTTP: once each, in order, from where a client left off."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.server.api.fleet_of_one import TWO_JOBS, Host, submitted
from tests.server.api.site import PROJECT, Site, made
from tests.virtual_time import virtual_time

from mayfly.domain.events import Event, LogLines, RunFinished
from mayfly.protocol import codec
from mayfly.protocol.reports import untag_event
from mayfly.protocol.told import Told
from mayfly.server.api.lasting import LOOK_AGAIN_S
from mayfly.server.api.state import begin_closing
from mayfly.store.base import Tx
from mayfly.store.people import MemberRow, TokenRow, UserRow
from mayfly.store.rows import JobRow, ProjectRow


@dataclass(frozen=True)
class Sent:
    id: str = ""
    event: str = "message"
    data: str = ""

    @property
    def told(self) -> Event:
        return untag_event(codec.decode(Told, self.data.encode()).event)


def parsed(text: str) -> list[Sent]:
    blocks = [block for block in text.split("\n\n") if block and not block.startswith(":")]
    return [Sent(**dict(line.split(": ", 1) for line in block.split("\n"))) for block in blocks]


async def finished(*texts: str) -> tuple[Site, Any]:
    site = await made()
    submission = await submitted(site, *texts)
    await (await Host(site).open()).run_all(["one", "two\r", ""])
    return site, submission


async def test_all_of_a_run_is_told_and_then_that_it_was_all() -> None:
    site, submission = await finished(TWO_JOBS)
    async with site.client("viewer") as client:
        answer = await client.get(f"/api/v1/runs/{submission.runs[0]}/events")
    *events, end = parsed(answer.text)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert end.event == "end"
    assert [event.id for event in events] == [str(n + 1) for n in range(len(events))]
    assert isinstance(events[-1].told, RunFinished)
    lines = [event.told.lines for event in events if isinstance(event.told, LogLines)]
    assert lines == [("one", "two\r", "")] * 2


async def test_a_client_goes_on_from_any_place_without_loss_or_repeat() -> None:
    site, submission = await finished(TWO_JOBS, TWO_JOBS)
    path = f"/api/v1/submissions/{submission.id}/events"
    async with site.client("viewer") as client:
        *events, _ = parsed((await client.get(path)).text)
        assert len({event.id for event in events}) == len(events)
        for number, event in enumerate(events):
            for query, headers in (({"after": event.id}, {}), ({}, {"Last-Event-ID": event.id})):
                answer = await client.get(path, params=query, headers=headers)
                *rest, _ = parsed(answer.text)
                # Of two runs either may be told first; what is left is the same.
                assert sorted(one.data for one in rest) == sorted(
                    one.data for one in events[number + 1 :]
                )


async def test_a_jobs_log_is_of_that_job_alone() -> None:
    site, submission = await finished(TWO_JOBS)
    [build, _] = await site.rows(JobRow, order="created", run=submission.runs[0])
    async with site.client("viewer") as client:
        *events, end = parsed((await client.get(f"/api/v1/jobs/{build.id}/log")).text)
        text = (await client.get(f"/api/v1/jobs/{build.id}/log.txt")).text
    assert end.event == "end"
    assert {json.loads(event.data)["job"] for event in events} == {build.id}
    assert text == "one\ntwo\r\n\n"


async def test_a_place_that_is_none_is_refused_before_the_stream_begins() -> None:
    site, submission = await finished(TWO_JOBS)
    async with site.client("viewer") as client:
        for place in ("x", "1.2", "-1", "9" * 20):
            path = f"/api/v1/runs/{submission.runs[0]}/events"
            answer = await client.get(path, params={"after": place})
            assert answer.status_code == 400
            assert "after" in answer.json()["error"]


@asynccontextmanager
async def listening(site: Site, path: str) -> AsyncIterator[asyncio.Queue[str]]:
    """Gives what the application sends, as it does; an empty text at the end."""
    sent: asyncio.Queue[str] = asyncio.Queue()
    gone = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            sent.put_nowait(message["body"].decode())

    token = site.tokens["viewer"].encode()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"mayfly.test"),
            (b"accept", b"text/event-stream"),
            (b"authorization", b"Bearer " + token),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("mayfly.test", 80),
    }
    assert site.app is not None
    serving = asyncio.ensure_future(site.app(scope, receive, send))
    try:
        yield sent
    finally:
        gone.set()
        await serving


async def until(sent: asyncio.Queue[str], part: str) -> str:
    said = ""
    while part not in said:
        said += await sent.get()
    return said


@virtual_time
async def test_a_line_is_told_when_it_is_printed() -> None:
    site = await made()
    await submitted(site, TWO_JOBS)
    host = await Host(site).open()
    lease = await host.start()
    async with listening(site, f"/api/v1/jobs/{lease.job}/log") as sent:
        await until(sent, "running")
        await host.print(lease, "first line")
        await until(sent, "first line")
        await host.print(lease, "second line")
        assert "first line" not in await until(sent, "second line")
        await host.end(lease)
        await until(sent, "event: end")


@virtual_time
async def test_a_client_that_leaves_leaves_nothing_behind() -> None:
    site = await made()
    await submitted(site, TWO_JOBS)
    lease = await (await Host(site).open()).start()
    async with listening(site, f"/api/v1/jobs/{lease.job}/log") as sent:
        await until(sent, "running")
    # The loop of this test fails if a task is left.


@virtual_time
async def test_streams_end_when_the_server_stops_and_after_a_while() -> None:
    site = await made()
    [run] = (await submitted(site, TWO_JOBS)).runs
    assert site.app is not None
    for end in (None, begin_closing):
        async with listening(site, f"/api/v1/runs/{run}/events") as sent:
            said = await until(sent, "RunStarted")
            if end:
                end(site.app)
            while piece := await sent.get():
                said += piece
        assert "event: end" not in said  # there is more: the client comes back
        assert said.count(": nothing new") == (0 if end else 59)  # in 900 s of silence


def removed(tx: Tx) -> None:
    tx.delete(MemberRow, f"{PROJECT}/viewer")


def revoked(tx: Tx) -> None:
    [token] = tx.find(TokenRow, user="viewer")
    tx.delete(TokenRow, token.id)


def expired(tx: Tx) -> None:
    [token] = tx.find(TokenRow, user="viewer")
    tx.put(replace(token, expires=0.0))


def disabled(tx: Tx) -> None:
    tx.put(UserRow(id="viewer", created=0.0, disabled=True))


def revoked_though_anyone_may_look(tx: Tx) -> None:
    tx.put(ProjectRow(id=PROJECT, public=True))
    revoked(tx)


LOSSES = [removed, revoked, expired, disabled, revoked_though_anyone_may_look]


@pytest.mark.parametrize("lose", LOSSES)
@pytest.mark.parametrize("path", ["/api/v1/jobs/{job}/log", "/live/runs/{run}"])
def test_who_loses_the_right_hears_no_more(lose: Callable[[Tx], None], path: str) -> None:
    @virtual_time
    async def check() -> None:
        site = await made()
        [run] = (await submitted(site, TWO_JOBS)).runs
        host = await Host(site).open()
        lease = await host.start()
        async with listening(site, path.format(job=lease.job, run=run)) as sent:
            await sent.get()
            await asyncio.sleep(100)  # whoever keeps the right is not interrupted
            before = asyncio.get_running_loop().time()
            await site.store.serial(lose)
            while await sent.get():
                pass
            assert asyncio.get_running_loop().time() - before <= LOOK_AGAIN_S
            await host.print(lease, "too late for them")
        assert sent.empty()

    check()
