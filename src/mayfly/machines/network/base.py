"""The guest network: what a machine driver asks for and what it gets, on one page.

A network belongs to one machine. It is a network namespace that holds the machine's tap device
and the rules that bind its guest; QEMU runs inside it. The namespace has no name: it lives as long
as the processes and descriptors that use it, so a `kill -9` of Mayfly removes it with everything
in it.

Order of calls: `Network.prepare` (before the machine starts, possibly long before), then start
QEMU with `wrap`, `netdev` and `pass_fds`, then `close` once QEMU has ended.
"""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network
from typing import Protocol, Self

from mayfly.domain.errors import InvalidInput


class NetworkMode(StrEnum):
    """`internet`: public addresses and what `allow` opens; `none`: nothing at all."""

    INTERNET = "internet"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class AllowRule:
    """Opens a destination that is otherwise refused; without a port, every port and protocol."""

    cidr: IPv4Network
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """`10.1.2.3`, `10.0.0.0/8` or `10.1.2.3:5432`; raises `InvalidInput`."""
        cidr, colon, port = text.partition(":")
        try:
            rule = cls(IPv4Network(cidr), _port(port) if colon else None)
        except ValueError as error:
            raise InvalidInput(
                f"{text!r} is not a network that can be opened: {error}",
                remedy="write ADDRESS, ADDRESS/BITS or ADDRESS/BITS:PORT (IPv4)",
            ) from error
        if any(rule.cidr.subnet_of(never) for never in (LOOPBACK, GUESTS)):
            raise InvalidInput(
                f"{text!r} cannot be opened: it is the host's loopback or another guest",
                remedy="let the service listen on another address of the host and open that one",
            )
        return rule


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= _PORT_MAX):
        raise ValueError(f"a port is a number from 1 to {_PORT_MAX}")
    return int(text)


_PORT_MAX = 65535
LOOPBACK = IPv4Network("127.0.0.0/8")

# The benchmark range of RFC 2544, routed nowhere: addresses of guests and of their uplinks.
GUESTS = IPv4Network("198.18.0.0/15")


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """What a guest may reach; `dns` replaces the host's own resolver.

    Raises `InvalidInput` for a resolver that no guest can reach.
    """

    mode: NetworkMode = NetworkMode.INTERNET
    allow: tuple[AllowRule, ...] = ()
    dns: IPv4Address | None = None

    def __post_init__(self) -> None:
        if self.dns is not None and (self.dns in LOOPBACK or self.dns in GUESTS):
            raise InvalidInput(
                f"guests cannot use the name server {self.dns}: it is on the host's loopback or "
                "among the guests' own addresses",
                remedy="name one that listens on another address",
            )


@dataclass(frozen=True, slots=True)
class GuestAddress:
    """What the guest must set on its interface; packets from any other address are dropped.

    `gateway` is also the name server when `dns` equals it; with mode `none` there is neither.
    """

    address: IPv4Address
    prefix: int
    mac: str
    mtu: int
    gateway: IPv4Address | None
    dns: IPv4Address | None


class PreparedNetwork(Protocol):
    """One machine's network, ready for QEMU."""

    @property
    def guest(self) -> GuestAddress: ...

    @property
    def pass_fds(self) -> tuple[int, ...]:
        """Descriptors that QEMU must inherit under the same numbers."""

    def netdev(self, name: str) -> str:
        """Value of QEMU's `-netdev` for a backend of that name."""

    def wrap(self, argv: list[str]) -> list[str]:
        """The command that runs `argv` inside the network; it execs, so the process id stays.

        Entering changes credentials, which makes the kernel forget a parent-death signal: wrap
        last, `wrap(dies_with_parent(argv))`, never the other way round. A change of user belongs
        inside `argv` too.
        """

    async def close(self) -> None:
        """Remove it. Safe to call twice; QEMU should have ended, else it loses its network."""


class Network(Protocol):
    """A way of giving guests a network on this host; calls may run at the same time."""

    @property
    def backend(self) -> str:
        """Part of a template's key: snapshots taken on one backend load only on the same."""

    async def prepare(self, policy: NetworkPolicy) -> PreparedNetwork:
        """A new network. Raises `HostCannot`; then, and when cancelled, nothing is left."""

    async def reap(self) -> list[str]:
        """Remove what no machine on this host needs any more; one line for each thing removed.

        Machines of other Mayfly processes count too, also those being prepared meanwhile.
        """
