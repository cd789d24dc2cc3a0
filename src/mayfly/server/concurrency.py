"""Concurrency groups: one holder runs, at most one waits, a newer one takes the place of that.

Pure; rules as GitHub documents them for `concurrency`.
"""

from dataclasses import dataclass

Holder = tuple[str, str]
"""A run's id, and the key of a job or of a call with all its jobs; the run itself has no key."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`granted`, or the holder must ask again later.

    Both others are to be cancelled now: `cancel` runs, `displaced` waited and will get nothing.
    """

    granted: bool
    cancel: Holder | None = None
    displaced: Holder | None = None


@dataclass(slots=True)
class _Group:
    running: Holder
    waiting: Holder | None = None


class ConcurrencyGroups:
    """Which holder has which group. Asking again for what one has or waits for is harmless."""

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}

    def owner(self, name: str) -> Holder | None:
        """Names compare without case."""
        group = self._groups.get(name.lower())
        return group.running if group else None

    def ask(self, name: str, holder: Holder, *, cancel_in_progress: bool) -> Verdict:
        """A holder that was displaced must not ask again."""
        group = self._groups.setdefault(name.lower(), _Group(holder))
        if group.running == holder:
            return Verdict(granted=True)
        if group.waiting == holder:
            return Verdict(granted=False)
        displaced, group.waiting = group.waiting, holder
        cancel = group.running if cancel_in_progress else None
        return Verdict(granted=False, cancel=cancel, displaced=displaced)

    def release(self, holder: Holder) -> None:
        """Give up all that a holder has or waits for; who waited for it has it now."""
        for name, group in list(self._groups.items()):
            if group.waiting == holder:
                group.waiting = None
            elif group.running == holder:
                if group.waiting:
                    group.running, group.waiting = group.waiting, None
                else:
                    del self._groups[name]
