"""What history says of a job, and what is decided with it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.scheduling.fleets import AMD64, ARM64, BOUND_S, chosen, fill, host, job, keep

from mayfly.domain.architecture import Architecture
from mayfly.domain.scheduling import (
    DEFAULT_EXPECTED_S,
    RunningJob,
    Scheduler,
    Work,
    expect,
    learn,
)
from mayfly.domain.scheduling.durations import REMEMBERED, Known, Level, Seconds

BUILD = Work("p", "ci.yml", "build", AMD64)
LINT = Work("p", "ci.yml", "lint", AMD64)
OTHER = Work("p", "nightly.yml", "fuzz", AMD64)

durations = st.lists(st.floats(0.1, 1e5), min_size=1, max_size=40)


def after(*ran: tuple[Work, float]) -> dict[Level, Seconds]:
    """What is known when those have succeeded."""
    known: dict[Level, Seconds] = {}
    for work, seconds in ran:
        known |= learn(known, work, seconds)
    return known


def expected(
    known: Known, *works: Work, guess_s: float = DEFAULT_EXPECTED_S, at_most_s: float = math.inf
) -> float:
    return expect(known, works, guess_s=guess_s, at_most_s=at_most_s)


def test_without_history_it_is_the_guess() -> None:
    assert expected({}, BUILD) == DEFAULT_EXPECTED_S
    assert expected({}, BUILD, guess_s=1200) == 1200


def test_it_is_more_than_most_took_and_no_accident() -> None:
    took = [100, 110, 105, 95, 120, 98, 3000, 102]
    known = after(*((BUILD, seconds) for seconds in took))
    assert expected(known, BUILD) == 110


def test_a_job_that_has_changed_is_known_anew() -> None:
    known = after(*[(BUILD, 1000.0)] * 50, *[(BUILD, 60.0)] * REMEMBERED)
    assert expected(known, BUILD) == 60


def test_a_new_job_is_expected_to_be_as_those_of_its_workflow_then_of_its_project() -> None:
    known = after((BUILD, 900), (OTHER, 7200))
    assert expected(known, LINT) == 900
    assert expected(known, Work("p", "new.yml", "a", AMD64)) == 7200
    assert expected(known, Work("q", "ci.yml", "build", AMD64)) == DEFAULT_EXPECTED_S


def test_each_architecture_has_a_history_of_its_own() -> None:
    arm = Work("p", "ci.yml", "build", ARM64)
    known = after((BUILD, 60), (arm, 240))
    assert (expected(known, BUILD), expected(known, arm)) == (60, 240)
    assert expected(known, BUILD, arm) == 240  # where it will run is not known


def test_of_a_job_for_any_architecture_the_one_that_is_known_counts() -> None:
    arm = Work("p", "ci.yml", "lint", ARM64)
    assert expected(after((BUILD, 900), (LINT, 30)), LINT, arm) == 30


def test_an_often_repeated_job_does_not_hide_the_others_of_its_workflow() -> None:
    """A new job is not expected to be as brief as the one that ran a hundred times."""
    rare = [(Work("p", "ci.yml", f"rare-{n}", AMD64), 3600.0) for n in range(4)]
    known = after(*rare, *[(LINT, 5.0)] * 100)
    fresh = Work("p", "ci.yml", "fresh", AMD64)
    assert expected(known, LINT) == 5
    assert len(known[fresh.levels[1]]) == REMEMBERED
    known = after(*[(LINT, 5.0)] * 100, *rare)
    assert expected(known, fresh) == 3600


def test_as_a_rule_one_level_changes() -> None:
    known = after(*[(BUILD, 60.0)] * REMEMBERED)
    assert list(learn(known, BUILD, 61)) == [BUILD.levels[0]]
    assert list(learn(known, LINT, 5)) == [*LINT.levels[:2]]
    assert list(learn(known, OTHER, 5)) == [*OTHER.levels]


@given(durations, st.floats(1, 1e5), st.sampled_from(list(Architecture)))
def test_it_is_bounded_and_forgets(
    took: list[float], at_most_s: float, architecture: Architecture
) -> None:
    work = Work("p", "w", "j", architecture)
    known = after(*((work, seconds) for seconds in took))
    assert all(len(seconds) <= REMEMBERED for seconds in known.values())
    last = [round(seconds, 1) for seconds in took[-REMEMBERED:]]
    got = expected(known, work, at_most_s=at_most_s)
    assert got <= at_most_s
    assert min(*last, at_most_s) <= got <= max(last)
    assert expected({}, work, at_most_s=at_most_s) == min(DEFAULT_EXPECTED_S, at_most_s)


# --- a job that takes longer ---------------------------------------------------------------------


def running(expected_s: float, at_most_s: float = math.inf) -> RunningJob:
    return RunningJob("j", "p", "h", 1000, 1024, 1000.0, expected_s, at_most_s)


@pytest.mark.parametrize(
    ("ran_s", "left_s"),
    [(0, 400), (399, 1), (400, 100), (450, 100), (600, 200), (4000, 3600)],
)
def test_its_end_moves_away_the_longer_it_overstays(ran_s: float, left_s: float) -> None:
    now = 1000.0 + ran_s
    assert running(400).expected_end(now) - now == left_s


def test_its_bound_ends_it() -> None:
    assert running(400, at_most_s=1000).expected_end(1900) == 2000
    assert running(400, at_most_s=1000).expected_end(2000) == 2600  # its machine still goes away


@given(st.floats(1, 1e5), st.floats(1, 1e6), st.one_of(st.just(math.inf), st.floats(1, 1e6)))
def test_it_never_ends_in_the_past_or_at_once(
    expected_s: float, ran_s: float, at_most_s: float
) -> None:
    job = running(min(expected_s, at_most_s), at_most_s)
    now = job.started_at + ran_s
    assert job.expected_end(now) > now


# --- what is decided with it ---------------------------------------------------------------------


@pytest.fixture
def reserved() -> Scheduler:
    """A host is kept for `large`, which has room when `second` ends, beside `third`."""
    scheduler = Scheduler(BOUND_S)
    scheduler.put_host(host("h", 6))
    for name, seconds in (("first", 100.0), ("second", 1000.0), ("third", 9000.0)):
        scheduler.put_running(RunningJob(name, "other", "h", 2000, 1024, 0.0, seconds))
    scheduler.put_job(job("large", 4))
    scheduler.put_job(job("waits", 1, at=99, expected_s=5000))
    assert keep(scheduler, 100) == {"large": "h"}
    scheduler.end("first")
    return scheduler


@pytest.mark.parametrize(("took", "starts"), [(300.0, ["build"]), (1500.0, [])])
def test_what_is_known_to_be_brief_goes_into_the_gap_and_nothing_else(
    reserved: Scheduler, took: float, starts: list[str]
) -> None:
    known = after(*[(BUILD, took)] * 3)
    reserved.put_job(job("build", 2, at=110, project="q", expected_s=expected(known, BUILD)))
    assert fill(reserved, "h", 120) == starts
    for name in starts:
        reserved.end(name)  # as expected, before 1000
    reserved.end("second")
    assert fill(reserved, "h", 1000) == ["large"]


def test_the_gap_stays_open_while_another_overstays(reserved: Scheduler) -> None:
    """It was to end at 1000; at 1400 it is expected to run 400 s more."""
    reserved.put_job(job("brief", 2, at=110, project="q", expected_s=390))
    assert chosen(reserved, "h", 990) is None
    assert chosen(reserved, "h", 1100) is None
    assert chosen(reserved, "h", 1400) == "brief"
    assert reserved.why_waits("large", 1400) == (
        "host h is kept for it and is expected to have room in about 7 min, "
        "though something there takes longer than usual"
    )


def test_a_job_for_any_architecture_goes_where_history_says_that_it_starts_first() -> None:
    arm = Work("p", "ci.yml", "build", ARM64)
    for quick, slow, where in ((BUILD, arm, "amd"), (arm, BUILD, "arm")):
        known = after(*[(quick, 700.0), (slow, 4000.0)] * 3)
        scheduler = Scheduler(BOUND_S)
        for name, work in (("amd", BUILD), ("arm", arm)):
            scheduler.put_host(host(name, 4, runs=(work.architecture,)))
            busy = RunningJob(name + "-job", "other", name, 4000, 1024, 0.0, expected(known, work))
            scheduler.put_running(busy)
        scheduler.put_job(job("large", 4, arch=None))
        scheduler.put_job(job("small", 1, arch=None))
        assert keep(scheduler, 100) == {"large": where}
