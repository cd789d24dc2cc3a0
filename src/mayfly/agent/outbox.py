"""What a host has to say and the server has not yet taken in: numbered, in order, bounded.

Reports of all leases travel in one request at a time. It is sent at once when nothing was sent for
a while, else soon; the end of a job never waits. Nothing is forgotten before it was taken in.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from mayfly.agent.backoff import Backoff
from mayfly.agent.connection import Refused, Unreachable
from mayfly.domain.job import JobState
from mayfly.protocol import wire
from mayfly.protocol.fleet import JobEnded, Lease, Report, StaleLease
from mayfly.protocol.reports import tag_report
from mayfly.system.changes import Changes

_log = logging.getLogger(__name__)

_EVERY_S = 0.05
_LEASE_BYTES = 512 * 1024
_BATCH_BYTES = 2 * 1024 * 1024
_SHARE_BYTES = 256 * 1024
_DEFECT = 500
_DEFECTS = 20

Send = Callable[[bytes], Awaitable[wire.Taken]]
"""One request with `wire.Reports`. Raises what `agent.connection` says."""


@dataclass(slots=True)
class _Letters:
    """Of one lease: those not yet taken in; `taken` counts the others.

    `ending`: the last one is the end of the job. `refused`: it stands for what was refused.
    `defects` counts those of the server when it was sent them alone.
    """

    taken: int = 0
    waiting: deque[bytes] = field(default_factory=deque)
    size: int = 0
    ending: bool = False
    refused: bool = False
    defects: int = 0

    def add(self, lease: Lease, report: Report) -> None:
        letter = wire.write(wire.Sent(lease, self.last + 1, tag_report(report)))
        self.waiting.append(letter)
        self.size += len(letter)
        self.ending |= isinstance(report, JobEnded)

    @property
    def last(self) -> int:
        return self.taken + len(self.waiting)

    def drop(self, count: int) -> None:
        for _ in range(count):
            self.size -= len(self.waiting.popleft())
        self.taken += count


_Batch = Sequence[tuple[Lease, _Letters, list[bytes]]]
"""Who reports, and the first letters of each."""


class Outbox:
    """`run` sends until cancelled or refused; `fail` ends everything for everybody."""

    def __init__(self, send: Send):
        self._send = send
        self._leases: dict[Lease, _Letters] = {}
        self._failure: Exception | None = None
        self._changes = Changes()
        self._urgent = asyncio.Event()
        self._singly = 0

    @property
    def held(self) -> tuple[Lease, ...]:
        """Leases that were opened and whose end was not taken in."""
        return tuple(self._leases)

    @property
    def size(self) -> int:
        """Bytes that wait; may be asked by other threads."""
        return sum(letters.size for letters in tuple(self._leases.values()))

    def open(self, lease: Lease) -> None:
        """Reports of the lease may come from now on."""
        self._leases.setdefault(lease, _Letters())
        self._changes.announce()

    def close(self, lease: Lease) -> None:
        """It is not held any more: who reports gets StaleLease.

        When its end is on the way, that may be why; its answer will tell.
        """
        letters = self._leases.get(lease)
        if letters is not None and not letters.ending:
            del self._leases[lease]
            self._changes.announce()

    def fail(self, failure: Exception) -> None:
        """Raised by all calls from now on."""
        self._failure = self._failure or failure
        self._changes.announce()

    async def put(self, lease: Lease, report: Report) -> None:
        """Waits for room, and for a JobEnded until the server knows it. Raises StaleLease."""
        while self._letters(lease).size >= _LEASE_BYTES:
            await self._changes.wait()
        letters = self._letters(lease)
        if letters.ending:
            raise StaleLease(f"{lease} has ended")
        letters.add(lease, report)
        self._changes.announce()
        if not isinstance(report, JobEnded):
            return
        self._urgent.set()
        number = letters.last
        while letters.taken < number:
            if self._leases.get(lease) is not letters or self._failure is not None:
                raise self._failure or StaleLease(f"{lease} was taken away")
            await self._changes.wait()

    def give_back(self, lease: Lease, reason: str) -> None:
        """The end of a lease under which nothing was done; does not wait."""
        self._leases[lease] = letters = _Letters()
        letters.add(lease, JobEnded(JobState.LOST, reason=reason))
        self._urgent.set()
        self._changes.announce()

    async def settled(self) -> None:
        """Returns when no lease is held. Raises the failure, if there is one."""
        while self._leases:
            if self._failure is not None:
                raise self._failure
            await self._changes.wait()

    async def run(self) -> None:
        """Raises what `Send` raises but for Unreachable and Refused."""
        loop = asyncio.get_running_loop()
        backoff = Backoff()
        while True:
            while not any(letters.waiting for letters in self._leases.values()):
                await self._changes.wait()
            self._urgent.clear()
            began = loop.time()
            if await self._deliver(self._batch()):
                backoff.reset()
                await self._rest_until(began + _EVERY_S)
            else:
                await backoff.pause()

    async def _rest_until(self, time: float) -> None:
        try:
            async with asyncio.timeout_at(time):
                await self._urgent.wait()
        except TimeoutError:
            return

    async def _deliver(self, batch: _Batch) -> bool:
        """Whether the server has heard it, whatever it thinks of it."""
        body = b'{"reports":[' + b",".join(letter for *_, some in batch for letter in some) + b"]}"
        try:
            taken = await self._send(body)
        except Unreachable as error:
            if error.status == _DEFECT:
                self._suspect(batch, str(error))
            return False
        except Refused as error:
            self._refuse(batch, error.message)
        else:
            self._singly = max(0, self._singly - 1)
            for lease, letters, sent in batch:
                if self._leases.get(lease) is letters:
                    self._heard(lease, letters, len(sent), stale=lease in taken.stale)
        self._changes.announce()
        return True

    def _heard(self, lease: Lease, letters: _Letters, count: int, *, stale: bool) -> None:
        del self._leases[lease]
        ended = letters.ending and count == len(letters.waiting)
        # When an end was sent, the lease may be gone because an earlier copy of it arrived.
        if stale and not ended:
            return
        letters.drop(count)
        if not ended:
            self._leases[lease] = letters  # the next time others come first

    def _suspect(self, batch: _Batch, why: str) -> None:
        """Reports of one lease, on which the server fails, must not hold back those of others."""
        if len(batch) > 1:
            self._singly = len(batch)
            return
        [(lease, letters, _)] = batch
        letters.defects += 1
        if letters.defects >= _DEFECTS and not letters.refused:
            self._refuse(batch, why)
        elif self._leases.get(lease) is letters:
            self._leases[lease] = self._leases.pop(lease)  # the next time others come first

    def _refuse(self, batch: _Batch, why: str) -> None:
        """Find the lease whose reports they are, and end that, so that others go on."""
        if len(batch) > 1:
            self._singly = len(batch)
            return
        [(lease, letters, _)] = batch
        _log.error("the server refuses what is reported of %s: %s", lease, why)
        if self._leases.get(lease) is not letters:
            return
        del self._leases[lease]
        if letters.refused:
            return
        last = self._leases[lease] = _Letters(letters.taken, refused=True)
        reason = f"the server refused what its host reported: {why}"
        last.add(lease, JobEnded(JobState.LOST, reason=reason))

    def _batch(self) -> _Batch:
        """Of every lease some, so that none waits for another's flood."""
        batch = []
        room = _BATCH_BYTES
        for lease, letters in self._leases.items():
            if letters.waiting and room > 0:
                some = list(_first(letters.waiting, min(room, _SHARE_BYTES)))
                room -= sum(len(letter) for letter in some)
                batch.append((lease, letters, some))
                if self._singly:
                    break
        return batch

    def _letters(self, lease: Lease) -> _Letters:
        if self._failure is not None:
            raise self._failure
        letters = self._leases.get(lease)
        if letters is None:
            raise StaleLease(f"{lease} is not held any more")
        return letters


def _first(letters: deque[bytes], limit: int) -> Iterator[bytes]:
    """As many as fit, and at least one."""
    size = 0
    for letter in letters:
        size += len(letter)
        if size > limit and size > len(letter):
            return
        yield letter
