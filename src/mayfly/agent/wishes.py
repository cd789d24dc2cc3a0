"""Which jobs of this host are to be cancelled, or are not its own any more: one poll for all."""

import asyncio
from collections.abc import Awaitable, Callable

from mayfly.agent.backoff import Backoff
from mayfly.agent.connection import Unreachable
from mayfly.protocol import wire
from mayfly.protocol.fleet import Lease, StaleLease
from mayfly.system.changes import Changes

PATIENCE_S = 25.0
_AGAIN_S = 0.05

Ask = Callable[[wire.AskWishes], Awaitable[wire.Wished]]


class Wishes:
    """`run` asks until cancelled, while something is held."""

    def __init__(
        self, ask: Ask, held: Callable[[], tuple[Lease, ...]], take_away: Callable[[Lease], None]
    ):
        """`take_away` is called with each lease that is gone."""
        self._ask = ask
        self._held = held
        self._take_away = take_away
        # Also of leases not held: the answer that gives them may still be on its way.
        self._reasons: dict[Lease, str] = {}
        self._asked: tuple[Lease, ...] = ()
        self._failure: Exception | None = None
        self._changes = Changes()

    async def cancellation(self, lease: Lease) -> str:
        """Waits for the wish; gives its reason. Raises StaleLease when the lease is gone."""
        while self._failure is None:
            if lease in self._reasons:
                return self._reasons[lease]
            if lease not in self._held():
                raise StaleLease(f"{lease} is not held any more")
            await self._changes.wait()
        raise self._failure

    def look(self) -> None:
        """What is held has changed."""
        self._changes.announce()

    def fail(self, failure: Exception) -> None:
        """Raised by all calls from now on."""
        self._failure = self._failure or failure
        self._changes.announce()

    async def run(self) -> None:
        """Raises what the request raises, but for Unreachable."""
        backoff = Backoff()
        while True:
            while not self._held():
                await self._changes.wait()
            try:
                self._hear(await self._ask(self._question()))
            except Unreachable:
                await backoff.pause()
            else:
                backoff.reset()
                await asyncio.sleep(_AGAIN_S)

    def _question(self) -> wire.AskWishes:
        asked, self._asked = self._asked, self._held()
        for lease in set(asked) - set(self._asked):
            self._reasons.pop(lease, None)
        return wire.AskWishes(self._asked, tuple(self._reasons), PATIENCE_S)

    def _hear(self, wished: wire.Wished) -> None:
        for wish in wished.cancel:
            self._reasons.setdefault(wish.lease, wish.reason)
        held = self._held()
        for lease in wished.gone:
            if lease in held:
                self._take_away(lease)
        self._changes.announce()
