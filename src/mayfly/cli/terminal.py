"""What a stream can show: colour or not, a live picture or only lines."""

import os
import sys
from collections.abc import Mapping
from typing import TextIO

_CODES = {
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
    "bold": "1",
    "dim": "2",
}


def paint(text: str, style: str, *, colour: bool) -> str:
    """The text in one of a few styles that read well on dark and on light backgrounds."""
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if colour and style and text else text


def wants_colour(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """A terminal that has colours, whose owner did not say no (https://no-color.org)."""
    if environment.get("NO_COLOR"):
        return False
    return stream.isatty() and environment.get("TERM", "") not in {"", "dumb"}


def wants_live(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """A terminal that can redraw, and a person in front of it rather than a CI system."""
    if environment.get("CI", "").lower() not in {"", "0", "false"}:
        return False
    return stream.isatty() and environment.get("TERM", "") not in {"", "dumb"}


def say(text: str) -> None:
    """To a person, beside standard output, which may belong to a program."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def put(text: str) -> None:
    """A line on standard output."""
    sys.stdout.write(f"{text}\n")
