"""Open hosts by what they have left, so that one with room for a job is found at once."""

import bisect

from mayfly.domain.scheduling.hosts import Host, Size
from mayfly.domain.scheduling.shapes import Kind


class Rooms:
    """Finds the host that a job fills best: the least vCPU left, then the least memory."""

    def __init__(self) -> None:
        self._shelves: dict[Kind, _Shelf] = {}
        self._places: dict[str, tuple[Kind, Size]] = {}

    def put(self, host: Host) -> None:
        """Note what the host has left now; one that is not open has nothing."""
        place = (host.kind, host.left.sure) if host.is_open else None
        before = self._places.get(host.id)
        if place == before:
            return
        if before is not None:
            kind, size = self._places.pop(host.id)
            shelf = self._shelves[kind]
            shelf.remove(host.id, size)
            if not shelf:
                del self._shelves[kind]
        if place is not None:
            kind, size = self._places[host.id] = place
            self._shelves.setdefault(kind, _Shelf()).add(host.id, size)

    def best(self, kinds: list[Kind], need: Size) -> str | None:
        found = (
            place
            for kind in kinds
            if (shelf := self._shelves.get(kind)) and (place := shelf.best(need))
        )
        return min(found, default=(0, 0, None))[2]


class _Shelf:
    """Hosts of one kind: for each amount of vCPU left a sorted list of (memory left, id)."""

    def __init__(self) -> None:
        self._cpus: list[int] = []
        self._rows: dict[int, list[tuple[int, str]]] = {}

    def __len__(self) -> int:
        return len(self._cpus)

    def add(self, host_id: str, size: Size) -> None:
        millicpu, memory_mib = size
        row = self._rows.get(millicpu)
        if row is None:
            row = self._rows[millicpu] = []
            bisect.insort(self._cpus, millicpu)
        bisect.insort(row, (memory_mib, host_id))

    def remove(self, host_id: str, size: Size) -> None:
        millicpu, memory_mib = size
        row = self._rows[millicpu]
        del row[bisect.bisect_left(row, (memory_mib, host_id))]
        if not row:
            del self._rows[millicpu]
            del self._cpus[bisect.bisect_left(self._cpus, millicpu)]

    def best(self, need: Size) -> tuple[int, int, str] | None:
        millicpu, memory_mib = need
        for at in range(bisect.bisect_left(self._cpus, millicpu), len(self._cpus)):
            row = self._rows[self._cpus[at]]
            if row[-1][0] >= memory_mib:
                memory, host_id = row[bisect.bisect_left(row, (memory_mib, ""))]
                return self._cpus[at], memory, host_id
        return None
