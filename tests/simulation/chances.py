"""Everything that is left to chance, from one seed."""

import asyncio
import random


class Chances:
    """`calm` ends all faults, not the choices of people."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.calm = False
        # Some worlds are rougher than others, each in its own way.
        self._rate = self.random.choice([0.0, 0.005, 0.02, 0.08])
        self._late_s = self.random.choice([0.0, 0.05, 0.5, 5.0])

    def fault(self, factor: float = 1.0) -> bool:
        """Whether something goes wrong here and now."""
        return not self.calm and self.random.random() < self._rate * factor

    async def delay(self) -> None:
        """An await at which anybody else may come first."""
        late = 0.0 if self.calm else self._late_s * self.random.random() ** 4
        await asyncio.sleep(late)
