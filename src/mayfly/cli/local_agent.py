"""The agent of `mayfly up`: a process of its own, enrolled with the server beside it."""

import asyncio
import contextlib
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator

from mayfly.agent import enrol
from mayfly.agent.connection import Connection, reach
from mayfly.agent.membership import Membership, MembershipFile
from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.protocol.wire import hash_key
from mayfly.server.enrolment import issue_enrolment
from mayfly.server.people.audit import Author
from mayfly.server.services import Services
from mayfly.store.rows import HostRow
from mayfly.system.home import Home
from mayfly.system.process import dies_with_parent, start
from mayfly.system.tasks import first, to_the_end


def refuse_if_anothers(home: Home, url: str) -> None:
    """InvalidInput if this host works for a server other than the one at `url`."""
    file = MembershipFile(home)
    if file.path.exists() and (server := file.load().server) != url:
        raise InvalidInput(
            f"this host works for {server} already",
            remedy="use another MAYFLY_HOME, or --base-url with that address",
        )


async def enrolled(home: Home, services: Services, url: str) -> None:
    """Make this host one of the server's, unless it is. InvalidInput if it is another's."""
    refuse_if_anothers(home, url)
    file = MembershipFile(home)
    if file.path.exists():
        known = file.load()
        row = await services.store.read(lambda view: view.get(HostRow, known.host))
        hashes = {row.key_hash, row.next_key_hash} if row else set()
        if hash_key(known.key) in hashes:
            return
        file.path.unlink()  # the server's database is a new one
    author = Author("system", services.now())
    token = await services.store.serial(lambda tx: issue_enrolment(tx, author))
    host = socket.gethostname().lower()
    membership = Membership(url, host, enrol.new_key(), time.time())
    async with reach(url, None) as http:
        await enrol.enroll(Connection(http, lambda: membership.key), file, membership, token, ())


class LocalAgent:
    """The running process."""

    def __init__(self, process: asyncio.subprocess.Process):
        self._process = process

    async def until(self, stop: asyncio.Event) -> None:
        """Returns when `stop` is set. HostCannot if the agent ends before."""
        await first(stop.wait(), self._process.wait())
        if not stop.is_set():
            raise HostCannot(
                f"the agent ended with status {self._process.returncode}",
                remedy="its reason is above; mayfly doctor says what this host lacks",
            )

    async def drained(self) -> None:
        """Let it end its jobs."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        await self._process.wait()


@contextlib.asynccontextmanager
async def local_agent(*, pool: bool, json_logs: bool) -> AsyncIterator[LocalAgent]:
    """It shares our output, and ends with the block, or with this process if that is killed."""
    program = "from mayfly.cli.main import main; main()"
    options = ("--pool" if pool else "--no-pool", "--json-logs" if json_logs else "--no-json-logs")
    command = [sys.executable, "-c", program, "agent", "run", *options]
    # Ctrl-C of a terminal goes to all of its group: what it means is decided here.
    process = await start(dies_with_parent(command), stdout=None, stderr=None, new_session=True)
    try:
        yield LocalAgent(process)
    finally:
        if process.returncode is None:
            process.kill()
        await to_the_end(process.wait())
