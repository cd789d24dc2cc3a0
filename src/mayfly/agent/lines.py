"""Raw output to lines, in order: the same lines, whatever pieces it comes in."""

MAX_LINE = 64 * 1024


class LineSplitter:
    """One step's output; a line longer than MAX_LINE bytes comes in parts of at most that."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> tuple[str, ...]:
        """The lines that are whole now."""
        *whole, rest = (self._rest + data).split(b"\n")
        lines = [part for line in whole for part in _parts(line.removesuffix(b"\r"))]
        *full, rest = _parts(rest, slack=1)  # the last byte may be half of a line end
        lines += full
        self._rest = rest
        return tuple(_text(line) for line in lines)

    def flush(self) -> tuple[str, ...]:
        """The last line, if it had no end."""
        rest, self._rest = self._rest, b""
        return tuple(_text(part) for part in _parts(rest)) if rest else ()


def _parts(line: bytes, slack: int = 0) -> list[bytes]:
    """At least one; the last may be longer by `slack`."""
    parts = []
    while len(line) > MAX_LINE + slack:
        end = _boundary(line)
        parts.append(line[:end])
        line = line[end:]
    return [*parts, line]


def _boundary(line: bytes) -> int:
    """Where to cut: at MAX_LINE, or up to 3 bytes before it where a character of UTF-8 begins."""
    for end in range(MAX_LINE, MAX_LINE - 4, -1):
        if line[end] & 0xC0 != 0x80:  # not the middle of a character
            return end
    return MAX_LINE


def _text(line: bytes) -> str:
    return line.decode(errors="replace")
