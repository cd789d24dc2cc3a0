"""What agents of other hosts may ask over HTTP: `server.hosts` in the words of `protocol.wire`.

An agent shows its host's key with every request, and only gets at sessions of that host. Bodies are
bounded before they are read and typed before they are used.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import Response

from mayfly.protocol import wire
from mayfly.protocol.fleet import Hello
from mayfly.server.api.agent_errors import AgentRoute
from mayfly.server.api.agent_inputs import check_hello, numbered, patience
from mayfly.server.api.agent_requests import answer, host_of, read, stream
from mayfly.server.api.state import closing_of
from mayfly.server.dispatch import SessionOver
from mayfly.server.enrolment import HostKeys, enrol, quarantine
from mayfly.server.hosts import Hosts
from mayfly.store.base import Store
from mayfly.system.tasks import stop

T = TypeVar("T")

_CLIENT_GONE = 499
_STOPPING = 503
_REASON_LENGTH = 2000


def router(hosts: Hosts, keys: HostKeys, store: Store, now: Callable[[], float]) -> APIRouter:
    """All routes of agents; `now` gives seconds since 1970."""
    routes = APIRouter(prefix=wire.PREFIX, route_class=AgentRoute, include_in_schema=False)
    serving = _Serving(hosts, keys, store, now)
    for path, handler in {
        "/enroll": serving.enroll,
        "/key": serving.key,
        "/quarantine": serving.quarantine,
        "/sessions": serving.open,
        "/sessions/{session}/renew": serving.renew,
        "/sessions/{session}/claim": serving.claim,
        "/sessions/{session}/wishes": serving.wishes,
        "/sessions/{session}/spec": serving.spec,
        "/sessions/{session}/source": serving.source,
    }.items():
        routes.add_api_route(path, handler, methods=["POST"], max_body_size=wire.MAX_BODY)
    reports = "/sessions/{session}/reports"
    routes.add_api_route(reports, serving.reports, methods=["POST"], max_body_size=wire.MAX_REPORTS)
    routes.add_api_route("/sessions/{session}", serving.close, methods=["DELETE"])
    return routes


@dataclass(frozen=True, slots=True)
class _Serving:
    hosts: Hosts
    keys: HostKeys
    store: Store
    now: Callable[[], float]

    async def enroll(self, request: Request) -> Response:
        address = request.client.host if request.client else ""
        asked = await read(request, wire.Enrol)
        return answer(wire.Enrolled(await enrol(self.store, self.now(), asked, address)))

    async def key(self, request: Request) -> Response:
        host = await self._host(request)
        await self.keys.change(host, (await read(request, wire.NewKey)).key_hash)
        return _nothing()

    async def quarantine(self, request: Request) -> Response:
        host = await self._host(request)
        reason = (await read(request, wire.Quarantine)).reason[:_REASON_LENGTH]
        await quarantine(self.store, self.now(), host, reason)
        return _nothing()

    async def open(self, request: Request) -> Response:
        host = await self._host(request)
        hello = await read(request, Hello)
        check_hello(hello)
        return answer(await self.hosts.open_session(host, hello))

    async def close(self, request: Request) -> Response:
        await self.hosts.close_session(await self._session(request))
        return _nothing()

    async def renew(self, request: Request) -> Response:
        session = await self._session(request)
        if not await self.hosts.renew(session):
            raise _over()
        return _nothing()

    async def claim(self, request: Request) -> Response:
        session = await self._session(request)
        asked = await read(request, wire.Claim)
        wait_s = patience(asked.patience_s)
        held, most = frozenset(asked.held), min(max(1, asked.most), wire.MAX_CLAIMED)

        async def claimed() -> Response:
            given = await self.hosts.claim(session, asked.free, held, wait_s, most)
            return answer(wire.Claimed(given))

        return await _while_there(request, claimed())

    async def wishes(self, request: Request) -> Response:
        session = await self._session(request)
        asked = await read(request, wire.AskWishes)
        held, told, wait_s = frozenset(asked.held), frozenset(asked.told), asked.patience_s

        async def wished() -> Response:
            wishes = await self.hosts.wishes(session, held, told, patience(wait_s))
            cancel = tuple(wire.Wish(lease, reason) for lease, reason in wishes.cancel)
            return answer(wire.Wished(cancel, wishes.gone))

        return await _while_there(request, wished())

    async def reports(self, request: Request) -> Response:
        session = await self._session(request)
        sent = (await read(request, wire.Reports, wire.MAX_REPORTS)).reports
        stale = await self.hosts.report(session, [numbered(one) for one in sent])
        return answer(wire.Taken(stale))

    async def spec(self, request: Request) -> Response:
        session = await self._session(request)
        lease = (await read(request, wire.Of)).lease
        return answer(await self.hosts.hand_over(session, lease))

    async def source(self, request: Request) -> Response:
        session = await self._session(request)
        asked = await read(request, wire.OfSource)
        pieces = self.hosts.source(session, asked.lease, asked.action)
        return await stream(pieces, "application/x-tar")

    async def _host(self, request: Request) -> str:
        return await host_of(request, self.keys)

    async def _session(self, request: Request) -> str:
        """Of the host that asks: others are as good as not there."""
        host = await self._host(request)
        session = str(request.path_params["session"])
        if not await self.keys.owns(host, session):
            raise _over()
        return session


def _over() -> SessionOver:
    return SessionOver("the session is over", remedy="open another")


def _nothing() -> Response:
    return Response(status_code=204)


async def _while_there(request: Request, work: Coroutine[Any, Any, Response]) -> Response:
    """The answer to one who waits for it; who has left must be given nothing more.

    A server that stops sends who waits elsewhere.
    """

    async def left() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    working, leaving = asyncio.create_task(work), asyncio.create_task(left())
    closing = asyncio.create_task(closing_of(request).wait())
    try:
        waiting: set[asyncio.Task[Any]] = {working, leaving, closing}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        return Response(status_code=_CLIENT_GONE if leaving.done() else _STOPPING)
    finally:
        await stop(working, leaving, closing)
