"""The firewall, as text for `nft -f`; pure.

`guest_ruleset` binds one guest and is the same on every uplink: it runs in the machine's own
namespace, out of reach of QEMU, which holds no capability there. `host_ruleset` is what the host
needs to route for guests, and refuses most of it a second time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, collapse_addresses

from mayfly.machines.network.base import GUESTS, AllowRule

TAP = "guest"
UPLINK = "uplink"
HOST_TABLE = "mayfly"
HOST_LINK_PREFIX = "mayfly"

# An interface's name is the one type of text that nftables has.
VERSION_LENGTH = 15

# Host ends of machines whose policy opens an address of the host itself; the group goes with the
# interface, so nothing has to be cleaned up.
OPENED_GROUP = 0x6D66

# No guest's connections may fill the host's connection table (262,144 entries on most hosts).
_CONNECTIONS_MAX = 8192

# Nobody's internet: IANA's special-purpose registry, less the documentation ranges (harmless, and
# some sites number their gateways from them), plus the metadata address Azure keeps elsewhere.
NEVER_PUBLIC = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.168.0.0/16",
        str(GUESTS),
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)


@dataclass(frozen=True, slots=True)
class GuestRules:
    """What one guest may send: `blocked` is refused unless a rule of `allow` covers it.

    `resolver` is where questions to `gateway`, port 53, go; None leaves them unanswered.
    """

    guest: IPv4Address
    mac: str
    gateway: IPv4Address
    blocked: tuple[IPv4Network, ...]
    allow: tuple[AllowRule, ...]
    resolver: IPv4Address | None


def guest_ruleset(rules: GuestRules) -> str:
    """The namespace's whole ruleset; the order of the forward chain is the policy."""
    return f"""
table inet mayfly {{
    chain antispoof {{
        type filter hook prerouting priority raw; policy accept;
        meta nfproto ipv6 drop
        iifname "{TAP}" ether saddr != {rules.mac} drop
        iifname "{TAP}" ip saddr != {rules.guest} drop
    }}
    chain names {{
        type nat hook prerouting priority dstnat; policy accept;
{_lines(_resolve(rules))}
    }}
    chain forward {{
        type filter hook forward priority filter; policy drop;
        tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
        iifname "{UPLINK}" oifname "{TAP}" ct state established,related accept
        iifname != "{TAP}" drop
        oifname != "{UPLINK}" drop
        ct state invalid drop
        ct state established,related accept
        ct count over {_CONNECTIONS_MAX} drop
        ct status dnat accept
{_lines(_allow(rule) for rule in rules.allow)}
        ip daddr {_set(rules.blocked)} reject with icmp admin-prohibited
        accept
    }}
    chain input {{
        type filter hook input priority filter; policy drop;
    }}
    chain output {{
        type filter hook output priority filter; policy drop;
        oifname "{TAP}" icmp type {{ destination-unreachable, time-exceeded }} accept
    }}
    chain outward {{
        type nat hook postrouting priority srcnat; policy accept;
        oifname "{UPLINK}" masquerade
    }}
}}
"""


def unplugged_ruleset() -> str:
    """For a machine without a network: nothing passes, whatever the namespace holds."""
    return "table inet mayfly {\n" + "".join(
        f"    chain {hook} {{ type filter hook {hook} priority filter; policy drop; }}\n"
        for hook in ("input", "forward", "output")
    ) + "}\n"  # fmt: skip


def host_ruleset(uplink: str, *, forwards_for_others: bool) -> str:
    """Creates the host's table or brings it up to date, in one transaction.

    Forwarding has to be on for the interface that packets come back on. When it was off until
    now (not `forwards_for_others`), the set `opened` remembers that, and the host goes on
    refusing to forward whatever is not ours.
    """
    table = f"inet {HOST_TABLE}"
    ours = f'"{HOST_LINK_PREFIX}*"'
    remember = (
        f"flush set {table} opened"
        if forwards_for_others
        else f'add element {table} opened {{ "{uplink}" }}'
    )
    return f"""
add table {table}
add set {table} opened {{ type ifname; }}
{remember}
table {table} {{
    chain input {{ type filter hook input priority filter - 5; policy accept; }}
    chain forward {{ type filter hook forward priority filter - 5; policy accept; }}
    chain outward {{ type nat hook postrouting priority srcnat; policy accept; }}
}}
flush table {table}
table {table} {{
    chain input {{
        iifname {ours} meta iifgroup != {OPENED_GROUP} drop
    }}
    chain forward {{
        iifname {ours} oifname {ours} drop
        iifname {ours} meta nfproto ipv6 drop
        iifname {ours} accept
        oifname {ours} ct state established,related accept
        oifname {ours} drop
        iifname @opened ct state established,related accept
        iifname @opened ct status dnat accept
        iifname @opened meta nfproto ipv4 drop
    }}
    chain outward {{
        ip saddr {GUESTS} oifname != {ours} masquerade
    }}
}}
"""


def loaded_mark(version: str) -> str:
    """Goes into the host's table with a ruleset, to find out later whether it is still there."""
    table = f"inet {HOST_TABLE}"
    return f"""
add set {table} loaded {{ type ifname; }}
flush set {table} loaded
add element {table} loaded {{ "{version}" }}
"""


def _resolve(rules: GuestRules) -> list[str]:
    if rules.resolver is None:
        return []
    asked = f'iifname "{TAP}" ip daddr {rules.gateway}'
    return [f"{asked} {proto} dport 53 dnat ip to {rules.resolver}" for proto in ("udp", "tcp")]


def _allow(rule: AllowRule) -> str:
    if rule.port is None:
        return f"ip daddr {rule.cidr} accept"
    return f"ip daddr {rule.cidr} meta l4proto {{ tcp, udp }} th dport {rule.port} accept"


def _set(networks: Iterable[IPv4Network]) -> str:
    return "{ " + ", ".join(str(network) for network in collapse_addresses(networks)) + " }"


def _lines(rules: Iterable[str]) -> str:
    return "\n".join(f"        {rule}" for rule in rules)
