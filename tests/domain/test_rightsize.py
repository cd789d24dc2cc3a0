"""Right-sizing: says something only where it is clear, and nothing that would not fit."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mayfly.domain.architecture import Architecture
from mayfly.domain.labels import Requirement, resolve
from mayfly.domain.rightsize import Suggestion, Taken, right_size

GIB = 1024**3
LARGE = Requirement(Architecture.ARM64, Decimal(8), 16 * 1024)


def taken(cores: float, gib: float, *, seconds: float = 600, **more: float | bool) -> Taken:
    return Taken(seconds, cores * seconds, int(gib * GIB), **more)  # type: ignore[arg-type]


def suggested(*runs: Taken, asked: Requirement = LARGE) -> Suggestion:
    suggestion = right_size(asked, runs)
    assert suggestion is not None
    return suggestion


def test_a_job_that_uses_little_may_be_smaller() -> None:
    suggestion = suggested(*[taken(0.9, 1.2)] * 5)
    assert suggestion.label == "mayfly-arm64-2cpu-2gb"
    assert suggestion.reason == (
        "in its last 5 runs it used 0.9 of 8 vCPU at most, on average of a run; "
        "it touched 1.2 of 16 GiB of memory"
    )


def test_the_busiest_run_counts() -> None:
    quiet = [taken(0.5, 1)] * 10
    assert suggested(*quiet).requirement.cpu == 1
    assert suggested(*quiet, taken(2.5, 1), *quiet).requirement.cpu == 4
    assert suggested(*quiet, taken(6, 1)).requirement.cpu == 8


def test_runs_of_long_ago_do_not() -> None:
    assert suggested(*[taken(6, 15)] * 30, *[taken(0.5, 1)] * 20).requirement.cpu == 1


def test_a_job_that_uses_all_its_processors_may_have_more() -> None:
    suggestion = suggested(*[taken(7.8, 10)] * 6)
    assert suggestion.label == "mayfly-arm64-16cpu-16gb"
    assert suggestion.reason == "in its last 6 runs it used all of 8 vCPU from beginning to end"


def test_a_busy_host_is_no_reason_for_more() -> None:
    waited = [taken(7.8, 10, cpu_wait_seconds=1000)] * 6
    assert right_size(LARGE, waited) is None


def test_much_memory_is_no_reason_for_more_but_running_out_is() -> None:
    assert right_size(LARGE, [taken(5, 16)] * 6) is None
    runs = [taken(5, 16)] * 5 + [taken(5, 16, memory_full=True)]
    assert suggested(*runs).requirement.memory_mib == 24 * 1024
    assert right_size(LARGE, [*runs, taken(5, 16)]) is None


def test_memory_that_was_once_too_little_is_not_taken_away() -> None:
    runs = [taken(5, 2, memory_full=True)] + [taken(5, 2)] * 6
    assert right_size(LARGE, runs) is None


def test_fractions_have_sizes_too() -> None:
    half = Requirement(Architecture.AMD64, Decimal("0.5"), 2048)
    assert suggested(*[taken(0.5, 1.9)] * 5, asked=half).label == "mayfly-amd64-1cpu-2gb"


@pytest.mark.parametrize(
    "runs",
    [
        [],
        [taken(0.1, 1)] * 4,
        [taken(0.1, 1, seconds=20)] * 50,
        [taken(4, 12)] * 10,
    ],
    ids=["none", "few", "short", "fitting"],
)
def test_nothing_is_said_without_good_reason(runs: list[Taken]) -> None:
    assert right_size(LARGE, runs) is None


RUNS = st.lists(
    st.builds(
        taken,
        st.floats(0, 8),
        st.floats(0.05, 16),
        seconds=st.floats(1, 10_000),
        cpu_wait_seconds=st.one_of(st.none(), st.floats(0, 1000)),
        memory_full=st.booleans(),
    ),
    max_size=30,
)


@given(RUNS)
def test_what_is_suggested_can_be_asked_for_and_would_have_been_enough(runs: list[Taken]) -> None:
    suggestion = right_size(LARGE, runs)
    if suggestion is None:
        return
    wanted = suggestion.requirement
    assert wanted != LARGE
    assert resolve([suggestion.label]) == wanted
    long = [run for run in runs if run.seconds >= 30][-20:]
    if wanted.cpu < LARGE.cpu:
        assert all(run.cpu_seconds <= float(wanted.cpu) * run.seconds for run in long)
    if wanted.memory_mib < LARGE.memory_mib:
        assert all(run.peak_memory <= wanted.memory_mib * 1024**2 for run in long)


@given(RUNS)
def test_a_smaller_size_that_was_taken_up_is_not_made_smaller_again(runs: list[Taken]) -> None:
    first = right_size(LARGE, runs)
    if first is not None and first.requirement.cpu <= LARGE.cpu:
        second = right_size(first.requirement, runs)
        assert second is None or second.requirement.cpu >= first.requirement.cpu
