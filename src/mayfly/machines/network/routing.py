"""The host's part in routing for guests: one nftables table and two kernel settings.

All machines of all Mayfly processes share it. Every machine brings it up to date, so that it
survives a firewall that was reloaded; `reap` removes it when no machine needs it.
"""

import json
import socket
from pathlib import Path

from mayfly.machines.network.ruleset import HOST_LINK_PREFIX, HOST_TABLE, host_ruleset
from mayfly.system.process import run

_IPV4 = Path("/proc/sys/net/ipv4")


async def route_for_guests(uplink: str, index: int) -> None:
    """Let the interface `mayfly<index>` reach what `uplink` reaches.

    Forwarding is switched on for these two interfaces only, and after the table that bounds it.
    """
    await _load(uplink)
    _forwarding(f"{HOST_LINK_PREFIX}{index}").write_text("1")


async def reap() -> list[str]:
    """Remove what the host keeps for guests if it has none; says what was removed.

    A machine that is being prepared meanwhile is noticed afterwards, and served again.
    """
    if _links():
        return []
    opened = await _opened()
    if opened is None:
        return []
    if not _forwards_for_others():
        for interface in opened:
            if _forwarding(interface).exists():
                _forwarding(interface).write_text("0")
    await run(["nft", "delete", "table", "inet", HOST_TABLE], check=False)
    if _links():
        for interface in opened:
            await _load(interface)
        return []
    return [f"nftables table inet {HOST_TABLE}"]


async def _load(uplink: str) -> None:
    ruleset = host_ruleset(uplink, forwards_for_others=_forwards_for_others())
    await run(["nft", "-f", "-"], input_bytes=ruleset.encode())
    _forwarding(uplink).write_text("1")


async def _opened() -> list[str] | None:
    """Interfaces on which Mayfly switched forwarding on; None without the table."""
    listing = await run(["nft", "-j", "list", "set", "inet", HOST_TABLE, "opened"], check=False)
    if listing.status != 0:
        return None
    sets = [entry["set"] for entry in json.loads(listing.stdout)["nftables"] if "set" in entry]
    return [str(element) for found in sets for element in found.get("elem", [])]


def _forwards_for_others() -> bool:
    return (_IPV4 / "ip_forward").read_text().strip() == "1"


def _forwarding(interface: str) -> Path:
    return _IPV4 / "conf" / interface / "forwarding"


def _links() -> list[str]:
    return [name for _, name in socket.if_nameindex() if name.startswith(HOST_LINK_PREFIX)]
