"""Finds a firewall of the host's own that drops what guests send.

A rule set of another program cannot be overruled from ours: a packet has to pass both.
"""

import json
from typing import Any

from mayfly.machines.network.ruleset import HOST_TABLE
from mayfly.machines.network.tools import tool
from mayfly.system.process import run

_DOCKER = (
    "Docker makes this host drop what it forwards; let guests pass: "
    "sudo iptables -I DOCKER-USER -i mayfly+ -j ACCEPT; "
    "sudo iptables -I DOCKER-USER -o mayfly+ -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
)
_ANY = (
    "this host's firewall drops what it forwards: make it accept what comes from the interfaces "
    "mayfly*, and established connections to them"
)


async def forwarding_remedy() -> str | None:
    """What to do about a firewall that by default drops what the host forwards; None if none does.

    It may yet have a rule that lets guests pass.
    """
    listing = await run([tool("nft"), "-j", "list", "chains"])
    entries = json.loads(listing.stdout)["nftables"]
    chains: list[dict[str, Any]] = [entry["chain"] for entry in entries if "chain" in entry]
    if not any(_drops_forwarded(chain) for chain in chains):
        return None
    return _DOCKER if any(chain["name"] == "DOCKER-USER" for chain in chains) else _ANY


def _drops_forwarded(chain: dict[str, Any]) -> bool:
    dropping = chain.get("hook") == "forward" and chain.get("policy") == "drop"
    return dropping and chain["family"] in {"ip", "inet"} and chain["table"] != HOST_TABLE
