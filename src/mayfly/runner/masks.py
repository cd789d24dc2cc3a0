"""Values that must never leave the machine, found in raw output at the speed of `bytes.find`.

A value is also looked for in the forms in which tools print it: each line of it, base64 at any
alignment, and escaped for URLs, JSON, XML and quoted strings.
"""

import base64
import json
import urllib.parse
from collections.abc import Collection, Iterable, Iterator
from xml.sax import saxutils

_MASK = b"***"
# Encoded forms shorter than this would hide ordinary words.
_MIN_ENCODED = 8


class Masker:
    """Knows the values and hides them; matches that overlap or touch become one mask."""

    def __init__(self, values: Iterable[str] = ()):
        # Their forms are made at first use, which is after the first step has started.
        self._added = list(values)
        self._made: dict[bytes, None] = {}

    def add(self, value: str) -> None:
        """Hide this value from now on; blank values are ignored."""
        self._added.append(value)

    @property
    def _needles(self) -> Collection[bytes]:
        while self._added:
            self._made.update(dict.fromkeys(_forms(self._added.pop())))
        return self._made

    def mask(self, data: bytes) -> bytes:
        """The data with every value replaced."""
        found = [needle for needle in self._needles if needle in data]
        if not found:
            return data
        return _masked(data, _merged(_occurrences(data, found)), len(data))

    def mask_text(self, text: str) -> str:
        return self.mask(as_bytes(text)).decode("utf-8", "replace")

    def holds_secret(self, text: str) -> bool:
        data = as_bytes(text)
        return any(needle in data for needle in self._needles)

    def mask_open(self, data: bytes) -> tuple[bytes, bytes]:
        """Mask data whose end is not known: what may be passed on, and what must be kept.

        The kept bytes, fewer than two of the longest value, are the beginning of the next call's
        data: a value may begin in them and end in what comes.
        """
        occurrences = sorted(_occurrences(data, self._needles))
        longest = max(map(len, self._needles), default=1)
        cut = max(0, len(data) - longest + 1)
        cut = min([cut, *(start for start, end in occurrences if start < cut < end)])
        return _masked(data, _merged(occurrences), cut), data[cut:]


def as_bytes(text: str) -> bytes:
    """The text as a tool would print it; bytes that were not UTF-8 come out as they went in."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can spell
        return text.encode("utf-8", "replace")


def _occurrences(data: bytes, needles: Iterable[bytes]) -> Iterator[tuple[int, int]]:
    for needle in needles:
        at = data.find(needle)
        while at >= 0:
            yield at, at + len(needle)
            at = data.find(needle, at + 1)


def _merged(occurrences: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    start = end = -1
    for first, last in sorted(occurrences):
        if first > end:
            if end > 0:
                yield start, end
            start, end = first, last
        else:
            end = max(end, last)
    if end > 0:
        yield start, end


def _masked(data: bytes, spans: Iterable[tuple[int, int]], cut: int) -> bytes:
    """`data[:cut]` with the spans in it replaced."""
    pieces: list[bytes] = []
    copied = 0
    for start, end in spans:
        if start >= cut:
            break
        pieces += (data[copied:start], _MASK)
        copied = end
    pieces.append(data[copied:cut])
    return b"".join(pieces)


def _forms(value: str) -> Iterator[bytes]:
    for line in [value.strip("\r\n"), *value.splitlines()]:
        if not line.strip():
            continue
        raw = as_bytes(line)
        if b"\n" not in raw:
            yield raw
        for encoded in (*_base64_forms(raw), *_escaped_forms(line)):
            if len(encoded) >= _MIN_ENCODED and encoded != raw and b"\n" not in encoded:
                yield encoded


def _base64_forms(raw: bytes) -> Iterator[bytes]:
    """What base64 makes of the value alone, and inside others: at each alignment, less edges."""
    yield base64.b64encode(raw).rstrip(b"=")
    for shift in range(3):
        usable = (shift + len(raw)) // 3 * 4
        encoded = base64.b64encode(b"\0" * shift + raw)[:usable]
        yield encoded[(0, 2, 3)[shift] :]


def _escaped_forms(line: str) -> Iterator[bytes]:
    text = line.encode("utf-8", "replace").decode("utf-8")
    forms = (
        urllib.parse.quote(text, safe=""),
        urllib.parse.quote_plus(text),
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        saxutils.escape(text),
        text.replace("'", "''"),
        text.replace("'", "'\\''"),
        text.strip('"'),
    )
    for form in forms:
        yield form.encode()
