"""A record says what the events said, in bounded space."""

from mayfly.domain.architecture import Architecture
from mayfly.domain.events import (
    Annotated,
    JobChanged,
    JobRef,
    JobRemoved,
    LogLines,
    MachineKept,
    Preparing,
    RunFinished,
    RunRef,
    RunStarted,
    StepFinished,
    StepStarted,
    Summarised,
)
from mayfly.domain.job import Conclusion, JobState
from mayfly.domain.record import TAIL_LINES, Record

RUN = RunRef("ci.yml", Architecture.ARM64)
JOB = JobRef(RUN, "build")


def recorded(*events: object) -> Record:
    record = Record()
    for event in events:
        record.apply(event)  # type: ignore[arg-type]
    return record


def running() -> Record:
    return recorded(
        RunStarted(1, RUN, "CI"),
        JobChanged(2, JOB, "build", JobState.QUEUED),
        JobChanged(3, JOB, "build", JobState.STARTING, architecture=Architecture.ARM64),
        JobChanged(10, JOB, "build", JobState.RUNNING),
    )


def test_a_job_counts_its_time_from_when_it_runs_to_its_end() -> None:
    record = running()
    [job] = record.jobs
    assert job.elapsed(12) == 2
    record.apply(JobChanged(15, JOB, "build", JobState.FAILED, "no reason"))
    assert job.elapsed(100) == 5
    assert (job.state, job.reason) == (JobState.FAILED, "no reason")


def test_the_architecture_is_remembered_after_the_event_that_says_it() -> None:
    [job] = running().jobs
    assert job.architecture is Architecture.ARM64


def test_a_job_that_never_had_a_machine_took_no_time() -> None:
    record = recorded(JobChanged(5, JOB, "build", JobState.SKIPPED, "its if is false"))
    assert record.jobs[0].elapsed(100) is None


def test_steps_keep_their_end_and_the_last_lines() -> None:
    record = running()
    record.apply(StepStarted(11, JOB, 0, "Run make"))
    record.apply(LogLines(12, JOB, 0, tuple(f"line {n}" for n in range(1000))))
    record.apply(LogLines(13, JOB, 0, ("last", "x" * 1_000_000)))
    record.apply(StepFinished(14, JOB, 0, Conclusion.FAILURE, Conclusion.SUCCESS, 2, "exit code 2"))
    step = record.jobs[0].steps[0]
    assert len(step.tail) == TAIL_LINES
    assert step.tail[-2] == "last"
    assert len(step.tail[-1]) < 10_000
    assert (step.outcome, step.conclusion) == (Conclusion.FAILURE, Conclusion.SUCCESS)
    assert (step.exit_code, step.finished) == (2, 14)


def test_a_failure_that_may_be_is_not_among_the_failed_steps() -> None:
    record = running()
    for number, conclusion in enumerate((Conclusion.SUCCESS, Conclusion.FAILURE)):
        record.apply(StepStarted(11, JOB, number, f"step {number}"))
        record.apply(StepFinished(12, JOB, number, Conclusion.FAILURE, conclusion, 1, None))
    assert [step.number for step in record.jobs[0].failed_steps] == [1]


def test_annotations_and_summaries_are_bounded() -> None:
    record = running()
    annotation = Annotated(11, JOB, 0, "error", "wrong", None, "a.c", 1, None)
    for _ in range(1000):
        record.apply(annotation)
        record.apply(Summarised(11, JOB, 0, "text " * 100))
    [job] = record.jobs
    assert job.annotations[0] == annotation
    assert len(job.annotations) < 1000
    assert len(job.summary) < 100_000


def test_a_placeholder_gives_way_to_its_matrix() -> None:
    record = running()
    record.apply(JobRemoved(11, JOB))
    assert record.jobs == []


def test_what_is_prepared_is_shown_until_it_is_done() -> None:
    record = recorded(
        Preparing(1, "image", "extracting", 0.5), Preparing(1, "template", "boot", None)
    )
    record.apply(Preparing(2, "image", "hashing", 1.0, done=True))
    assert list(record.preparing) == ["template"]


def test_runs_end_with_their_conclusion() -> None:
    record = running()
    record.apply(MachineKept(11, JOB, "m1"))
    record.apply(RunFinished(12, RUN, Conclusion.FAILURE))
    run = record.runs[RUN]
    assert (run.name, run.conclusion, run.finished) == ("CI", Conclusion.FAILURE, 12)
    assert record.jobs[0].machine == "m1"


def test_events_of_a_job_nobody_knows_change_nothing() -> None:
    record = running()
    record.apply(StepStarted(11, JobRef(RUN, "other"), 0, "step"))
    assert [job.ref.key for job in record.jobs] == ["build"]
