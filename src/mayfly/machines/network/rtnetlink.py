"""Links, addresses, routes and neighbours, asked of the kernel itself (rtnetlink(7)).

A machine's network takes a dozen such requests; one `ip` process would cost more than all of them
together. A socket belongs to the namespace it was opened in, whoever uses it, so one that was
opened inside configures the namespace from outside.
"""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ATTRIBUTE = struct.Struct("=HH")  # length, kind
_LINK = struct.Struct("=BxHiII")  # family, device type, index, flags, changed flags
_ADDRESS = struct.Struct("=BBBBI")  # family, prefix, flags, scope, index
_ROUTE = struct.Struct("=8BI")  # family, prefix, source's, tos, table, origin, scope, type, flags
_NEIGHBOUR = struct.Struct("=BxxxiHBB")  # family, index, state, flags, type

_ERROR, _DONE = 2, 3
_REQUEST, _ACK, _DUMP, _CREATE = 0x1, 0x4, 0x300, 0x600  # create: fail if it exists
_NEW_LINK, _DELETE_LINK, _GET_LINK, _SET_LINK = 16, 17, 18, 19
_NEW_ADDRESS, _NEW_ROUTE, _GET_ROUTE, _NEW_NEIGHBOUR = 20, 24, 26, 28

_LINK_MAC, _LINK_NAME, _LINK_MTU, _LINK_INFO, _LINK_GROUP, _LINK_NAMESPACE = 1, 3, 4, 18, 27, 28
_INFO_KIND, _INFO_DATA, _VETH_PEER = 1, 2, 1
_UP = 1
_ADDRESS_PEER, _ADDRESS_LOCAL = 1, 2
_ROUTE_TO, _ROUTE_LINK, _ROUTE_GATEWAY = 1, 4, 5
_ROUTE_INDIRECT = {_ROUTE_GATEWAY, 9, 18, 30}  # or several hops, a foreign gateway, a next hop
_MAIN_TABLE, _STATIC, _UNICAST, _LOCAL, _BROADCAST = 254, 4, 1, 2, 3
_NEIGHBOUR_ADDRESS, _NEIGHBOUR_MAC, _PERMANENT = 1, 2, 0x80

_KIND_MASK = 0x3FFF  # the rest are flags
_BUFFER = 256 * 1024


@dataclass(frozen=True, slots=True)
class Link:
    """A network interface."""

    index: int
    name: str
    mtu: int


@dataclass(frozen=True, slots=True)
class Route:
    """`own`: the host itself receives what is sent there; `direct`: no gateway is in between."""

    destination: IPv4Network
    own: bool
    direct: bool


