"""What all parts of the stand-in share: time, chance, and what is to go wrong."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.standins.github.faults import Faults
from tests.standins.github.timers import Timers


@dataclass(frozen=True)
class Setting:
    clock: Callable[[], float]
    rng: random.Random
    faults: Faults
    timers: Timers

    def chance(self, odds: float) -> bool:
        """Draws only if it matters, so that what is off does not change what follows."""
        return odds > 0 and self.rng.random() < odds
