"""The shell service of a guest: a login shell on a terminal, for whoever is at the second port.

    python3 -m mayfly.runner.shell /dev/virtio-ports/mayfly.1

Started before the snapshot, so that its port is open and read in every clone. It imports little:
its memory is part of every machine.
"""

import os
import selectors
import socket
import stat
import sys
import time
from collections.abc import Callable

from mayfly.protocol.frames import FrameDecoder, ProtocolViolation
from mayfly.protocol.shell import (
    ShellClosed,
    ShellOpen,
    ShellResize,
    decode_for_guest,
    encode_shell_message,
    encode_terminal,
)
from mayfly.runner.loop import Loop
from mayfly.runner.terminal import Terminal, open_terminal

_PIECE = 64 * 1024
_CONGESTED = 256 * 1024  # bytes that wait for the other side, at which we stop reading from one
_PATIENCE_S = 0.1
_USAGE = "usage: python3 -m mayfly.runner.shell PORT"

OpenTerminal = Callable[[ShellOpen], Terminal]


class ShellService:
    """Carries bytes between the port and at most one terminal, never more than it can hold."""

    def __init__(self, descriptor: int, loop: Loop, opener: OpenTerminal = open_terminal):
        os.set_blocking(descriptor, False)
        self._port = descriptor
        self._loop = loop
        self._open = opener
        self._terminal: Terminal | None = None
        self._decoder = FrameDecoder()
        self._to_host = bytearray()
        self._to_shell = bytearray()
        self.ended = False
        self._watch()

    def close(self) -> None:
        self._hang_up()
        self._loop.forget(self._port)

    def _watch(self) -> None:
        """Read from a side only while the other one takes what comes."""
        reading = 0 if len(self._to_shell) > _CONGESTED else selectors.EVENT_READ
        self._set(
            self._port, reading | (selectors.EVENT_WRITE if self._to_host else 0), self._serve_port
        )
        if self._terminal is not None:
            reading = 0 if len(self._to_host) > _CONGESTED else selectors.EVENT_READ
            writing = selectors.EVENT_WRITE if self._to_shell else 0
            self._set(self._terminal.master, reading | writing, self._serve_terminal)

    def _set(self, descriptor: int, events: int, callback: Callable[[], None]) -> None:
        if events:
            self._loop.watch(descriptor, events, callback)
        else:
            self._loop.forget(descriptor)

    def _serve_port(self) -> None:
        _write(self._port, self._to_host)
        data = _read(self._port) if len(self._to_shell) <= _CONGESTED else None
        if data == b"":
            self._wait_for_host()
            return
        try:
            for frame in self._decoder.feed(data or b""):
                self._take(decode_for_guest(frame))
        except ProtocolViolation as error:
            self._decoder = FrameDecoder()
            self._finish(ShellClosed(1, str(error)))
        self._watch()

    def _wait_for_host(self) -> None:
        """A virtio port reads as empty while nobody is there; any other one has ended."""
        self._loop.forget(self._port)
        if stat.S_ISSOCK(os.fstat(self._port).st_mode):
            self.ended = True
        else:
            self._loop.after(_PATIENCE_S, self._watch)

    def _take(self, message: ShellOpen | ShellResize | bytes) -> None:
        if isinstance(message, ShellOpen):
            self._begin(message)
        elif self._terminal is None:
            return
        elif isinstance(message, ShellResize):
            self._terminal.resize(message.rows, message.columns)
        else:
            self._to_shell += message

    def _begin(self, request: ShellOpen) -> None:
        self._hang_up()
        try:
            self._terminal = self._open(request)
        except (OSError, KeyError, ValueError) as error:
            self._finish(ShellClosed(1, f"no shell for {request.user}: {error}"))
            return
        self._loop.watch(self._terminal.ended, selectors.EVENT_READ, self._shell_ended)

    def _serve_terminal(self) -> None:
        terminal = self._terminal
        assert terminal is not None
        _write(terminal.master, self._to_shell)
        if len(self._to_host) <= _CONGESTED:
            self._to_host += encode_terminal(_read(terminal.master) or b"")
        self._watch()

    def _shell_ended(self) -> None:
        """What it printed last is still in the terminal; programs it left behind may go on."""
        terminal = self._terminal
        assert terminal is not None
        while data := _read(terminal.master):
            self._to_host += encode_terminal(data)
        status = terminal.wait()
        self._finish(ShellClosed(status))

    def _finish(self, message: ShellClosed) -> None:
        self._hang_up()
        self._to_host += encode_shell_message(message)
        self._watch()

    def _hang_up(self) -> None:
        terminal, self._terminal = self._terminal, None
        self._to_shell.clear()
        if terminal is not None:
            self._loop.forget(terminal.master)
            self._loop.forget(terminal.ended)
            terminal.close()


def _read(descriptor: int) -> bytes | None:
    """None if there is nothing yet or, on a terminal, nothing any more."""
    try:
        return os.read(descriptor, _PIECE)
    except OSError:  # EIO: every program has closed the terminal
        return None


def _write(descriptor: int, waiting: bytearray) -> None:
    try:
        while waiting:
            del waiting[: os.write(descriptor, waiting[:_PIECE])]
    except BlockingIOError:
        return
    except OSError:
        waiting.clear()


def _tell_systemd() -> None:
    """The service counts as started from here on, and the snapshot waits for that."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.connect(address.replace("@", "\0", 1))
            notify.send(b"READY=1")


def main() -> int:
    if len(sys.argv) != 2:
        print(_USAGE, file=sys.stderr)  # noqa: T201
        return 2
    while not os.path.exists(sys.argv[1]):  # noqa: PTH110 (udev makes it while we start)
        time.sleep(_PATIENCE_S)
    descriptor = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    loop = Loop()
    service = ShellService(descriptor, loop)
    _tell_systemd()
    while not service.ended:
        loop.turn()
    service.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
