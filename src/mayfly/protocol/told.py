"""What a follower of runs is told over HTTP: each event of their journals, once and in order.

    GET …/events?after=<place>     server-sent events: `id` is the place, `data` a Told as JSON
    event: end                     all is told; do not come back

A place names the last number seen of each run, in the order of their ids: `12`, or `12.0.3` of
three runs. Whoever comes back with it misses nothing and gets nothing twice.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mayfly.protocol.codec import DecodeError
from mayfly.protocol.reports import Tagged

END = "end"

_PLACE = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,15})*")


@dataclass(frozen=True, slots=True)
class Told:
    """`job` is the id of the job that the event is about, if it is about one."""

    run: str
    job: str | None
    event: Tagged


def place_text(numbers: Iterable[int]) -> str:
    return ".".join(str(number) for number in numbers)


def read_place(text: str, runs: int) -> tuple[int, ...]:
    """A number for each run; the empty text is the beginning. Raises DecodeError."""
    if not text:
        return (0,) * runs
    numbers = tuple(int(part) for part in text.split(".")) if _PLACE.fullmatch(text) else ()
    if len(numbers) != runs:
        raise DecodeError("after", f"expected {runs} numbers with dots between, got {text[:80]!r}")
    return numbers
