"""The live view on a terminal, as an emulator of one shows it."""

import asyncio
import io

import pyte
import pytest
from rich.console import Console
from tests.cli.story import char_sign

from mayfly.cli import live
from mayfly.cli.live import LiveView
from mayfly.domain.record import Record
from mayfly.parity.compare import compare

WIDTH, HEIGHT = 90, 24


class Terminal(io.StringIO):
    """What was written so far, as a person sees it."""

    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        screen = pyte.Screen(WIDTH, HEIGHT)
        stream = pyte.Stream(screen)
        stream.feed(self.getvalue().replace("\n", "\r\n"))
        return [line.rstrip() for line in screen.display]

    def shown(self) -> str:
        return "\n".join(self.lines())


def opened() -> tuple[Terminal, LiveView, Record]:
    terminal = Terminal()
    console = Console(
        file=terminal, force_terminal=True, width=WIDTH, height=HEIGHT, color_system="standard"
    )
    record = char_sign().record()
    return terminal, LiveView(record, console), record


async def test_the_picture_is_there_while_it_runs_and_gone_afterwards() -> None:
    terminal, view, _ = opened()
    view.introduce(["ci.yml is started by push"])
    async with view.drawing():
        assert "└─ test" in terminal.shown()
        assert "Ctrl-C cancels" in terminal.shown()
    left = [line for line in terminal.lines() if line]
    assert left == ["ci.yml is started by push"]


async def test_redrawing_takes_place_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_REDRAW_SECONDS", 0)
    terminal, view, _ = opened()
    async with view.drawing():
        for _ in range(50):
            await asyncio.sleep(0)
        shown = terminal.shown()
    assert terminal.getvalue().count("Ctrl-C cancels") > 10
    assert shown.count("└─ test") == 1
    assert "\x1b[?1049h" not in terminal.getvalue()  # what was on the screen stays


async def test_what_is_told_stands_in_the_last_line() -> None:
    terminal, view, _ = opened()
    view.tell("cancelling")
    async with view.drawing():
        assert [line for line in terminal.lines() if line][-1].endswith("· cancelling")


async def test_the_report_follows_and_the_cursor_is_back() -> None:
    terminal, view, record = opened()
    async with view.drawing():
        pass
    view.report(compare(record))
    assert "1 difference" in terminal.shown()
    assert terminal.getvalue().rindex("\x1b[?25h") > terminal.getvalue().rindex("\x1b[?25l")
