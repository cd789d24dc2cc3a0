"""Concurrency groups, as GitHub documents them."""

from mayfly.server.concurrency import ConcurrencyGroups, Verdict

A, B, C = ("run 1", ""), ("run 2", ""), ("run 3", "job")
GRANTED, WAIT = Verdict(granted=True), Verdict(granted=False)


def test_one_holder_at_a_time() -> None:
    groups = ConcurrencyGroups()
    assert groups.ask("g", A, cancel_in_progress=False) == GRANTED
    assert groups.ask("g", B, cancel_in_progress=False) == WAIT
    assert groups.ask("h", B, cancel_in_progress=False) == GRANTED


def test_asking_again_changes_nothing() -> None:
    groups = ConcurrencyGroups()
    groups.ask("g", A, cancel_in_progress=True)
    groups.ask("g", B, cancel_in_progress=True)
    assert groups.ask("g", A, cancel_in_progress=True) == GRANTED
    assert groups.ask("g", B, cancel_in_progress=True) == WAIT


def test_names_compare_without_case() -> None:
    groups = ConcurrencyGroups()
    groups.ask("Deploy", A, cancel_in_progress=False)
    assert groups.ask("deploy", B, cancel_in_progress=False) == WAIT
    assert groups.owner("DEPLOY") == A


def test_a_newer_one_displaces_the_one_that_waits() -> None:
    groups = ConcurrencyGroups()
    groups.ask("g", A, cancel_in_progress=False)
    groups.ask("g", B, cancel_in_progress=False)
    assert groups.ask("g", C, cancel_in_progress=False) == Verdict(granted=False, displaced=(B,))


def test_cancel_in_progress_cancels_both() -> None:
    groups = ConcurrencyGroups()
    groups.ask("g", A, cancel_in_progress=False)
    groups.ask("g", B, cancel_in_progress=False)
    verdict = groups.ask("g", C, cancel_in_progress=True)
    assert verdict == Verdict(granted=False, cancel=A, displaced=(B,))


def test_the_one_that_waits_comes_next() -> None:
    groups = ConcurrencyGroups()
    groups.ask("g", A, cancel_in_progress=False)
    groups.ask("g", B, cancel_in_progress=False)
    groups.release(A)
    assert groups.owner("g") == B
    groups.release(B)
    assert groups.owner("g") is None
    assert groups.ask("g", C, cancel_in_progress=False) == GRANTED


def test_releasing_gives_up_waiting_too() -> None:
    groups = ConcurrencyGroups()
    groups.ask("g", A, cancel_in_progress=False)
    groups.ask("g", B, cancel_in_progress=False)
    groups.release(B)
    groups.release(A)
    assert groups.owner("g") is None


def test_the_patient_wait_their_turn() -> None:
    groups = ConcurrencyGroups()
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


def test_the_impatient_displace_all_who_wait() -> None:
    groups = ConcurrencyGroups()
    for holder in (A, B, C):
        groups.ask("g", holder, cancel_in_progress=False, patient=True)
    verdict = groups.ask("g", ("run 4", ""), cancel_in_progress=False)
    assert verdict == Verdict(granted=False, displaced=(B, C))
