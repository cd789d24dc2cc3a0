"""The few rtnetlink requests that give an interface its address, spoken without `ip`.

Starting a program costs tens of milliseconds under emulation; this is one system call each way.
"""

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_LINK = struct.Struct("=BxHiII")  # ifinfomsg: family, type, index, flags, change
_ADDRESS = struct.Struct("=BBBBi")  # ifaddrmsg: family, prefix, flags, scope, index
_ROUTE = struct.Struct("=BBBBBBBBI")  # rtmsg: family, dst, src, tos, table, protocol, scope, type
_ATTRIBUTE = struct.Struct("=HH")
_ERROR = struct.Struct("=i")

_RTM_NEWLINK, _RTM_NEWADDR, _RTM_NEWROUTE = 16, 20, 24
_NLMSG_ERROR = 2
_REQUEST, _ACK, _REPLACE, _CREATE = 0x1, 0x4, 0x100, 0x400
_IFF_UP = 1
_IFLA_ADDRESS, _IFLA_MTU = 1, 4
_IFA_ADDRESS, _IFA_LOCAL, _IFA_BROADCAST = 1, 2, 4
_RTA_OIF, _RTA_GATEWAY = 4, 5
_RT_TABLE_MAIN, _RTPROT_BOOT, _RT_SCOPE_UNIVERSE, _RTN_UNICAST = 254, 3, 0, 1


@dataclass(frozen=True, slots=True)
class Request:
    """One message without its header; `what` is for errors."""

    what: str
    kind: int
    flags: int
    body: bytes


def link_up(index: int, mac: str | None = None, mtu: int | None = None) -> Request:
    body = _LINK.pack(socket.AF_UNSPEC, 0, index, _IFF_UP, _IFF_UP)
    if mac is not None:
        body += _attribute(_IFLA_ADDRESS, bytes.fromhex(mac.replace(":", "")))
    if mtu is not None:
        body += _attribute(_IFLA_MTU, struct.pack("=I", mtu))
    return Request("link", _RTM_NEWLINK, 0, body)


def add_address(index: int, address: IPv4Interface) -> Request:
    body = _ADDRESS.pack(socket.AF_INET, address.network.prefixlen, 0, 0, index)
    body += _attribute(_IFA_LOCAL, address.packed) + _attribute(_IFA_ADDRESS, address.packed)
    body += _attribute(_IFA_BROADCAST, address.network.broadcast_address.packed)
    return Request("address", _RTM_NEWADDR, _REPLACE | _CREATE, body)


def default_route(index: int, gateway: IPv4Address) -> Request:
    body = _ROUTE.pack(
        socket.AF_INET,
        0,
        0,
        0,
        _RT_TABLE_MAIN,
        _RTPROT_BOOT,
        _RT_SCOPE_UNIVERSE,
        _RTN_UNICAST,
        0,
    )
    body += _attribute(_RTA_GATEWAY, gateway.packed)
    body += _attribute(_RTA_OIF, struct.pack("=I", index))
    return Request("route", _RTM_NEWROUTE, _REPLACE | _CREATE, body)


def perform(requests: list[Request]) -> None:
    """Send all at once and await every answer; OSError names the first that was refused."""
    message = b"".join(
        _HEADER.pack(
            _HEADER.size + len(request.body),
            request.kind,
            request.flags | _REQUEST | _ACK,
            sequence,
            0,
        )
        + request.body
        for sequence, request in enumerate(requests, 1)
    )
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.sendto(message, (0, 0))
        answered = 0
        while answered < len(requests):
            for sequence, code in _answers(netlink.recv(65536)):
                answered += 1
                if code:
                    what = requests[sequence - 1].what
                    raise OSError(-code, f"netlink refused the {what}")


def _answers(data: bytes) -> Iterator[tuple[int, int]]:
    at = 0
    while at < len(data):
        length, kind, _, sequence, _ = _HEADER.unpack_from(data, at)
        if kind == _NLMSG_ERROR:
            yield sequence, _ERROR.unpack_from(data, at + _HEADER.size)[0]
        at += (length + 3) & ~3


def _attribute(kind: int, value: bytes) -> bytes:
    padding = -len(value) % 4
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + b"\0" * padding
