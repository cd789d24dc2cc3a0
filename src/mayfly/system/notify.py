"""Tells systemd how a service stands (`sd_notify`); nothing happens where it did not ask."""

import contextlib
import os
import socket


def notify(*states: str) -> None:
    """Such as `READY=1`, `STATUS=…`, `MAINPID=…`."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, kind) as sending:
        sending.sendto("\n".join(states).encode(), address)
