"""The agent's composition root: the only place that knows which drivers there are."""

import contextlib
import os
from decimal import Decimal

from mayfly.agent import kept
from mayfly.agent.images import ImageSource, finder
from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import HostCannot
from mayfly.domain.labels import DEFAULT_IMAGE
from mayfly.domain.placement import Capacity
from mayfly.machines.images.store import ImageStore
from mayfly.machines.network.base import Network
from mayfly.machines.network.choose import choose_network
from mayfly.machines.qemu.accelerator import Accelerators
from mayfly.machines.qemu.command import binary
from mayfly.machines.qemu.driver import QemuDriver
from mayfly.machines.qemu.template import TemplateStore
from mayfly.system.home import Home
from mayfly.system.process import which

_MIB = 1024 * 1024

# What the host itself and Mayfly need: memory that machines are never given.
_RESERVED_MIB = 1024


def make_driver(
    home: Home, network: Network | None = None, images: ImageSource | None = None
) -> QemuDriver:
    """The driver of this host, which takes images from `images` if that names them.

    Raises HostCannot where guests could not be kept in bounds.
    """
    find_image = finder(home, images)
    return QemuDriver(home, network or choose_network(), find_image, Accelerators(home.root))


def host_capacity() -> Capacity:
    """The largest machine this host can serve."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _MIB
    served = frozenset(arch for arch in Architecture if which(binary(arch)))
    return Capacity(
        cpu=Decimal(len(os.sched_getaffinity(0))),
        memory_mib=max(0, pages - _RESERVED_MIB),
        architectures=served,
    )


async def accelerators(home: Home) -> dict[str, str]:
    """What machines of each architecture run with, as far as an image is there to tell."""
    chosen = {}
    images, choice = ImageStore(home), Accelerators(home.root)
    for architecture in host_capacity().architectures:
        if digest := images.find(DEFAULT_IMAGE, architecture):
            kernel = images.inspect(digest, architecture).kernel
            chosen[architecture.value] = await choice.choose(architecture, kernel)
    return chosen


async def reap(home: Home) -> list[str]:
    """Remove what killed owners left on this host; one line for each thing. Spares the living."""
    gone = kept.reap(home)
    gone += [f"unfinished image build {path.name}" for path in ImageStore(home).reap()]
    gone += [f"unfinished template {path.name}" for path in TemplateStore(home.templates).reap()]
    with contextlib.suppress(HostCannot):  # no network was ever made here, then
        gone += await choose_network().reap()
    return gone
