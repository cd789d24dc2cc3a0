"""How an agent is replaced by its newer self without a job noticing.

The agent starts its successor, which opens a session of its own. Once that is ready it claims all
further jobs, and this one ends when its last job has. The two stay joined by a socket, on which
each sees the other end: should the successor end first, the predecessor takes over again.

    successor → predecessor    ready · drain · stop
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator, Sequence
from subprocess import Popen

from mayfly.system.process import start_apart
from mayfly.system.tasks import to_the_end
from mayfly.system.threads import in_thread

_log = logging.getLogger(__name__)

_SOCKET = "MAYFLY_PREDECESSOR"
READY, DRAIN, STOP = "ready", "drain", "stop"

READY_S = 120.0


class Link:
    """Words on a socket, both ways."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, end: socket.socket) -> "Link":
        return cls(*await asyncio.open_unix_connection(sock=end))

    def say(self, word: str) -> None:
        """Lost if the other has ended."""
        self._writer.write(word.encode() + b"\n")

    async def hear(self) -> str | None:
        """The next word; None once the other has ended."""
        with contextlib.suppress(ConnectionError):
            if line := await self._reader.readline():
                return line.decode(errors="replace").strip()
        return None

    async def ended(self) -> None:
        """Returns when the other has ended."""
        while await self.hear() is not None:
            pass

    def close(self) -> None:
        self._writer.close()


@contextlib.asynccontextmanager
async def predecessor() -> AsyncIterator[Link | None]:
    """The agent that started this process to replace it, if one did."""
    number = os.environ.pop(_SOCKET, None)
    if number is None:
        yield None
        return
    end = socket.socket(fileno=int(number))
    end.set_inheritable(False)
    link = await Link.over(end)
    try:
        yield link
    finally:
        link.close()


class Successor:
    """A process that replaces this one; it lives on when this one ends, once it was ready."""

    def __init__(self, process: "Popen[bytes]", link: Link):
        self.pid = process.pid
        self.link = link
        self.took_over = False
        self._process = process

    async def ready(self) -> bool:
        """Whether it has opened a session."""
        try:
            async with asyncio.timeout(READY_S):
                self.took_over = await self.link.hear() == READY
        except TimeoutError:
            _log.error("the new agent did not get ready within %g s", READY_S)
        return self.took_over

    async def end(self) -> None:
        """At once, with what it runs; or take note that it has ended."""
        self._process.kill()
        await in_thread(self._process.wait)


@contextlib.asynccontextmanager
async def successor(argv: Sequence[str]) -> AsyncIterator[Successor]:
    """Starts it. Leaving the block lets go of it, or ends it unless it was ready."""
    ours, theirs = socket.socketpair()
    with theirs:
        environment = {**os.environ, _SOCKET: str(theirs.fileno())}
        process = start_apart(argv, env=environment, pass_fds=(theirs.fileno(),))
    link = await Link.over(ours)
    new = Successor(process, link)
    try:
        yield new
    finally:
        link.close()
        if not new.took_over:
            await to_the_end(new.end())
