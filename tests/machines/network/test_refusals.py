"""Hosts that cannot give guests a network say so, with the remedy."""

import os
from collections.abc import AsyncIterator

import pytest
from tests.machines.network.lab import Lab, open_lab, until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="making namespaces needs root")

_DROP = """
add table ip filter
add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }
"""
_DOCKER = _DROP + "add chain ip filter DOCKER-USER\nadd rule ip filter FORWARD jump DOCKER-USER\n"
# What the remedy's commands come to.
_REMEDIED = _DOCKER + (
    'add rule ip filter DOCKER-USER iifname "mayfly*" accept\n'
    'add rule ip filter DOCKER-USER oifname "mayfly*" ct state established,related accept\n'
)


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    async with open_lab() as lab:
        yield lab


async def unlinked(lab: Lab) -> bool:
    return await lab.links() == []


@pytest.mark.parametrize("user", [False, True], ids=["root", "user"])
async def test_the_doctor_finds_that_guests_reach_the_internet(lab: Lab, user: bool) -> None:
    before = await lab.settings()
    answer, _ = await (await lab.keeper(user=user)).ask("probe")
    ((severity, text, remedy),) = answer["findings"]
    assert (severity, remedy) == ("ok", None)
    assert "guests reach the internet" in text
    assert await lab.settings() == before


async def test_a_user_who_may_not_open_the_tun_device_is_refused(lab: Lab) -> None:
    keeper = await lab.keeper(user=True, tun_mode="0600")
    answer, fds = await keeper.prepare()
    message, _, remedy = answer["error"]
    assert "/dev/net/tun" in message
    assert "sudo chmod 0666 /dev/net/tun" in remedy
    assert fds == []


@pytest.mark.parametrize(
    ("firewall", "advice"), [(_DROP, "interfaces mayfly*"), (_DOCKER, "DOCKER-USER -i mayfly+")]
)
async def test_a_firewall_that_cuts_guests_off_is_named(
    lab: Lab, firewall: str, advice: str
) -> None:
    await lab.nft(firewall)
    keeper = await lab.keeper()
    answer, _ = await keeper.prepare()
    message, _, remedy = answer["error"]
    assert "firewall" in message
    assert advice in remedy
    await until(lambda: unlinked(lab))


async def test_a_firewall_that_lets_guests_pass_is_no_obstacle(lab: Lab) -> None:
    await lab.nft(_REMEDIED)
    answer, (tap,) = await (await lab.keeper()).prepare()
    os.close(tap)
    assert "error" not in answer


async def test_a_silent_name_server_is_reported(lab: Lab) -> None:
    await lab.nft(
        "add table ip filter\n"
        "add chain ip filter FORWARD { type filter hook forward priority 0; policy accept; }\n"
        "add rule ip filter FORWARD udp dport 53 drop\n"
    )
    answer, _ = await (await lab.keeper()).ask("probe")
    ((severity, text, remedy),) = answer["findings"]
    assert severity == "fail"
    assert "no answer" in text
    assert "dns option" in remedy


async def test_a_host_without_a_way_out_is_refused_and_runs_without_a_network(lab: Lab) -> None:
    await lab.in_host("ip", "route", "del", "default")
    keeper = await lab.keeper()
    answer, _ = await keeper.prepare()
    assert "no IPv4 route to the internet" in answer["error"][0]
    answer, (tap,) = await keeper.prepare(mode="none")
    os.close(tap)
    assert answer["gateway"] is None
