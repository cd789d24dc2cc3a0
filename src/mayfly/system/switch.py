"""Something that is on or off, and can be waited for."""

from mayfly.system.changes import Changes


class Switch:
    """Off at first."""

    def __init__(self) -> None:
        self.on = False
        self._changes = Changes()

    def turn(self, *, on: bool) -> None:
        self.on = on
        self._changes.announce()

    async def until(self, *, on: bool) -> None:
        """Returns at once if it is so."""
        while self.on is not on:
            await self._changes.wait()
