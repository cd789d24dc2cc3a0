"""The host's part in routing for guests: one nftables table and two kernel settings.

All machines of all Mayfly processes share it. Every machine brings it up to date, so that it
survives a firewall that was reloaded; `reap` removes it when no machine needs it.
"""

import asyncio
import fcntl
import hashlib
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from mayfly.machines.network.ruleset import (
    HOST_LINK_PREFIX,
    HOST_TABLE,
    VERSION_LENGTH,
    host_ruleset,
    loaded_mark,
)
from mayfly.machines.network.tools import tool
from mayfly.system.process import run

_IPV4 = Path("/proc/sys/net/ipv4")
_LOCK = Path("/run/mayfly-network.lock")
_LOCK_PERIOD = 0.01  # seconds; `reap` holds it for some tens of milliseconds


@asynccontextmanager
async def machine_coming() -> AsyncIterator[None]:
    """Held while a machine's network is made: `reap` removes nothing meanwhile."""
    lock = _open_lock()
    try:
        while not _lock(lock, fcntl.LOCK_SH):  # noqa: ASYNC110  (another process holds it)
            await asyncio.sleep(_LOCK_PERIOD)
        yield
    finally:
        os.close(lock)


async def route_for_guests(uplink: str) -> None:
    """Let packets from `uplink` come back to guests, once the table that bounds that is there."""
    ruleset = host_ruleset(uplink, forwards_for_others=_forwards_for_others())
    # Asking costs a third of loading.
    version = hashlib.sha256(ruleset.encode()).hexdigest()[:VERSION_LENGTH]
    element = ["inet", HOST_TABLE, "loaded", f'{{ "{version}" }}']
    if (await run([tool("nft"), "get", "element", *element], check=False)).status != 0:
        ruleset += loaded_mark(version)
        await run([tool("nft"), "-f", "-"], input_bytes=ruleset.encode())
    _forwarding(uplink).write_text("1")


def forward_from(index: int) -> None:
    """Route what the interface `mayfly<index>` sends; call it when the table is there."""
    _forwarding(f"{HOST_LINK_PREFIX}{index}").write_text("1")


def forget_ipv6(interface: str) -> None:
    """Let the host neither speak nor hear IPv6 there; before the interface is up."""
    disable = Path("/proc/sys/net/ipv6/conf", interface, "disable_ipv6")
    if disable.exists():
        disable.write_text("1")


async def reap() -> list[str]:
    """Remove what the host keeps for guests if it has none; says what was removed."""
    lock = _open_lock()
    try:
        if not _lock(lock, fcntl.LOCK_EX) or _links():
            return []
        opened = await _opened()
        if opened is None:
            return []
        for interface in opened:
            if not _forwards_for_others() and _forwarding(interface).exists():
                _forwarding(interface).write_text("0")
        await run([tool("nft"), "delete", "table", "inet", HOST_TABLE])
        return [f"nftables table inet {HOST_TABLE}"]
    finally:
        os.close(lock)


async def _opened() -> list[str] | None:
    """Interfaces on which Mayfly switched forwarding on; None without the table."""
    listing = await run(
        [tool("nft"), "-j", "list", "set", "inet", HOST_TABLE, "opened"], check=False
    )
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


def _open_lock() -> int:
    return os.open(_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _lock(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
