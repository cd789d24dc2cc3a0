"""The port on a character device, where the host may leave and come back."""

import os
import pty
import termios
import tty
from collections.abc import Iterator

import pytest

from mayfly.protocol.frames import FrameDecoder, FrameKind, ProtocolViolation, encode_frame
from mayfly.protocol.messages import (
    Cancel,
    Ready,
    SourceRefused,
    decode_from_runner,
    encode_message,
)
from mayfly.runner.loop import Loop
from mayfly.runner.port import HostGone, Port


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """A device whose reads can be made to end once, as those of a port without a host do."""
    master, slave = pty.openpty()
    yield master, slave
    os.close(master)
    os.close(slave)


def test_a_host_that_leaves_and_returns_is_waited_for(terminal: tuple[int, int]) -> None:
    master, slave = terminal
    loop = Loop()
    port = Port(slave, loop)
    os.write(master, termios.tcgetattr(slave)[6][termios.VEOF])  # one empty read
    while not port.disconnected:
        loop.turn()
    tty.setraw(slave)
    os.write(master, encode_message(SourceRefused("here again")))
    assert port.receive() == SourceRefused("here again")
    port.send(Ready(1))
    port.flush()
    (frame,) = FrameDecoder().feed(os.read(master, 1000))
    assert decode_from_runner(frame) == Ready(1)
    loop.close()


def test_the_end_of_a_socket_is_the_end() -> None:
    reader, writer = os.pipe()
    loop = Loop()
    port = Port(reader, loop)
    os.close(writer)
    with pytest.raises(HostGone):
        port.receive()
    port.wait_for_end()
    loop.close()
    os.close(reader)


def test_what_is_received_in_order_and_what_at_once() -> None:
    reader, writer = os.pipe()
    loop = Loop()
    port = Port(reader, loop)
    cancels: list[Cancel] = []
    port.on_cancel = cancels.append
    os.write(writer, encode_frame(FrameKind.BLOB, b"a") + encode_message(Cancel("why", 1.0)))
    os.write(writer, encode_frame(FrameKind.BLOB, b""))
    assert [port.receive(), port.receive()] == [b"a", b""]
    assert cancels == [Cancel("why", 1.0)]
    os.write(writer, b"\xff" * 9)
    with pytest.raises(ProtocolViolation):
        port.receive()
    os.close(writer)
    loop.close()
    os.close(reader)
