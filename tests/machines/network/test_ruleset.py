"""The ruleset as text: what must hold whatever the policy says."""

import ipaddress
import re
import subprocess
from ipaddress import IPv4Address, IPv4Network

import pytest

from mayfly.machines.network.base import AllowRule
from mayfly.machines.network.ruleset import (
    NEVER_PUBLIC,
    GuestRules,
    guest_ruleset,
    host_ruleset,
    unplugged_ruleset,
)
from mayfly.system.process import which

LAN = IPv4Network("192.0.2.0/24")


def rules(*allow: str, resolver: str | None = "10.0.0.53") -> GuestRules:
    return GuestRules(
        guest=IPv4Address("198.18.0.6"),
        mac="02:00:00:00:00:01",
        gateway=IPv4Address("198.18.0.5"),
        blocked=(*NEVER_PUBLIC, LAN),
        allow=tuple(AllowRule.parse(text) for text in allow),
        resolver=IPv4Address(resolver) if resolver else None,
    )


def chain(ruleset: str, name: str) -> list[str]:
    """The lines of one chain, the hook's first."""
    found = re.search(rf"chain {name} \{{(.*?)\n    \}}", ruleset, re.DOTALL)
    assert found, f"no chain {name}"
    return [line.strip() for line in found[1].splitlines() if line.strip()]


@pytest.mark.parametrize("name", ["forward", "input", "output"])
def test_what_no_rule_accepts_is_dropped(name: str) -> None:
    assert "policy drop" in chain(guest_ruleset(rules()), name)[0]


@pytest.mark.parametrize(
    "address",
    [
        *("10.0.0.1", "100.127.255.255", "127.0.0.1", "168.63.129.16", "169.254.169.254"),
        *("172.31.255.255", "192.0.0.192", "192.168.1.1", "198.19.255.255", "192.0.2.9"),
        *("0.0.0.0", "224.0.0.251", "239.255.255.255", "255.255.255.255"),
    ],
)
def test_addresses_that_are_not_the_internet_are_blocked(address: str) -> None:
    (line,) = [line for line in chain(guest_ruleset(rules()), "forward") if "reject" in line]
    blocked = re.findall(r"[\d.]+/\d+", line)
    assert any(ipaddress.ip_address(address) in IPv4Network(text) for text in blocked)


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "140.82.121.4", "203.0.113.80"])
def test_public_addresses_are_not_blocked(address: str) -> None:
    assert not any(ipaddress.ip_address(address) in network for network in NEVER_PUBLIC)


def test_rules_that_open_come_before_the_block_and_after_the_limit() -> None:
    lines = chain(guest_ruleset(rules("10.1.2.0/24:443", "192.0.2.7")), "forward")
    block = next(number for number, line in enumerate(lines) if "reject" in line)
    port = lines.index("ip daddr 10.1.2.0/24 meta l4proto { tcp, udp } th dport 443 accept")
    whole = lines.index("ip daddr 192.0.2.7/32 accept")
    limit = next(number for number, line in enumerate(lines) if "ct count" in line)
    assert limit < port < whole < block
    assert lines[-1] == "accept"


def test_only_port_53_of_the_gateway_leads_to_the_resolver() -> None:
    lines = chain(guest_ruleset(rules()), "names")[1:]
    assert lines == [
        f'iifname "guest" ip daddr 198.18.0.5 {protocol} dport 53 dnat ip to 10.0.0.53'
        for protocol in ("udp", "tcp")
    ]
    assert chain(guest_ruleset(rules(resolver=None)), "names")[1:] == []


def test_a_host_that_forwards_for_others_is_not_restricted() -> None:
    assert 'add element inet mayfly opened { "eth0" }' in host_ruleset(
        "eth0", forwards_for_others=False
    )
    theirs = host_ruleset("eth0", forwards_for_others=True)
    assert "add element" not in theirs
    assert "flush set inet mayfly opened" in theirs


@pytest.mark.skipif(which("nft") is None, reason="nft is not installed")
@pytest.mark.parametrize(
    "text",
    [
        guest_ruleset(rules("10.1.2.0/24:443", "192.0.2.7")),
        guest_ruleset(rules(resolver=None)),
        unplugged_ruleset(),
        host_ruleset("eth0", forwards_for_others=False),
        host_ruleset("eth0", forwards_for_others=True),
    ],
)
def test_nft_understands_every_ruleset(text: str) -> None:
    # In namespaces of its own: checking needs the power over some network.
    nft = ["unshare", "--user", "--map-root-user", "--net", which("nft") or "nft", "-c", "-f", "-"]
    checked = subprocess.run(nft, input=text, text=True, capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
