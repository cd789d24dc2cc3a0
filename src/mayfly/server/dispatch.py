"""Gives queued jobs to hosts that ask: all that wait are served in one serial transaction.

Claims of many hosts thus cost one decision each, not one transaction each, and news of the queue
wake one task, not every host. Who takes several jobs at once is given one after the other, in turns
with the others that wait, so that nobody is filled while others are empty.
"""

import asyncio
import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from mayfly.domain.errors import MayflyError
from mayfly.domain.placement import Capacity
from mayfly.domain.scheduling.model import Choice, millicpu
from mayfly.protocol.fleet import Given, Lease
from mayfly.server.giving import Pick, give, give_again
from mayfly.server.jobs import Jobs
from mayfly.server.scheduler import Scheduler
from mayfly.store.base import QUEUE, Store, Tx
from mayfly.store.rows import SessionRow
from mayfly.system.tasks import first, stop


class SessionOver(MayflyError):
    """The session has ended; what ran in it was given away."""


@dataclass(eq=False, slots=True)
class _Asking:
    """A host that waits; `new` until it was looked at once, when its name is found out."""

    session: str
    free: Capacity
    held: frozenset[Lease]
    most: int
    answer: "asyncio.Future[tuple[Given, ...]]"
    host: str = ""
    looked: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def new(self) -> bool:
        return not self.looked.is_set()


_Found = tuple[Given, ...] | SessionOver


class Dispatch:
    """Used from one event loop; keeps a task only while somebody waits."""

    def __init__(
        self,
        store: Store,
        jobs: Jobs,
        scheduler: Scheduler,
        now: Callable[[], float],
        *,
        timed: Callable[[], AbstractContextManager[object]] = nullcontext,
    ):
        """`timed` surrounds each decision of who gets what."""
        self._store = store
        self._timed = timed
        self._jobs = jobs
        self._scheduler = scheduler
        self._now = now
        self._asking: dict[str, _Asking] = {}
        self._newcomer = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None

    async def claim(
        self,
        session: str,
        free: Capacity,
        held: frozenset[Lease],
        patience_s: float | None,
        *,
        most: int,
    ) -> tuple[Given, ...]:
        """See `server.hosts.Hosts.claim`."""
        answer: asyncio.Future[tuple[Given, ...]] = asyncio.get_running_loop().create_future()
        asking = _Asking(session, free, held, most, answer)
        if (older := self._asking.get(session)) is not None:
            _answer(older, ())  # nobody waits for it any more
        self._asking[session] = asking
        self._newcomer.set()
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve())
        try:
            # What it was given without knowing it is told even if it does not wait.
            await asking.looked.wait()
            async with asyncio.timeout(patience_s):
                return await answer
        except TimeoutError:
            return ()
        finally:
            # An answer that comes now is given again when the session asks next.
            if self._asking.get(session) is asking:
                del self._asking[session]
            if not self._asking:
                # Who asks while this one ends needs another.
                serving, self._serving = self._serving, None
                await stop(serving)

    async def _serve(self) -> None:
        watch = self._store.watch(QUEUE)
        try:
            while self._asking:
                self._newcomer.clear()
                asking = list(self._asking.values())
                await self._answer(asking)
                if self._asking:
                    await first(watch.wait(), self._newcomer.wait())
        finally:
            watch.close()

    async def _answer(self, asking: list[_Asking]) -> None:
        """Serve whom there is something for; whatever fails is told to all."""
        served: dict[_Asking, tuple[Given, ...] | Exception] = {}
        try:
            served |= await self._store.serial(lambda tx: self._match(tx, asking))
        except Exception as error:  # noqa: BLE001 (theirs to handle)
            served |= dict.fromkeys(asking, error)
        for one, found in served.items():
            if self._asking.get(one.session) is one:
                del self._asking[one.session]
            _answer(one, found)
        for one in asking:
            one.looked.set()

    def _match(self, tx: Tx, asking: list[_Asking]) -> dict[_Asking, _Found]:
        with self._timed():
            return self._decide(tx, asking)

    def _decide(self, tx: Tx, asking: list[_Asking]) -> dict[_Asking, _Found]:
        """For whom there is something."""
        self._scheduler.catch_up(tx)
        served: dict[_Asking, _Found] = {}
        for one in asking:
            if one.new and (found := _for_newcomer(tx, one)):
                served[one] = found
        servings = [_Serving(one, _left(one.free)) for one in asking if one not in served]
        hungry = servings
        while hungry := [serving for serving in hungry if self._serve_one(tx, serving)]:
            pass
        picks = [pick for serving in servings for pick in serving.picks]
        given = iter(give(tx, self._jobs, self._now(), picks) if picks else ())
        for serving in servings:
            found = serving.over or tuple(itertools.islice(given, len(serving.picks)))
            if found:
                served[serving.asking] = found
        return served

    def _serve_one(self, tx: Tx, serving: "_Serving") -> bool:
        """Whether it was given one more, and wants another."""
        one = serving.asking
        choice = self._scheduler.choose(one.host, serving.left)
        if choice is None:
            return False
        if not serving.picks:
            # It ended while it waited, and another session keeps the host online?
            serving.over = _over(tx, one)
        if serving.over is not None:
            return False
        self._scheduler.started(choice.job, one.host)
        serving.take(choice)
        return len(serving.picks) < one.most


@dataclass(slots=True)
class _Serving:
    """What was chosen for a host within one transaction, and what it has left then."""

    asking: _Asking
    left: tuple[int, int]
    picks: list[Pick] = field(default_factory=list)
    over: SessionOver | None = None

    def take(self, choice: Choice) -> None:
        self.picks.append(Pick(self.asking.session, choice))
        self.left = (self.left[0] - choice.size[0], self.left[1] - choice.size[1])


def _answer(one: _Asking, found: tuple[Given, ...] | Exception) -> None:
    if one.answer.done():
        return
    if isinstance(found, Exception):
        one.answer.set_exception(found)
    else:
        one.answer.set_result(found)
    one.looked.set()


def _left(free: Capacity) -> tuple[int, int]:
    return (millicpu(free.cpu), free.memory_mib)


def _for_newcomer(tx: Tx, one: _Asking) -> _Found:
    """What it was given already without knowing."""
    return _over(tx, one) or tuple(give_again(tx, one.session, one.held, one.most))


def _over(tx: Tx, one: _Asking) -> SessionOver | None:
    session = tx.get(SessionRow, one.session)
    if session is not None and not session.ended:
        one.host = session.host
        return None
    return SessionOver(f"session {one.session} is over", remedy="open another")