class RtNetlink(AbstractContextManager["RtNetlink"]):
    """A socket in the calling thread's network namespace.

    Requests raise OSError with the kernel's own number when refused. One thread at a time.
    """

    def __init__(self, fd: int | None = None) -> None:
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        self._socket = socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE, fileno=fd)
        self._sequence = 0

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Safe to call twice."""
        self._socket.close()

    def add_veth(self, name: str, peer: str, peer_namespace: int, *, mtu: int, group: int) -> None:
        """A pair of links, the second in another namespace; FileExistsError if a name is taken."""
        new = _LINK.pack(0, 0, 0, 0, 0) + _u32_attribute(_LINK_MTU, mtu)
        other = (
            new
            + _attribute(_LINK_NAME, peer.encode() + b"\0")
            + _u32_attribute(_LINK_NAMESPACE, peer_namespace)
        )
        data = _attribute(_INFO_DATA, _attribute(_VETH_PEER, other))
        request = (
            new
            + _attribute(_LINK_NAME, name.encode() + b"\0")
            + _u32_attribute(_LINK_GROUP, group)
            + _attribute(_LINK_INFO, _attribute(_INFO_KIND, b"veth") + data)
        )
        self._ask(_NEW_LINK, request, _CREATE)

    def link(self, which: str | int) -> Link:
        """A link by name or index."""
        if isinstance(which, int):
            request = _LINK.pack(0, 0, which, 0, 0)
        else:
            request = _LINK.pack(0, 0, 0, 0, 0) + _attribute(_LINK_NAME, which.encode() + b"\0")
        (answer,) = self._ask(_GET_LINK, request)
        attributes = dict(_attributes(answer[_LINK.size :]))
        name = attributes[_LINK_NAME].rstrip(b"\0").decode()
        return Link(_LINK.unpack_from(answer)[2], name, _u32(attributes[_LINK_MTU]))

    def set_up(self, link: Link, *, mtu: int | None = None, mac: str | None = None) -> None:
        """Bring a link up, with another MTU or hardware address."""
        if mac is not None:
            self._ask(_SET_LINK, _LINK.pack(0, 0, link.index, 0, 0) + _mac(_LINK_MAC, mac))
        request = _LINK.pack(0, 0, link.index, _UP, _UP)
        self._ask(_SET_LINK, request + (_u32_attribute(_LINK_MTU, mtu) if mtu else b""))

    def delete(self, link: Link) -> None:
        self._ask(_DELETE_LINK, _LINK.pack(0, 0, link.index, 0, 0))

    def add_address(self, link: Link, address: IPv4Address, prefix: int) -> None:
        ends = (_attribute(kind, address.packed) for kind in (_ADDRESS_LOCAL, _ADDRESS_PEER))
        request = _ADDRESS.pack(socket.AF_INET, prefix, 0, 0, link.index) + b"".join(ends)
        self._ask(_NEW_ADDRESS, request, _CREATE)

    def add_default_route(self, gateway: IPv4Address) -> None:
        route = _ROUTE.pack(socket.AF_INET, 0, 0, 0, _MAIN_TABLE, _STATIC, 0, _UNICAST, 0)
        self._ask(_NEW_ROUTE, route + _attribute(_ROUTE_GATEWAY, gateway.packed), _CREATE)

    def add_neighbour(self, link: Link, address: IPv4Address, mac: str) -> None:
        """For good: the kernel neither asks for this hardware address nor lets it be changed."""
        request = _NEIGHBOUR.pack(socket.AF_INET, link.index, _PERMANENT, 0, 0)
        request += _attribute(_NEIGHBOUR_ADDRESS, address.packed) + _mac(_NEIGHBOUR_MAC, mac)
        self._ask(_NEW_NEIGHBOUR, request, _CREATE)

    def way_to(self, address: IPv4Address) -> Link:
        """The link that packets to an address leave by."""
        request = _ROUTE.pack(socket.AF_INET, address.max_prefixlen, 0, 0, 0, 0, 0, 0, 0)
        (answer,) = self._ask(_GET_ROUTE, request + _attribute(_ROUTE_TO, address.packed))
        return self.link(_u32(dict(_attributes(answer[_ROUTE.size :]))[_ROUTE_LINK]))

    def routes(self) -> list[Route]:
        """Every IPv4 route of every table."""
        request = _ROUTE.pack(socket.AF_INET, 0, 0, 0, 0, 0, 0, 0, 0)
        return [_route(answer) for answer in self._ask(_GET_ROUTE, request, _DUMP)]

    def _ask(self, kind: int, body: bytes, flags: int = 0) -> list[bytes]:
        """Send a request; the bodies of the answers, once the kernel has acknowledged."""
        self._sequence += 1
        length = _HEADER.size + len(body)
        flags |= _REQUEST | _ACK
        self._socket.send(_HEADER.pack(length, kind, flags, self._sequence, 0) + body)
        answers: list[bytes] = []
        while True:
            for what, answer in _messages(self._socket.recv(_BUFFER)):
                if what == _DONE:
                    return answers
                if what != _ERROR:
                    answers.append(answer)
                    continue
                (error,) = struct.unpack_from("=i", answer)
                if error:
                    raise OSError(-error, os.strerror(-error))
                return answers


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        length, kind, *_ = _HEADER.unpack_from(data)
        yield kind, data[_HEADER.size : length]
        data = data[_aligned(length) :]


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        length, kind = _ATTRIBUTE.unpack_from(data)
        yield kind & _KIND_MASK, data[_ATTRIBUTE.size : length]
        data = data[_aligned(length) :]


def _attribute(kind: int, data: bytes) -> bytes:
    length = _ATTRIBUTE.size + len(data)
    return _ATTRIBUTE.pack(length, kind) + data + bytes(_aligned(length) - length)


def _u32_attribute(kind: int, value: int) -> bytes:
    return _attribute(kind, struct.pack("=I", value))


def _mac(kind: int, mac: str) -> bytes:
    return _attribute(kind, bytes.fromhex(mac.replace(":", "")))


def _u32(data: bytes) -> int:
    return int(struct.unpack("=I", data)[0])


def _aligned(length: int) -> int:
    return (length + 3) & ~3


def _route(answer: bytes) -> Route:
    _, prefix, _, _, _, _, _, kind, _ = _ROUTE.unpack_from(answer)
    attributes = dict(_attributes(answer[_ROUTE.size :]))
    return Route(
        IPv4Network((attributes.get(_ROUTE_TO, bytes(4)), prefix)),
        own=kind in {_LOCAL, _BROADCAST},
        direct=kind == _UNICAST and _ROUTE_INDIRECT.isdisjoint(attributes),
    )
