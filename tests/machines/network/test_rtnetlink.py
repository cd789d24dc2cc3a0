"""Our own requests to the kernel, checked against what `ip` sees."""

import json
import os
from collections.abc import AsyncIterator
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from mayfly.machines.network.namespace import Namespace, create_namespace
from mayfly.machines.network.rtnetlink import Route
from mayfly.system.process import run

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="making namespaces needs root")


@pytest.fixture
async def namespace() -> AsyncIterator[Namespace]:
    namespace = await create_namespace()
    yield namespace
    namespace.close()


async def seen(namespace: Namespace, *argv: str) -> list[dict[str, Any]]:
    return list(json.loads((await run(namespace.enter(["ip", "-j", *argv]))).stdout))


async def test_links_addresses_and_routes_are_made(namespace: Namespace) -> None:
    netlink = namespace.netlink
    netlink.add_veth("one", "two", namespace.net, mtu=1234, group=7)
    for name, address in (("one", "10.9.0.1"), ("two", "10.9.1.1")):
        netlink.add_address(netlink.link(name), IPv4Address(address), 30)
        netlink.set_up(netlink.link(name))
    netlink.add_default_route(IPv4Address("10.9.0.2"))
    netlink.set_up(netlink.link("guest"), mtu=1300, mac="02:00:00:00:00:07")
    netlink.add_neighbour(netlink.link("one"), IPv4Address("10.9.0.2"), "02:00:00:00:00:08")

    (one,) = await seen(namespace, "address", "show", "one")
    (guest,) = await seen(namespace, "link", "show", "guest")
    assert (one["mtu"], one["group"], one["operstate"]) == (1234, "7", "UP")
    assert [(end["local"], end["prefixlen"]) for end in one["addr_info"]] == [("10.9.0.1", 30)]
    assert (guest["mtu"], guest["address"]) == (1300, "02:00:00:00:00:07")
    (neighbour,) = await seen(namespace, "neighbour")
    assert (neighbour["lladdr"], neighbour["state"]) == ("02:00:00:00:00:08", ["PERMANENT"])
    assert netlink.way_to(IPv4Address("192.0.2.99")).name == "one"
    assert Route(IPv4Network("0.0.0.0/0"), own=False, direct=False) in netlink.routes()
    assert Route(IPv4Network("10.9.0.0/30"), own=False, direct=True) in netlink.routes()
    assert Route(IPv4Network("10.9.0.1/32"), own=True, direct=False) in netlink.routes()

    netlink.delete(netlink.link("two"))
    assert {link["ifname"] for link in await seen(namespace, "link")} == {"lo", "guest"}


async def test_a_dump_of_many_parts_is_read_to_its_end(namespace: Namespace) -> None:
    namespace.netlink.set_up(namespace.netlink.link("guest"))
    batch = "".join(f"route add 10.{n // 250}.{n % 250}.0/24 dev guest\n" for n in range(2000))
    await run(namespace.enter(["ip", "-batch", "-"]), input_bytes=batch.encode())
    assert len([route for route in namespace.netlink.routes() if route.direct]) == 2000


async def test_refusals_carry_the_kernels_reason(namespace: Namespace) -> None:
    namespace.netlink.add_veth("one", "two", namespace.net, mtu=1500, group=0)
    with pytest.raises(FileExistsError):
        namespace.netlink.add_veth("one", "three", namespace.net, mtu=1500, group=0)
    with pytest.raises(OSError, match="No such device"):
        namespace.netlink.link("three")
    with pytest.raises(OSError, match="unreachable"):
        namespace.netlink.way_to(IPv4Address("192.0.2.99"))
