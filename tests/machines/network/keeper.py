"""Stands in for Mayfly in the lab's host: prepares networks on request, and holds them.

Reads one JSON value a line from the socket on its standard input and answers each. An object is a
policy: the answer is the guest's address and the tap, or the error. A list is a command to run
inside the last network. `close` closes every network, `reap` reaps, `probe` is the doctor's,
`interrupt` cancels preparations.
"""

import asyncio
import ipaddress
import json
import socket
import sys
from typing import Any

from mayfly.domain.errors import HostCannot
from mayfly.machines.network.base import AllowRule, NetworkMode, NetworkPolicy, PreparedNetwork
from mayfly.machines.network.choose import choose_network
from mayfly.machines.network.probe import probe
from mayfly.system.process import dies_with_parent, run, start

RESOLVER = ipaddress.IPv4Address("10.255.255.53")


async def serve(owner: socket.socket) -> None:
    networks: list[PreparedNetwork] = []
    for line in owner.makefile():
        request = json.loads(line)
        fds: tuple[int, ...] = ()
        answer: dict[str, Any] = {}
        if request == "close":
            for network in [*networks, *networks]:
                await network.close()
        elif isinstance(request, list):
            await run(networks[-1].wrap(request))
        elif request == "interrupt":
            answer["finished"] = await interrupted()
        elif request == "probe":
            answer["findings"] = [
                [finding.severity, finding.text, finding.remedy] for finding in await probe()
            ]
        elif request == "reap":
            answer["removed"] = await choose_network().reap()
        else:
            try:
                network = await choose_network().prepare(policy(request))
            except HostCannot as error:
                answer["error"] = [error.message, error.details, error.remedy]
            else:
                networks.append(network)
                answer = await described(network)
                fds = network.pass_fds
        socket.send_fds(owner, [json.dumps(answer).encode()], fds)


async def interrupted() -> int:
    """Cancel preparations at many moments; how many had finished by then, and were closed."""
    finished = 0
    for milliseconds in range(0, 120, 6):
        try:
            async with asyncio.timeout(milliseconds / 1000):
                network = await choose_network().prepare(NetworkPolicy(dns=RESOLVER))
        except TimeoutError:
            continue
        finished += 1
        await network.close()
    return finished


def policy(request: dict[str, Any]) -> NetworkPolicy:
    return NetworkPolicy(
        mode=NetworkMode(request["mode"]),
        allow=tuple(AllowRule.parse(text) for text in request["allow"]),
        dns=ipaddress.IPv4Address(request["dns"]),
    )


async def described(network: PreparedNetwork) -> dict[str, Any]:
    """Starts a process in the place of QEMU, too, and waits until it is inside."""
    qemu = network.wrap(dies_with_parent(["sh", "-c", "echo inside; exec sleep infinity"]))
    process = await start(qemu, pass_fds=network.pass_fds, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    await process.stdout.readline()
    guest = network.guest
    return {
        "qemu": process.pid,
        "wrap": network.wrap([]),
        "address": str(guest.address),
        "prefix": guest.prefix,
        "mac": guest.mac,
        "mtu": guest.mtu,
        "gateway": str(guest.gateway) if guest.gateway else None,
    }


asyncio.run(serve(socket.socket(fileno=sys.stdin.fileno())))
