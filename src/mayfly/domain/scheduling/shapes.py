"""Jobs that ask for the same are of one shape; sets of shapes are integers, one bit a shape.

There are few shapes however many jobs wait, so a host's question is a handful of `&` on integers.
"""

import bisect
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mayfly.domain.architecture import Architecture
from mayfly.domain.scheduling.model import QueuedJob

_IDLE_SHAPES_KEPT = 256


@dataclass(frozen=True, slots=True)
class Shape:
    """What a job asks of a host."""

    architecture: Architecture | None
    millicpu: int
    memory_mib: int
    labels: frozenset[str]

    @property
    def size(self) -> tuple[int, int]:
        """Millicpu and MiB."""
        return (self.millicpu, self.memory_mib)

    @classmethod
    def of(cls, job: QueuedJob) -> "Shape":
        return cls(job.architecture, job.millicpu, job.memory_mib, job.labels)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Kind:
    """What hosts of one make have in common; there is one object for each make."""

    architectures: tuple[Architecture, ...]
    labels: frozenset[str]
    millicpu: int
    memory_mib: int

    def runs(self, shape: Shape) -> bool:
        """Whether an empty host of this kind could, if need be emulated."""
        return (
            (shape.architecture is None or shape.architecture in self.architectures)
            and shape.millicpu <= self.millicpu
            and shape.memory_mib <= self.memory_mib
            and shape.labels <= self.labels
        )

    def runs_natively(self, shape: Shape) -> bool:
        return shape.architecture in (None, self.architectures[0]) and self.runs(shape)


class ShapeTable:
    """Gives each shape its bit, counts how many jobs of it wait, knows which fit into a room."""

    def __init__(self) -> None:
        self.queued = 0
        """The shapes of which jobs wait."""
        self.version = 0
        """Grows when a bit gets another meaning."""
        self._bits: dict[Shape, int] = {}
        self._shapes: dict[int, Shape] = {}
        self._waiting: dict[int, int] = {}
        self._suiting: dict[Architecture | None, int] = {}
        self._free: list[int] = []
        self._steps: tuple[_Steps, _Steps] | None = None

    def __getitem__(self, bit: int) -> Shape:
        return self._shapes[bit]

    def items(self) -> Iterable[tuple[int, Shape]]:
        return self._shapes.items()

    def bit(self, shape: Shape) -> int:
        """The bit of a shape, a new one if need be; valid while jobs of it wait."""
        found = self._bits.get(shape)
        return self._learn(shape) if found is None else found

    def count(self, bit: int, change: int) -> None:
        """`change` more jobs of that shape wait."""
        self._waiting[bit] += change
        if self._waiting[bit]:
            self.queued |= bit
        else:
            self.queued &= ~bit

    def fitting(self, millicpu: int, memory_mib: int) -> int:
        """The shapes that need no more than that."""
        if self._steps is None:
            items = self._shapes.items()
            self._steps = (
                _Steps((shape.millicpu, bit) for bit, shape in items),
                _Steps((shape.memory_mib, bit) for bit, shape in items),
            )
        by_cpu, by_memory = self._steps
        return by_cpu.up_to(millicpu) & by_memory.up_to(memory_mib)

    def suiting(self, architecture: Architecture) -> int:
        """The shapes that ask for that architecture or for any."""
        return self._suiting.get(architecture, 0) | self._suiting.get(None, 0)

    def _learn(self, shape: Shape) -> int:
        if len(self._shapes) - self.queued.bit_count() > _IDLE_SHAPES_KEPT:
            self._forget_idle()
        free = self._free.pop() if self._free else 1 << len(self._shapes)
        self._bits[shape] = free
        self._shapes[free] = shape
        self._waiting[free] = 0
        self._suiting[shape.architecture] = self._suiting.get(shape.architecture, 0) | free
        self._changed()
        return free

    def _forget_idle(self) -> None:
        for bit in [bit for bit, waiting in self._waiting.items() if not waiting]:
            shape = self._shapes.pop(bit)
            del self._bits[shape], self._waiting[bit]
            self._suiting[shape.architecture] &= ~bit
            self._free.append(bit)

    def _changed(self) -> None:
        self.version += 1
        self._steps = None


class Reach:
    """Which shapes hosts of some kinds may be given; made anew when kinds or shapes change."""

    def __init__(self, kinds: Iterable[Kind], shapes: ShapeTable):
        self._kinds = tuple(kinds)
        self._shapes = shapes
        self._masks: dict[Kind, int] = {}
        self._native: dict[int, bool] = {}
        self._placeable: dict[int, bool] = {}

    def mask(self, kind: Kind) -> int:
        """The shapes that a host of this kind may be given when it has room.

        Emulation is many times slower, so it is for shapes that no host runs natively.
        """
        found = self._masks.get(kind)
        if found is None:
            found = self._masks[kind] = sum(
                bit for bit, shape in self._shapes.items() if self._serves(kind, bit, shape)
            )
        return found

    def kinds(self, bit: int) -> list[Kind]:
        return [kind for kind in self._kinds if self.mask(kind) & bit]

    def placeable(self, bit: int) -> bool:
        """Whether some host could be given the shape if it were empty."""
        found = self._placeable.get(bit)
        if found is None:
            shape = self._shapes[bit]
            found = self._placeable[bit] = any(kind.runs(shape) for kind in self._kinds)
        return found

    def _serves(self, kind: Kind, bit: int, shape: Shape) -> bool:
        return kind.runs_natively(shape) or (kind.runs(shape) and not self._has_native(bit, shape))

    def _has_native(self, bit: int, shape: Shape) -> bool:
        found = self._native.get(bit)
        if found is None:
            found = self._native[bit] = any(kind.runs_natively(shape) for kind in self._kinds)
        return found


class _Steps:
    """Sums of bits by size: which of them need at most so much."""

    def __init__(self, sizes: Iterable[tuple[int, int]]):
        self._sizes: list[int] = []
        self._masks = [0]
        for size, same in itertools.groupby(sorted(sizes), key=lambda pair: pair[0]):
            self._sizes.append(size)
            self._masks.append(self._masks[-1] | sum(bit for _, bit in same))

    def up_to(self, size: int) -> int:
        return self._masks[bisect.bisect_right(self._sizes, size)]


def bits(mask: int) -> Iterator[int]:
    """The bits of a set, the lowest first."""
    while mask:
        low = mask & -mask
        yield low
        mask ^= low
