"""A visit to a guest's shell, from a terminal that must be the same afterwards."""

import asyncio
import os
import termios
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from mayfly.cli import shell_session
from mayfly.domain.errors import HostCannot
from mayfly.protocol.frames import Frame, FrameDecoder, FrameKind, encode_frame
from mayfly.protocol.shell import (
    ShellClosed,
    ShellOpen,
    decode_for_guest,
    encode_shell_message,
    encode_terminal,
)


@dataclass
class Guest:
    """The far end of the port: takes what is typed, says what it is told to."""

    to_host: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    typed: bytes = b""
    when_opened: Callable[[], object] = bool
    opened: list[ShellOpen] = field(default_factory=list)
    decoder: FrameDecoder = field(default_factory=FrameDecoder)

    async def read(self) -> bytes:
        return await self.to_host.get()

    async def write(self, data: bytes) -> None:
        for frame in self.decoder.feed(data):
            message = decode_for_guest(frame)
            if isinstance(message, bytes):
                self.typed += message
                self.answer(message)
            elif isinstance(message, ShellOpen):
                self.opened.append(message)
                self.when_opened()

    def answer(self, message: bytes) -> None:
        """Echoes; a q ends the session."""
        self.to_host.put_nowait(encode_terminal(message.upper()))
        if b"q" in message:
            self.to_host.put_nowait(encode_shell_message(ShellClosed(7)))


@dataclass
class Keyboard:
    """A terminal as standard input; `type` is the person's side."""

    person: int
    program: int

    def type(self, keys: bytes) -> None:
        os.write(self.person, keys)

    def settings(self) -> list[object]:
        return list(termios.tcgetattr(self.program))


@pytest.fixture
def keyboard() -> Iterator[Keyboard]:
    """In place of descriptor 0 while the test lasts."""
    person, program = os.openpty()
    before = os.dup(0)
    os.dup2(program, 0)
    yield Keyboard(person, program)
    os.dup2(before, 0)
    for descriptor in (before, person, program):
        os.close(descriptor)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    printed: list[bytes] = []
    monkeypatch.setattr(shell_session, "_print", printed.append)
    return printed


async def test_keys_go_to_the_guest_and_its_output_to_the_screen(
    keyboard: Keyboard, screen: list[bytes]
) -> None:
    guest = Guest(when_opened=lambda: keyboard.type(b"ls\x03\x1bq"))
    assert await shell_session.visit(guest.read, guest.write, "runner") == 7
    assert guest.typed == b"ls\x03\x1bq"  # Ctrl-C is a key like any other
    assert b"LS" in b"".join(screen)
    assert guest.opened[0].user == "runner"


async def test_the_terminal_is_raw_meanwhile_and_as_before_afterwards(
    keyboard: Keyboard, screen: list[bytes]
) -> None:
    before, meanwhile = keyboard.settings(), []

    class Watching(Guest):
        def answer(self, message: bytes) -> None:
            meanwhile.append(keyboard.settings())
            super().answer(message)

    guest = Watching(when_opened=lambda: keyboard.type(b"q"))
    await shell_session.visit(guest.read, guest.write, "runner")
    assert meanwhile[0][3] != before[3]  # no echo, no lines, no signals
    assert keyboard.settings() == before


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"", "the machine has ended"),
        (encode_shell_message(ShellClosed(1, "no shell for x")), "no shell for x"),
        (encode_frame(FrameKind.CONTROL, b"[]"), "broke the protocol"),
        (encode_shell_message(ShellOpen(1, 1, "x")), "broke the protocol"),
        (b"\xff" * 100, "broke the protocol"),
    ],
)
async def test_a_guest_that_ends_or_lies_is_left_with_the_terminal_as_before(
    keyboard: Keyboard, screen: list[bytes], said: bytes, words: str
) -> None:
    before, guest = keyboard.settings(), Guest()
    guest.to_host.put_nowait(said)
    with pytest.raises(HostCannot, match=words):
        await shell_session.visit(guest.read, guest.write, "runner")
    assert keyboard.settings() == before


async def test_three_escapes_leave_a_machine_that_does_not_answer(
    keyboard: Keyboard, screen: list[bytes]
) -> None:
    guest = Guest(when_opened=lambda: keyboard.type(b"\x1d\x1d\x1d"))
    assert await shell_session.visit(guest.read, guest.write, "runner") == 130


async def test_a_cancelled_visit_restores_the_terminal(
    keyboard: Keyboard, screen: list[bytes]
) -> None:
    before, opened = keyboard.settings(), asyncio.Event()
    guest = Guest(when_opened=opened.set)
    visit = asyncio.create_task(shell_session.visit(guest.read, guest.write, "runner"))
    await opened.wait()
    visit.cancel()
    await asyncio.gather(visit, return_exceptions=True)
    assert visit.cancelled()
    assert keyboard.settings() == before


async def test_the_end_of_a_pipe_ends_the_session_as_a_person_would(screen: list[bytes]) -> None:
    reading, writing = os.pipe()
    before = os.dup(0)
    os.dup2(reading, 0)
    os.write(writing, b"make\n")
    os.close(writing)

    class Ending(Guest):
        def answer(self, message: bytes) -> None:
            if b"\x04" in message:
                self.to_host.put_nowait(encode_shell_message(ShellClosed(0)))

    guest = Ending()
    try:
        assert await shell_session.visit(guest.read, guest.write, "runner") == 0
    finally:
        os.dup2(before, 0)
        for descriptor in (before, reading):
            os.close(descriptor)
    assert guest.typed == b"make\n\x04"


def test_terminal_data_of_any_length_travels_in_bounded_frames() -> None:
    data = os.urandom(1_000_000)
    frames: list[Frame] = list(FrameDecoder().feed(encode_terminal(data)))
    assert len(frames) > 1
    assert b"".join(frame.payload for frame in frames) == data
