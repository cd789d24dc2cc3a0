"""Guest networks for an ordinary user: pasta connects a namespace the user owns.

`pasta` carries the namespace's connections over sockets of its own process, so the host is not
touched. It runs our holder (`inside.py`) inside; when that ends, pasta ends, and the holder ends
when the socket to this process closes, however this process ends.
"""

import asyncio
import fcntl
import os
import secrets
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from mayfly.machines.network import inside
from mayfly.machines.network.addressing import INDEX_COUNT, PREFIX, random_mac
from mayfly.machines.network.base import NetworkPolicy
from mayfly.machines.network.host import survey
from mayfly.machines.network.namespace import Namespace
from mayfly.machines.network.prepared import Site, TapNetwork, bind_guest, explained
from mayfly.machines.network.rtnetlink import RtNetlink
from mayfly.machines.network.ruleset import TAP, UPLINK
from mayfly.machines.network.threads import in_thread
from mayfly.system.process import CommandFailed, start

_HOLDER = [sys.executable, "-I", "-S", str(Path(inside.__file__)), TAP]
_FD_COUNT = 4
_STDERR_LIMIT = 64 * 1024


class UserNetwork:
    """A `Network`; needs user namespaces and a tun device that users may open."""

    backend = "tap"

    async def prepare(self, policy: NetworkPolicy) -> TapNetwork:
        with explained():
            host = await in_thread(survey, policy)
            site = Site(secrets.randbelow(INDEX_COUNT), random_mac(), host)
            holder = await _hold(_connected(site) if host else _unconnected())
            try:
                await bind_guest(holder.namespace, site, policy)
            except BaseException:
                holder.namespace.close()
                await holder.stop()
                raise
        return TapNetwork(holder.namespace, site.guest, holder.stop)

    async def reap(self) -> list[str]:
        return []


def _connected(site: Site) -> list[str]:
    """The holder in a namespace that pasta connects, in none of the ways that lead to the host.

    Unless told, pasta maps the gateway's address to the host's loopback and forwards every port
    that either side listens on.
    """
    closed = ("--tcp-ports", "--udp-ports", "--tcp-ns", "--udp-ns")
    # fmt: off
    return [
        "pasta", "--foreground", "--quiet", "--stderr", "--ipv4-only",
        "--config-net", "--ns-ifname", UPLINK,
        "--address", str(site.ends.uplink), "--netmask", str(PREFIX),
        "--gateway", str(site.ends.host), "--no-map-gw",
        *(option for name in closed for option in (name, "none")),
        "--no-dhcp", "--no-dhcpv6", "--no-ndp", "--no-ra",
        "--", *_HOLDER,
    ]
    # fmt: on


def _unconnected() -> list[str]:
    return ["unshare", "--user", "--map-root-user", "--net", "--", *_HOLDER]


@dataclass(slots=True)
class _Holder:
    """The process that made the namespace, and the socket it lives by."""

    process: asyncio.subprocess.Process
    owner: socket.socket
    namespace: Namespace

    async def stop(self) -> None:
        self.owner.close()
        await self.process.wait()


async def _hold(argv: list[str]) -> _Holder:
    """Start the holder and take over its namespace; raises `CommandFailed` if it cannot make it."""
    owner, inner = socket.socketpair()
    messages = _bounded_file()
    process = None
    try:
        with inner:
            process = await start(argv, stdin=inner.fileno(), stderr=messages)
        fds = await _receive_fds(owner)
        if len(fds) != _FD_COUNT:
            raise await _failure(process, argv, messages)  # noqa: TRY301  (cleaned up below)
        tap, net, user, netlink = fds
        return _Holder(process, owner, Namespace(tap, net, RtNetlink(netlink), user))
    except BaseException:
        owner.close()
        if process is not None:
            await process.wait()
        raise
    finally:
        os.close(messages)


async def _failure(
    process: asyncio.subprocess.Process, argv: list[str], messages: int
) -> CommandFailed:
    status = await process.wait()
    said = os.pread(messages, _STDERR_LIMIT, 0).rstrip(b"\0")
    return CommandFailed(argv, status, said.decode(errors="replace"))


async def _receive_fds(owner: socket.socket) -> list[int]:
    """Wait for descriptors; none when the other end closed without sending any."""
    owner.setblocking(False)
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(owner, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(owner)
    _, fds, _, _ = socket.recv_fds(owner, 1, _FD_COUNT)
    return fds


def _bounded_file() -> int:
    """For what pasta says: neither a pipe that blocks it nor a file a guest could make grow."""
    file = os.memfd_create("pasta", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(file, _STDERR_LIMIT)
    fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
    return file
