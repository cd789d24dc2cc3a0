"""Ends what a job started when it forks without end.

A single refused fork may be met and handled; a job that is refused processes again and again for
seconds will never be done, nor leave the machine any time for anything else.
"""

from collections.abc import Callable
from typing import Protocol

from mayfly.runner.loop import Loop, Timer

_PERIOD_S = 2.0
_PATIENCE = 5  # periods in a row with refusals


class Bounded(Protocol):
    """The part of `cgroup.JobGroup` that is looked at."""

    def refusals(self) -> int:
        """How many processes the job was refused so far."""
        ...


class Watchdog:
    """Looks every two seconds; calls `end` after ten of refusals."""

    def __init__(self, loop: Loop, group: Bounded, end: Callable[[], None]):
        self._loop = loop
        self._group = group
        self._end = end
        self._refusals = group.refusals()
        self._in_a_row = 0
        self._timer: Timer = loop.after(_PERIOD_S, self.look)

    def look(self) -> None:
        refusals = self._group.refusals()
        self._in_a_row = self._in_a_row + 1 if refusals > self._refusals else 0
        self._refusals = refusals
        if self._in_a_row >= _PATIENCE:
            self._in_a_row = 0
            self._end()
        self._timer = self._loop.after(_PERIOD_S, self.look)

    def stop(self) -> None:
        self._timer.cancel()
