"""Ends this process, and with it its machines, should it fail to do so when its session is over.

A thread, since the event loop may be what is stuck; by a clock that goes on while a host sleeps,
since the server's does too.
"""

import os
import signal
import sys
import threading
import time

_LOOK_S = 2.0  # a sleeping host's timers sleep too


class Watchdog:
    """Watches while the block runs, from the first `put_off` on until `rest`."""

    def __init__(self) -> None:
        self._until = float("inf")
        self._resting = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self) -> "Watchdog":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.rest()
        self._thread.join()

    def put_off(self, seconds: float) -> None:
        """It may go on for so long from now."""
        with self._wake:
            self._until = _now() + seconds
            self._wake.notify()

    def rest(self) -> None:
        """Nothing is left that must not outlive the session."""
        with self._wake:
            self._resting = True
            self._wake.notify()

    def _watch(self) -> None:
        with self._wake:
            while not self._resting:
                left = self._until - _now()
                if left <= 0:
                    _end_at_once()
                self._wake.wait(min(left, _LOOK_S))


def _end_at_once() -> None:
    sys.stderr.write("mayfly: the session is over and its machines are not; ending at once\n")
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
