"""How machines are to be made for a run: the command line over the configuration."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address

from mayfly.cli.complaints import Complaints
from mayfly.machines.network.base import AllowRule, NetworkMode, NetworkPolicy
from mayfly.services.config import Config

_DISK_GIB = 24
_LOG_LIMIT_MIB = 64
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Hosting:
    """`log_limit` is in bytes."""

    network: NetworkPolicy
    disk_gib: int
    log_limit: int
    fit: bool
    keep_on_failure: bool


def read_hosting(
    complaints: Complaints,
    config: Config,
    *,
    allow_net: Sequence[str],
    no_network: bool,
    dns: str | None,
    disk: int | None,
    log_limit: int | None,
    fit: bool,
    keep_on_failure: bool,
) -> Hosting:
    """Notes every value that is wrong."""
    network = NetworkPolicy(NetworkMode.NONE)
    if no_network and (allow_net or dns):
        complaints.add("--no-network goes with neither --allow-net nor --dns")
    if not no_network:
        network = NetworkPolicy(
            allow=_rules([*config.network.allow, *allow_net], complaints),
            dns=_address(dns, complaints) or config.network.dns,
        )
    return Hosting(
        network=network,
        disk_gib=disk or config.disk_gib or _DISK_GIB,
        log_limit=(log_limit or config.log_limit_mib or _LOG_LIMIT_MIB) * _MIB,
        fit=fit,
        keep_on_failure=keep_on_failure,
    )


def _rules(texts: Sequence[str], complaints: Complaints) -> tuple[AllowRule, ...]:
    found = []
    for text in texts:
        with complaints.noted():
            found.append(AllowRule.parse(text))
    return tuple(found)


def _address(text: str | None, complaints: Complaints) -> IPv4Address | None:
    try:
        return IPv4Address(text) if text else None
    except AddressValueError as error:
        complaints.add(f"--dns: {error}")
        return None
