"""The control plane of a host that is not the server's: one session with the server, over HTTP.

A session lives while it is renewed. When the server could not be reached for so long that it may
have given the session's jobs away, the session is over here first: every call raises SessionOver,
and who runs jobs must destroy their machines. A shorter silence only delays what is reported.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

from mayfly.agent.backoff import Backoff
from mayfly.agent.claims import Claims
from mayfly.agent.connection import Connection, Refused, SessionOver, Unreachable
from mayfly.agent.outbox import Outbox
from mayfly.agent.source import fetch
from mayfly.agent.wishes import Wishes
from mayfly.domain.placement import Capacity
from mayfly.protocol import wire
from mayfly.protocol.fleet import Assignment, Hello, Lease, Opened, Report, StaleLease
from mayfly.system.changes import Changes
from mayfly.system.tasks import first, stop, to_the_end
from mayfly.workflow.spec import JobSpec

_log = logging.getLogger(__name__)

T = TypeVar("T")

_GRACE_S = 10.0
_CLOSE_S = 5.0
_MARGIN = 0.9
"""Of the time a session lasts: the rest is for destroying machines."""


class RemoteControlPlane:
    """See `protocol.fleet.ControlPlane`; made by `session`."""

    def __init__(
        self, connection: Connection, opened: Opened, sent: float, renewed: Callable[[float], None]
    ):
        """`sent` is when (by the loop's clock) the request was sent that opened the session.

        `renewed` is told for how many seconds the server keeps the session.
        """
        self._connection = connection
        self._path = f"/sessions/{opened.session}"
        self._ttl_s = opened.ttl_s
        self._until = 0.0
        self._tell_renewed = renewed
        self._outbox = Outbox(self._send)
        self._wishes = Wishes(self._ask_wishes, lambda: self.held, self._outbox.close)
        self._claims = Claims(self._ask_claim, lambda: self.held, self._take, self._give_back)
        self._specs: dict[Lease, JobSpec] = {}
        self._over: SessionOver | None = None
        self._changes = Changes()
        self.id = opened.session
        self._renewed_at(sent)

    @property
    def held(self) -> tuple[Lease, ...]:
        """Leases of jobs whose end the server does not know."""
        return self._outbox.held

    @property
    def waiting_bytes(self) -> int:
        """Of reports that the server has not yet taken in."""
        return self._outbox.size

    async def claim(self, free: Capacity) -> Assignment:
        try:
            return await self._claims.claim(free)
        except (SessionOver, Refused) as error:
            self.end(str(error))
            raise SessionOver(str(error)) from error

    async def hand_over(self, lease: Lease) -> JobSpec:
        if lease in self._specs:
            return self._specs.pop(lease)
        path, backoff = f"{self._path}/spec", Backoff()
        while True:
            try:
                return await self._guarded(self._connection.ask(path, wire.Of(lease), JobSpec))
            except Unreachable as error:
                _log.debug("no answer to a hand-over: %s", error)
                await self._guarded(backoff.pause())

    async def report(self, lease: Lease, report: Report) -> None:
        await self._outbox.put(lease, report)

    async def cancellation(self, lease: Lease) -> str:
        return await self._wishes.cancellation(lease)

    async def source(self, lease: Lease, action: str | None) -> AsyncIterator[bytes]:
        path, wanted = f"{self._path}/source", wire.OfSource(lease, action)
        async with aclosing(fetch(lambda: self._connection.stream(path, wanted))) as pieces:
            async for piece in pieces:
                if self._over is not None:
                    raise self._over
                yield piece

    def drain(self, *, draining: bool = True) -> None:
        """Whether claims wait for ever; what arrives nevertheless is given back."""
        self._claims.drain(draining=draining)

    async def settled(self) -> None:
        """While it drains: returns when every job that was given to this session has ended."""
        await self._claims.settled()
        await self._outbox.settled()

    def end(self, reason: str) -> None:
        """The session is over here; every call raises SessionOver. Idempotent."""
        if self._over is None:
            _log.info("session %s is over: %s", self.id, reason)
            self._over = SessionOver(f"the session with the server is over: {reason}")
            self._outbox.fail(self._over)
            self._wishes.fail(self._over)
            self._claims.fail(self._over)
            self._changes.announce()

    async def keep(self) -> None:
        """Renews, sends and listens until the session is over; so it is when this ends."""
        try:
            await first(self._renew(), self._outbox.run(), self._wishes.run(), self._ended())
        except (SessionOver, Refused) as error:
            self.end(str(error))
        except Exception as error:  # noqa: BLE001 (whatever it is, no machine may outlive it)
            _log.exception("a defect of Mayfly ends session %s", self.id)
            self.end(f"a defect: {error!r}")

    async def close(self) -> None:
        """Tells the server, if it can be reached, that nothing of the session runs any more."""
        self.end("the host closed it")
        await self._claims.close()
        with contextlib.suppress(Unreachable, StaleLease, Refused):
            await self._connection.tell(self._path, within=_CLOSE_S, method="DELETE")

    async def _ended(self) -> None:
        while self._over is None:
            await self._changes.wait()

    async def _renew(self) -> None:
        try:
            async with asyncio.timeout_at(self._until) as patience:
                while True:
                    await asyncio.sleep(self._ttl_s / 3)
                    await self._renewal()
                    patience.reschedule(self._until)
        except TimeoutError:
            silent_s = self._ttl_s * _MARGIN
            raise SessionOver(f"the server was not reached for {silent_s:.0f} s") from None

    async def _renewal(self) -> None:
        backoff = Backoff(most_s=2.0)
        while True:
            sent = asyncio.get_running_loop().time()
            try:
                await self._connection.tell(f"{self._path}/renew", within=self._ttl_s / 6)
            except Unreachable as error:
                _log.warning("the server does not answer: %s", error)
                await backoff.pause()
            else:
                self._renewed_at(sent)
                return

    def _renewed_at(self, sent: float) -> None:
        self._until = sent + self._ttl_s * _MARGIN
        self._tell_renewed(self._ttl_s - (asyncio.get_running_loop().time() - sent))

    async def _ask_claim(self, question: wire.Claim) -> wire.Claimed:
        path, within = f"{self._path}/claim", question.patience_s + _GRACE_S
        claimed = await self._connection.ask(path, question, wire.Claimed, within=within)
        known = {one.assignment.lease: one.spec for one in claimed.given if one.spec is not None}
        held = {lease: spec for lease, spec in self._specs.items() if lease in self.held}
        self._specs = held | known
        return claimed

    def _take(self, lease: Lease) -> None:
        self._outbox.open(lease)
        self._wishes.look()

    def _give_back(self, lease: Lease) -> None:
        self._outbox.give_back(lease, "its host takes no more jobs")

    async def _send(self, body: bytes) -> wire.Taken:
        path = f"{self._path}/reports"
        return await self._connection.send(path, body, wire.Taken, within=_GRACE_S)

    async def _ask_wishes(self, question: wire.AskWishes) -> wire.Wished:
        path, within = f"{self._path}/wishes", question.patience_s + _GRACE_S
        return await self._connection.ask(path, question, wire.Wished, within=within)

    async def _guarded(self, work: Coroutine[Any, Any, T]) -> T:
        """What the work comes to; SessionOver as soon as the session ends."""
        working = asyncio.create_task(work)
        ended = asyncio.create_task(self._ended())
        try:
            await asyncio.wait({working, ended}, return_when=asyncio.FIRST_COMPLETED)
            if self._over is not None:
                raise self._over
            return working.result()
        except SessionOver as error:
            self.end(str(error))
            raise
        finally:
            await stop(working, ended)


@contextlib.asynccontextmanager
async def session(
    connection: Connection, hello: Hello, renewed: Callable[[float], None] = lambda seconds: None
) -> AsyncIterator[RemoteControlPlane]:
    """A session while the block runs; waits for the server as long as it takes.

    What the host runs in it must have ended when the block does. `renewed` is told, again and
    again, for how many seconds the server keeps the session. Raises Refused, if it is.
    """
    control = RemoteControlPlane(connection, *await _opened(connection, hello), renewed)
    keeping = asyncio.create_task(control.keep())
    try:
        yield control
    finally:
        await stop(keeping)
        await to_the_end(control.close())


async def _opened(connection: Connection, hello: Hello) -> tuple[Opened, float]:
    """The session, and when the request was sent that opened it."""
    backoff = Backoff(most_s=30.0)
    while True:
        sent = asyncio.get_running_loop().time()
        try:
            return await connection.ask("/sessions", hello, Opened), sent
        except Unreachable as error:
            _log.warning("the server cannot be reached: %s", error)
            await backoff.pause()
