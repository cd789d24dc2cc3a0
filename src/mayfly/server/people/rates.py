"""How often something may be tried: token buckets, shared by all servers through the store."""

import ipaddress
from dataclasses import dataclass, replace

from mayfly.server.refusals import TooMany
from mayfly.store.base import KeyTaken, Store, Tx
from mayfly.store.people import RateRow

_ROUNDS = 20
_IPV6_NETWORK = 64


@dataclass(frozen=True, slots=True)
class Limit:
    """`burst` at once, then one each `every_s` seconds."""

    name: str
    burst: int
    every_s: float


SIGN_IN_ADDRESS = Limit("sign-in from", 20, 6.0)
SIGN_IN_ACCOUNT = Limit("sign-in as", 10, 30.0)
INVITATIONS = Limit("invitations by", 30, 60.0)


def take(row: RateRow, limit: Limit, now: float) -> RateRow | float:
    """The bucket after one try, or the seconds until there may be one. Pure."""
    refilled = min(float(limit.burst), row.left + max(0.0, now - row.at) / limit.every_s)
    if refilled < 1:
        return (1 - refilled) * limit.every_s
    left = refilled - 1
    full_at = now + (limit.burst - left) * limit.every_s
    return replace(row, left=left, at=now, until=full_at)


async def use_up(store: Store, limit: Limit, who: str, now: float) -> None:
    """One try of `who`. Raises TooMany."""
    key = f"{limit.name} {who}"
    for _ in range(_ROUNDS):
        try:
            if await store.write(lambda tx: _used(tx, key, limit, now)):
                return
        except KeyTaken:
            continue  # another server has just begun the bucket
    raise TooMany(f"too many tries at once: {key}", limit.every_s)


def source_of(address: str) -> str:
    """Whom an address stands for: of IPv6 the network, as anybody has very many in one."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if ip.version == 4:
        return address
    mapped = ip.ipv4_mapped
    return str(mapped or ipaddress.ip_network((int(ip), _IPV6_NETWORK), strict=False))


def forget_full(tx: Tx, now: float) -> None:
    """Buckets that are full again say nothing."""
    for row in tx.find(RateRow, until__lt=now, limit=1000):
        tx.delete(RateRow, row.id)


def _used(tx: Tx, key: str, limit: Limit, now: float) -> bool:
    """False if another server was quicker."""
    row = tx.get(RateRow, key)
    if row is None:
        begun = take(RateRow(id=key, left=limit.burst, at=now, until=now), limit, now)
        assert isinstance(begun, RateRow)
        tx.add(begun)
        return True
    taken = take(row, limit, now)
    if not isinstance(taken, RateRow):
        raise TooMany(f"too many tries: {key}", taken)
    expected = {"left": row.left, "at": row.at}
    return tx.update(RateRow, key, expected, left=taken.left, at=taken.at, until=taken.until)
