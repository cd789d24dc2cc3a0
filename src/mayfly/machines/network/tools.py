"""The host's programs that guest networks are made with, and the packages that hold them."""

from mayfly.domain.errors import HostCannot
from mayfly.system.process import which

_PACKAGES = {
    "nft": "nftables",
    "nsenter": "util-linux",
    "pasta": "passt",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}


def tool(name: str) -> str:
    """Where a program is; some are in folders that an ordinary user's PATH lacks."""
    return which(name) or name


def need(*names: str) -> None:
    """Raises `HostCannot` naming every package that is missing."""
    missing = sorted({_PACKAGES[name] for name in names if which(name) is None})
    if missing:
        packages = " ".join(missing)
        raise HostCannot(
            f"guest networks need programs that are not installed; their packages: {packages}",
            remedy=f"sudo apt-get install {packages}",
        )
