"""Guest networks for root: a veth pair to the host, which routes and masquerades.

The kernel hands out indices: creating the interface `mayfly<N>` fails where N is taken. Its other
end lives in the machine's namespace, so the pair goes when the namespace goes.
"""

import secrets
from functools import partial
from ipaddress import IPv4Network

from mayfly.domain.errors import HostCannot
from mayfly.machines.network.addressing import INDEX_COUNT, PREFIX, addresses, random_mac
from mayfly.machines.network.base import NetworkPolicy
from mayfly.machines.network.host import HostNetwork, survey
from mayfly.machines.network.namespace import Namespace, create_namespace
from mayfly.machines.network.prepared import Site, TapNetwork, bind_guest, both, explained
from mayfly.machines.network.routing import forward_from, machine_coming, reap, route_for_guests
from mayfly.machines.network.ruleset import HOST_LINK_PREFIX, OPENED_GROUP, UPLINK
from mayfly.machines.network.tools import tool
from mayfly.system.process import CommandFailed, run

# Indices are drawn at random; this many taken ones in a row mean the range is all but full.
_DRAWS = 64


class RoutedNetwork:
    """A `Network`; needs root (CAP_NET_ADMIN and CAP_SYS_ADMIN) in the host's namespace."""

    backend = "tap"

    async def prepare(self, policy: NetworkPolicy) -> TapNetwork:
        with explained():
            host = await survey(policy)
            namespace = await create_namespace()
            try:
                if host is None:
                    return await _unplugged(namespace, policy)
                async with machine_coming():
                    site, _ = await both(
                        _wire(namespace, host, policy), route_for_guests(host.uplink)
                    )
                    forward_from(site.index)
                return TapNetwork(namespace, site.guest, partial(_disconnect, namespace))
            except BaseException:
                namespace.close()
                raise

    async def reap(self) -> list[str]:
        return await reap()


async def _unplugged(namespace: Namespace, policy: NetworkPolicy) -> TapNetwork:
    site = Site(_draw(), random_mac(), None)
    await bind_guest(namespace, site, policy)
    return TapNetwork(namespace, site.guest)


async def _wire(namespace: Namespace, host: HostNetwork, policy: NetworkPolicy) -> Site:
    """Connect the namespace to the host and bind its guest."""
    site = Site(await _connect(namespace, host, policy), random_mac(), host)
    way_out = (
        f"link set {UPLINK} up\n"
        f"addr add {site.ends.uplink}/{PREFIX} dev {UPLINK}\n"
        f"route add default via {site.ends.host}\n"
    )
    await bind_guest(namespace, site, policy, way_out)
    return site


async def _connect(namespace: Namespace, host: HostNetwork, policy: NetworkPolicy) -> int:
    """Create the veth pair under a free index, and return that."""
    group = OPENED_GROUP if _opens_host(host, policy) else 0
    for _ in range(_DRAWS):
        index = _draw()
        link = f"{HOST_LINK_PREFIX}{index}"
        batch = (
            f"link add {link} mtu {host.mtu} group {group} type veth"
            f" peer name {UPLINK} mtu {host.mtu} netns {namespace.path}\n"
            f"link set {link} addrgenmode none up\n"
            f"addr add {addresses(index).host}/{PREFIX} dev {link}\n"
        )
        try:
            await run([tool("ip"), "-batch", "-"], input_bytes=batch.encode())
        except CommandFailed as error:
            if "File exists" not in error.stderr:
                raise
        else:
            return index
    raise HostCannot(
        f"no free index for a guest's network in {_DRAWS} draws",
        remedy="run fewer machines on this host",
    )


async def _disconnect(namespace: Namespace) -> None:
    """Delete the pair from its nameless end: by its name on the host it might be another's.

    The kernel would do it by itself, a moment later.
    """
    await run(namespace.enter([tool("ip"), "link", "delete", UPLINK]), check=False)


def _opens_host(host: HostNetwork, policy: NetworkPolicy) -> bool:
    opened = [rule.cidr for rule in policy.allow] + [IPv4Network(host.resolver)]
    return any(own.prefixlen == 32 and own.subnet_of(cidr) for own in host.local for cidr in opened)


def _draw() -> int:
    return secrets.randbelow(INDEX_COUNT)
