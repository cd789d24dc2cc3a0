"""Asks for jobs; what was given is never lost, whoever stops asking when.

A request says what this host holds. An assignment whose answer nobody took is not among that, and
so comes with the next answer. An answer may give several jobs: callers are given one each.

When there is something else to say, as when more room has become free, a second request says it.
The server answers the first one then; it is not cut off, which could cost an answer on its way, and
always costs a connection.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
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
_MOST = 8

Ask = Callable[[wire.Claim], Awaitable[wire.Claimed]]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request on its way: what is free, and whether the host drains."""

    said: tuple[Capacity, bool]
    answer: "asyncio.Task[list[Assignment]]"


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
        self._asking: _Asked | None = None
        self._older: _Asked | None = None
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
        await stop(*(one.answer for one in (self._asking, self._older) if one))

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
        """Ask, and wait until it was answered or there is something else to say; whether anything
        was given.

        When the caller gives up, the request stays for the next one, with its answer.
        """
        if self._take_answers():
            return True
        asking = await self._ask_about(free)
        changed = asyncio.create_task(self._changed())
        try:
            given = False
            while not (given or asking.answer.done() or changed.done()):
                answers = {one.answer for one in (asking, self._older) if one}
                await asyncio.wait({*answers, changed}, return_when=asyncio.FIRST_COMPLETED)
                given = self._take_answers()
        finally:
            await stop(changed)
        return given

    async def _ask_about(self, free: Capacity) -> "_Asked":
        """The request that says so. There are two at most, and one when the host begins to drain:
        then nothing more shall be given.
        """
        said = (free, self._draining)
        if self._asking is None or self._asking.said != said:
            if self._asking is not None:
                await stop(self._older.answer if self._older else None)
                self._older = self._asking
            if self._draining:
                await stop(self._older.answer if self._older else None)
                self._older = None
            self._asking = _Asked(said, asyncio.create_task(self._asked(free)))
        return self._asking

    def _take_answers(self) -> bool:
        """Whether anything was given. Raises what a request raised."""
        answers: list[asyncio.Task[list[Assignment]]] = []
        if self._older is not None and self._older.answer.done():
            answers.append(self._older.answer)
            self._older = None
        if self._asking is not None and self._asking.answer.done():
            answers.append(self._asking.answer)
            self._asking = None
        given = False
        for answer in answers:
            for assignment in answer.result():
                if assignment.lease not in self._held():
                    self._take(assignment.lease)
                    self._given.append(assignment)
                    given = True
        return given

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
