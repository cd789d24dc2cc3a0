"""What `mayfly doctor` says about guest networks: it makes one and uses it as a guest would.

The question that a guest's resolver asks passes the tap, the rules, the uplink and the host's own
firewall, so an answer is proof, and silence is worth a remedy.
"""

import asyncio
import json
import os
import socket
import struct

from mayfly.domain.errors import HostCannot
from mayfly.domain.finding import Finding, Severity
from mayfly.machines.network.base import GuestAddress, NetworkPolicy, PreparedNetwork
from mayfly.machines.network.choose import choose_network
from mayfly.machines.network.prepared import GATEWAY_MAC
from mayfly.machines.network.tools import tool
from mayfly.system.process import run

_VNET_HEADER = bytes(10)  # before every frame of the tap: no offloads
_ETHERNET_IPV4 = 0x0800
_PORT_DNS = 53
_PORT_OURS = 40053
_FRAME_MAX = 65550
_TRIES = 3
_TRY_SECONDS = 1.0

# Id 0x6D66, recursion desired, one question: the name servers of the root.
_ROOT_SERVERS = struct.pack("!6H", 0x6D66, 0x0100, 1, 0, 0, 0) + struct.pack("!BHH", 0, 2, 1)

_DOCKER_REMEDY = (
    "this host's firewall drops what it forwards (Docker sets that); let guests pass: "
    "sudo iptables -I DOCKER-USER -i mayfly+ -j ACCEPT; "
    "sudo iptables -I DOCKER-USER -o mayfly+ -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
)
_FIREWALL_REMEDY = (
    "this host's firewall drops what it forwards; let it accept what comes from mayfly*, "
    "and established connections to mayfly*"
)
_RESOLVER_REMEDY = "check the host's own name resolution, or name another server (dns option)"


async def probe() -> list[Finding]:
    """One finding: guests reach the internet, or why not and what to do."""
    try:
        network = await choose_network().prepare(NetworkPolicy())
    except HostCannot as error:
        text = f"{error.message} ({error.details})" if error.details else error.message
        return [Finding(Severity.FAIL, text, error.remedy)]
    try:
        answered = await _answered(network)
    finally:
        await network.close()
    if answered:
        way = "routed by the host" if os.geteuid() == 0 else "through pasta, without root"
        return [Finding(Severity.OK, f"guests reach the internet ({way}), and not this host")]
    text = "a guest's question to the name server got no answer: guests have no internet"
    return [Finding(Severity.FAIL, text, await _remedy())]


async def _answered(network: PreparedNetwork) -> bool:
    """Ask as the guest; any answer will do."""
    (tap,) = network.pass_fds
    loop = asyncio.get_running_loop()
    answered = asyncio.Event()

    def read() -> None:
        if _is_answer(os.read(tap, _FRAME_MAX)):
            answered.set()

    loop.add_reader(tap, read)
    try:
        for _ in range(_TRIES):
            os.write(tap, _question(network.guest))
            try:
                await asyncio.wait_for(answered.wait(), _TRY_SECONDS)
            except TimeoutError:
                continue
            return True
    finally:
        loop.remove_reader(tap)
    return False


def _question(guest: GuestAddress) -> bytes:
    """A frame from the guest's interface to its name server."""
    if guest.dns is None:
        raise ValueError("a guest without a network has no name server")
    udp_length = 8 + len(_ROOT_SERVERS)
    udp = struct.pack("!4H", _PORT_OURS, _PORT_DNS, udp_length, 0) + _ROOT_SERVERS
    addresses = guest.address.packed + guest.dns.packed
    head = struct.pack("!BBHHHBB", 0x45, 0, 20 + udp_length, 0, 0, 64, socket.IPPROTO_UDP)
    checksum = _checksum(head + bytes(2) + addresses)
    ip = head + struct.pack("!H", checksum) + addresses
    ethernet = bytes.fromhex((GATEWAY_MAC + guest.mac).replace(":", ""))
    return _VNET_HEADER + ethernet + struct.pack("!H", _ETHERNET_IPV4) + ip + udp


def _is_answer(frame: bytes) -> bool:
    packet = frame[len(_VNET_HEADER) + 14 :]
    return packet[9:10] == bytes([socket.IPPROTO_UDP]) and packet[28:30] == _ROOT_SERVERS[:2]


def _checksum(header: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(header) // 2}H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


async def _remedy() -> str:
    if os.geteuid() != 0:
        return _RESOLVER_REMEDY
    listing = await run([tool("nft"), "-j", "list", "chains"], check=False)
    if listing.status != 0:
        return _RESOLVER_REMEDY
    chains = [
        entry["chain"] for entry in json.loads(listing.stdout)["nftables"] if "chain" in entry
    ]
    if any(chain["name"] == "DOCKER-USER" for chain in chains):
        return _DOCKER_REMEDY
    if any(chain.get("hook") == "forward" and chain.get("policy") == "drop" for chain in chains):
        return _FIREWALL_REMEDY
    return _RESOLVER_REMEDY
