"""What must happen inside a new network namespace; needs nothing but the standard library.

Root runs these functions in a thread that has entered one. For an ordinary user, whose threads
cannot, this file is a program: `pasta` or `unshare` starts it inside, it passes the descriptors
to the socket on its standard input and stays, so that the namespace does, until that closes.
"""

import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

TUN_DEVICE = Path("/dev/net/tun")

_TUNSETIFF = 0x400454CA
_IFF_TAP = 0x0002
_IFF_NO_PI = 0x1000
_IFF_VNET_HDR = 0x4000


def open_tap(name: str) -> int:
    """A new tap device in the calling thread's namespace, with the offloads QEMU knows."""
    tap = os.open(TUN_DEVICE, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        request = struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI | _IFF_VNET_HDR)
        fcntl.ioctl(tap, _TUNSETIFF, request)
    except OSError:
        os.close(tap)
        raise
    return tap


def open_namespace(kind: str) -> int:
    """A descriptor of the calling thread's namespace of a kind: `net` or `user`."""
    return os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)


def route_ipv4_only() -> None:
    """Let the calling thread's namespace forward IPv4, and know nothing of IPv6."""
    ipv4 = Path("/proc/sys/net/ipv4")
    (ipv4 / "ip_forward").write_text("1")
    # Tell a guest of every refused packet, so that a job fails at once and not by a time-out.
    (ipv4 / "icmp_ratelimit").write_text("0")
    for scope in ("all", "default"):
        disable = Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6")
        if disable.exists():
            disable.write_text("1")


def main(tap_name: str) -> None:
    """Serve one namespace: `tap`, `net`, `user` and `netlink` descriptors, in that order."""
    route_ipv4_only()
    with socket.socket(fileno=os.dup(sys.stdin.fileno())) as owner:
        netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        fds = [open_tap(tap_name), open_namespace("net"), open_namespace("user")]
        socket.send_fds(owner, [b"\0"], [*fds, netlink.fileno()])
        netlink.close()
        for fd in fds:
            os.close(fd)
        owner.recv(1)


if __name__ == "__main__":
    main(sys.argv[1])
