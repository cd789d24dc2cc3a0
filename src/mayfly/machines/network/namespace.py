"""A nameless network namespace with a tap device, held by descriptors only.

When the last descriptor and the last process in it are gone the kernel removes the namespace with
its interfaces and rules: nothing is registered anywhere, so nothing can be left behind.
"""

import ctypes
import os
from dataclasses import dataclass

from mayfly.machines.network.inside import open_namespace, open_tap, route_ipv4_only
from mayfly.machines.network.rtnetlink import RtNetlink
from mayfly.machines.network.ruleset import TAP
from mayfly.machines.network.tools import tool
from mayfly.system.process import run
from mayfly.system.threads import in_thread

_CLONE_NEWNET = 0x40000000


@dataclass(slots=True)
class Namespace:
    """`tap` is the open tap device; `net`, and `user` where there is one, the namespaces.

    `netlink` configures what is inside.
    """

    tap: int
    net: int
    netlink: RtNetlink
    user: int | None = None

    @property
    def path(self) -> str:
        """Names the network namespace to this process's children."""
        return f"/proc/{os.getpid()}/fd/{self.net}"

    def enter(self, argv: list[str]) -> list[str]:
        """The command that runs `argv` inside, able to configure the namespace."""
        prefix = ["nsenter", f"--net={self.path}"]
        if self.user is not None:
            prefix += [f"--user=/proc/{os.getpid()}/fd/{self.user}", "--preserve-credentials"]
        return [*prefix, "--", *argv]

    def confine(self, argv: list[str]) -> list[str]:
        """The command that runs `argv` inside, without a power over the namespace.

        As root it is `argv` that must change to another user.
        """
        if self.user is None:
            return self.enter(argv)
        powerless = ["setpriv", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--"]
        return self.enter([*powerless, *argv])

    async def nft(self, ruleset: str) -> None:
        """Load a ruleset inside: all of it or nothing."""
        await run(self.enter([tool("nft"), "-f", "-"]), input_bytes=ruleset.encode())

    def close(self) -> None:
        """Let go of it; safe to call twice."""
        self.netlink.close()
        fds = {self.tap, self.net, -1 if self.user is None else self.user}
        self.tap = self.net = -1
        self.user = None
        for fd in fds - {-1}:
            os.close(fd)


async def create_namespace() -> Namespace:
    """A new namespace; needs CAP_SYS_ADMIN, raises OSError without.

    A namespace is a property of a thread, so a thread of its own makes it and ends.
    """
    return await in_thread(_unshare)


def _unshare() -> Namespace:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"no new network namespace: {os.strerror(error)}")
    route_ipv4_only()
    tap = open_tap(TAP)
    try:
        return Namespace(tap, open_namespace("net"), RtNetlink())
    except OSError:
        os.close(tap)
        raise
