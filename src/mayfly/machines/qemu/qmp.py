"""The few monitor commands we need: save a template, load a clone."""

import asyncio
import json
import socket
from typing import Any

from qemu.qmp import QMPClient, QMPError

from mayfly.machines.base import MachineFailed

_POLL_SECONDS = 0.02
_SET = "migrate-set-capabilities"

# Memory lies in a file of its own; only the devices' state goes through the descriptor.
_IGNORE_SHARED: dict[str, object] = {
    "capabilities": [{"capability": "x-ignore-shared", "state": True}]
}


async def save(monitor: socket.socket, state: int) -> None:
    """Write the devices' state of a running machine to descriptor `state`; it stops for good.

    The machine is not stopped beforehand: the state then says `running`, and a clone goes on by
    itself once it is loaded. Raises MachineFailed.
    """
    client = QMPClient()
    try:
        await client.connect(monitor)
        try:
            await client.execute(_SET, _IGNORE_SHARED)
            client.send_fd_scm(state)
            await client.execute("getfd", {"fdname": "state"})
            await client.execute("migrate", {"uri": "fd:state"})
            await _saved(client)
        finally:
            await client.disconnect()
    except QMPError as error:
        raise MachineFailed(f"QEMU could not save the machine: {error}") from error


async def _saved(client: QMPClient) -> None:
    while True:
        answer: Any = await client.execute("query-migrate")
        if answer.get("status") == "completed":
            return
        if answer.get("status") in {"failed", "cancelled"}:
            raise MachineFailed(f"QEMU could not save the machine: {answer.get('error-desc')}")
        await asyncio.sleep(_POLL_SECONDS)


def load(monitor: socket.socket, state: int) -> None:
    """Tell a QEMU that waits (`-incoming defer`) to load descriptor `state`, which it inherited.

    Written at once and not awaited, so that it costs no round trip: an answer would say no more
    than the guest's own first words, and a failure ends QEMU with the reason on its stderr.
    """
    commands = (
        {"execute": "qmp_capabilities"},
        {"execute": _SET, "arguments": _IGNORE_SHARED},
        {"execute": "migrate-incoming", "arguments": {"uri": f"fd:{state}"}},
    )
    monitor.sendall("".join(json.dumps(command) + "\n" for command in commands).encode())


async def port_closed(monitor: asyncio.StreamReader, port: str) -> bool:
    """Waits until the guest closes a serial port; False when QEMU ends before that."""
    while line := await monitor.readline():
        event = json.loads(line)
        data = event.get("data", {})
        if event.get("event") == "VSERPORT_CHANGE" and data == {"id": port, "open": False}:
            return True
    return False
