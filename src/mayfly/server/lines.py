"""Raw output to lines, in order, whatever pieces it comes in."""

MAX_LINE = 64 * 1024


class LineSplitter:
    """One step's output; a line longer than MAX_LINE bytes comes in parts."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> tuple[str, ...]:
        """The lines that are whole now."""
        whole, newline, rest = (self._rest + data).rpartition(b"\n")
        lines = _decoded(whole) if newline else []
        while len(rest) > MAX_LINE:
            lines.append(rest[:MAX_LINE].decode(errors="replace"))
            rest = rest[MAX_LINE:]
        self._rest = rest
        return tuple(lines)

    def flush(self) -> tuple[str, ...]:
        """The last line, if it had no end."""
        rest, self._rest = self._rest, b""
        return (rest.decode(errors="replace"),) if rest else ()


def _decoded(whole: bytes) -> list[str]:
    text = whole.decode(errors="replace")
    return text.replace("\r\n", "\n").split("\n")
