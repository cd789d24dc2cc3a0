"""The view for terminals: one picture of all jobs, redrawn in place a few times a second."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from mayfly.cli.guest_text import shown
from mayfly.cli.live_screen import Moment, screen
from mayfly.cli.parity_view import print_parity
from mayfly.cli.report import print_report
from mayfly.domain.events import Event
from mayfly.domain.record import Record
from mayfly.parity.compare import Parity

_REDRAW_SECONDS = 0.125


class LiveView:
    """Events are only noted; a task draws, so that a flood of output costs nothing here."""

    def __init__(self, record: Record, console: Console | None = None):
        self._console = console or Console(highlight=False)
        self._record = record
        self._frame = 0
        self._notice = "Ctrl-C cancels"

    def introduce(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._console.print(Text(shown(line), style="dim"))

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
                await asyncio.gather(task, return_exceptions=True)

    def observe(self, event: Event) -> None:
        """The record has it already, and the next picture shows it."""

    def tell(self, text: str) -> None:
        """Say it in the last line from now on."""
        self._notice = text

    def report(self, parity: Parity | None) -> None:
        print_report(self._console, self._record)
        if parity is not None:
            print_parity(self._console, parity)
        if any(job.machine for job in self._record.jobs):
            self._console.print("Ctrl-C lets kept machines go.")

    def leave(self, exit_code: int) -> None:
        """The report has said it."""

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
