"""How often GitHub may be asked: its published limits, and what its answers say is left. Pure.

Per installation 5,000 requests an hour and 900 points a minute (a read is 1, a write 5); per app
about 170 registrations a minute. What must be done comes before what merely looks: polls stop while
a fifth is left. With several servers each keeps its own count, so the answers have the last word.
"""

import enum
from collections import deque

from mayfly.forges.github.answers import CORE, Limits

_HOUR = 3600.0
_MINUTE = 60.0
_HOURLY = 5000
_POINTS = 900
_REGISTRATIONS = 170
_RESERVED = 0.2  # the share that polls leave to others


class Kind(enum.Enum):
    """What a request is for, and its cost in points."""

    POLL = ("poll", 1)
    READ = ("read", 1)
    WRITE = ("write", 5)
    REGISTER = ("register", 5)

    @property
    def points(self) -> int:
        return self.value[1]


class Window:
    """At most `limit` in any `seconds`."""

    def __init__(self, limit: int, seconds: float = _MINUTE):
        self._limit = limit
        self._seconds = seconds
        self._spent = 0
        self._taken: deque[tuple[float, int]] = deque()

    def wait(self, cost: int, now: float, share: float = 1.0) -> float:
        """Seconds until `cost` fits into that share of the limit; 0 if it does now."""
        self._forget(now)
        excess = self._spent + cost - self._limit * share
        for at, spent in self._taken:
            if excess <= 0:
                break
            excess -= spent
            if excess <= 0:
                return at + self._seconds - now
        return 0.0 if excess <= 0 else self._seconds

    def take(self, cost: int, now: float) -> None:
        self._taken.append((now, cost))
        self._spent += cost

    def _forget(self, now: float) -> None:
        while self._taken and self._taken[0][0] + self._seconds <= now:
            self._spent -= self._taken.popleft()[1]


def registrations() -> Window:
    """The window that all installations of an app share."""
    return Window(_REGISTRATIONS)


class Budget:
    """One installation's. `take` before each request, `answered` after it, however it ended."""

    def __init__(self, registrations: Window):
        self._registrations = registrations
        self._points = Window(_POINTS)
        self._limit = _HOURLY
        self._left = _HOURLY
        self._reset = 0.0
        self._blocked_until = 0.0
        self._no_registrations_until = 0.0
        self._in_flight = 0

    def take(self, kind: Kind, now: float) -> float:
        """0: go on, it is counted. Else the seconds after which to try again; nothing is counted.

        `now` is in seconds since 1970, as are all times here.
        """
        if now >= self._reset:
            self._left, self._reset = self._limit, now + _HOUR
        wait = self._wait(kind, now)
        if wait <= 0:
            self._left -= 1
            self._in_flight += 1
            self._points.take(kind.points, now)
            if kind is Kind.REGISTER:
                self._registrations.take(1, now)
        return max(wait, 0.0)

    def answered(self, limits: Limits | None) -> None:
        """The request is over; `limits` as its answer told them."""
        self._in_flight -= 1
        if limits is None:
            return
        if limits.resource == CORE:
            self._limit, self._reset = limits.limit, limits.reset
            self._left = limits.remaining - self._in_flight
        elif limits.remaining == 0:  # registrations have been counted apart, by the hour
            self._no_registrations_until = limits.reset

    def block(self, until: float) -> None:
        """GitHub said that it was too much: nothing may be asked before."""
        self._blocked_until = max(self._blocked_until, until)

    def _wait(self, kind: Kind, now: float) -> float:
        reserved = _RESERVED if kind is Kind.POLL else 0.0
        waits = [self._blocked_until - now, self._points.wait(kind.points, now, 1 - reserved)]
        if self._left <= self._limit * reserved:
            waits.append(self._reset - now)
        if kind is Kind.REGISTER:
            waits.append(self._registrations.wait(1, now))
            waits.append(self._no_registrations_until - now)
        return max(waits)
