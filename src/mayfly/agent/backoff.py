"""Pauses between tries that grow, and differ from host to host."""

import asyncio
import random


class Backoff:
    """Pauses of `first_s` seconds that double up to `most_s`, each shortened by chance."""

    def __init__(self, first_s: float = 0.1, most_s: float = 10.0):
        self._first_s = first_s
        self._most_s = most_s
        self._next_s = first_s

    def next(self) -> float:
        """How long to wait now, in seconds."""
        pause_s = self._next_s * random.uniform(0.5, 1)  # noqa: S311 (spreads load, no secret)
        self._next_s = min(self._most_s, self._next_s * 2)
        return pause_s

    async def pause(self) -> None:
        await asyncio.sleep(self.next())

    def reset(self) -> None:
        """It went well."""
        self._next_s = self._first_s
