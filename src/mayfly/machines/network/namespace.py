"""A nameless network namespace with a tap device, held by descriptors only.

When the last descriptor and the last process in it are gone the kernel removes the namespace with
its interfaces and rules: nothing is registered anywhere, so nothing can be left behind.
"""

import asyncio
import concurrent.futures
import ctypes
import fcntl
import os
import struct
from dataclasses import dataclass
from pathlib import Path

from mayfly.machines.network.ruleset import TAP
from mayfly.system.process import run

_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TAP = 0x0002
_IFF_NO_PI = 0x1000
_IFF_VNET_HDR = 0x4000
TUN_DEVICE = Path("/dev/net/tun")


@dataclass(slots=True)
class Namespace:
    """`tap` is the open tap device; `net`, and `user` where there is one, name the namespaces."""

    tap: int
    net: int
    user: int | None = None

    def enter(self, argv: list[str]) -> list[str]:
        """The command that runs `argv` inside, with the privileges this process has there."""
        prefix = ["nsenter", f"--net={self.path}"]
        if self.user is not None:
            prefix += [f"--user=/proc/{os.getpid()}/fd/{self.user}", "--preserve-credentials"]
        return [*prefix, "--", *argv]

    def confine(self, argv: list[str]) -> list[str]:
        """The command that runs `argv` inside, without a privilege over the namespace."""
        if self.user is None:
            return self.enter(argv)
        return self.enter(
            ["setpriv", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--", *argv]
        )

    @property
    def path(self) -> str:
        """Names the network namespace to this process's children."""
        return f"/proc/{os.getpid()}/fd/{self.net}"

    async def nft(self, ruleset: str) -> None:
        """Load a ruleset inside; all of it or nothing."""
        await run(self.enter(["nft", "-f", "-"]), input_bytes=ruleset.encode())

    async def ip(self, batch: str) -> None:
        """Run `ip` commands inside, one a line."""
        await run(self.enter(["ip", "-batch", "-"]), input_bytes=batch.encode())

    def close(self) -> None:
        """Let go of it; safe to call twice."""
        for fd in (self.tap, self.net, self.user):
            if fd is not None and fd >= 0:
                os.close(fd)
        self.tap = self.net = -1
        self.user = None


async def create_namespace() -> Namespace:
    """A new namespace owned by the host's root: needs CAP_SYS_ADMIN, raises OSError without.

    A namespace is a property of a thread, so a thread of its own makes it and ends.
    """
    executor = concurrent.futures.ThreadPoolExecutor(max_workers=1)
    making = executor.submit(_unshare)
    executor.shutdown(wait=False)
    try:
        return await asyncio.wrap_future(making)
    except asyncio.CancelledError:
        making.add_done_callback(_close_unwanted)
        raise


def open_tap() -> int:
    """A tap device in the calling thread's network namespace, with offloads for QEMU."""
    tap = os.open(TUN_DEVICE, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        flags = _IFF_TAP | _IFF_NO_PI | _IFF_VNET_HDR
        fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", TAP.encode(), flags))
    except OSError:
        os.close(tap)
        raise
    return tap


def set_forwarding() -> None:
    """Let the calling thread's namespace route IPv4, and know nothing of IPv6."""
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    for scope in ("all", "default"):
        ipv6 = Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6")
        if ipv6.exists():
            ipv6.write_text("1")


def _unshare() -> Namespace:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    set_forwarding()
    tap = open_tap()
    try:
        return Namespace(tap, os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        os.close(tap)
        raise


def _close_unwanted(making: concurrent.futures.Future[Namespace]) -> None:
    if not making.cancelled() and making.exception() is None:
        making.result().close()
