"""Makes a clone of a template a machine of its own: random numbers, clock, names, network.

All of it runs between restore and the first step, where every line of code is run for the first
time and costs accordingly. So the files it changes are in memory and open already, no process is
started, and a child forked before the snapshot does it while the runner makes the job ready.
"""

import base64
import contextlib
import ctypes
import errno
import fcntl
import os
import socket
import struct
import time
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

from mayfly.protocol.messages import Identity
from mayfly.runner import netlink

_RNDADDENTROPY = 0x40085203
_RNDRESEEDCRNG = 0x5207
_MS_BIND = 0x1000
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MEMORY = Path("/run/mayfly/etc")
_FILES = ("hostname", "hosts", "machine-id", "resolv.conf")

Files = Mapping[str, int]
"""Descriptors of the files that are rewritten, by name."""


def prepare() -> Files:
    """Once, before the snapshot: move the files into memory and open them."""
    _MEMORY.mkdir(parents=True, exist_ok=True)
    files = {}
    for name in _FILES:
        files[name] = _opened_in_memory(Path("/etc") / name)
    boot_id = _MEMORY / "boot_id"
    boot_id.write_text(_BOOT_ID.read_text())
    files["boot_id"] = os.open(boot_id, os.O_WRONLY | os.O_CLOEXEC)
    _bind(boot_id, _BOOT_ID)
    return files


def settle(identity: Identity, files: Files) -> None:
    """Become this machine; OSError says what the system refused."""
    seed_random(base64.b64decode(identity.entropy))
    time.clock_settime_ns(time.CLOCK_REALTIME, identity.time_ns)
    socket.sethostname(identity.hostname)
    rewrite(files["hostname"], identity.hostname + "\n")
    rewrite(files["hosts"], hosts_of(identity.hostname))
    rewrite(files["machine-id"], identity.machine_id + "\n")
    rewrite(files["boot_id"], random_uuid() + "\n")
    if identity.dns is not None:
        rewrite(files["resolv.conf"], f"nameserver {identity.dns}\n")
    if identity.address is not None and (index := only_interface()) is not None:
        netlink.perform(network_requests(identity, identity.address, index))


def seed_random(entropy: bytes) -> None:
    """Credit the entropy to the kernel's pool and have its generator use it from now on."""
    descriptor = os.open("/dev/urandom", os.O_WRONLY | os.O_CLOEXEC)
    try:
        request = struct.pack("ii", len(entropy) * 8, len(entropy)) + entropy
        fcntl.ioctl(descriptor, _RNDADDENTROPY, request)
        fcntl.ioctl(descriptor, _RNDRESEEDCRNG)
    finally:
        os.close(descriptor)


def rewrite(descriptor: int, text: str) -> None:
    data = text.encode()
    os.pwrite(descriptor, data, 0)
    os.ftruncate(descriptor, len(data))


def hosts_of(name: str) -> str:
    return f"127.0.0.1 localhost\n127.0.1.1 {name}\n::1 localhost ip6-localhost ip6-loopback\n"


def network_requests(identity: Identity, address: str, index: int) -> list[netlink.Request]:
    """What gives the interface its address, and the machine its route."""
    requests = [
        netlink.link_up(index, identity.mac, identity.mtu),
        netlink.add_address(index, IPv4Interface(address)),
    ]
    if identity.gateway is not None:
        requests.append(netlink.default_route(index, IPv4Address(identity.gateway)))
    return requests


def only_interface() -> int | None:
    """The index of the one interface besides the loopback."""
    others = [index for index, name in socket.if_nameindex() if name != "lo"]
    return others[0] if others else None


def random_uuid() -> str:
    digits = os.urandom(16).hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _opened_in_memory(file: Path) -> int:
    """Replace a file by a link to a copy in memory; jobs may replace the link in turn."""
    copy = _MEMORY / file.name
    content = b""
    with contextlib.suppress(FileNotFoundError):  # also a link to a service that does not run
        content = file.read_bytes()
    copy.write_bytes(content)
    file.unlink(missing_ok=True)
    file.symlink_to(copy)
    return os.open(copy, os.O_WRONLY | os.O_CLOEXEC)


def _bind(source: Path, target: Path) -> None:
    """Show one file in place of another."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(bytes(source), bytes(target), None, _MS_BIND, None):
        number = ctypes.get_errno()
        raise OSError(number, f"bind {source} to {target}: {errno.errorcode.get(number)}")
