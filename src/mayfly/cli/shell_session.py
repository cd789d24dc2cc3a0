"""One visit to a guest's shell: the local terminal on one side, frames on the other.

While it lasts the terminal is raw: every key goes to the guest, Ctrl-C too. Afterwards it is as it
was, whatever the guest made of it.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import termios
import tty
from collections import deque
from collections.abc import Awaitable, Callable, Iterator

from mayfly.domain.errors import HostCannot
from mayfly.protocol.frames import FrameDecoder, ProtocolViolation
from mayfly.protocol.shell import (
    ShellClosed,
    ShellOpen,
    ShellResize,
    decode_for_host,
    encode_shell_message,
    encode_terminal,
)

_PIECE = 64 * 1024
_END_OF_INPUT = b"\x04"
_ESCAPE = 0x1D  # Ctrl-]
_ESCAPE_TIMES, _ESCAPE_SECONDS = 3, 1.0
_LEFT = 130

# Out of the alternate screen; colours, cursor and modes of keys and mouse as they are by default.
_RESTORE = (
    b"\x1b[?47l\x1b[!p\x1b[0m\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l"
)

Read = Callable[[], Awaitable[bytes]]
Write = Callable[[bytes], Awaitable[None]]


async def visit(read: Read, write: Write, user: str) -> int:
    """Exit status of the guest's shell. HostCannot when the guest ends or misbehaves.

    `read` gives the next bytes of the guest's shell port, empty at its end.
    """
    keys: asyncio.Queue[bytes] = asyncio.Queue()
    left = asyncio.Event()
    with _keyboard(keys, left), _raw_terminal():
        size = shutil.get_terminal_size()
        opening = ShellOpen(size.lines, size.columns, os.environ.get("TERM", "dumb"), user)
        await write(encode_shell_message(opening))
        tasks = [
            asyncio.create_task(_shown(read)),
            asyncio.create_task(_typed(keys, write)),
            asyncio.create_task(left.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            shown, typed, _ = tasks
            if typed.done():
                typed.result()
            closed = shown.result() if shown.done() else ShellClosed(_LEFT)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(closed, ShellClosed)
    if closed.reason:
        raise HostCannot(closed.reason)
    return closed.status


async def _shown(read: Read) -> ShellClosed:
    """Print what comes until the session is closed."""
    decoder = FrameDecoder()
    while data := await read():
        try:
            for message in map(decode_for_host, decoder.feed(data)):
                if isinstance(message, ShellClosed):
                    return message
                _print(message)
        except ProtocolViolation as error:
            raise HostCannot(f"the machine broke the protocol of shells: {error}") from error
    raise HostCannot("the machine has ended")


async def _typed(keys: asyncio.Queue[bytes], write: Write) -> None:
    while True:
        await write(await keys.get())


@contextlib.contextmanager
def _keyboard(keys: asyncio.Queue[bytes], left: asyncio.Event) -> Iterator[None]:
    """Frames for what is typed and for changes of the window's size."""
    loop = asyncio.get_running_loop()
    escapes: deque[float] = deque(maxlen=_ESCAPE_TIMES)

    def typed() -> None:
        data = os.read(0, _PIECE)
        if not data:
            loop.remove_reader(0)
            data = _END_OF_INPUT
        escapes.extend(loop.time() for key in data if key == _ESCAPE)
        if len(escapes) == _ESCAPE_TIMES and loop.time() - escapes[0] < _ESCAPE_SECONDS:
            left.set()
        keys.put_nowait(encode_terminal(data))

    def resized() -> None:
        size = shutil.get_terminal_size()
        keys.put_nowait(encode_shell_message(ShellResize(size.lines, size.columns)))

    loop.add_reader(0, typed)
    loop.add_signal_handler(signal.SIGWINCH, resized)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGWINCH)
        loop.remove_reader(0)


@contextlib.contextmanager
def _raw_terminal() -> Iterator[None]:
    """Standard input without echo, lines and signals; nothing if it is no terminal."""
    if not os.isatty(0):
        yield
        return
    before = termios.tcgetattr(0)
    tty.setraw(0, termios.TCSADRAIN)  # keeps what was typed ahead
    try:
        yield
    finally:
        if sys.stdout.isatty():
            _print(_RESTORE)
        termios.tcsetattr(0, termios.TCSAFLUSH, before)


def _print(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
