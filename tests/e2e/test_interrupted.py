"""An interrupt in real machines: what is cancelled, what may still run, and what is left."""

from collections.abc import Callable

import pytest
from tests.e2e.conftest import LABEL, Outcome, assert_nothing_is_left

from mayfly.domain.architecture import Architecture
from mayfly.domain.job import Conclusion, JobState

pytestmark = pytest.mark.e2e

TEXT = f"""\
on: push
jobs:
  first:
    runs-on: {LABEL % Architecture.AMD64}
    steps:
      - run: echo begun; sleep 1000
      - run: echo never
      - if: always()
        run: echo tidied up
      - if: always()
        run: sleep 1000
  other:
    runs-on: {LABEL % Architecture.ARM64}
    steps:
      - run: trap '' INT TERM; while :; do sleep 1; done
  next:
    needs: first
    if: always()
    runs-on: {LABEL % Architecture.AMD64}
    steps: [{{run: echo never}}]
"""


def test_jobs_clean_up_within_their_grace_and_nothing_is_left(
    run_workflow: Callable[..., Outcome],
) -> None:
    outcome = run_workflow(TEXT, stop_at="begun", cancel_grace_s=3.0)
    assert list(outcome.conclusions.values()) == [Conclusion.CANCELLED]
    assert {job.state for job in outcome.record.jobs} == {JobState.CANCELLED}
    assert "tidied up" in outcome.log("first")
    assert "never" not in outcome.log("first") + outcome.log("next")
    assert_nothing_is_left(outcome.machines)
