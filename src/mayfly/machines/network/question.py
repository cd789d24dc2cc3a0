"""Asks the name server what a guest's resolver would, from the tap, in the place of the guest.

The question passes the rules, the uplink and the host's own firewall: an answer proves them all.
"""

import asyncio
import os
import socket
import struct

from mayfly.machines.network.base import GuestAddress, PreparedNetwork
from mayfly.machines.network.prepared import GATEWAY_MAC

_VNET_HEADER = bytes(10)  # before every frame of the tap: no offloads
_ETHERNET_IPV4 = 0x0800
_PORT_DNS = 53
_PORT_OURS = 40053
_FRAME_MAX = 65550
_TRIES = 3
_TRY_SECONDS = 1.0

# Id 0x6D66, recursion desired, one question: the name servers of the root.
_ROOT_SERVERS = struct.pack("!6H", 0x6D66, 0x0100, 1, 0, 0, 0) + struct.pack("!BHH", 0, 2, 1)


async def name_server_answers(network: PreparedNetwork) -> bool:
    """Whether any answer comes within three seconds; before QEMU has the tap."""
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
