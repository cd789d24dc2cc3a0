"""A small world of namespaces: a host, its street, and guests behind real taps.

    guest ──tap── the machine's namespace ──uplink── host ──eth0── street

The street owns every address that a guest must not reach and one that it may, and answers on all
of them, so that only the rules under test make the difference. A guest is a namespace whose own
tap is joined, frame by frame, to the tap that QEMU would get. Nothing leaves these namespaces.
"""

import asyncio
import json
import os
import shlex
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mayfly
from mayfly.machines.network.namespace import Namespace, create_namespace
from mayfly.machines.network.ruleset import TAP
from mayfly.system.process import dies_with_parent, run, start

_HERE = Path(__file__).parent
_SOURCE = Path(mayfly.__file__).parents[1]

HOST = "192.0.2.2"
GATEWAY = "192.0.2.1"
NEIGHBOUR = "192.0.2.77"
INTERNET = "203.0.113.80"
RESOLVER = "10.255.255.53"
METADATA = "169.254.169.254"
PRIVATE = ("10.1.2.3", "172.16.9.9", "192.168.7.7", "100.64.0.9", "192.0.0.192", "168.63.129.16")
HOST_MTU = 1400
USER = 54321

_STREET = [INTERNET, RESOLVER, METADATA, NEIGHBOUR, *PRIVATE]
_FRAME_MAX = 70_000

# What the keeper shares with the machine the tests run on, or finds in an unknown state there;
# and our own files where a user finds them, also when the clone lies in root's home.
_OUR_CODE, _OUR_SCRIPTS = "/run/code", "/run/scripts"
_OWN_FILES = f"""
mount -t tmpfs none /run && mkdir {_OUR_CODE} {_OUR_SCRIPTS} &&
mount --bind {shlex.quote(str(_SOURCE))} {_OUR_CODE} &&
mount --bind {shlex.quote(str(_HERE))} {_OUR_SCRIPTS} &&
mknod -m "$0" /run/tun c 10 200 && mount --bind /run/tun /dev/net/tun &&
echo nameserver {RESOLVER} > /run/resolv && mount --bind /run/resolv /etc/resolv.conf && exec "$@"
"""


def python() -> str:
    """An interpreter that other users may run too; the tests' own may be in a private home."""
    system = Path("/usr/bin/python3")
    return str(system) if system.exists() else sys.executable


@dataclass(frozen=True, slots=True)
class Guest:
    """A guest whose interface is up; `qemu` is the process that stands in for its QEMU."""

    namespace: Namespace
    details: dict[str, Any]

    async def reach(self, *targets: tuple[str, str, int]) -> list[str]:
        return await reach(self.namespace, *targets)

    async def say(self, word: str, address: str) -> str:
        return await say(self.namespace, word, address)

    async def ip(self, batch: str) -> None:
        await ip(self.namespace, batch)


async def reach(namespace: Namespace, *targets: tuple[str, str, int]) -> list[str]:
    """What becomes of each (protocol, address, port): `open`, `refused` or `silent`."""
    argv = namespace.enter([python(), str(_HERE / "peer.py"), "try"])
    tried = await run(argv, input_bytes=json.dumps(targets).encode())
    return list(json.loads(tried.stdout))


async def ip(namespace: Namespace, batch: str) -> None:
    """Run `ip` commands inside, one a line."""
    await run(namespace.enter(["ip", "-batch", "-"]), input_bytes=batch.encode())


async def say(namespace: Namespace, word: str, address: str) -> str:
    """Send a datagram; what comes back, if the word is one that is answered.

    `forged` is not: it is counted where it arrives, and `count` asks for the number.
    """
    argv = [python(), str(_HERE / "peer.py"), "say", word, address]
    return (await run(namespace.enter(argv))).stdout


class Keeper:
    """The process that stands in for Mayfly in the lab's host."""

    def __init__(self, process: asyncio.subprocess.Process, owner: socket.socket):
        self.process = process
        self._owner = owner

    async def ask(self, request: Any) -> tuple[dict[str, Any], list[int]]:
        await asyncio.to_thread(self._owner.sendall, json.dumps(request).encode() + b"\n")
        data, fds, _, _ = await asyncio.to_thread(socket.recv_fds, self._owner, 65536, 1)
        assert data, "the keeper died"
        return json.loads(data), fds

    async def prepare(
        self, *, allow: tuple[str, ...] = (), mode: str = "internet"
    ) -> tuple[dict[str, Any], list[int]]:
        return await self.ask({"allow": allow, "mode": mode, "dns": RESOLVER})

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


