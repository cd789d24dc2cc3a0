"""A channel between host and guest within one process, as narrow as a virtio port."""

from dataclasses import dataclass, field

from mayfly.system.changes import Changes

CAPACITY = 64 * 1024


class Closed(Exception):
    """The other end, or the machine, is gone."""


class Pipe:
    """Bytes one way, in order; a writer waits while CAPACITY bytes have not been read."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._closed = False
        self._changes = Changes()

    async def read(self) -> bytes:
        """What is there, at least one byte; empty at the end."""
        while not self._held and not self._closed:
            await self._changes.wait()
        data = bytes(self._held)
        self._held.clear()
        self._changes.announce()
        return data

    async def write(self, data: bytes) -> None:
        """Raises Closed."""
        rest = memoryview(data)
        while rest:
            while len(self._held) >= CAPACITY and not self._closed:
                await self._changes.wait()
            if self._closed:
                raise Closed
            room = CAPACITY - len(self._held)
            self._held += rest[:room]
            rest = rest[room:]
            self._changes.announce()

    def close(self) -> None:
        """Idempotent. What was written can still be read."""
        self._closed = True
        self._changes.announce()


@dataclass(frozen=True, slots=True)
class Port:
    """One side's end of two pipes."""

    incoming: Pipe = field(default_factory=Pipe)
    outgoing: Pipe = field(default_factory=Pipe)

    @property
    def other(self) -> "Port":
        return Port(self.outgoing, self.incoming)

    async def read(self) -> bytes:
        return await self.incoming.read()

    async def write(self, data: bytes) -> None:
        await self.outgoing.write(data)

    async def close(self) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        """Idempotent."""
        self.incoming.close()
        self.outgoing.close()
