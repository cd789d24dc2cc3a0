"""Addresses of one machine's network, derived from its index; pure.

Each index owns eight addresses of the guests' range: two for the link between the host and the
namespace (`uplink`), two for the link between the namespace and the guest.
"""

import secrets
from dataclasses import dataclass
from ipaddress import IPv4Address

from mayfly.machines.network.base import GUESTS

_ADDRESSES_EACH = 8
INDEX_COUNT = GUESTS.num_addresses // _ADDRESSES_EACH
PREFIX = 30


@dataclass(frozen=True, slots=True)
class Addresses:
    """The four ends of the two links; both are /30 networks."""

    host: IPv4Address
    uplink: IPv4Address
    gateway: IPv4Address
    guest: IPv4Address


def addresses(index: int) -> Addresses:
    """Addresses for an index from 0 to `INDEX_COUNT` - 1; no two indices share any."""
    if not 0 <= index < INDEX_COUNT:
        raise ValueError(f"index {index} is not below {INDEX_COUNT}")
    base = GUESTS.network_address + index * _ADDRESSES_EACH
    return Addresses(host=base + 1, uplink=base + 2, gateway=base + 5, guest=base + 6)


def random_mac() -> str:
    """A locally administered unicast address, new for every machine."""
    return ":".join(f"{byte:02x}" for byte in (0x02, *secrets.token_bytes(5)))
