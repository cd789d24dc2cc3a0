"""What to do about runners: their names, their registrations, their ends. Pure.

GitHub's view is advice. It lists with a delay, calls a runner idle in the middle of its job and
forgets registrations; so nothing is concluded from one look, and what a machine says of itself
counts more.
"""

import enum
import hashlib
import re
from collections.abc import Iterable, Set
from dataclasses import dataclass, field

from mayfly.domain.errors import InvalidInput
from mayfly.forges.github.errors import GitHubError, NameTaken, RateLimited, ServerTrouble
from mayfly.forges.github.model import Runner

MAX_NAME = 64  # characters; GitHub's own bound
MAX_TRIES = 5
_FIRST_BACKOFF = 2.0  # seconds
_PREFIX = re.compile(r"[a-z0-9]{1,24}")
_NAME = re.compile(r"[A-Za-z0-9_.-]+")


class Names:
    """Our runners' names. Each installation of Mayfly needs a prefix of its own."""

    def __init__(self, prefix: str):
        """Letters and digits only: none is the beginning of another. Raises InvalidInput."""
        if _PREFIX.fullmatch(prefix) is None:
            raise InvalidInput(
                f"{prefix!r} cannot begin the names of runners",
                remedy="use 1 to 24 lower-case letters and digits",
            )
        self._prefix = prefix

    def of(self, job: str, attempt: int) -> str:
        """The same for the same attempt, so that what a crash leaves registered is known."""
        name = f"{self._prefix}-{job}-{attempt}"
        if len(name) <= MAX_NAME and _NAME.fullmatch(job):
            return name
        return f"{self._prefix}-{hashlib.sha256(job.encode()).hexdigest()[:24]}-{attempt}"

    def owns(self, name: str) -> bool:
        return name.startswith(f"{self._prefix}-")


@dataclass(frozen=True, slots=True)
class Doubts:
    """What a look at the registrations made suspicious: ids to remove, names that were missing."""

    ghosts: frozenset[int] = frozenset()
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Comparison:
    """`remove`: registrations without a machine. `gone`: machines whose registration is no more.

    `doubts` goes into the next comparison.
    """

    remove: tuple[Runner, ...]
    gone: frozenset[str]
    doubts: Doubts = field(default_factory=Doubts)


def compare(
    listed: Iterable[Runner], *, names: Names, live: Set[str], registered: Set[str], before: Doubts
) -> Comparison:
    """Two-way, and only what was so twice in a row.

    `live`: names of machines that are there or are being made, from the moment they are intended.
    `registered`: those of them that have got a registration and are not known to run a job.
    Removed is only what bears our name, is offline, and has no machine.
    """
    all_listed = tuple(listed)
    ghosts = tuple(
        runner
        for runner in all_listed
        if names.owns(runner.name) and not runner.online and runner.name not in live
    )
    missing = frozenset(registered - {runner.name for runner in all_listed})
    return Comparison(
        remove=tuple(runner for runner in ghosts if runner.id in before.ghosts),
        gone=missing & before.missing,
        doubts=Doubts(frozenset(runner.id for runner in ghosts), missing),
    )


@dataclass(frozen=True, slots=True)
class Again:
    """Register again `at` that time; with `remove_first` what has the name goes before."""

    at: float
    remove_first: bool = False


@dataclass(frozen=True, slots=True)
class GiveUp:
    """It would be refused again; the job cannot be served now, for that reason."""

    reason: str


def after_refusal(error: GitHubError, tries: int, now: float) -> Again | GiveUp:
    """What follows a registration that failed for the `tries`-th time, counting from 1.

    Being limited is no failure: it is waited for however often it happens.
    """
    if isinstance(error, RateLimited):
        return Again(max(error.until, now))
    if tries >= MAX_TRIES or not isinstance(error, (NameTaken, ServerTrouble)):
        return GiveUp(f"{error.message}; {error.remedy}" if error.remedy else error.message)
    if isinstance(error, NameTaken):
        return Again(now, remove_first=True)
    return Again(now + _FIRST_BACKOFF * 2 ** (tries - 1))


class Next(enum.Enum):
    """What follows the end of GitHub's runner in a machine."""

    DONE = enum.auto()
    RELAUNCH = enum.auto()
    """Start it again in the same machine, with the same configuration."""
    REPLACE = enum.auto()
    """This machine serves nothing any more; another with a new registration may."""
    STOP_LAUNCHING = enum.auto()
    """The image's runner is too old: none of its machines can serve a job. Raise the alarm."""


@dataclass(frozen=True, slots=True)
class End:
    next: Next
    reason: str


def after_exit(code: int, *, ran_job: bool) -> End:
    """By the exit code of `bin/Runner.Listener run`; negative or above 128 is a signal."""
    if code == 0:
        return End(Next.DONE, "done") if ran_job else End(Next.REPLACE, "it ended without a job")
    return _ENDS.get(code, End(Next.REPLACE, f"GitHub's runner ended with code {code}"))


_ENDS = {
    1: End(Next.REPLACE, "GitHub ended the runner: its registration is no more"),
    2: End(Next.RELAUNCH, "GitHub's runner ended with an error that passes"),
    3: End(Next.RELAUNCH, "GitHub's runner updates itself: the image has an old one"),
    4: End(Next.RELAUNCH, "GitHub's runner updates itself: the image has an old one"),
    5: End(Next.REPLACE, "another runner uses the same registration"),
    7: End(Next.STOP_LAUNCHING, "GitHub's runner in the image is too old to be given jobs"),
}
