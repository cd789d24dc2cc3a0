"""Picks the way this host gives guests a network, and tells what stands in the way.

The composition root calls `choose_network` once; `mayfly doctor` prints `probe`; `mayfly gc` and
every start call `reap`.
"""

import os

from mayfly.domain.errors import HostCannot
from mayfly.machines.network.base import Network
from mayfly.machines.network.inside import TUN_DEVICE
from mayfly.machines.network.routed import RoutedNetwork
from mayfly.system.process import which

_PACKAGES = {"ip": "iproute2", "nft": "nftables", "nsenter": "util-linux", "pasta": "passt"}


def choose_network() -> Network:
    """Raises `HostCannot` with the remedy where no guest could be kept in its bounds."""
    _need("ip", "nft", "nsenter")
    if os.geteuid() == 0:
        _need_tun("load it with `modprobe tun`")
        return RoutedNetwork()
    raise HostCannot("guest networks need root", remedy="run as root")


def _need(*tools: str) -> None:
    missing = sorted({_PACKAGES[tool] for tool in tools if which(tool) is None})
    if missing:
        raise HostCannot(
            f"guest networks need the Debian package{'s' * (len(missing) > 1)} "
            f"{', '.join(missing)}",
            remedy=f"sudo apt-get install {' '.join(missing)}",
        )


def _need_tun(remedy: str) -> None:
    if not os.access(TUN_DEVICE, os.R_OK | os.W_OK):
        raise HostCannot(f"guest networks need {TUN_DEVICE}, which cannot be opened", remedy=remedy)