class Lab:
    """Use `open_lab`."""

    def __init__(self, host: Namespace, street: Namespace, stack: AsyncExitStack):
        self.host = host
        self.street = street
        self._stack = stack

    async def in_host(self, *argv: str) -> str:
        return (await run(self.host.enter(list(argv)))).stdout

    async def nft(self, ruleset: str) -> None:
        """Give the host a firewall of its own."""
        await run(self.host.enter(["nft", "-f", "-"]), input_bytes=ruleset.encode())

    async def links(self) -> list[str]:
        listing = json.loads(await self.in_host("ip", "-j", "link", "show"))
        return [link["ifname"] for link in listing if link["ifname"].startswith("mayfly")]

    async def settings(self) -> str:
        """What guests may change in the host: its rules and its forwarding."""
        forwarding = "grep -H . /proc/sys/net/ipv4/conf/*/forwarding | grep -v mayfly"
        return await self.in_host("sh", "-c", f"nft list ruleset; {forwarding}")

    async def keeper(self, *, user: bool = False, tun_mode: str = "0666") -> Keeper:
        """A Mayfly of its own, as root or as an ordinary user."""
        owner, inner = socket.socketpair()
        who = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--"]
        argv = [*(who if user else []), python(), f"{_OUR_SCRIPTS}/keeper.py"]
        private = ["unshare", "--mount", "sh", "-c", _OWN_FILES, tun_mode, *argv]
        with inner:
            process = await start(
                self.host.enter(dies_with_parent(private)),
                stdin=inner.fileno(),
                stderr=None,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": _OUR_CODE},
            )
        self._stack.callback(owner.close)
        keeper = Keeper(process, owner)
        self._stack.push_async_callback(keeper.kill)
        return keeper

    async def guest(self, keeper: Keeper, *, allow: tuple[str, ...] = ()) -> Guest:
        """A guest of a network that the keeper prepares, set up as it was told."""
        details, (tap,) = await keeper.prepare(allow=allow)
        self._stack.callback(os.close, tap)
        namespace = await self.namespace()
        await ip(
            namespace,
            f"link set {TAP} address {details['mac']} mtu {details['mtu']}\n"
            f"link set {TAP} up\n"
            f"addr add {details['address']}/{details['prefix']} dev {TAP}\n"
            f"route add default via {details['gateway']}\n",
        )
        self._join(namespace.tap, tap)
        return Guest(namespace, details)

    async def break_out(self, keeper: Keeper, address: str) -> None:
        """Send `forged` from inside the keeper's last network, as a guest that left QEMU would."""
        await keeper.ask([python(), f"{_OUR_SCRIPTS}/peer.py", "say", "forged", address])

    async def namespace(self) -> Namespace:
        namespace = await create_namespace()
        self._stack.callback(namespace.close)
        return namespace

    async def serve(self, namespace: Namespace, *addresses: str) -> None:
        """Answer on these addresses of a namespace."""
        argv = namespace.enter([python(), str(_HERE / "peer.py"), "serve", *addresses])
        process = await start(dies_with_parent(argv), stdout=asyncio.subprocess.PIPE, stderr=None)
        self._stack.push_async_callback(process.wait)
        self._stack.callback(process.kill)
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"

    def _join(self, one: int, other: int) -> None:
        loop = asyncio.get_running_loop()
        for source, sink in ((one, other), (other, one)):
            loop.add_reader(source, _forward, source, sink)
            self._stack.callback(loop.remove_reader, source)


def _forward(source: int, sink: int) -> None:
    os.write(sink, os.read(source, _FRAME_MAX))


async def until(met: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what the kernel does in its own time, such as taking a namespace apart."""
    async with asyncio.timeout(30):
        while not await met():  # noqa: ASYNC110  (the kernel sends no event)
            await asyncio.sleep(0)


@asynccontextmanager
async def open_lab() -> AsyncIterator[Lab]:
    """A host with its street; takes everything down at the end."""
    async with AsyncExitStack() as stack:
        host, street = await create_namespace(), await create_namespace()
        stack.callback(host.close)
        stack.callback(street.close)
        lab = Lab(host, street, stack)
        await ip(
            host,
            f"link add eth0 mtu {HOST_MTU} type veth peer name eth0 netns {street.path}\n"
            f"addr add {HOST}/24 dev eth0\nlink set eth0 up\nlink set lo up\n"
            f"route add default via {GATEWAY}\n",
        )
        await ip(
            street,
            f"addr add {GATEWAY}/24 dev eth0\nlink set eth0 up\n"
            + "".join(f"addr add {address}/32 dev eth0\n" for address in _STREET),
        )
        await lab.in_host("sh", "-c", "echo 0 > /proc/sys/net/ipv4/ip_forward")
        await asyncio.gather(
            lab.serve(street, GATEWAY, *_STREET), lab.serve(host, HOST, "127.0.0.1")
        )
        yield lab
