from ipaddress import IPv4Address, IPv4Network

import pytest

from mayfly.domain.errors import InvalidInput
from mayfly.machines.network.base import AllowRule, NetworkPolicy


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("10.1.2.3", AllowRule(IPv4Network("10.1.2.3/32"))),
        ("10.0.0.0/8", AllowRule(IPv4Network("10.0.0.0/8"))),
        ("10.1.2.3:5432", AllowRule(IPv4Network("10.1.2.3/32"), 5432)),
        ("10.0.0.0/8:443", AllowRule(IPv4Network("10.0.0.0/8"), 443)),
    ],
)
def test_rules_are_read(text: str, rule: AllowRule) -> None:
    assert AllowRule.parse(text) == rule


@pytest.mark.parametrize(
    "text",
    [
        *("", "example.org", "10.0.0.1/8", "10.0.0.0/33", "10.1.2.3:", "10.1.2.3:x", "::1"),
        *("10.1.2.3:0", "10.1.2.3:65536", "10.1.2.3:-1", "10.1.2.3:1_0", "10.1.2.3; drop"),
    ],
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        AllowRule.parse(text)


@pytest.mark.parametrize("text", ["127.0.0.1", "127.0.0.53:53", "198.18.0.0/16"])
def test_loopback_and_guests_are_never_opened(text: str) -> None:
    with pytest.raises(InvalidInput, match="loopback or another guest"):
        AllowRule.parse(text)


@pytest.mark.parametrize("address", ["127.0.0.53", "198.18.0.5"])
def test_a_name_server_out_of_the_guests_reach_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput, match=address):
        NetworkPolicy(dns=IPv4Address(address))
