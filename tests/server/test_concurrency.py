"""Concurrency groups, as GitHub documents them."""

from collections.abc import Callable
from typing import TypeVar

import pytest
from tests.virtual_time import run_virtual

from mayfly.server.concurrency import ConcurrencyGroups, Verdict
from mayfly.store.memory import MemoryStore
from mayfly.store.rows import Holder

A, B, C = Holder("run 1"), Holder("run 2"), Holder("run 3", "job")
T = TypeVar("T")

GRANTED, WAIT = Verdict(granted=True), Verdict(granted=False)


class Groups:
    """Each call in a transaction of its own."""

    def __init__(self, project: str = "owner/name", store: MemoryStore | None = None):
        self.store = store or MemoryStore()
        self._project = project

    def ask(self, name: str, holder: Holder, **options: bool) -> Verdict:
        return self._in_groups(lambda groups: groups.ask(name, holder, **options))

    def owner(self, name: str) -> Holder | None:
        return self._in_groups(lambda groups: groups.owner(name))

    def release(self, holder: Holder) -> list[Holder]:
        return self._in_groups(lambda groups: groups.release(holder))

    def _in_groups(self, act: Callable[[ConcurrencyGroups], T]) -> T:
        project = self._project
        return run_virtual(
            lambda: self.store.serial(lambda tx: act(ConcurrencyGroups(tx, project)))
        )


@pytest.fixture
def groups() -> Groups:
    return Groups()


def test_projects_share_no_groups(groups: Groups) -> None:
    other = Groups("another/project", groups.store)
    groups.ask("deploy", A, cancel_in_progress=False)
    assert other.ask("deploy", B, cancel_in_progress=False) == GRANTED
    other.release(B)
    assert groups.owner("deploy") == A


def test_one_holder_at_a_time(groups: Groups) -> None:
    assert groups.ask("g", A, cancel_in_progress=False) == GRANTED
    assert groups.ask("g", B, cancel_in_progress=False) == WAIT
    assert groups.ask("h", B, cancel_in_progress=False) == GRANTED


def test_asking_again_changes_nothing(groups: Groups) -> None:
    groups.ask("g", A, cancel_in_progress=True)
    groups.ask("g", B, cancel_in_progress=True)
    assert groups.ask("g", A, cancel_in_progress=True) == GRANTED
    assert groups.ask("g", B, cancel_in_progress=True) == WAIT


def test_names_compare_without_case(groups: Groups) -> None:
    groups.ask("Deploy", A, cancel_in_progress=False)
    assert groups.ask("deploy", B, cancel_in_progress=False) == WAIT
    assert groups.owner("DEPLOY") == A


def test_a_newer_one_displaces_the_one_that_waits(groups: Groups) -> None:
    groups.ask("g", A, cancel_in_progress=False)
    groups.ask("g", B, cancel_in_progress=False)
    assert groups.ask("g", C, cancel_in_progress=False) == Verdict(granted=False, displaced=(B,))


def test_cancel_in_progress_cancels_both(groups: Groups) -> None:
    groups.ask("g", A, cancel_in_progress=False)
    groups.ask("g", B, cancel_in_progress=False)
    verdict = groups.ask("g", C, cancel_in_progress=True)
    assert verdict == Verdict(granted=False, cancel=A, displaced=(B,))


def test_the_one_that_waits_comes_next(groups: Groups) -> None:
    groups.ask("g", A, cancel_in_progress=False)
    groups.ask("g", B, cancel_in_progress=False)
    groups.release(A)
    assert groups.owner("g") == B
    groups.release(B)
    assert groups.owner("g") is None
    assert groups.ask("g", C, cancel_in_progress=False) == GRANTED


def test_releasing_gives_up_waiting_too(groups: Groups) -> None:
    groups.ask("g", A, cancel_in_progress=False)
    groups.ask("g", B, cancel_in_progress=False)
    groups.release(B)
    groups.release(A)
    assert groups.owner("g") is None


def test_the_patient_wait_their_turn(groups: Groups) -> None:
    groups.ask("g", A, cancel_in_progress=False, patient=True)
    assert groups.ask("g", B, cancel_in_progress=False, patient=True) == WAIT
    assert groups.ask("g", C, cancel_in_progress=False, patient=True) == WAIT
    owners = []
    for _ in range(3):
        owner = groups.owner("g")
        assert owner is not None
        owners.append(owner)
        groups.release(owner)
    assert owners == [A, B, C]


def test_the_impatient_displace_all_who_wait(groups: Groups) -> None:
    for holder in (A, B, C):
        groups.ask("g", holder, cancel_in_progress=False, patient=True)
    verdict = groups.ask("g", Holder("run 4"), cancel_in_progress=False)
    assert verdict == Verdict(granted=False, displaced=(B, C))
