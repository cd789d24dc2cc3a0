"""All hosts: what they offer together, which shapes they can serve, and which has room now."""

from collections import Counter
from collections.abc import Mapping
from weakref import WeakValueDictionary

from mayfly.domain.architecture import Architecture
from mayfly.domain.scheduling.hosts import Host, Size
from mayfly.domain.scheduling.model import HostRoom
from mayfly.domain.scheduling.rooms import Rooms
from mayfly.domain.scheduling.shapes import Kind, Reach, ShapeTable

Allowed = frozenset[str] | None
"""The ids of the only hosts that may be used; None is all."""


class Fleet:
    """Hosts by id, some of them known only by what runs there."""

    def __init__(self, shapes: ShapeTable):
        self.hosts: dict[str, Host] = {}
        self._shapes = shapes
        self._rooms = Rooms()
        self._offered: dict[Architecture, Size] = {}
        self._kinds = WeakValueDictionary[tuple[object, ...], Kind]()
        self._open_kinds: Counter[Kind] = Counter()
        self._reaches: dict[Allowed, Reach] = {}
        self._reaches_of = shapes.version
        self._order: list[Host] | None = None

    @property
    def offered(self) -> Mapping[Architecture, Size]:
        """By all hosts of each pool, also those that drain."""
        return self._offered

    def get(self, host_id: str) -> Host:
        """The host, a new one that offers nothing if it is unknown."""
        found = self.hosts.get(host_id)
        if found is None:
            found = self.hosts[host_id] = Host(host_id)
            self._order = None
        return found

    def offer(self, host: Host, offer: HostRoom | None) -> None:
        """The host offers that from now on; None: nothing, as it is gone."""
        self._count(host, -1)
        host.become(offer, self._kind(offer) if offer else None)
        self._count(host, 1)
        self._reaches.clear()
        self.settle(host)

    def settle(self, host: Host) -> None:
        """After a change of what runs there or for which job it is kept; forgets it if gone."""
        host.settle()
        self._rooms.put(host)
        if host.offer is None and not host.running and host.reservation is None:
            del self.hosts[host.id]
            self._order = None

    def among(self, allowed: Allowed) -> list[Host]:
        """Those of them that are known, by id; also those that drain."""
        if allowed is not None:
            return [self.hosts[name] for name in sorted(allowed) if name in self.hosts]
        if self._order is None:
            self._order = [self.hosts[name] for name in sorted(self.hosts)]
        return self._order

    def reach(self, allowed: Allowed) -> Reach:
        """Which shapes the open ones of them can serve."""
        if self._reaches_of != self._shapes.version:
            self._reaches_of = self._shapes.version
            self._reaches.clear()
        found = self._reaches.get(allowed)
        if found is None:
            kinds = self._open_kinds if allowed is None else self._kinds_among(allowed)
            found = self._reaches[allowed] = Reach(kinds, self._shapes)
        return found

    def with_room(self, bit: int, allowed: Allowed) -> str | None:
        """The one of them that a job of that shape fills best now, beside what is kept."""
        shape, reach = self._shapes[bit], self.reach(allowed)
        need = (shape.millicpu, shape.memory_mib)
        if allowed is None:
            return self._rooms.best(reach.kinds(bit), need)
        found = (
            (*host.left.sure, host.id)
            for host in self.among(allowed)
            if host.is_open
            and reach.mask(host.kind) & bit
            and host.left.sure[0] >= need[0]
            and host.left.sure[1] >= need[1]
        )
        return min(found, default=(0, 0, None))[2]

    def _kind(self, offer: HostRoom) -> Kind:
        make = (offer.architectures, offer.labels, offer.millicpu, offer.memory_mib)
        found = self._kinds.get(make)
        if found is None:
            found = self._kinds[make] = Kind(*make)
        return found

    def _kinds_among(self, allowed: frozenset[str]) -> set[Kind]:
        return {host.kind for host in self.among(allowed) if host.is_open}

    def _count(self, host: Host, sign: int) -> None:
        if (offer := host.offer) is None:
            return
        pool = offer.architectures[0]
        millicpu, memory_mib = self._offered.pop(pool, (0, 0))
        total = millicpu + sign * offer.millicpu, memory_mib + sign * offer.memory_mib
        if total != (0, 0):
            self._offered[pool] = total
        if host.is_open:
            self._open_kinds[host.kind] += sign
            if not self._open_kinds[host.kind]:
                del self._open_kinds[host.kind]
