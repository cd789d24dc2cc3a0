"""Why what runs now must stop, if it must, and how it is stopped."""

import enum

from mayfly.runner.process import Ending, Patience, Process


class Stop(enum.Enum):
    CANCELLED = enum.auto()
    TIMED_OUT = enum.auto()


class Interrupted(Exception):
    """Raised where the runner itself waits for something when it must stop."""


class Interrupt:
    """One per step the host sees; composite actions share it with all their steps."""

    def __init__(self, patience: Patience):
        self._patience = patience
        self._process: Process | None = None
        self.reason: Stop | None = None

    def trigger(self, reason: Stop) -> None:
        """Stop what runs; the first reason given stays."""
        if self.reason is None:
            self.reason = reason
            if self._process is not None:
                self._process.stop(self._patience)

    def kill(self) -> None:
        """Stop without any patience."""
        self.reason = self.reason or Stop.CANCELLED
        if self._process is not None:
            self._process.kill()

    def wait(self, process: Process) -> Ending:
        """Wait for the end of a process, stopping it when this is triggered."""
        self._process = process
        try:
            if self.reason is not None:
                process.stop(self._patience)
            return process.wait()
        finally:
            self._process = None

    def check(self) -> None:
        """Raises Interrupted when the step must stop."""
        if self.reason is not None:
            raise Interrupted
