"""What commands that talk to a server share: the option, one question and its answer, tables."""

import asyncio
import json as jsonlib
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from mayfly.cli.guest_text import shown
from mayfly.cli.home import writable_home
from mayfly.cli.servers import choose_account
from mayfly.cli.terminal import paint, put, wants_colour
from mayfly.cli.words import STATE_MARKS, duration
from mayfly.domain.job import JobState

if TYPE_CHECKING:
    from mayfly.cli.client import Client  # httpx takes long to import

T = TypeVar("T")

Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help="The server; by default MAYFLY_SERVER, or that of the last `mayfly login`.",
        show_default=False,
    ),
]

_PAGE = 200
_GAP = "  "


def ask(server: str | None, question: "Callable[[Client], Awaitable[T]]") -> T:
    """The answer of a server that the person is signed in to."""

    from mayfly.cli.client import Client

    async def asked() -> T:
        async with Client(choose_account(writable_home(), server)) as client:
            return await question(client)

    return asyncio.run(asked())


async def all_pages(client: "Client", path: str, limit: int, **query: Any) -> list[dict[str, Any]]:
    """Up to `limit` items of a list, page by page."""
    items: list[dict[str, Any]] = []
    after: str | None = None
    while len(items) < limit:
        page = await client.get(path, limit=min(_PAGE, limit - len(items)), after=after, **query)
        items += page["items"]
        after = page["next"]
        if after is None:
            break
    return items


def put_json(value: Any) -> None:
    put(jsonlib.dumps(value, indent=2))


def put_table(columns: Sequence[str], rows: Sequence[Sequence[str]], nothing: str) -> None:
    """Columns as wide as what is in them; `nothing` is said where there are no rows."""
    if not rows:
        put(nothing)
        return
    cells = [[shown(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    bold = wants_colour(sys.stdout)
    put(paint(_line(columns, widths), "bold", colour=bold))
    for row in cells:
        put(_line(row, widths))


def state_text(state: str) -> str:
    """A job's state with the mark that views give it."""
    known = JobState(state)
    return f"{STATE_MARKS[known].symbol} {known.value.replace('_', ' ')}"


def ago(moment: float | None) -> str:
    return "" if moment is None else f"{duration(max(0.0, time.time() - moment))} ago"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()
