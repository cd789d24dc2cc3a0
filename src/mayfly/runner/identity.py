"""Makes a clone of a template a machine of its own: random numbers, clock, names, network.

Runs between restore and the first step, so it starts no process. `warm` runs before the snapshot
and leaves every file where it can be rewritten at little cost (above the read-only image).
"""

import base64
import contextlib
import ctypes
import fcntl
import os
import random
import socket
import struct
import time
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

from mayfly.protocol.messages import Identity
from mayfly.runner import netlink

_RNDADDENTROPY = 0x40085203
_RNDRESEEDCRNG = 0x5207
_MS_BIND = 0x1000
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_BOOT_ID_COPY = Path("/run/mayfly-boot-id")
_DBUS_MACHINE_ID = Path("/var/lib/dbus/machine-id")


def settle(identity: Identity) -> None:
    """Become this machine; OSError says what the system refused."""
    seed_random(base64.b64decode(identity.entropy))
    time.clock_settime_ns(time.CLOCK_REALTIME, identity.time_ns)
    etc = Path("/etc")
    set_hostname(identity.hostname, etc)
    set_machine_id(identity.machine_id, etc)
    _BOOT_ID_COPY.write_text(_random_uuid() + "\n")
    set_network(identity, etc)


def warm() -> None:
    """Touch all that `settle` changes; to be called once, before the snapshot."""
    etc = Path("/etc")
    set_hostname(socket.gethostname(), etc)
    for file in (etc / "machine-id", etc / "resolv.conf"):
        if file.is_file():
            _rewrite(file, file.read_text())
    only_interface()
    _BOOT_ID_COPY.write_text(_BOOT_ID.read_text())
    _bind(_BOOT_ID_COPY, _BOOT_ID)


def seed_random(entropy: bytes) -> None:
    """Credit the entropy to the kernel's pool and have the generator use it from now on."""
    request = struct.pack("ii", len(entropy) * 8, len(entropy)) + entropy
    with Path("/dev/urandom").open("wb", buffering=0) as device:
        fcntl.ioctl(device, _RNDADDENTROPY, request)
        fcntl.ioctl(device, _RNDRESEEDCRNG)
    random.seed(os.urandom(32))


def set_hostname(name: str, etc: Path) -> None:
    socket.sethostname(name)
    _rewrite(etc / "hostname", name + "\n")
    _rewrite(
        etc / "hosts",
        f"127.0.0.1 localhost\n127.0.1.1 {name}\n::1 localhost ip6-localhost ip6-loopback\n",
    )


def set_machine_id(machine_id: str, etc: Path) -> None:
    _rewrite(etc / "machine-id", machine_id + "\n")
    if _DBUS_MACHINE_ID.is_file() and not _DBUS_MACHINE_ID.is_symlink():
        _rewrite(_DBUS_MACHINE_ID, machine_id + "\n")


def set_network(identity: Identity, etc: Path) -> None:
    """Give the only interface its address; without one in the identity leave it down."""
    if identity.address is None or (index := only_interface()) is None:
        return
    requests = [
        netlink.link_up(index, identity.mac, identity.mtu),
        netlink.add_address(index, IPv4Interface(identity.address)),
    ]
    if identity.gateway is not None:
        requests.append(netlink.default_route(index, IPv4Address(identity.gateway)))
    netlink.perform(requests)
    if identity.dns is not None:
        _rewrite(etc / "resolv.conf", f"nameserver {identity.dns}\n")


def only_interface() -> int | None:
    """The index of the one interface besides the loopback."""
    others = [index for index, name in socket.if_nameindex() if name != "lo"]
    return others[0] if others else None


def _rewrite(file: Path, text: str) -> None:
    if file.is_symlink():  # resolv.conf may point to a service this machine does not run
        file.unlink()
    file.write_text(text)


def _random_uuid() -> str:
    digits = os.urandom(16).hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _bind(source: Path, target: Path) -> None:
    """Show one file in place of another; without it boot_id would be the template's."""
    libc = ctypes.CDLL(None, use_errno=True)
    with contextlib.suppress(OSError):
        if libc.mount(bytes(source), bytes(target), None, _MS_BIND, None):
            raise OSError(ctypes.get_errno(), "mount")
