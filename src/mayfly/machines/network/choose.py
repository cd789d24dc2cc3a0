"""Picks the way this host gives guests a network, or says what stands in the way.

The composition root calls `choose_network` once.
"""

import os
from pathlib import Path

from mayfly.domain.errors import HostCannot
from mayfly.machines.network.base import Network
from mayfly.machines.network.inside import TUN_DEVICE
from mayfly.machines.network.routed import RoutedNetwork
from mayfly.machines.network.tools import need
from mayfly.machines.network.user import UserNetwork

# 0 in either forbids users to make namespaces; most kernels have only the first.
_USER_NAMESPACE_SETTINGS = {
    "user.max_user_namespaces": 10000,
    "kernel.unprivileged_userns_clone": 1,
}


def choose_network() -> Network:
    """Raises `HostCannot` with the remedy where no guest could be kept in its bounds."""
    need("nft", "nsenter")
    if os.geteuid() == 0:
        _need_tun("load the kernel's module: modprobe tun")
        return RoutedNetwork()
    need("pasta", "setpriv", "unshare")
    _need_tun(f"let users open it: sudo chmod 0666 {TUN_DEVICE}; or run as root")
    _need_user_namespaces()
    return UserNetwork()


def _need_tun(remedy: str) -> None:
    if not os.access(TUN_DEVICE, os.R_OK | os.W_OK):
        raise HostCannot(
            f"guest networks need {TUN_DEVICE}, which this user cannot open", remedy=remedy
        )


def _need_user_namespaces() -> None:
    for name, enough in _USER_NAMESPACE_SETTINGS.items():
        setting = Path("/proc/sys", *name.split("."))
        if setting.exists() and setting.read_text().strip() == "0":
            raise HostCannot(
                f"guest networks need user namespaces, which this host forbids ({name} is 0)",
                remedy=f"allow them: sudo sysctl -w {name}={enough}; or run as root",
            )
