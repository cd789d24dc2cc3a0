"""Tells who follows a server, beside the stream, that it is away, and that it is back."""

import asyncio

from mayfly.cli.terminal import say

_QUIET_S = 3.0  # a restart, or a lost connection, is over by then


class Outage:
    """Each outage is told once, as is its end, unless it was over before anybody would wonder.

    Used from one event loop; `close` at the end.
    """

    def __init__(self, url: str):
        self._url = url
        self._timer: asyncio.TimerHandle | None = None
        self._told = False

    def failed(self) -> None:
        """The server did not answer, or went away, and is tried again."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_QUIET_S, self._tell)

    def over(self) -> None:
        """The server has answered."""
        self.close()
        if self._told:
            self._told = False
            say(f"{self._url} answers again")

    def close(self) -> None:
        """Nothing is told any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self) -> None:
        self._told = True
        say(f"{self._url} does not answer; trying again")
