"""Asks for jobs, one request at a time; what was given is never lost, whoever stops asking when.

A request says what this host holds. An assignment whose answer nobody took is not among that, and
so comes with the next answer. An answer may give several jobs: callers are given one each.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from decimal import Decimal

from mayfly.agent.backoff import Backoff
from mayfly.agent.connection import Unreachable
from mayfly.domain.placement import Capacity
from mayfly.protocol import wire
from mayfly.protocol.fleet import Assignment, Lease
from mayfly.system.changes import Changes
from mayfly.system.tasks import stop

_log = logging.getLogger(__name__)

PATIENCE_S = 25.0
_SOON_S = 1.0
_MOMENT_S = 0.1
_MOST = 8

Ask = Callable[[wire.Claim], Awaitable[wire.Claimed]]


class Claims:
    """May be asked by several; they take turns."""

    def __init__(
        self,
        ask: Ask,
        held: Callable[[], tuple[Lease, ...]],
        take: Callable[[Lease], None],
        give_back: Callable[[Lease], None],
    ):
        """`take` is called with each lease that is held from now on, `give_back` with those whose
        job is not to be run here.
        """
        self._ask = ask
        self._held = held
        self._take = take
        self._give_back = give_back
        self._draining = False
        self._nothing_left = False
        self._failure: Exception | None = None
        self._changes = Changes()
        self._turn = asyncio.Lock()
        self._asking: asyncio.Task[list[Assignment]] | None = None
        self._given: deque[Assignment] = deque()

    def drain(self, *, draining: bool) -> None:
        """While it drains nothing is claimed; what comes nevertheless is given back."""
        self._draining = draining
        self._nothing_left = False
        self._changes.announce()

    async def settled(self) -> None:
        """While it drains and is asked: returns once no assignment is on its way any more."""
        while not self._nothing_left and self._failure is None:
            await self._changes.wait()

    def fail(self, failure: Exception) -> None:
        """Raised by all calls from now on."""
        self._failure = self._failure or failure
        self._changes.announce()

    async def claim(self, free: Capacity) -> Assignment:
        """Raises the failure, and what the request raises but for Unreachable."""
        loop = asyncio.get_running_loop()
        backoff = Backoff()
        async with self._turn:
            while self._failure is None:
                # Nothing waits from here to the caller, who may be cancelled while it waits.
                if (assignment := self._next()) is not None:
                    return assignment
                began = loop.time()
                if not await self._once(free) and loop.time() < began + _SOON_S:
                    await self._pause(backoff.next())
            raise self._failure

    async def close(self) -> None:
        """Nothing is asked any more."""
        await stop(self._asking)

    def _next(self) -> Assignment | None:
        """Of what was given: what is held still, and to be run."""
        while self._given:
            assignment = self._given.popleft()
            if assignment.lease not in self._held():
                continue
            if not self._draining:
                return assignment
            self._give_back(assignment.lease)
        return None

    async def _once(self, free: Capacity) -> bool:
        """One request, given up when what it says has changed; whether it gave anything.

        When the caller gives up, the request stays for the next one, with its answer.
        """
        asking = await self._left_over()
        if asking is None:
            asking = self._asking = asyncio.create_task(self._asked(free))
        changed = asyncio.create_task(self._changed())
        try:
            await asyncio.wait({asking, changed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await stop(changed)
        if not asking.done():
            await stop(asking)
        self._asking = None
        fresh = [] if asking.cancelled() else asking.result()
        fresh = [one for one in fresh if one.lease not in self._held()]
        for assignment in fresh:
            self._take(assignment.lease)
        self._given += fresh
        return bool(fresh)

    async def _left_over(self) -> "asyncio.Task[list[Assignment]] | None":
        """A request that nobody waits for, if it was answered, or is so in a moment.

        Callers give up when they have more room. While there are jobs enough for any room, the
        answer is on its way, and to ask again would take longer.
        """
        if self._asking is not None and not self._asking.done():
            await asyncio.wait({self._asking}, timeout=_MOMENT_S)
            if not self._asking.done():
                await stop(self._asking)
                self._asking = None
        return self._asking

    async def _asked(self, free: Capacity) -> list[Assignment]:
        """A host that drains has no room, and does not wait."""
        draining = self._draining
        nothing = Capacity(Decimal(0), 0, free.architectures)
        question = wire.Claim(
            nothing if draining else free, self._held(), 0.0 if draining else PATIENCE_S, _MOST
        )
        try:
            given = (await self._ask(question)).given
        except Unreachable as error:
            _log.debug("no answer to a claim: %s", error)
            return []
        if draining and not given:
            self._nothing_left = self._draining
            self._changes.announce()
        return [one.assignment for one in given]

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed()

    async def _changed(self) -> None:
        draining = self._draining
        while self._draining is draining and self._failure is None:
            await self._changes.wait()
