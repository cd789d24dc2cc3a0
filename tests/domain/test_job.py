"""A job's states only move forward, and each final one has a conclusion."""

from itertools import pairwise

import pytest

from mayfly.domain.job import Conclusion, JobState

LIFE = (
    JobState.BLOCKED,
    JobState.QUEUED,
    JobState.ASSIGNED,
    JobState.STARTING,
    JobState.RUNNING,
    JobState.SUCCEEDED,
)
FINAL = set(JobState) - set(LIFE[:-1])


def test_a_job_moves_forward_along_its_life() -> None:
    for earlier, later in pairwise(LIFE):
        assert earlier.may_become(later)
        assert not later.may_become(earlier)


@pytest.mark.parametrize("state", sorted(FINAL))
def test_the_end_is_the_end(state: JobState) -> None:
    assert state.is_final
    assert state.conclusion is not None
    assert not any(state.may_become(other) for other in JobState)


@pytest.mark.parametrize("state", LIFE[:-1])
def test_until_then_there_is_no_conclusion_and_any_end_is_possible(state: JobState) -> None:
    assert state.conclusion is None
    assert not state.is_final
    assert all(state.may_become(end) for end in FINAL)
    assert not state.may_become(state)


def test_time_out_and_loss_count_as_failures_and_a_cancelled_job_does_not() -> None:
    assert JobState.TIMED_OUT.conclusion is Conclusion.FAILURE
    assert JobState.LOST.conclusion is Conclusion.FAILURE
    assert JobState.REJECTED.conclusion is Conclusion.FAILURE
    assert JobState.CANCELLED.conclusion is Conclusion.CANCELLED
    assert JobState.SKIPPED.conclusion is Conclusion.SKIPPED
