"""The shell service over a socket, with real shells on real terminals."""

import os
import pwd
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mayfly.protocol.frames import FrameDecoder, FrameKind, encode_frame
from mayfly.protocol.shell import (
    ShellClosed,
    ShellOpen,
    ShellResize,
    decode_for_host,
    encode_shell_message,
    encode_terminal,
)
from mayfly.runner.loop import Loop
from mayfly.runner.shell import ShellService
from mayfly.runner.terminal import workspace

USER = pwd.getpwuid(os.geteuid()).pw_name


@dataclass
class Host:
    """The other end of the port; turns the service's loop while it waits."""

    port: socket.socket
    loop: Loop
    service: ShellService
    decoder: FrameDecoder = field(default_factory=FrameDecoder)
    printed: bytes = b""
    closed: list[ShellClosed] = field(default_factory=list)

    def open(self, user: str = USER) -> None:
        self.port.sendall(encode_shell_message(ShellOpen(24, 80, "dumb", user)))

    def type(self, text: str) -> None:
        self.port.sendall(encode_terminal(text.encode()))

    def read_until(self, wanted: bytes) -> None:
        while wanted not in self.printed:
            self._turn()

    def read_closed(self) -> ShellClosed:
        while not self.closed:
            self._turn()
        return self.closed.pop(0)

    def _turn(self) -> None:
        self.loop.turn()
        try:
            data = self.port.recv(1 << 20)
        except BlockingIOError:
            return
        for frame in self.decoder.feed(data):
            message = decode_for_host(frame)
            if isinstance(message, ShellClosed):
                self.closed.append(message)
            else:
                self.printed += message


@pytest.fixture
def host() -> Iterator[Host]:
    ours, theirs = socket.socketpair()
    loop = Loop()
    service = ShellService(theirs.fileno(), loop)
    ours.setblocking(False)
    yield Host(ours, loop, service)
    service.close()
    loop.close()
    ours.close()
    theirs.close()


def test_a_login_shell_runs_what_is_typed_and_reports_its_status(host: Host) -> None:
    host.open()
    host.type("echo $((6 * 7))-$0\n")
    host.read_until(b"42--")
    host.type("exit 3\n")
    assert host.read_closed() == ShellClosed(3)


def test_the_terminal_has_the_size_it_was_given_and_follows_changes(host: Host) -> None:
    host.open()
    host.type("stty size\n")
    host.read_until(b"24 80")
    host.port.sendall(encode_shell_message(ShellResize(50, 132)))
    host.type("stty size\n")
    host.read_until(b"50 132")


def test_a_shell_killed_by_a_signal_reports_it(host: Host) -> None:
    host.open()
    host.type("kill -9 $$\n")
    assert host.read_closed() == ShellClosed(128 + 9)


def test_what_was_printed_last_comes_before_the_end(host: Host) -> None:
    host.open()
    host.type('echo lot; seq 20000; echo the-"end"; exit\n')
    host.read_closed()
    assert b"the-end" in host.printed


def test_an_end_is_seen_although_something_holds_the_terminal(host: Host) -> None:
    host.open()
    host.type("(trap '' HUP; sleep 1000) & echo pid=$!.; exit 0\n")
    assert host.read_closed() == ShellClosed(0)
    host.read_until(b"pid=")
    pid = int(host.printed.rpartition(b"pid=")[2].partition(b".")[0])
    os.kill(pid, 9)


def test_opening_again_ends_the_session_that_was_left(host: Host) -> None:
    host.open()
    host.type("echo first-$((1 + 1))-$$.\n")
    host.read_until(b"first-2-")
    host.read_until(b".\r\n")
    first = int(host.printed.rpartition(b"first-2-")[2].partition(b".")[0])
    host.open()
    host.type("echo second-$((1 + 1))\n")
    host.read_until(b"second-2")
    assert not host.closed
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_a_user_that_does_not_exist_is_refused_and_the_next_is_served(host: Host) -> None:
    host.open("nobody-of-that-name")
    refused = host.read_closed()
    assert refused.status == 1
    assert "nobody-of-that-name" in (refused.reason or "")
    host.open()
    host.type("exit 0\n")
    assert host.read_closed() == ShellClosed(0)


@pytest.mark.parametrize(
    "frame",
    [
        encode_frame(FrameKind.CONTROL, b"{}"),
        encode_frame(FrameKind.CONTROL, b'{"type":"Nonsense","body":{}}'),
        encode_frame(FrameKind.LOG, b"\0\0\0\0x"),
        encode_shell_message(ShellClosed(0)),
    ],
)
def test_what_a_host_may_not_say_ends_the_session_only(host: Host, frame: bytes) -> None:
    host.open()
    host.port.sendall(frame)
    assert host.read_closed().reason is not None
    host.open()
    host.type("exit 0\n")
    assert host.read_closed() == ShellClosed(0)


def test_typing_without_a_session_is_dropped(host: Host) -> None:
    host.type("exit 9\n")
    host.open()
    host.type("exit 0\n")
    assert host.read_closed() == ShellClosed(0)


def test_output_waits_for_a_host_that_does_not_read(host: Host) -> None:
    host.open()
    host.type("yes\n")
    host.read_until(b"y\r\ny\r\n")
    while host.loop._selector.select(0):  # ends when the service has stopped reading
        host.loop.turn()
    assert len(host.service._to_host) < 1024 * 1024
    host.port.sendall(encode_terminal(b"\x03"))
    host.type("exit 0\n")
    assert host.read_closed() == ShellClosed(0)


def test_the_workspace_is_the_folder_of_the_repository(tmp_path: Path) -> None:
    assert workspace(tmp_path) is None
    (tmp_path / "_temp" / "_temp").mkdir(parents=True)
    assert workspace(tmp_path) is None
    (tmp_path / "sign" / "sign").mkdir(parents=True)
    assert workspace(tmp_path) == tmp_path / "sign" / "sign"
    assert workspace(tmp_path / "missing") is None
