"""Both ends of the lab's conversations; run inside one of its namespaces.

`serve ADDRESS…` answers TCP and UDP on some ports of each and prints a line when ready.
`try` reads [protocol, address, port] triples as JSON and prints what became of each: `open`,
`refused` (at once, by an answer of the network) or `silent`. `say` sends a word to an address.
"""

import asyncio
import contextlib
import errno
import itertools
import json
import socket
import sys
from typing import cast

_PORTS = (53, 80, 8080)
_PATIENCE = 1.0  # seconds after which no answer is silence
_REFUSALS = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ECONNREFUSED, errno.EACCES}
_WORD = b"hello"
_FORGED = b"forged"
_COUNT = b"count"


async def serve(addresses: list[str]) -> None:
    loop = asyncio.get_running_loop()
    for address, port in itertools.product(addresses, _PORTS):
        await asyncio.start_server(_answer, address, port)
        await loop.create_datagram_endpoint(_Echo, local_addr=(address, port))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read(100))
    writer.close()


class _Echo(asyncio.DatagramProtocol):
    """Sends datagrams back, but only counts the forged ones: their sender would hear nothing."""

    def __init__(self) -> None:
        self._forged = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data == _FORGED:
            self._forged += 1
        elif data == _COUNT:
            self._transport.sendto(b"%d" % self._forged, addr)
        else:
            self._transport.sendto(data, addr)


async def attempt(protocol: str, address: str, port: int) -> str:
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.setblocking(False)
        try:
            async with asyncio.timeout(_PATIENCE):
                await loop.sock_connect(sock, (address, port))
                await loop.sock_sendall(sock, _WORD)
                answer = await loop.sock_recv(sock, len(_WORD))
        except TimeoutError:
            return "silent"
        except OSError as error:
            return "refused" if error.errno in _REFUSALS else repr(error)
    return "open" if answer == _WORD else f"answered {answer!r}"


async def attempts(targets: list[tuple[str, str, int]]) -> None:
    json.dump(await asyncio.gather(*(attempt(*target) for target in targets)), sys.stdout)


def say(word: str, address: str) -> None:
    """Send one datagram, and print the answer unless the word is one that has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(_PATIENCE)
        with contextlib.suppress(PermissionError):  # the sender's own rules may forbid it
            sock.sendto(word.encode(), (address, _PORTS[0]))
        if word.encode() != _FORGED:
            sys.stdout.write(sock.recv(100).decode())


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve(sys.argv[2:]))
    elif sys.argv[1] == "say":
        say(*sys.argv[2:])
    else:
        asyncio.run(attempts(json.load(sys.stdin)))
