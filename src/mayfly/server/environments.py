"""Deployment environments: whether a job that names one may start, and what it then gets.

An environment that its project does not know is open, as on GitHub, where naming one makes it.
"""

import fnmatch
from dataclasses import dataclass

from mayfly.store.base import Tx
from mayfly.store.people import SecretRow, VariableRow
from mayfly.store.rows import EnvironmentRow, ReviewRow, RunRow
from mayfly.workflow.planned import EnvironmentValues

_HEADS, _TAGS = "refs/heads/", "refs/tags/"


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


def values_of(tx: Tx, project: str, name: str | None) -> dict[str, EnvironmentValues]:
    """What an environment has for jobs that name it, by its name in lower case, if anything.

    Only for those that have leave to use it.
    """
    if not name:
        return {}
    key = name.lower()
    secrets = tx.find(SecretRow, project=project, environment=key)
    variables = tx.find(VariableRow, project=project, environment=key)
    if not secrets and not variables:
        return {}
    values = EnvironmentValues(
        {row.name: row.value for row in secrets}, {row.name: row.value for row in variables}
    )
    return {key: values}


def leave_for(tx: Tx, run: RunRow, name: str | None, now: float) -> Leave:
    """Asks for a review when the first job of a run comes to an environment that wants one."""
    rules = tx.get(EnvironmentRow, environment_id(run.project, name)) if name else None
    if rules is None:
        return GRANTED
    if why := _elsewhere(run, rules):
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


def _elsewhere(run: RunRow, rules: EnvironmentRow) -> str | None:
    """Why the rules for branches keep a run out.

    What counts is the ref that a server fetched: a clone's branch is its sender's word.
    """
    if not rules.branches:
        return None
    only = f"environment {rules.name!r} is only for branches {', '.join(rules.branches)}"
    if not run.proven_ref:
        return f"{only}, and this run was sent as a clone, which proves no branch: push instead"
    tried = run.proven_ref.removeprefix(_HEADS)
    if tried.startswith(_TAGS):
        tried = f"tag:{tried.removeprefix(_TAGS)}"  # which no branch can be called
    if any(fnmatch.fnmatchcase(tried, pattern) for pattern in rules.branches):
        return None
    return f"{only}, and this run is of {tried}"
