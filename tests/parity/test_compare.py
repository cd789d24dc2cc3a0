"""What differs between two legs: the job, the step, and the lines only one of them printed."""

from tests.cli.story import AMD64, ARM64, FAILURE, SUCCESS, Story, char_sign

from mayfly.domain.architecture import Architecture
from mayfly.domain.events import RunRef
from mayfly.domain.job import JobState
from mayfly.parity.compare import Parity, compare


def compared(story: Story) -> Parity:
    parity = compare(story.record())
    assert parity is not None
    return parity


def both_legs(story: Story) -> list[tuple[Architecture, RunRef]]:
    return [(leg, story.run(leg)) for leg in (AMD64, ARM64)]


def test_the_step_that_failed_on_one_leg_is_named_with_its_telling_lines() -> None:
    parity = compared(char_sign())
    [found] = parity.differences
    assert (found.job, found.step) == ("test", "Run ./test")
    assert found.outcomes == {AMD64: "success", ARM64: "failure"}
    assert found.lines_of is ARM64
    assert found.lines == ("not ok 2 compares", "#   expected -1, got 255")
    assert parity.compared == 2


def test_legs_that_agree_differ_in_nothing() -> None:
    story = Story()
    for leg, run in both_legs(story):
        job = story.job(run, "build", JobState.RUNNING)
        story.step(job, 0, "make", [f"took {leg} 1.5 ms"])
        story.change(job, JobState.SUCCEEDED)
    parity = compared(story)
    assert parity.differences == ()
    assert parity.compared == 1


def test_both_failing_the_same_way_is_parity() -> None:
    story = Story()
    for _, run in both_legs(story):
        job = story.job(run, "build", JobState.RUNNING)
        story.step(job, 0, "make", ["no rule"], FAILURE)
        story.change(job, JobState.FAILED)
    assert compared(story).differences == ()


def test_jobs_that_the_host_lost_or_somebody_cancelled_prove_nothing() -> None:
    story = Story()
    for _, run in both_legs(story):
        for key, state in (("lost", JobState.LOST), ("cancelled", JobState.CANCELLED)):
            story.change(story.job(run, key, JobState.RUNNING), state)
    assert compared(story).compared == 0


def test_times_and_addresses_do_not_make_lines_different() -> None:
    story = Story()
    for leg, run in both_legs(story):
        job = story.job(run, "test", JobState.RUNNING)
        if leg is AMD64:
            story.step(job, 0, "t", ["ran in 12.5 ms", "at 0xffe1", "value 1"])
            story.change(job, JobState.SUCCEEDED)
        else:
            story.step(job, 0, "t", ["ran in 99 ms", "at 0xbeef", "value 2"], FAILURE)
            story.change(job, JobState.FAILED)
    [found] = compared(story).differences
    assert found.lines == ("value 2",)


def test_when_both_printed_the_same_the_last_lines_are_shown() -> None:
    story = Story()
    for leg, run in both_legs(story):
        job = story.job(run, "test", JobState.RUNNING)
        story.step(job, 0, "t", ["the same"], SUCCESS if leg is AMD64 else FAILURE)
        story.change(job, JobState.SUCCEEDED if leg is AMD64 else JobState.FAILED)
    [found] = compared(story).differences
    assert found.lines == ("the same",)


def test_a_failure_that_may_be_is_a_difference_all_the_same() -> None:
    story = Story()
    for leg, run in both_legs(story):
        job = story.job(run, "test", JobState.RUNNING)
        outcome = SUCCESS if leg is AMD64 else FAILURE
        story.step(job, 0, "flaky", ["x"], outcome, conclusion=SUCCESS)
        story.change(job, JobState.SUCCEEDED)
    [found] = compared(story).differences
    assert (found.step, found.outcomes[ARM64]) == ("flaky", "failure")


def test_steps_that_only_follow_from_the_failure_are_left_out() -> None:
    steps = [found.step for found in compared(char_sign()).differences]
    assert "Upload" not in steps


def test_a_job_that_could_not_run_on_one_leg_differs_as_a_whole() -> None:
    story = Story()
    first, second = story.run(AMD64), story.run(ARM64)
    story.change(story.job(first, "build", JobState.RUNNING), JobState.SUCCEEDED)
    story.job(second, "build", JobState.REJECTED, "needs 8 vCPU")
    story.job(first, "only-here", JobState.SKIPPED)
    whole, absent = compared(story).differences
    assert (whole.step, whole.lines) == (None, ("needs 8 vCPU",))
    assert whole.outcomes == {AMD64: "succeeded", ARM64: "rejected"}
    assert absent.outcomes == {AMD64: "skipped", ARM64: "absent"}


def test_workflows_are_compared_each_with_itself() -> None:
    story = Story()
    for workflow, ends in (("a.yml", JobState.SUCCEEDED), ("b.yml", JobState.FAILED)):
        for leg in (AMD64, ARM64):
            job = story.job(story.run(leg, workflow), "build", JobState.RUNNING)
            story.change(job, ends)
    assert compared(story).differences == ()


def test_one_leg_alone_has_no_parity() -> None:
    story = Story()
    story.run(AMD64)
    assert compare(story.record()) is None
    story = Story()
    story.run(None)
    assert compare(story.record()) is None
