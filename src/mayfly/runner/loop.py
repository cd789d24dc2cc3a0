"""One selector for everything the runner waits for: the port, a step's output and end, timers.

The runner is synchronous; whoever waits calls `turn` until what it waits for has happened.
"""

import heapq
import itertools
import selectors
import time
from collections.abc import Callable

Callback = Callable[[], None]


class Timer:
    """A call at a moment to come; `cancel` is safe at any time."""

    __slots__ = ("_callback", "when")

    def __init__(self, when: float, callback: Callback):
        self.when = when
        self._callback: Callback | None = callback

    def cancel(self) -> None:
        self._callback = None

    def fire(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()

    @property
    def cancelled(self) -> bool:
        return self._callback is None


class Loop:
    """Descriptors with a callback each, and timers; not thread-safe.

    `before_wait` is called whenever everything else is done.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self.before_wait: Callback = lambda: None

    def watch(self, descriptor: int, events: int, callback: Callback) -> None:
        """Call back whenever one of `events` holds; replaces what was watched before."""
        if descriptor in self._selector.get_map():
            self._selector.modify(descriptor, events, callback)
        else:
            self._selector.register(descriptor, events, callback)

    def forget(self, descriptor: int) -> None:
        """Stop watching; safe for a descriptor that is not watched."""
        if descriptor in self._selector.get_map():
            self._selector.unregister(descriptor)

    def after(self, seconds: float, callback: Callback) -> Timer:
        timer = Timer(time.monotonic() + seconds, callback)
        heapq.heappush(self._timers, (timer.when, next(self._order), timer))
        return timer

    def turn(self) -> None:
        """Wait until something happens, and let it be handled."""
        self.before_wait()
        for key, _ in self._selector.select(self._patience()):
            if self._selector.get_map().get(key.fd) is key:  # not forgotten by one before it
                key.data()
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2].fire()

    def close(self) -> None:
        self._selector.close()
        self._timers.clear()

    def _patience(self) -> float | None:
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None
