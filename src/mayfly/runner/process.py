"""One command from its start to its end: its output handed on, its end awaited, its stop forced.

The end is the end of the command itself. Children it leaves behind may hold its output open: what
they print meanwhile is read a moment longer, then thrown away so that they neither block nor die.
"""

import contextlib
import os
import selectors
import signal
from collections.abc import Callable
from dataclasses import dataclass

from mayfly.runner.launcher import PIPE_SIZE, Child
from mayfly.runner.loop import Loop, Timer
from mayfly.runner.port import Port

# With the end of a line held back from before it still fits one LOG frame.
_READ_SIZE = 192 * 1024
_LINGER_S = 0.5

Sink = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a stopped command may take before SIGTERM, and then before SIGKILL (seconds)."""

    interrupt_s: float = 7.5
    terminate_s: float = 2.5


@dataclass(frozen=True, slots=True)
class Ending:
    """`status` is the exit code, negative for a signal; `error` says why nothing was executed."""

    status: int
    error: str | None = None


class Process:
    """Feeds `sink` while the loop turns, and holds the command back while the port is congested."""

    def __init__(self, child: Child, loop: Loop, port: Port, sink: Sink):
        self._child = child
        self._loop = loop
        self._port = port
        self._sink = sink
        self._status: int | None = None
        self._open = True
        self._lingering = False
        self._stopping = False
        self._timers: list[Timer] = []
        loop.watch(child.output, selectors.EVENT_READ, self._readable)
        loop.watch(child.handle, selectors.EVENT_READ, self._ended)

    def wait(self) -> Ending:
        """Turn the loop until the command has ended and its output is read."""
        while self._status is None or self._lingering:
            self._loop.turn()
        for timer in self._timers:
            timer.cancel()
        error = self._report()
        if self._open:
            self._drain()
            self._sink = _discard
            self._resume()
        return Ending(self._status, error)

    def stop(self, patience: Patience) -> None:
        """SIGINT to its group now, then SIGTERM, then SIGKILL; later calls change nothing."""
        if self._stopping:
            return
        self._stopping = True
        self._child.signal(signal.SIGINT)
        self._at(patience.interrupt_s, lambda: self._child.signal(signal.SIGTERM))
        self._at(patience.interrupt_s + patience.terminate_s, self.kill)

    def kill(self) -> None:
        """SIGKILL to its group at once."""
        self._stopping = True
        self._child.signal(signal.SIGKILL)

    def close(self) -> None:
        """Give up what is left: the group is killed, its output closed, the command reaped."""
        self._child.signal(signal.SIGKILL)
        if self._status is None:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self._child.pid, 0)
            self._loop.forget(self._child.handle)
            os.close(self._child.handle)
            os.close(self._child.report)
            self._status = -signal.SIGKILL
        self._close_output()

    def _at(self, seconds: float, callback: Callable[[], None]) -> None:
        self._timers.append(self._loop.after(seconds, callback))

    def _readable(self) -> None:
        try:
            data = os.read(self._child.output, _READ_SIZE)
        except BlockingIOError:
            return
        if not data:
            self._close_output()
            self._lingering = False
            return
        self._sink(data)
        if self._port.congested and self._sink is not _discard:
            self._loop.forget(self._child.output)
            self._port.when_drained(self._resume)

    def _resume(self) -> None:
        if self._open:
            self._loop.watch(self._child.output, selectors.EVENT_READ, self._readable)

    def _ended(self) -> None:
        _, status = os.waitpid(self._child.pid, 0)
        self._status = os.waitstatus_to_exitcode(status)
        self._loop.forget(self._child.handle)
        os.close(self._child.handle)
        if self._stopping:
            self._child.signal(signal.SIGKILL)  # what is left of its group
        if self._open:
            self._lingering = True
            self._at(_LINGER_S, self._stop_lingering)

    def _drain(self) -> None:
        """What the pipe held when the command ended, were the port congested until now."""
        for _ in range(PIPE_SIZE // _READ_SIZE):
            with contextlib.suppress(BlockingIOError):
                self._sink(os.read(self._child.output, _READ_SIZE))

    def _stop_lingering(self) -> None:
        self._lingering = False

    def _report(self) -> str | None:
        try:
            report = os.read(self._child.report, 4096)
        except BlockingIOError:
            report = b""
        os.close(self._child.report)
        return report.decode("utf-8", "replace") or None

    def _close_output(self) -> None:
        if self._open:
            self._open = False
            self._loop.forget(self._child.output)
            os.close(self._child.output)


def _discard(_: bytes) -> None:
    """Output of children that outlive their step belongs to no step."""
