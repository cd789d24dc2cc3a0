"""The channel to the host: frames over one descriptor that never blocks.

A virtio port whose host end is not connected reads as empty; that is waited out. The end of any
other descriptor (a socket) is the end of the host.
"""

import os
import selectors
import stat
from collections import deque
from collections.abc import Callable

from mayfly.protocol.frames import MAX_DATA, FrameDecoder, FrameKind, encode_log
from mayfly.protocol.messages import (
    Assign,
    Cancel,
    FromRunner,
    Rehearse,
    SourceRefused,
    decode_from_host,
    encode_message,
)
from mayfly.runner.loop import Callback, Loop

_READ_SIZE = 256 * 1024
_CONGESTED = 1024 * 1024  # bytes not yet taken by the host at which steps are made to wait
_RECONNECT_S = 0.01


Saying = Callable[[], FromRunner]
Received = Rehearse | Assign | SourceRefused | bytes


class HostGone(Exception):
    """The host closed the channel for good."""


class Port:
    """Sends and receives while the loop turns: what is said while it works goes out together.

    Cancel goes to `on_cancel`; every other message and BLOB is kept in order for `receive`.
    """

    def __init__(self, descriptor: int, loop: Loop):
        self._descriptor = descriptor
        self._loop = loop
        self._patient = stat.S_ISCHR(os.fstat(descriptor).st_mode)
        self._decoder = FrameDecoder()
        self._inbox: deque[Received] = deque()
        self._said: deque[bytes | Saying] = deque()
        self._outbox: deque[memoryview] = deque()
        self._unsent = 0
        self._watched = 0
        self._drained: list[Callback] = []
        self.on_cancel: Callable[[Cancel], None] = _ignore
        self.disconnected = False
        os.set_blocking(descriptor, False)
        self._watch()
        loop.before_wait = self._write

    def send(self, message: FromRunner) -> None:
        self._said.append(lambda: message)

    def send_later(self, make: Saying) -> None:
        """A message that is made when it goes out, in its place among the others."""
        self._said.append(make)

    def send_log(self, step: int, data: bytes) -> None:
        """Raw output of a step, of any length."""
        for start in range(0, len(data), MAX_DATA):
            frame = encode_log(step, data[start : start + MAX_DATA])
            self._said.append(frame)
            self._unsent += len(frame)

    def receive(self, check: Callback = lambda: None) -> Received:
        """The next message, or the payload of the next BLOB; HostGone if none will come.

        `check` is called whenever something has happened, and may raise to give up.
        """
        while not self._inbox:
            self._loop.turn()
            check()
        return self._inbox.popleft()

    @property
    def congested(self) -> bool:
        return self._unsent > _CONGESTED

    def when_drained(self, callback: Callback) -> None:
        """Call back once when the host has taken what was sent."""
        self._drained.append(callback)

    def flush(self) -> None:
        """Wait until the host has taken everything."""
        self._write()
        while self._outbox:
            self._loop.turn()

    def wait_for_end(self) -> None:
        """Wait until the host closes its end."""
        try:
            while not self.disconnected:
                self._loop.turn()
        except HostGone:
            return

    def _ready(self) -> None:
        self._read()
        self._write()

    def _read(self) -> None:
        data = self._read_available()
        if data is None:
            return
        if not data:
            self._hang_up()
            return
        for frame in self._decoder.feed(data):
            if frame.kind is FrameKind.BLOB:
                self._inbox.append(frame.payload)
                continue
            message = decode_from_host(frame)
            if isinstance(message, Cancel):
                self.on_cancel(message)
            else:
                self._inbox.append(message)

    def _read_available(self) -> bytes | None:
        """None if there is nothing yet, empty at the end. A virtio port gives 4 KiB a read."""
        pieces: list[bytes] = []
        size = 0
        while size < _READ_SIZE:
            try:
                data = os.read(self._descriptor, _READ_SIZE)
            except BlockingIOError:
                return b"".join(pieces) if pieces else None
            except OSError as error:
                raise HostGone(str(error)) from None
            if not data:
                break  # seen again at the next read if there is data before it
            pieces.append(data)
            size += len(data)
        return b"".join(pieces)

    def _hang_up(self) -> None:
        if not self._patient:
            raise HostGone("end of stream")
        self.disconnected = True
        self._watched = 0
        self._loop.forget(self._descriptor)  # it would report its hang-up for ever
        self._loop.after(_RECONNECT_S, self._reconnect)

    def _reconnect(self) -> None:
        self.disconnected = False
        self._ready()
        if not self.disconnected:
            self._watch()

    def _write(self) -> None:
        while self._said:
            said = self._said.popleft()
            if not isinstance(said, bytes):
                said = encode_message(said())
                self._unsent += len(said)
            self._outbox.append(memoryview(said))
        while self._outbox:
            try:
                written = os.write(self._descriptor, self._outbox[0])
            except BlockingIOError:
                break
            except OSError as error:
                raise HostGone(str(error)) from None
            self._unsent -= written
            rest = self._outbox[0][written:]
            if rest:
                self._outbox[0] = rest
            else:
                self._outbox.popleft()
        if not self.disconnected:
            self._watch()
        if not self._outbox and self._drained:
            waiting, self._drained = self._drained, []
            for callback in waiting:
                callback()

    def _watch(self) -> None:
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._outbox else 0)
        if events != self._watched:
            self._watched = events
            self._loop.watch(self._descriptor, events, self._ready)


def _ignore(_: Cancel) -> None:
    """Before a job there is nothing to cancel."""
