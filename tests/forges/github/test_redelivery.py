"""Which webhooks are asked for again."""

from mayfly.forges.github.client import Attempt
from mayfly.forges.github.redelivery import GRACE, HORIZON, MAX_ATTEMPTS, to_redeliver

NOW = 1_700_000_000.0
OURS = {"workflow_job"}


def attempt(
    id_: int, guid: str, age: float = 600.0, *, delivered: bool = False, event: str = "workflow_job"
) -> Attempt:
    return Attempt(id_, guid, event, NOW - age, redelivery=False, delivered=delivered)


def test_what_did_not_arrive_is_asked_for_by_its_last_attempt_the_oldest_first() -> None:
    attempts = [
        attempt(5, "b", 100),
        attempt(4, "a", 200),
        attempt(3, "here", 300),
        attempt(2, "a", 400),
    ]
    assert to_redeliver(attempts, {"here"}, OURS, NOW) == (4, 5)


def test_what_github_takes_for_delivered_but_is_not_here_was_lost() -> None:
    assert to_redeliver([attempt(1, "a", delivered=True)], set(), OURS, NOW) == (1,)


def test_what_may_still_come_or_is_too_old_is_left() -> None:
    attempts = [attempt(1, "new", GRACE - 1), attempt(2, "old", HORIZON + 1)]
    assert to_redeliver(attempts, set(), OURS, NOW) == ()


def test_events_nobody_listens_to_are_left() -> None:
    assert to_redeliver([attempt(1, "a", event="star")], set(), OURS, NOW) == ()


def test_what_fails_again_and_again_is_given_up() -> None:
    tries = [attempt(number, "a", 1000.0 - number) for number in range(1, MAX_ATTEMPTS + 1)]
    assert to_redeliver(tries[:-1], set(), OURS, NOW) == (MAX_ATTEMPTS - 1,)
    assert to_redeliver(tries, set(), OURS, NOW) == ()
