"""The routes of agents: whom they let in, what they refuse, and that nothing breaks them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.server.api.site import Site
from tests.virtual_time import run_virtual, virtual_time

from mayfly.domain.architecture import Architecture
from mayfly.domain.placement import Capacity
from mayfly.protocol import wire
from mayfly.protocol.fleet import Hello, Lease, Opened
from mayfly.protocol.reports import Tagged
from mayfly.protocol.wire import hash_key
from mayfly.server.api import agents
from mayfly.server.enrolment import HostKeys, issue_enrolment
from mayfly.server.people.audit import Author
from mayfly.store.rows import HostRow

HELLO = Hello(Capacity(Decimal(2), 4096, frozenset(Architecture)), Architecture.AMD64, 2.0)
LEASE = Lease("job", 1)
SPEAKS = {wire.PROTOCOL_HEADER: str(wire.PROTOCOL), wire.VERSION_HEADER: "test"}
CLAIM = wire.Claim(HELLO.capacity, (), 0.0)
SENT = wire.Sent(LEASE, 1, Tagged("Kept", {"machine": "m"}))
BODIES: dict[str, Any] = {
    "claim": CLAIM,
    "wishes": wire.AskWishes((), (), 0.0),
    "reports": wire.Reports(()),
    "renew": None,
    "spec": wire.Of(LEASE),
    "source": wire.OfSource(LEASE),
}


@dataclass
class Agents:
    site: Site
    http: httpx.AsyncClient

    async def post(self, path: str, message: Any = None, **options: Any) -> httpx.Response:
        body = options.pop("content", b"" if message is None else wire.write(message))
        key = options.pop("key", "key")
        headers = {**SPEAKS, "Authorization": f"Bearer {key}", **options.pop("headers", {})}
        path = wire.PREFIX + path
        return await self.http.post(path, content=body, headers=headers, **options)

    async def session(self, key: str = "key") -> str:
        answer = await self.post("/sessions", HELLO, key=key)
        assert answer.status_code == 200, answer.text
        return wire.read(Opened, answer.content).session


@asynccontextmanager
async def opened() -> AsyncIterator[Agents]:
    """A server with two hosts, whose keys are `key` and `other key`."""
    app = FastAPI()
    site = Site(app=app)
    services = site.services
    keys = HostKeys(site.store, site.now)
    app.include_router(agents.router(services.hosts, keys, site.store, site.now))
    await site.add(
        HostRow(id="host", key_hash=hash_key("key")),
        HostRow(id="other", key_hash=hash_key("other key")),
    )
    async with site.client() as http:
        yield Agents(site, http)


def said(answer: httpx.Response) -> str:
    return wire.read(wire.Trouble, answer.content).error


@virtual_time
async def test_only_hosts_get_in() -> None:
    async with opened() as server:
        for path in ("/sessions", "/key", "/quarantine", "/sessions/x/renew"):
            assert (await server.post(path, HELLO, key="a guess")).status_code == 401
            no_key = {"Authorization": "Basic eDp5"}
            assert (await server.post(path, HELLO, headers=no_key)).status_code == 401


@virtual_time
async def test_a_host_gets_at_its_own_sessions_only() -> None:
    async with opened() as server:
        theirs = await server.session("other key")
        for name, message in BODIES.items():
            answer = await server.post(f"/sessions/{theirs}/{name}", message)
            assert answer.status_code == 410, name
        closing = await server.http.request(
            "DELETE",
            f"{wire.PREFIX}/sessions/{theirs}",
            headers={**SPEAKS, "Authorization": "Bearer key"},
        )
        assert closing.status_code == 410
        renewed = await server.post(f"/sessions/{theirs}/renew", key="other key")
        assert renewed.status_code == 204


@virtual_time
async def test_a_session_that_is_over_is_said_to_be() -> None:
    async with opened() as server:
        session = await server.session()
        assert (await server.post(f"/sessions/{session}/spec", wire.Of(LEASE))).status_code == 409
        await server.site.services.hosts.close_session(session)
        for name in ("renew", "claim", "reports"):
            body = wire.Reports((SENT,)) if name == "reports" else BODIES[name]
            answer = await server.post(f"/sessions/{session}/{name}", body)
            assert answer.status_code == 410


@pytest.mark.parametrize("protocol", ["", "0", "-1", "x", "1" * 50, "²"])
@virtual_time
async def test_agents_that_are_too_old_are_told_what_to_do(protocol: str) -> None:
    async with opened() as server:
        headers = {wire.PROTOCOL_HEADER: protocol.encode("latin-1")}
        answer = await server.post("/sessions", HELLO, headers=headers)
        trouble = wire.read(wire.Trouble, answer.content)
        assert answer.status_code == 426
        assert "too old" in trouble.error
        assert "newer mayfly" in (trouble.remedy or "")


@virtual_time
async def test_an_agent_that_is_newer_than_the_server_is_told_so() -> None:
    async with opened() as server:
        headers = {wire.PROTOCOL_HEADER: str(wire.PROTOCOL + 1)}
        answer = await server.post("/sessions", HELLO, headers=headers)
        assert answer.status_code == 400
        assert "newer than the server" in said(answer)


@virtual_time
async def test_a_host_enrols_with_a_token() -> None:
    async with opened() as server:
        author = Author("admin", server.site.now())
        token = await server.site.store.serial(lambda tx: issue_enrolment(tx, author))
        asked = wire.Enrol(token, "new-host", hash_key("new key"))
        answer = await server.post("/enroll", asked, headers={"Authorization": ""})
        assert wire.read(wire.Enrolled, answer.content) == wire.Enrolled("new-host")
        assert await server.session("new key")
        again = await server.post("/enroll", wire.Enrol(token, "second", hash_key("k")))
        assert again.status_code == 401


@virtual_time
async def test_a_host_changes_its_key() -> None:
    async with opened() as server:
        changed = await server.post("/key", wire.NewKey(hash_key("new key")))
        assert changed.status_code == 204
        assert await server.session("new key")
        server.site.clock += 60
        assert (await server.post("/sessions", HELLO)).status_code == 401


@virtual_time
async def test_a_host_says_that_it_is_ill() -> None:
    async with opened() as server:
        told = await server.post("/quarantine", wire.Quarantine("no machine starts" * 1000))
        assert told.status_code == 204
        [row] = await server.site.rows(HostRow, id="host")
        assert row.quarantined.startswith("no machine starts")
        assert len(row.quarantined) == 2000


@virtual_time
async def test_bodies_are_bounded() -> None:
    async with opened() as server:
        session = await server.session()
        large = await server.post(f"/sessions/{session}/claim", content=b" " * (wire.MAX_BODY + 1))
        assert large.status_code == 413
        packed, headers = wire.pack(b" " * (wire.MAX_REPORTS + 1))
        bomb = await server.post(f"/sessions/{session}/reports", content=packed, headers=headers)
        assert bomb.status_code == 413
        assert "more than" in said(bomb)


@pytest.mark.parametrize(
    "hello",
    [
        {"cpu_factor": 0.0},
        {"cpu_factor": 1000.0},
        {"agent_version": "x" * 1000},
        {"capacity": {"cpu": "-1", "memory_mib": 1, "architectures": []}},
        {"capacity": {"cpu": "1", "memory_mib": 2**50, "architectures": []}},
        {"accelerators": {str(number): "" for number in range(100)}},
    ],
)
@virtual_time
async def test_there_are_no_such_hosts(hello: dict[str, Any]) -> None:
    async with opened() as server:
        usual = json.loads(wire.write(HELLO))
        answer = await server.post("/sessions", content=json.dumps({**usual, **hello}).encode())
        assert answer.status_code == 422


@pytest.mark.parametrize(
    "report",
    [
        Tagged("JobPhase", {"state": "queued"}),
        Tagged("JobEnded", {"state": "running"}),
        Tagged("JobEnded", {"state": "rejected"}),
        Tagged("Unknown", {}),
        Tagged("Printed", {"step": 1, "lines": [1]}),
    ],
)
@virtual_time
async def test_reports_that_make_no_sense_are_refused(report: Tagged) -> None:
    async with opened() as server:
        session = await server.session()
        sent = wire.Reports((wire.Sent(LEASE, 1, report),))
        answer = await server.post(f"/sessions/{session}/reports", sent)
        assert answer.status_code == 422
        assert "report 1 of job" in said(answer)


@virtual_time
async def test_who_has_left_claims_nothing_more() -> None:
    async with opened() as server:
        session = await server.session()
        patient = wire.Claim(HELLO.capacity, (), 1000.0)
        asking = asyncio.create_task(server.post(f"/sessions/{session}/claim", patient))
        await asyncio.sleep(1)
        began = asyncio.get_running_loop().time()
        assert wire.read(wire.Claimed, (await asking).content) == wire.Claimed()
        assert asyncio.get_running_loop().time() - began == pytest.approx(wire.MAX_PATIENCE_S - 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
KNOWN = [HELLO, CLAIM, *(body for body in BODIES.values() if body), wire.Reports((SENT,))]


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """A message that some agent could send, with something else in one place; or just anything."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=50) | JSON.map(lambda value: json.dumps(value).encode()))
    value = json.loads(wire.write(draw(st.sampled_from(KNOWN))))
    place = value
    while isinstance(place, dict | list) and place:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or draw(st.booleans()):
            place[key] = draw(JSON)
            break
        place = place[key]
    return json.dumps(value).encode()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_nothing_an_agent_sends_is_a_defect_of_the_server(data: st.DataObject) -> None:
    async def work() -> None:
        async with opened() as server:
            session = await server.session()
            paths = ["/sessions", "/enroll", "/key", "/quarantine"]
            paths += [f"/sessions/{session}/{name}" for name in BODIES]
            for _ in range(8):
                path = data.draw(st.sampled_from(paths))
                answer = await server.post(path, content=data.draw(spoiled()))
                assert answer.status_code < 500, answer.text
                if answer.status_code >= 400:
                    assert said(answer)

    run_virtual(work)
