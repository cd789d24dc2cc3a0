"""Draws the README's picture: the demo as it runs in a real terminal, and as it ends.

    python scripts/picture.py docs/demo.svg

Runs the demo under a pseudo-terminal, lets pyte be the terminal, and draws two of its screens with
Rich: the last on which jobs ran on both architectures, and the last of all.
"""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pyte
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.style import Style
from rich.text import Text

from mayfly.cli.live_screen import SPINNER

DEMO = Path(__file__).parents[1] / "examples" / "demo.py"
COLUMNS, ROWS = 100, 26
# pyte's names in Rich's; others are hexadecimal.
COLOURS = {name: name for name in ("default", "red", "green", "blue", "magenta", "cyan", "white")}
COLOURS |= {"black": "bright_black", "brown": "yellow"}
COMMAND = "$ make demo"

# Rich's frame, without fonts from elsewhere, and with the spaces that some viewers drop.
FRAME = re.sub(r"@font-face {{.*?}}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
    "<svg ", '<svg xml:space="preserve" ', 1
)


def screens() -> Iterator[pyte.Screen]:
    """The terminal after each piece of output; the same object, changed."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in {"CI", "NO_COLOR"}}
    with subprocess.Popen(
        [sys.executable, str(DEMO)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**environment, "TERM": "xterm-256color", "COLORTERM": ""},
        start_new_session=True,
    ) as process:
        os.close(theirs)
        while data := _read(ours):
            stream.feed(data)
            yield screen
    if process.returncode:
        sys.exit(f"the demo ended with {process.returncode}")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 64 * 1024)
    except OSError:  # the last user of the terminal is gone
        return b""


def lines_of(screen: pyte.Screen) -> list[Text]:
    """What is on it, with colours, without the blank lines around."""
    lines = [_line(screen.buffer[row]) for row in range(ROWS)]
    while lines and not lines[-1].plain.strip():
        lines.pop()
    while lines and not lines[0].plain.strip():
        lines.pop(0)
    return lines


def _line(cells: "dict[int, pyte.screens.Char]") -> Text:
    line = Text()
    for style, group in groupby((cells[column] for column in range(COLUMNS)), _style):
        line.append("".join(cell.data for cell in group), style)
    line.rstrip()
    return line


def _style(cell: "pyte.screens.Char") -> Style:
    return Style(color=COLOURS.get(cell.fg, f"#{cell.fg}"), bold=cell.bold)


def running_on_both(screen: pyte.Screen) -> bool:
    return any(sum(map(line.count, SPINNER)) > 1 for line in screen.display)


def main(target: Path) -> None:
    live: list[Text] = []
    last: list[Text] = []
    for screen in screens():
        last = lines_of(screen)
        if running_on_both(screen):
            live = last
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text(COMMAND, "bold"), *live, "", Text("⋯", "dim"), "", *last, sep="\n")
    console.save_svg(str(target), title="mayfly", code_format=FRAME)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
