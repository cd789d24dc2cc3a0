"""When a stream gets colours, and when a live picture."""

import io

import pytest

from mayfly.cli.terminal import paint, wants_colour, wants_live


class Stream(io.StringIO):
    def __init__(self, *, terminal: bool):
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.parametrize(
    ("terminal", "environment", "colour", "live"),
    [
        (True, {"TERM": "xterm"}, True, True),
        (False, {"TERM": "xterm"}, False, False),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, False, True),
        (True, {"TERM": "xterm", "NO_COLOR": ""}, True, True),
        (True, {"TERM": "xterm", "CI": "true"}, True, False),
        (True, {"TERM": "xterm", "CI": "false"}, True, True),
        (True, {"TERM": "dumb"}, False, False),
        (True, {}, False, False),
    ],
)
def test_colour_and_live(
    terminal: bool, environment: dict[str, str], colour: bool, live: bool
) -> None:
    stream = Stream(terminal=terminal)
    assert wants_colour(stream, environment) is colour
    assert wants_live(stream, environment) is live


def test_paint_ends_what_it_begins() -> None:
    assert paint("x", "red", colour=True) == "\x1b[31mx\x1b[0m"
    assert paint("x", "red", colour=False) == "x"
    assert paint("", "red", colour=True) == ""
