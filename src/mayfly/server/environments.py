"""Deployment environments: whether a job that names one may start, or what it waits for.

An environment that its project does not know is open, as on GitHub, where naming one makes it.
"""

import fnmatch
from dataclasses import dataclass

from mayfly.store.base import Tx
from mayfly.store.rows import EnvironmentRow, ReviewRow, RunRow


@dataclass(frozen=True, slots=True)
class Leave:
    """`granted`; else `refused` for good, or it waits, for a person or `until` some time."""

    granted: bool
    reason: str | None = None
    refused: bool = False
    until: float | None = None


GRANTED = Leave(granted=True)


def environment_id(project: str, name: str) -> str:
    return f"{project}/{name}".lower()


def leave_for(tx: Tx, run: RunRow, name: str | None, now: float) -> Leave:
    """Asks for a review when the first job of a run comes to an environment that wants one."""
    rules = tx.get(EnvironmentRow, environment_id(run.project, name)) if name else None
    if rules is None:
        return GRANTED
    if not _suits(run.branch, rules.branches):
        why = f"environment {rules.name!r} is only for branches {', '.join(rules.branches)}"
        return Leave(granted=False, reason=why, refused=True)
    review = _review(tx, run, rules, now)
    if review.approved is False:
        comment = f": {review.comment}" if review.comment else ""
        why = f"{review.by} rejected its use of environment {rules.name!r}{comment}"
        return Leave(granted=False, reason=why, refused=True)
    ready = review.asked + rules.wait_minutes * 60
    if now < ready:
        why = f"waits {rules.wait_minutes:g} minutes for environment {rules.name!r}"
        return Leave(granted=False, reason=why, until=ready)
    if rules.reviewers and review.approved is None:
        who = " or ".join(rules.reviewers)
        why = f"waits for {who} to approve environment {rules.name!r}"
        return Leave(granted=False, reason=why)
    return GRANTED


def _review(tx: Tx, run: RunRow, rules: EnvironmentRow, now: float) -> ReviewRow:
    key = f"{run.id}/{rules.name.lower()}"
    review = tx.get(ReviewRow, key)
    if review is None:
        review = ReviewRow(
            id=key, run=run.id, project=run.project, environment=rules.name, asked=now
        )
        tx.put(review)
    return review


def _suits(branch: str, patterns: tuple[str, ...]) -> bool:
    return not patterns or any(fnmatch.fnmatchcase(branch, pattern) for pattern in patterns)
