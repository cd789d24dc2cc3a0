"""Guest networks for an ordinary user: pasta connects a namespace the user owns.

`pasta` carries the namespace's connections over sockets of its own process, so the host is not
touched.
"""

import secrets

from mayfly.machines.network.addressing import INDEX_COUNT, PREFIX, random_mac
from mayfly.machines.network.base import NetworkPolicy
from mayfly.machines.network.holder import COMMAND, hold
from mayfly.machines.network.host import survey
from mayfly.machines.network.prepared import Site, TapNetwork, bind_guest, explained
from mayfly.machines.network.ruleset import UPLINK
from mayfly.system.threads import in_thread


class UserNetwork:
    """A `Network`; needs user namespaces and a tun device that users may open."""

    backend = "tap"

    async def prepare(self, policy: NetworkPolicy) -> TapNetwork:
        with explained():
            host = await in_thread(survey, policy)
            site = Site(secrets.randbelow(INDEX_COUNT), random_mac(), host)
            holder = await hold(_connected(site) if host else _unconnected())
            try:
                await bind_guest(holder.namespace, site, policy)
            except BaseException:
                holder.namespace.close()
                await holder.stop()
                raise
        return TapNetwork(holder.namespace, site.guest, holder.stop)

    async def reap(self) -> list[str]:
        return []


def _connected(site: Site) -> list[str]:
    """The holder in a namespace that pasta connects, in none of the ways that lead to the host.

    Unless told, pasta maps the gateway's address to the host's loopback and forwards every port
    that either side listens on.
    """
    closed = ("--tcp-ports", "--udp-ports", "--tcp-ns", "--udp-ns")
    # fmt: off
    return [
        "pasta", "--foreground", "--quiet", "--stderr", "--ipv4-only",
        "--config-net", "--ns-ifname", UPLINK,
        "--address", str(site.ends.uplink), "--netmask", str(PREFIX),
        "--gateway", str(site.ends.host), "--no-map-gw",
        *(option for name in closed for option in (name, "none")),
        "--no-dhcp", "--no-dhcpv6", "--no-ndp", "--no-ra",
        "--", *COMMAND,
    ]
    # fmt: on


def _unconnected() -> list[str]:
    return ["unshare", "--user", "--map-root-user", "--net", "--", *COMMAND]
