"""Concurrency groups: one holder runs, others wait; a newer one takes the place of who waits.

Unless it is patient: then it waits behind them. Pure; rules as GitHub documents `concurrency`.
"""

from dataclasses import dataclass, field

Holder = tuple[str, str]
"""A run's id, and the key of a job or of a call with all its jobs; the run itself has no key."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`granted`, or the holder must ask again later.

    The others are to be cancelled now: `cancel` runs, `displaced` waited and will get nothing.
    """

    granted: bool
    cancel: Holder | None = None
    displaced: tuple[Holder, ...] = ()


@dataclass(slots=True)
class _Group:
    running: Holder
    waiting: list[Holder] = field(default_factory=list)


class ConcurrencyGroups:
    """Which holder has which group. Asking again for what one has or waits for is harmless."""

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}

    def owner(self, name: str) -> Holder | None:
        """Names compare without case."""
        group = self._groups.get(name.lower())
        return group.running if group else None

    def ask(
        self, name: str, holder: Holder, *, cancel_in_progress: bool, patient: bool = False
    ) -> Verdict:
        """A holder that was displaced must not ask again."""
        group = self._groups.setdefault(name.lower(), _Group(holder))
        if group.running == holder:
            return Verdict(granted=True)
        if holder in group.waiting:
            return Verdict(granted=False)
        displaced = [] if patient else group.waiting
        group.waiting = [*(group.waiting if patient else []), holder]
        cancel = group.running if cancel_in_progress else None
        return Verdict(granted=False, cancel=cancel, displaced=tuple(displaced))

    def release(self, holder: Holder) -> None:
        """Give up all that a holder has or waits for; who waited longest has it now."""
        for name, group in list(self._groups.items()):
            if holder in group.waiting:
                group.waiting.remove(holder)
            elif group.running == holder:
                if group.waiting:
                    group.running = group.waiting.pop(0)
                else:
                    del self._groups[name]
