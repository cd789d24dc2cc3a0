"""What every way of connecting a namespace has in common: the guest's side of it.

The drivers make the namespace and its uplink; here the guest's tap gets its address, the rules
that bind the guest are loaded, and QEMU's options come out.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from mayfly.domain.errors import HostCannot
from mayfly.machines.network.addressing import PREFIX, Addresses, addresses
from mayfly.machines.network.base import GuestAddress, NetworkPolicy
from mayfly.machines.network.host import HostNetwork
from mayfly.machines.network.namespace import Namespace
from mayfly.machines.network.rtnetlink import RtNetlink
from mayfly.machines.network.ruleset import (
    NEVER_PUBLIC,
    TAP,
    GuestRules,
    guest_ruleset,
    unplugged_ruleset,
)
from mayfly.system.process import CommandFailed
from mayfly.system.threads import in_thread

_A = TypeVar("_A")
_B = TypeVar("_B")

# The same in every namespace, so that what a guest learnt before its snapshot stays true.
GATEWAY_MAC = "02:6d:61:79:66:01"

_UNPLUGGED_MTU = 1500


@dataclass(frozen=True, slots=True)
class Site:
    """Where a guest is to live: its index and, unless it has no network, the host's network."""

    index: int
    mac: str
    host: HostNetwork | None

    @property
    def ends(self) -> Addresses:
        return addresses(self.index)

    @property
    def guest(self) -> GuestAddress:
        return GuestAddress(
            address=self.ends.guest,
            prefix=PREFIX,
            mac=self.mac,
            mtu=self.host.mtu if self.host else _UNPLUGGED_MTU,
            gateway=self.ends.gateway if self.host else None,
            dns=self.ends.gateway if self.host else None,
        )


class TapNetwork:
    """A `PreparedNetwork`: the tap travels to QEMU as an open descriptor."""

    def __init__(
        self,
        namespace: Namespace,
        guest: GuestAddress,
        disconnect: Callable[[], Awaitable[None]] | None = None,
    ):
        self.guest = guest
        self._namespace = namespace
        self._disconnect = disconnect
        self._closed = False

    @property
    def pass_fds(self) -> tuple[int, ...]:
        return (self._namespace.tap,)

    def netdev(self, name: str) -> str:
        return f"tap,id={name},fd={self._namespace.tap},vhost=off"

    def wrap(self, argv: list[str]) -> list[str]:
        return self._namespace.confine(argv)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            if self._disconnect is not None:
                await self._disconnect()
        finally:
            self._namespace.close()


async def bind_guest(namespace: Namespace, site: Site, policy: NetworkPolicy) -> None:
    """Load the rules that bind the guest and give the namespace its address towards it."""
    if site.host is None:
        await namespace.nft(unplugged_ruleset())
        return
    rules = GuestRules(
        guest=site.ends.guest,
        mac=site.mac,
        gateway=site.ends.gateway,
        blocked=NEVER_PUBLIC + site.host.local,
        allow=policy.allow,
        resolver=site.host.resolver,
    )
    await both(namespace.nft(guest_ruleset(rules)), in_thread(_meet_guest, namespace.netlink, site))


def _meet_guest(netlink: RtNetlink, site: Site) -> None:
    tap = netlink.link(TAP)
    netlink.set_up(tap, mtu=site.guest.mtu, mac=GATEWAY_MAC)
    netlink.add_address(tap, site.ends.gateway, PREFIX)
    # A fixed neighbour: the guest has no say in which hardware address is its own.
    netlink.add_neighbour(tap, site.ends.guest, site.mac)


async def both(first: Awaitable[_A], second: Awaitable[_B]) -> tuple[_A, _B]:
    """Run two steps side by side, both to their end, then raise what the first failed one raised.

    None outlives the call, so what they work on can be taken apart afterwards.
    """
    one, two = await asyncio.gather(first, second, return_exceptions=True)
    if isinstance(one, BaseException):
        raise one
    if isinstance(two, BaseException):
        raise two
    return one, two


@contextmanager
def explained() -> Iterator[None]:
    """Turns what the kernel or a tool refused into a `HostCannot`."""
    try:
        yield
    except (CommandFailed, OSError) as error:
        raise HostCannot(
            "this host could not set up a guest's network",
            details=str(error),
            remedy="`mayfly doctor` says what is missing",
        ) from error
