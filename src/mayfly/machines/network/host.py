"""What a guest's network depends on, read from the host anew for every machine.

The kernel's routes say where the internet and the LAN are, `resolv.conf` who resolves names.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from pathlib import Path

from mayfly.domain.errors import HostCannot
from mayfly.machines.network.base import NetworkMode, NetworkPolicy
from mayfly.machines.network.rtnetlink import Route, RtNetlink

# The second names the real servers where the first only names systemd's stub on the loopback.
RESOLV_CONFS = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))

# Only to ask the kernel for the way out; nothing is sent there.
_SOMEWHERE = IPv4Address("1.1.1.1")

# Wider routes bound to an interface are a VPN standing in for the default route, not a LAN.
_LAN_PREFIX_MIN = 8


@dataclass(frozen=True, slots=True)
class HostNetwork:
    """`uplink` is the interface that leads to the internet, `mtu` its own.

    `local` are the host's addresses and the networks it is connected to; `resolver` answers the
    guests' questions.
    """

    uplink: str
    mtu: int
    local: tuple[IPv4Network, ...]
    resolver: IPv4Address


def survey(policy: NetworkPolicy) -> HostNetwork | None:
    """What a guest under this policy meets; None if that is nothing.

    Raises `HostCannot` when the host has no route to the internet or no name server to offer.
    """
    if policy.mode is NetworkMode.NONE:
        return None
    resolver = policy.dns or find_resolver()
    with RtNetlink() as netlink:
        try:
            uplink = netlink.way_to(_SOMEWHERE)
        except OSError as error:
            raise HostCannot(
                "this host has no IPv4 route to the internet, so its guests cannot have one",
                details=error.strerror,
                remedy="connect the host, or run the jobs without a network",
            ) from error
        return HostNetwork(uplink.name, uplink.mtu, local_networks(netlink.routes()), resolver)


def local_networks(routes: Sequence[Route]) -> tuple[IPv4Network, ...]:
    """The host's own addresses, and the networks it reaches without a gateway."""
    return tuple(
        route.destination
        for route in routes
        if route.own or (route.direct and route.destination.prefixlen >= _LAN_PREFIX_MIN)
    )


def find_resolver(files: Sequence[Path] = RESOLV_CONFS) -> IPv4Address:
    """The host's first name server that is not on its loopback; else raises `HostCannot`."""
    for file in files:
        for server in _name_servers(file):
            if not server.is_loopback:
                return server
    raise HostCannot(
        "the host's name server listens on its loopback or on IPv6 only, where no guest reaches it",
        details=f"looked in {', '.join(map(str, files))}",
        remedy="name an IPv4 name server with the network's dns option",
    )


def _name_servers(file: Path) -> list[IPv4Address]:
    try:
        text = file.read_text(errors="replace")
    except FileNotFoundError:
        return []
    servers = []
    for line in text.splitlines():
        match line.split():
            case ["nameserver", address, *_]:
                with suppress(AddressValueError):
                    servers.append(IPv4Address(address))
            case _:
                pass
    return servers
