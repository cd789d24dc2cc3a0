"""How long a job is expected to take: from how long such jobs took that succeeded before.

What is known is kept at three levels, from the job itself to its project; whoever keeps it asks
`expect` when a job is queued and hands what `learn` gives to the next when one has succeeded.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from mayfly.domain.architecture import Architecture

DEFAULT_EXPECTED_S = 600.0
"""Of a job that nothing is known of."""

REMEMBERED = 10
"""How many durations are kept of each level: a job that has changed is soon known anew."""

_QUANTILE = 0.75
"""Too long a guess leaves a gap unused, too short a one makes a large job wait: so not the middle,
nor the longest, which is an accident more often than not."""

Level = tuple[str, ...]
Seconds = tuple[float, ...]
"""The latest last."""

Known = Mapping[Level, Seconds]


@dataclass(frozen=True, slots=True)
class Work:
    """What is the same of a job each time it runs; the architecture is the one it runs as."""

    project: str
    workflow: str
    name: str
    architecture: Architecture

    @property
    def levels(self) -> tuple[Level, ...]:
        """The narrowest first: the job, its workflow, its project."""
        return (
            (self.project, self.workflow, self.name, self.architecture.value),
            (self.project, self.workflow),
            (self.project,),
        )


def expect(known: Known, works: Collection[Work], *, guess_s: float, at_most_s: float) -> float:
    """Seconds, never more than `at_most_s`; `guess_s` if nothing is known.

    `works` are several for a job whose architecture is not decided yet: the longest counts.
    """
    for level in zip(*(work.levels for work in works), strict=True):
        found = [_upper(seconds) for one in level if (seconds := known.get(one))]
        if found:
            return min(max(found), at_most_s)
    return min(guess_s, at_most_s)


def learn(known: Known, work: Work, took_s: float) -> dict[Level, Seconds]:
    """What is known of the levels that change when such a job has succeeded.

    A wider level hears of jobs until the narrower one knows enough. So it tells how long those
    take that little is known of, which are the ones it is asked about; and as a rule one changes.
    """
    changed: dict[Level, Seconds] = {}
    for level in work.levels:
        before = known.get(level, ())
        changed[level] = (*before, round(took_s, 1))[-REMEMBERED:]
        if len(before) >= REMEMBERED:
            break
    return changed


def _upper(seconds: Seconds) -> float:
    return sorted(seconds)[math.ceil(_QUANTILE * len(seconds)) - 1]
