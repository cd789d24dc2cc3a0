"""Guest networks for root: a veth pair to the host, which routes and masquerades.

The kernel hands out indices: creating the interface `mayfly<N>` fails where N is taken. Its other
end lives in the machine's namespace, so the pair goes when the namespace goes.
"""

import secrets
from contextlib import suppress
from functools import partial
from ipaddress import IPv4Address, IPv4Network

from mayfly.domain.errors import HostCannot
from mayfly.machines.network.addressing import INDEX_COUNT, PREFIX, addresses, random_mac
from mayfly.machines.network.base import NetworkPolicy
from mayfly.machines.network.firewall import forwarding_remedy
from mayfly.machines.network.host import HostNetwork, survey
from mayfly.machines.network.namespace import Namespace, create_namespace
from mayfly.machines.network.prepared import Site, TapNetwork, bind_guest, both, explained
from mayfly.machines.network.question import name_server_answers
from mayfly.machines.network.routing import (
    forget_ipv6,
    forward_from,
    machine_coming,
    reap,
    route_for_guests,
)
from mayfly.machines.network.rtnetlink import RtNetlink
from mayfly.machines.network.ruleset import HOST_LINK_PREFIX, OPENED_GROUP, UPLINK
from mayfly.system.threads import in_thread

# Indices are drawn at random; this many taken ones in a row mean the range is all but full.
_DRAWS = 64


class RoutedNetwork:
    """A `Network`; needs root (CAP_NET_ADMIN and CAP_SYS_ADMIN) in the host's namespace."""

    backend = "tap"

    def __init__(self) -> None:
        self._proven = False

    async def prepare(self, policy: NetworkPolicy) -> TapNetwork:
        with explained():
            host = await in_thread(survey, policy)
            namespace = await create_namespace()
            try:
                if host is None:
                    return await _unplugged(namespace, policy)
                async with machine_coming():
                    site, _ = await both(
                        _wire(namespace, host, policy), route_for_guests(host.uplink)
                    )
                    forward_from(site.index)
                network = TapNetwork(namespace, site.guest, partial(_disconnect, namespace))
                await self._prove(network)
            except BaseException:
                namespace.close()
                raise
        return network

    async def _prove(self, network: TapNetwork) -> None:
        """Once: a guest that the host's firewall cuts off should not find out by time-outs."""
        if self._proven:
            return
        remedy = await forwarding_remedy()
        if remedy is not None and not await name_server_answers(network):
            raise HostCannot("this host's firewall cuts guests off", remedy=remedy)
        self._proven = True

    async def reap(self) -> list[str]:
        return await reap()


async def _unplugged(namespace: Namespace, policy: NetworkPolicy) -> TapNetwork:
    site = Site(_draw(), random_mac(), None)
    await bind_guest(namespace, site, policy)
    return TapNetwork(namespace, site.guest)


async def _wire(namespace: Namespace, host: HostNetwork, policy: NetworkPolicy) -> Site:
    """Connect the namespace to the host and bind its guest."""
    index = await in_thread(_connect, namespace, host, policy)
    site = Site(index, random_mac(), host)
    await bind_guest(namespace, site, policy)
    return site


def _connect(namespace: Namespace, host: HostNetwork, policy: NetworkPolicy) -> int:
    """Create the veth pair under a free index, and return that."""
    group = OPENED_GROUP if _opens_host(host, policy) else 0
    with RtNetlink() as netlink:
        for _ in range(_DRAWS):
            index = _draw()
            name = f"{HOST_LINK_PREFIX}{index}"
            try:
                netlink.add_veth(name, UPLINK, namespace.net, mtu=host.mtu, group=group)
            except FileExistsError:
                continue
            forget_ipv6(name)
            ends = addresses(index)
            _configure(netlink, name, ends.host)
            _configure(namespace.netlink, UPLINK, ends.uplink)
            namespace.netlink.add_default_route(ends.host)
            return index
    raise HostCannot(
        f"no free index for a guest's network in {_DRAWS} draws",
        remedy="run fewer machines on this host",
    )


def _configure(netlink: RtNetlink, name: str, address: IPv4Address) -> None:
    link = netlink.link(name)
    netlink.add_address(link, address, PREFIX)
    netlink.set_up(link)


async def _disconnect(namespace: Namespace) -> None:
    """Delete the pair from its nameless end: by its name on the host it might be another's.

    The kernel would do it by itself, a moment later.
    """
    await in_thread(_delete_uplink, namespace.netlink)


def _delete_uplink(netlink: RtNetlink) -> None:
    with suppress(OSError):  # someone on the host has deleted it
        netlink.delete(netlink.link(UPLINK))


def _opens_host(host: HostNetwork, policy: NetworkPolicy) -> bool:
    opened = [rule.cidr for rule in policy.allow] + [IPv4Network(host.resolver)]
    return any(own.prefixlen == 32 and own.subnet_of(cidr) for own in host.local for cidr in opened)


def _draw() -> int:
    return secrets.randbelow(INDEX_COUNT)
