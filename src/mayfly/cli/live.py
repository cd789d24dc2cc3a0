"""The view for terminals: one picture of all jobs, redrawn in place a few times a second."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from rich.console import Console, Group
from rich.live import Live

from mayfly.cli.live_screen import Moment, screen
from mayfly.domain.events import Event
from mayfly.domain.record import Record

_REDRAW_SECONDS = 0.125


class LiveView:
    """Events are only noted; a task draws, so that a flood of output costs nothing here."""

    def __init__(self, console: Console, record: Record):
        self._console = console
        self._record = record
        self._frame = 0
        self._notice = "Ctrl-C cancels"

    def observe(self, event: Event) -> None:
        """The record has taken it in already."""

    def tell(self, text: str) -> None:
        """Say it in the last line from now on."""
        self._notice = text

    @contextlib.asynccontextmanager
    async def drawing(self) -> AsyncIterator[None]:
        """Shows the picture while the block runs, and takes it away afterwards."""
        with Live(
            self._picture(), console=self._console, auto_refresh=False, transient=True
        ) as live:
            task = asyncio.create_task(self._redraw(live))
            try:
                yield
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def _redraw(self, live: Live) -> None:
        while True:
            live.update(self._picture(), refresh=True)
            self._frame += 1
            await asyncio.sleep(_REDRAW_SECONDS)

    def _picture(self) -> Group:
        width, height = self._console.size
        # The last line and column stay free: some terminals scroll or wrap there.
        moment = Moment(time.time(), width - 1, max(2, height - 1), self._frame, self._notice)
        return Group(*screen(self._record, moment))
