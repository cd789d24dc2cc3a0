"""Concurrency groups: one holder runs, others wait; a newer one takes the place of who waits.

Unless it is patient: then it waits behind them. Rules as GitHub documents `concurrency`.
"""

from dataclasses import dataclass, replace

from mayfly.store.base import Tx
from mayfly.store.rows import GroupRow, Holder, RunRow


@dataclass(frozen=True, slots=True)
class Verdict:
    """`granted`, or the holder must ask again later.

    The others are to be cancelled now: `cancel` runs, `displaced` waited and will get nothing.
    """

    granted: bool
    cancel: Holder | None = None
    displaced: tuple[Holder, ...] = ()


class ConcurrencyGroups:
    """Which holder has which group of a project, in a serial transaction.

    Names compare without case. Asking again for what one has or waits for is harmless.
    """

    def __init__(self, tx: Tx, project: str):
        self._tx = tx
        self._project = project

    def owner(self, name: str) -> Holder | None:
        holders = self._load(name).holders
        return holders[0] if holders else None

    def ask(
        self, name: str, holder: Holder, *, cancel_in_progress: bool, patient: bool = False
    ) -> Verdict:
        """A holder that was displaced must not ask again."""
        group = self._load(name)
        if not group.holders:
            self._tx.put(replace(group, holders=(holder,)))
            return Verdict(granted=True)
        running, *waiting = group.holders
        if holder in group.holders:
            return Verdict(granted=running == holder)
        stay = waiting if patient else []
        self._tx.put(replace(group, holders=(running, *stay, holder)))
        displaced = () if patient else tuple(waiting)
        return Verdict(False, running if cancel_in_progress else None, displaced)

    def is_in_vain(self, holder: Holder) -> bool:
        """Whether who waits does so for ever: for somebody who is not released before it is.

        A run is released when all its jobs have ended, of which some may wait for others' groups;
        a call likewise.
        """
        queues = [group.holders for group in self._tx.find(GroupRow, project=self._project)]
        going = {other for queue in queues for other in queue if not self._is_cancelled(other)}
        due, seen = [holder], set[Holder]()
        while due:
            waiting = due.pop()
            for queue in queues:
                before = queue[: queue.index(waiting)] if waiting in queue else ()
                for other in set(before) - seen:
                    if _contains(other, holder):
                        return True
                    seen.add(other)
                    due += [one for one in going if one == other or _contains(other, one)]
        return False

    def _is_cancelled(self, holder: Holder) -> bool:
        """What its run waits for it will soon wait for no more."""
        run = self._tx.get(RunRow, holder.run)
        return run is None or run.cancelled is not None

    def release(self, holder: Holder) -> list[Holder]:
        """Give up all that a holder has or waits for; says who has something now."""
        successors = []
        for group in self._tx.find(GroupRow, project=self._project):
            if holder not in group.holders:
                continue
            left = tuple(other for other in group.holders if other != holder)
            if left and left[0] != group.holders[0]:
                successors.append(left[0])
            if left:
                self._tx.put(replace(group, holders=left))
            else:
                self._tx.delete(GroupRow, group.id)
        return successors

    def _load(self, name: str) -> GroupRow:
        key = f"{self._project}/{name}".lower()
        return self._tx.get(GroupRow, key) or GroupRow(id=key, project=self._project)


def _contains(outer: Holder, inner: Holder) -> bool:
    """Whether one is released only after the other: a run after its jobs, a call after its own."""
    within = not outer.key or inner.key.startswith(f"{outer.key} / ")
    return outer.run == inner.run and outer != inner and within
