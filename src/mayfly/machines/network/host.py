"""What a guest's network depends on, read from the host anew for every machine.

The kernel's routes say where the internet and the LAN are, `resolv.conf` who resolves names.
"""

import fcntl
import json
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from mayfly.domain.errors import HostCannot
from mayfly.machines.network.base import NetworkMode, NetworkPolicy
from mayfly.machines.network.tools import tool
from mayfly.system.process import CommandFailed, run

# The second names the real servers where the first only names systemd's stub on the loopback.
RESOLV_CONFS = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))

# Only asks the kernel for the way out; nothing is sent there.
_QUESTIONS = b"route get 1.1.1.1\nroute show table all\n"

# Wider routes bound to an interface are a VPN standing in for the default route, not a LAN.
_LAN_PREFIX_MIN = 8

_SIOCGIFMTU = 0x8921


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


async def survey(policy: NetworkPolicy) -> HostNetwork | None:
    """What a guest under this policy meets; None if that is nothing.

    Raises `HostCannot` when the host has no route to the internet or no name server to offer.
    """
    if policy.mode is NetworkMode.NONE:
        return None
    resolver = policy.dns or find_resolver()
    try:
        answers = await run([tool("ip"), "-4", "-j", "-batch", "-"], input_bytes=_QUESTIONS)
    except CommandFailed as error:
        raise HostCannot(
            "this host has no IPv4 route to the internet, so its guests cannot have one",
            details=error.stderr,
            remedy="connect the host, or run the jobs without a network",
        ) from error
    way_out, routes = (json.loads(line) for line in answers.stdout.splitlines() if line)
    uplink = str(way_out[0]["dev"])
    return HostNetwork(uplink, _mtu(uplink), local_networks(routes), resolver)


def local_networks(routes: Sequence[dict[str, Any]]) -> tuple[IPv4Network, ...]:
    """The host's own addresses, and what it reaches without a gateway, from `ip -j route`."""
    networks = []
    for route in routes:
        if route["dst"] == "default":
            continue
        network = IPv4Network(route["dst"])
        own = route.get("type") in {"local", "broadcast"}
        connected = "gateway" not in route and network.prefixlen >= _LAN_PREFIX_MIN
        if own or connected:
            networks.append(network)
    return tuple(networks)


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


def _mtu(interface: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16si12x", interface.encode(), 0)
        answer = fcntl.ioctl(any_socket, _SIOCGIFMTU, request)
    return int(struct.unpack("16si12x", answer)[1])
