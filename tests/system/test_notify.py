"""What systemd is told of a service."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mayfly.system.notify import notify


@pytest.fixture(params=["path", "abstract"])
def listening(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    address = str(tmp_path / "notify")
    if request.param == "abstract":
        address = f"@mayfly-test-{tmp_path}"
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(address.replace("@", "\0", 1) if address[0] == "@" else address)
        server.setblocking(False)
        yield server


def test_states_arrive_in_one_datagram(listening: socket.socket) -> None:
    notify("READY=1", "STATUS=in session")
    assert listening.recv(1000) == b"READY=1\nSTATUS=in session"


def test_nobody_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    notify("READY=1")
