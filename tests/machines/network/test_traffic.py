"""What guests reach, over real taps and the real rules, as root and as an ordinary user."""

import ipaddress
import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.machines.network.lab import (
    GATEWAY,
    HOST,
    HOST_MTU,
    INTERNET,
    METADATA,
    NEIGHBOUR,
    PRIVATE,
    RESOLVER,
    Guest,
    Keeper,
    Lab,
    ip,
    open_lab,
    reach,
    say,
)

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="making namespaces needs root"),
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab() -> AsyncIterator[Lab]:
    async with open_lab() as lab:
        yield lab


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["root", "user"])
async def keeper(lab: Lab, request: pytest.FixtureRequest) -> Keeper:
    return await lab.keeper(user=request.param == "user")


async def test_a_guest_reaches_the_internet_and_its_resolver(lab: Lab, keeper: Keeper) -> None:
    guest = await lab.guest(keeper)
    gateway = guest.details["gateway"]
    reached = await guest.reach(
        ("tcp", INTERNET, 80), ("udp", INTERNET, 8080), ("udp", gateway, 53), ("tcp", gateway, 53)
    )
    assert reached == ["open"] * 4
    assert guest.details["mtu"] == HOST_MTU


async def test_a_guest_reaches_nothing_that_is_not_the_internet(lab: Lab, keeper: Keeper) -> None:
    guest = await lab.guest(keeper)
    # A guest's own loopback is down here, so what it sends there leaves by its interface.
    places = (HOST, "127.0.0.1", GATEWAY, NEIGHBOUR, METADATA, RESOLVER, *PRIVATE)
    targets = [(protocol, place, 80) for place in places for protocol in ("tcp", "udp")]
    reached = await guest.reach(*targets, ("tcp", INTERNET, 80))
    closed = {"refused", "silent"}
    assert [
        target for target, end in zip(targets, reached, strict=False) if end not in closed
    ] == []
    assert reached[-1] == "open"


async def test_a_guest_reaches_neither_its_own_namespace_nor_its_sibling(
    lab: Lab, keeper: Keeper
) -> None:
    one, other = await lab.guest(keeper), await lab.guest(keeper)
    blocks = [addresses_around(guest) for guest in (one, other)]
    around = [place for block in blocks for place in block if place != one.details["address"]]
    reached = await one.reach(*(("tcp", place, 80) for place in around))
    assert set(reached) <= {"refused", "silent"}
    assert one.details["mac"] != other.details["mac"]
    assert one.details["address"] != other.details["address"]


def addresses_around(guest: Guest) -> list[str]:
    """Each end of the links of a guest's network: the host's, the namespace's, its own."""
    base = ipaddress.IPv4Address(guest.details["address"]) - 6
    return [str(base + offset) for offset in (1, 2, 5, 6)]


async def test_a_rule_opens_one_destination_only(lab: Lab, keeper: Keeper) -> None:
    guest = await lab.guest(keeper, allow=(f"{PRIVATE[0]}:8080", f"{NEIGHBOUR}/32"))
    assert (
        await guest.reach(
            ("tcp", PRIVATE[0], 8080), ("udp", PRIVATE[0], 8080), ("tcp", NEIGHBOUR, 80)
        )
        == ["open"] * 3
    )
    assert (
        await guest.reach(
            ("tcp", PRIVATE[0], 80),
            ("tcp", PRIVATE[1], 8080),
            ("tcp", HOST, 80),
            ("tcp", METADATA, 80),
        )
        == ["refused"] * 4
    )


async def test_the_host_itself_can_be_opened(lab: Lab, keeper: Keeper) -> None:
    guest = await lab.guest(keeper, allow=(f"{HOST}:8080",))
    assert await guest.reach(("tcp", HOST, 8080), ("tcp", HOST, 80)) == ["open", "refused"]


@pytest.mark.parametrize("forged", ["mac", "address"])
async def test_a_guest_cannot_pass_for_another(lab: Lab, keeper: Keeper, forged: str) -> None:
    guest = await lab.guest(keeper)
    own, other = guest.details, "198.18.0.77"
    route = f"route replace default via {own['gateway']} dev guest"
    forge, restore = {
        "mac": ("link set guest address 02:00:00:00:00:99", f"link set guest address {own['mac']}"),
        "address": (
            f"addr add {other}/32 dev guest\n{route} src {other}",
            f"{route} src {own['address']}",
        ),
    }[forged]
    before = int(await guest.say("count", INTERNET))
    await guest.say("forged", INTERNET)
    await guest.ip(forge)
    await guest.say("forged", INTERNET)
    await guest.ip(restore)
    assert int(await guest.say("count", INTERNET)) == before + 1, "the honest one arrives"


async def test_what_runs_in_the_network_beside_the_guest_reaches_nothing(
    lab: Lab, keeper: Keeper
) -> None:
    """As a guest would find that had broken out of QEMU."""
    guest = await lab.guest(keeper)
    before = await guest.say("count", INTERNET), await say(lab.host, "count", HOST)
    for place in (INTERNET, HOST):
        await lab.break_out(keeper, place)
    assert (await guest.say("count", INTERNET), await say(lab.host, "count", HOST)) == before


async def test_an_address_the_host_gets_later_is_out_of_reach_too(lab: Lab) -> None:
    guest = await lab.guest(await lab.keeper())
    await ip(lab.host, "addr add 203.0.113.200/32 dev lo\n")
    await lab.serve(lab.host, "203.0.113.200")
    assert await guest.reach(("tcp", "203.0.113.200", 80)) == ["silent"]


async def test_the_street_reaches_neither_guests_nor_what_is_behind_the_host(lab: Lab) -> None:
    """Forwarding is on for eth0 while there are guests: it must serve nobody else."""
    behind = await lab.namespace()
    await ip(
        lab.host,
        f"link add eth1 type veth peer name eth0 netns {behind.path}\n"
        "addr add 172.20.0.1/24 dev eth1\nlink set eth1 up\n",
    )
    await ip(
        behind,
        "addr add 172.20.0.2/24 dev eth0\nlink set eth0 up\nlink set lo up\n"
        "route add default via 172.20.0.1\n",
    )
    await lab.serve(behind, "172.20.0.2")
    await ip(
        lab.street, f"route add 172.20.0.0/24 via {HOST}\nroute add 198.18.0.0/15 via {HOST}\n"
    )
    guest = await lab.guest(await lab.keeper())
    reached = await reach(lab.street, *(("tcp", end, 80) for end in addresses_around(guest)[1:]))
    assert set(reached) == {"silent"}
    # One way is enough to do harm, and an answer would not come back here.
    await say(lab.street, "forged", "172.20.0.2")
    assert await say(behind, "count", "172.20.0.2") == "0"
