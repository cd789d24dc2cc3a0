"""A project's deployment environments, and the word of their reviewers."""

from collections.abc import Sequence
from dataclasses import replace

from mayfly.domain.errors import InvalidInput
from mayfly.server.environments import environment_id
from mayfly.server.people.audit import Author, note
from mayfly.server.people.values import forget_values, of_environment
from mayfly.server.refusals import Conflict, Forbidden, NotFound
from mayfly.store.base import FLEET, Tx
from mayfly.store.people import UserRow
from mayfly.store.rows import EnvironmentRow, ReviewRow, RunRow


def set_environment(
    tx: Tx,
    author: Author,
    project: str,
    name: str,
    *,
    reviewers: Sequence[str],
    wait_minutes: float,
    branches: Sequence[str],
    prevent_self_review: bool,
) -> EnvironmentRow:
    """What waits already keeps to the new rules."""
    unknown = [user for user in reviewers if tx.get(UserRow, user) is None]
    if unknown:
        raise InvalidInput(f"there is no user {', '.join(unknown)} to review")
    row = EnvironmentRow(
        id=environment_id(project, name),
        project=project,
        name=name,
        reviewers=tuple(dict.fromkeys(reviewers)),
        wait_minutes=wait_minutes,
        branches=tuple(branches),
        prevent_self_review=prevent_self_review,
    )
    if tx.get(EnvironmentRow, row.id) == row:
        return row
    tx.put(row)
    note(
        tx,
        author,
        "environment.set",
        name,
        project=project,
        reviewers=list(row.reviewers),
        wait_minutes=wait_minutes,
        branches=list(row.branches),
        prevent_self_review=prevent_self_review,
    )
    return row


def remove_environment(tx: Tx, author: Author, project: str, name: str) -> None:
    """Jobs that name it may start then without asking; its secrets and variables are gone."""
    row = of_environment(tx, project, name)
    forget_values(tx, row)
    tx.delete(EnvironmentRow, row.id)
    note(tx, author, "environment.remove", name, project=project)


def decide(
    tx: Tx, author: Author, run: RunRow, environment: str, *, approved: bool, comment: str
) -> ReviewRow:
    """A reviewer's word on a run; the caller then brings the run forward.

    Raises NotFound, Conflict once it was said, Forbidden for who is no reviewer.
    """
    review = tx.get(ReviewRow, f"{run.id}/{environment.lower()}")
    if review is None:
        raise NotFound(f"run {run.id} does not ask for environment {environment}")
    if review.approved is not None:
        word = "approved" if review.approved else "rejected"
        raise Conflict(f"{review.by} {word} it already")
    if run.conclusion is not None:
        raise Conflict(f"run {run.id} is over")
    rules = tx.get(EnvironmentRow, environment_id(run.project, environment))
    refuse_stranger(author.actor, rules, run)
    said = replace(review, approved=approved, by=author.actor, at=author.at, comment=comment)
    tx.put(said)
    action = "review.approve" if approved else "review.reject"
    note(tx, author, action, environment, project=run.project, run=run.id, comment=comment)
    tx.announce(FLEET)
    return said


def refuse_stranger(user: str, rules: EnvironmentRow | None, run: RunRow) -> None:
    """Administrators have no word either, unless they make themselves reviewers: that is audited.

    Raises Forbidden.
    """
    if rules is None or user not in rules.reviewers:
        who = " or ".join(rules.reviewers) if rules else ""
        raise Forbidden(
            f"{user} is no reviewer of this environment",
            remedy=f"ask {who}" if who else "it has no reviewers (any more)",
        )
    if rules.prevent_self_review and user == run.actor:
        raise Forbidden(f"{user} started this run, and may not approve it")
