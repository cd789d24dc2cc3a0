"""Decisions about registrations."""

import pytest

from mayfly.domain.errors import InvalidInput
from mayfly.forges.github import errors
from mayfly.forges.github.model import Runner
from mayfly.forges.github.runners import (
    MAX_TRIES,
    Again,
    Doubts,
    GiveUp,
    Names,
    Next,
    after_exit,
    after_refusal,
    compare,
)

NAMES = Names("mayfly7")
NOW = 1_700_000_000.0


def runner(id_: int, name: str, *, online: bool = False) -> Runner:
    return Runner(id_, name, online=online, busy=False, labels=())


def test_names_tell_the_attempt_and_whose_it_is() -> None:
    assert NAMES.of("123.build", 2) == "mayfly7-123.build-2"
    assert NAMES.of("123.build", 2) != NAMES.of("123.build", 3)
    assert NAMES.owns(NAMES.of("123.build", 2))
    assert not Names("mayfly").owns(NAMES.of("1", 1))
    assert not NAMES.owns("mayfly70-1-1")


def test_names_that_github_would_refuse_are_made_fit() -> None:
    names = [NAMES.of(job, 12) for job in ("x" * 80, "x" * 81, "a/b", "a b", "ä")]
    assert len(set(names)) == len(names)
    for name in names:
        assert len(name) <= 64
        assert name.isascii()
        assert NAMES.owns(name)
        assert name.endswith("-12")


@pytest.mark.parametrize("prefix", ["", "a-b", "A", "x" * 25])
def test_prefixes_that_could_be_mixed_up_are_refused(prefix: str) -> None:
    with pytest.raises(InvalidInput):
        Names(prefix)


def test_only_our_offline_runners_without_a_machine_are_ghosts_and_only_the_second_time() -> None:
    listed = [
        runner(1, "mayfly7-dead-1"),
        runner(2, "mayfly7-live-1"),
        runner(3, "mayfly7-strange-1", online=True),
        runner(4, "another-1-1"),
    ]
    first = compare(listed, names=NAMES, live={"mayfly7-live-1"}, registered=set(), before=Doubts())
    assert first.remove == ()
    second = compare(
        listed, names=NAMES, live={"mayfly7-live-1"}, registered=set(), before=first.doubts
    )
    assert [each.id for each in second.remove] == [1]


def test_a_ghost_that_was_seen_alive_in_between_is_none() -> None:
    dead, alive = [runner(1, "mayfly7-a-1")], [runner(1, "mayfly7-a-1", online=True)]
    doubts = Doubts()
    for listed in (dead, alive, dead):
        result = compare(listed, names=NAMES, live=set(), registered=set(), before=doubts)
        assert result.remove == ()
        doubts = result.doubts


def test_a_registration_that_is_missing_twice_is_gone() -> None:
    live = {"mayfly7-a-1", "mayfly7-b-1"}
    registered = {"mayfly7-a-1"}
    first = compare([], names=NAMES, live=live, registered=registered, before=Doubts())
    assert first.gone == frozenset()
    second = compare([], names=NAMES, live=live, registered=registered, before=first.doubts)
    assert second.gone == {"mayfly7-a-1"}
    back = compare(
        [runner(1, "mayfly7-a-1")],
        names=NAMES,
        live=live,
        registered=registered,
        before=first.doubts,
    )
    assert back.gone == frozenset()


def test_a_taken_name_is_freed_and_tried_again() -> None:
    assert after_refusal(errors.NameTaken("taken"), 1, NOW) == Again(NOW, remove_first=True)


def test_limits_are_waited_for_however_often() -> None:
    error = errors.RateLimited("slow down", NOW + 90)
    assert after_refusal(error, MAX_TRIES + 10, NOW) == Again(NOW + 90)
    assert after_refusal(errors.RateLimited("old", NOW - 90), 1, NOW) == Again(NOW)


def test_trouble_is_waited_for_longer_each_time_but_not_for_ever() -> None:
    waits = []
    for tries in range(1, MAX_TRIES):
        again = after_refusal(errors.ServerTrouble("502"), tries, NOW)
        assert isinstance(again, Again)
        waits.append(again.at - NOW)
    assert waits == sorted(set(waits))
    assert isinstance(after_refusal(errors.ServerTrouble("502"), MAX_TRIES, NOW), GiveUp)
    assert isinstance(after_refusal(errors.NameTaken("taken"), MAX_TRIES, NOW), GiveUp)


@pytest.mark.parametrize(
    "kind", [errors.Unprocessable, errors.NotFound, errors.Forbidden, errors.Unauthorised]
)
def test_what_would_be_refused_again_is_given_up_with_the_remedy(
    kind: type[errors.GitHubError],
) -> None:
    assert after_refusal(kind("no", remedy="do that"), 1, NOW) == GiveUp("no; do that")
    assert after_refusal(kind("no"), 1, NOW) == GiveUp("no")


@pytest.mark.parametrize(
    ("code", "ran_job", "then"),
    [
        (0, True, Next.DONE),
        (0, False, Next.REPLACE),
        (1, False, Next.REPLACE),
        (2, False, Next.RELAUNCH),
        (3, False, Next.RELAUNCH),
        (4, True, Next.RELAUNCH),
        (5, False, Next.REPLACE),
        (7, False, Next.STOP_LAUNCHING),
        (137, True, Next.REPLACE),
        (-9, False, Next.REPLACE),
    ],
)
def test_what_follows_an_exit(code: int, ran_job: bool, then: Next) -> None:
    assert after_exit(code, ran_job=ran_job).next is then
