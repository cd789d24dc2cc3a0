"""The three ways of showing runs, and which one suits where the output goes."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable, Collection, Sequence
from typing import Protocol, TextIO

from mayfly.cli import json_lines
from mayfly.cli.terminal import say, wants_colour, wants_live
from mayfly.domain.events import Event, RunRef
from mayfly.domain.record import Record
from mayfly.parity.compare import Parity

Write = Callable[[str], None]


class View(Protocol):
    """Called in this order; `observe` after the record has taken in the event."""

    def introduce(self, lines: Sequence[str]) -> None:
        """What will run, and what not and why."""

    def drawing(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Surrounds the time while jobs run."""

    def observe(self, event: Event) -> None: ...

    def tell(self, text: str) -> None:
        """Something that a person at the terminal should know now."""

    def report(self, parity: Parity | None) -> None:
        """All runs have ended."""

    def leave(self, exit_code: int) -> None: ...


def open_view(
    record: Record,
    runs: Collection[RunRef],
    stop: asyncio.Event,
    *,
    json: bool,
    events: TextIO | None = None,
) -> View:
    """`events` takes what --json prints as well.

    Whoever reads our output may go away; `stop` is set then, as by an interrupt.
    """
    shown = _shown_view(record, runs, stop, json=json)
    return shown if events is None else RecordedView(shown, JsonView(_line_writer(events)))


def _shown_view(
    record: Record, runs: Collection[RunRef], stop: asyncio.Event, *, json: bool
) -> View:
    write = _writer(stop)
    if json:
        return JsonView(write)
    if wants_live(sys.stdout):
        from mayfly.cli.live import LiveView

        return LiveView(record)
    from mayfly.cli.plain import PlainView

    return PlainView(write, record, runs, colour=wants_colour(sys.stdout))


def _writer(stop: asyncio.Event) -> Write:
    def write(text: str) -> None:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            # Else Python complains once more when it flushes at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            stop.set()

    return write


def _line_writer(file: TextIO) -> Write:
    def write(text: str) -> None:
        file.write(text)
        file.flush()  # whoever follows the file sees each event as it happens

    return write


class RecordedView:
    """What a person sees, and beside it the events in a file."""

    def __init__(self, shown: View, recorded: "JsonView"):
        self._shown = shown
        self._recorded = recorded

    def introduce(self, lines: Sequence[str]) -> None:
        self._shown.introduce(lines)

    def drawing(self) -> contextlib.AbstractAsyncContextManager[None]:
        return self._shown.drawing()

    def observe(self, event: Event) -> None:
        self._shown.observe(event)
        self._recorded.observe(event)

    def tell(self, text: str) -> None:
        self._shown.tell(text)

    def report(self, parity: Parity | None) -> None:
        self._shown.report(parity)
        self._recorded.report(parity)

    def leave(self, exit_code: int) -> None:
        self._shown.leave(exit_code)
        self._recorded.leave(exit_code)


class JsonView:
    """See `json_lines`."""

    def __init__(self, write: Write):
        self._write = write

    def introduce(self, lines: Sequence[str]) -> None:
        """A program asks `mayfly plan --json`."""

    def drawing(self) -> contextlib.AbstractAsyncContextManager[None]:
        return contextlib.nullcontext()

    def observe(self, event: Event) -> None:
        self._write(json_lines.event_line(event) + "\n")

    def tell(self, text: str) -> None:
        say(f"mayfly: {text}")

    def report(self, parity: Parity | None) -> None:
        if parity is not None:
            self._write(json_lines.parity_line(parity, time.time()) + "\n")

    def leave(self, exit_code: int) -> None:
        self._write(json_lines.finished_line(exit_code, time.time()) + "\n")
