"""Concurrency groups: one holder runs, at most one waits, a newer one takes the place of that.

A holder is a run, a job, or a call with all its jobs. Pure; rules as GitHub documents them for
`concurrency`.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Verdict:
    """`granted`, or the holder must ask again later. `cancel` are holders to be cancelled now."""

    granted: bool
    cancel: tuple[str, ...] = ()


@dataclass(slots=True)
class _Group:
    running: str
    waiting: str | None = None
    displaced: set[str] = field(default_factory=set)


class ConcurrencyGroups:
    """Which holder has which group. Asking again for what one has or waits for is harmless."""

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}

    def ask(self, name: str, holder: str, *, cancel_in_progress: bool) -> Verdict:
        """Names compare without case."""
        group = self._groups.setdefault(name.lower(), _Group(holder))
        if group.running == holder:
            return Verdict(granted=True)
        if group.waiting == holder or holder in group.displaced:
            return Verdict(granted=False)
        displaced = group.waiting
        group.waiting = holder
        cancel = [displaced] if displaced else []
        if displaced:
            group.displaced.add(displaced)
        if cancel_in_progress:
            cancel.append(group.running)
        return Verdict(granted=False, cancel=tuple(cancel))

    def release(self, holder: str) -> bool:
        """Give up all that a holder has or waits for; says whether somebody may go on now."""
        freed = False
        for name, group in list(self._groups.items()):
            group.displaced.discard(holder)
            if group.waiting == holder:
                group.waiting = None
            elif group.running == holder:
                freed = True
                if group.waiting:
                    group.running, group.waiting = group.waiting, None
                else:
                    del self._groups[name]
        return freed
