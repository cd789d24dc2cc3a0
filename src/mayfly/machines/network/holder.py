"""The process that makes a user's namespace and keeps pasta at work: `inside.py`, run inside.

It ends when the socket that is its standard input closes, hence also when this process is killed;
pasta ends with it. A session of their own keeps the terminal's interrupt from them: jobs clean up
after an interrupt, and need their network for it.
"""

import asyncio
import contextlib
import fcntl
import os
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from mayfly.machines.network import inside
from mayfly.machines.network.namespace import Namespace
from mayfly.machines.network.rtnetlink import RtNetlink
from mayfly.machines.network.ruleset import TAP
from mayfly.system.process import CommandFailed, start

COMMAND = (sys.executable, "-I", "-S", str(Path(inside.__file__)), TAP)

_FD_COUNT = 4
_MESSAGES_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class Holder:
    """A namespace, the process that made it, and the socket that process lives by."""

    namespace: Namespace
    process: asyncio.subprocess.Process
    owner: socket.socket

    async def stop(self) -> None:
        """The namespace itself lives on in its descriptors. Safe to call twice."""
        self.owner.close()
        await _ended(self.process)


async def hold(argv: list[str]) -> Holder:
    """Run a command that ends in `COMMAND`, and take over the namespace it makes.

    Raises `CommandFailed` if it cannot; then, and when cancelled, nothing is left running.
    """
    owner, inner = socket.socketpair()
    messages = _bounded_file()
    # Shielded: killed half-way, pasta would leave its child behind.
    starting = asyncio.ensure_future(
        start(argv, stdin=inner.fileno(), stderr=messages, new_session=True)
    )
    try:
        process = await asyncio.shield(starting)
        inner.close()
        fds = await _received(owner, process)
        if len(fds) != _FD_COUNT:
            raise await _failure(process, argv, messages)  # noqa: TRY301  (cleaned up below)
        tap, net, user, netlink = fds
        return Holder(Namespace(tap, net, RtNetlink(netlink), user), process, owner)
    except BaseException:
        owner.close()
        await _ended(await starting)
        raise
    finally:
        inner.close()
        os.close(messages)


async def _received(owner: socket.socket, process: asyncio.subprocess.Process) -> list[int]:
    """Wait for the descriptors; none if the process ends without sending any."""
    owner.setblocking(False)
    loop = asyncio.get_running_loop()
    readable = loop.create_future()
    ended = asyncio.ensure_future(process.wait())
    loop.add_reader(owner, _set, readable)
    try:
        await asyncio.wait({readable, ended}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        loop.remove_reader(owner)
        ended.cancel()
    if not readable.done():
        return []
    _, fds, _, _ = socket.recv_fds(owner, 1, _FD_COUNT)
    return fds


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def _failure(
    process: asyncio.subprocess.Process, argv: list[str], messages: int
) -> CommandFailed:
    status = await process.wait()
    said = os.pread(messages, _MESSAGES_MAX, 0).rstrip(b"\0")
    return CommandFailed(argv, status, said.decode(errors="replace"))


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Wait for its end, and end what it has left: pasta forgets its child when it fails."""
    await process.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _bounded_file() -> int:
    """For what pasta says: neither a pipe that blocks it nor a file a guest could make grow."""
    file = os.memfd_create("pasta", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(file, _MESSAGES_MAX)
    fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
    return file
