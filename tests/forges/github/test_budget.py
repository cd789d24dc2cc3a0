"""What may be asked when, by the limits and by what answers tell."""

import random

import pytest

from mayfly.forges.github.answers import Limits
from mayfly.forges.github.budget import Budget, Kind, Window, registrations

NOW = 1_700_000_000.0


def spend(budget: Budget, kind: Kind, now: float, most: int) -> int:
    """How many of that kind are let through at once."""
    for count in range(most):
        if budget.take(kind, now) > 0:
            return count
        budget.answered(None)
    return most


def test_a_window_lets_no_minute_have_more_than_its_limit() -> None:
    rng = random.Random(1)
    window = Window(10)
    now, taken = 0.0, []
    for _ in range(500):
        wait = window.wait(1, now)
        if wait == 0:
            window.take(1, now)
            taken.append(now)
            now += rng.choice((0.0, 0.5, 5.0))
        else:
            assert 0 < wait <= 60
            now += wait
    for end in taken:
        assert sum(end - 60 < at <= end for at in taken) <= 10


def test_a_window_waits_no_longer_than_it_must() -> None:
    window = Window(2)
    window.take(1, 0.0)
    window.take(1, 10.0)
    assert window.wait(1, 20.0) == 40.0
    assert window.wait(2, 20.0) == 50.0
    assert window.wait(1, 60.0) == 0.0


def test_polls_leave_a_fifth_of_a_minute_and_of_an_hour_to_what_must_be_done() -> None:
    budget = Budget(registrations())
    assert spend(budget, Kind.POLL, NOW, 5000) == 720
    assert spend(budget, Kind.READ, NOW, 5000) == 180
    budget = Budget(registrations())
    budget.take(Kind.READ, NOW)
    budget.answered(Limits("core", 5000, 1002, NOW + 600))
    assert spend(budget, Kind.POLL, NOW, 10) == 2
    assert budget.take(Kind.POLL, NOW) == 600
    assert budget.take(Kind.WRITE, NOW) == 0


def test_writes_cost_five_points() -> None:
    assert spend(Budget(registrations()), Kind.WRITE, NOW, 900) == 180


def test_installations_share_the_registrations_of_their_app() -> None:
    shared = registrations()
    first, second = Budget(shared), Budget(shared)
    assert spend(first, Kind.REGISTER, NOW, 100) == 100
    assert spend(second, Kind.REGISTER, NOW + 20, 100) == 70
    assert second.take(Kind.REGISTER, NOW + 20) == 40
    assert second.take(Kind.WRITE, NOW + 20) == 0


def test_an_hour_ends_when_github_says() -> None:
    budget = Budget(registrations())
    budget.take(Kind.READ, NOW)
    budget.answered(Limits("core", 15000, 0, NOW + 100))
    assert budget.take(Kind.READ, NOW) == 100
    assert budget.take(Kind.READ, NOW + 99) == pytest.approx(1)
    assert spend(budget, Kind.READ, NOW + 100, 200) == 200


def test_answers_do_not_know_of_requests_under_way() -> None:
    budget = Budget(registrations())
    for _ in range(4):
        budget.take(Kind.READ, NOW)
    budget.answered(Limits("core", 5000, 5, NOW + 100))
    assert spend(budget, Kind.READ, NOW, 10) == 2


def test_a_limit_of_registrations_stops_only_these() -> None:
    budget = Budget(registrations())
    budget.take(Kind.REGISTER, NOW)
    budget.answered(Limits("actions_runner_registration", 10_000, 0, NOW + 100))
    assert budget.take(Kind.REGISTER, NOW) == 100
    assert budget.take(Kind.WRITE, NOW) == 0


def test_what_github_forbids_is_not_asked() -> None:
    budget = Budget(registrations())
    budget.block(NOW + 60)
    budget.block(NOW + 30)
    assert budget.take(Kind.WRITE, NOW) == 60
    assert budget.take(Kind.WRITE, NOW + 60) == 0
