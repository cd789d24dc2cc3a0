"""Sources the host sends on request: the repository of the run, and fetched actions."""

from mayfly.protocol.frames import ProtocolViolation
from mayfly.protocol.messages import Assign, Rehearse, SourceRefused, SourceRequest
from mayfly.runner.interrupt import Interrupt
from mayfly.runner.port import Port


class SourceUnavailable(Exception):
    """The host refused; the message is its reason."""


class SourceStream:
    """One answer as a file to read from the front."""

    def __init__(self, sources: "Sources", interrupt: Interrupt):
        self._sources = sources
        self._interrupt = interrupt
        self._rest = memoryview(b"")
        self._ended = False

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes, fewer at the end only."""
        pieces = []
        while size > 0 and not self._ended:
            if not self._rest:
                self._rest = memoryview(self._sources.next_piece(self._interrupt))
                self._ended = not self._rest
            pieces.append(self._rest[:size])
            self._rest = self._rest[size:]
            size -= len(pieces[-1])
        return b"".join(pieces)


class Sources:
    """Asks for one source at a time."""

    def __init__(self, port: Port):
        self._port = port
        self._answering = False

    def open(self, action: str | None, interrupt: Interrupt) -> SourceStream:
        """Ask for a source, see `SourceRequest`; reading raises SourceUnavailable or Interrupted.

        The rest of an answer that was given up is skipped first.
        """
        while self._answering:
            self.next_piece(interrupt)
        self._port.send(SourceRequest(action))
        self._answering = True
        return SourceStream(self, interrupt)

    def next_piece(self, interrupt: Interrupt) -> bytes:
        """The next bytes of the answer, empty at its end."""
        interrupt.check()
        piece = self._port.receive(interrupt.check)
        if isinstance(piece, Assign | Rehearse):
            raise ProtocolViolation(f"{type(piece).__name__} during a job")
        if isinstance(piece, SourceRefused):
            self._answering = False
            raise SourceUnavailable(piece.reason)
        self._answering = bool(piece)
        return piece
