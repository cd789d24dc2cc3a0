"""The control plane of a laptop: the same service as over HTTP, by function calls."""

import itertools
from collections.abc import AsyncIterator, Iterator

from mayfly.domain.placement import Capacity
from mayfly.protocol.fleet import Assignment, JobEnded, Lease, Numbered, Report, StaleLease
from mayfly.server.hosts import Hosts
from mayfly.workflow.spec import JobSpec


class LocalControlPlane:
    """See `protocol.fleet.ControlPlane`; one session, which `hosts` has opened."""

    def __init__(self, hosts: Hosts, session: str):
        self._hosts = hosts
        self._session = session
        self._numbers: dict[Lease, Iterator[int]] = {}

    async def claim(self, free: Capacity) -> Assignment:
        held = frozenset(self._numbers)
        [given] = await self._hosts.claim(self._session, free, held)  # it waits for ever
        self._numbers[given.assignment.lease] = itertools.count(1)
        return given.assignment

    async def hand_over(self, lease: Lease) -> JobSpec:
        return await self._hosts.hand_over(self._session, lease)

    async def report(self, lease: Lease, report: Report) -> None:
        if lease not in self._numbers:
            raise StaleLease(f"{lease} has ended")
        numbered = Numbered(lease, next(self._numbers[lease]), report)
        stale = await self._hosts.report(self._session, [numbered])
        if stale or isinstance(report, JobEnded):
            del self._numbers[lease]
        if stale:
            raise StaleLease(f"attempt {lease.attempt} of {lease.job} is over")

    async def cancellation(self, lease: Lease) -> str:
        told: set[Lease] = set()
        while True:
            held = frozenset({lease})
            wishes = await self._hosts.wishes(self._session, held, frozenset(told))
            for wished, reason in wishes.cancel:
                if wished == lease:
                    return reason
                told.add(wished)
            if lease in wishes.gone:
                raise StaleLease(f"attempt {lease.attempt} of {lease.job} is over")

    def source(self, lease: Lease, action: str | None) -> AsyncIterator[bytes]:
        return self._hosts.source(self._session, lease, action)
