"""Runs to show, told as events: what an orchestrator would say, without one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mayfly.domain.architecture import Architecture
from mayfly.domain.events import (
    Annotated,
    Event,
    JobChanged,
    JobMeasured,
    JobRef,
    LogLines,
    RunFinished,
    RunRef,
    RunStarted,
    StepFinished,
    StepStarted,
)
from mayfly.domain.job import Conclusion, JobState
from mayfly.domain.record import Record

AMD64, ARM64 = Architecture.AMD64, Architecture.ARM64
SUCCESS, FAILURE = Conclusion.SUCCESS, Conclusion.FAILURE


@dataclass
class Story:
    """Collects events; each takes place a second after the one before."""

    events: list[Event] = field(default_factory=list)
    now: float = 1000.0

    def at(self) -> float:
        self.now += 1
        return self.now

    def run(self, leg: Architecture | None = None, workflow: str = "ci.yml") -> RunRef:
        ref = RunRef(f".github/workflows/{workflow}", leg)
        self.events.append(RunStarted(self.at(), ref, workflow.removesuffix(".yml")))
        return ref

    def job(self, run: RunRef, key: str, state: JobState, reason: str | None = None) -> JobRef:
        ref = JobRef(run, key)
        self.change(ref, state, reason)
        return ref

    def change(self, ref: JobRef, state: JobState, reason: str | None = None) -> None:
        place = None if state in {JobState.BLOCKED, JobState.QUEUED} else ref.run.leg or AMD64
        self.events.append(JobChanged(self.at(), ref, ref.key, state, reason, place))

    def step(
        self,
        ref: JobRef,
        number: int,
        name: str,
        lines: Sequence[str] = (),
        outcome: Conclusion | None = SUCCESS,
        *,
        conclusion: Conclusion | None = None,
        exit_code: int | None = None,
    ) -> None:
        self.events.append(StepStarted(self.at(), ref, number, name))
        if lines:
            self.events.append(LogLines(self.at(), ref, number, tuple(lines)))
        if outcome is not None:
            code = exit_code if exit_code is not None else int(outcome is FAILURE)
            self.events.append(
                StepFinished(self.at(), ref, number, outcome, conclusion or outcome, code, None)
            )

    def annotate(self, ref: JobRef, number: int, message: str, **place: object) -> None:
        self.events.append(
            Annotated(
                at=self.at(),
                job=ref,
                step=number,
                level="error",
                message=message,
                title=None,
                file=str(place["file"]),
                line=int(str(place["line"])),
                column=None,
            )
        )

    def measure(self, ref: JobRef, start: float = 0.5) -> None:
        self.events.append(JobMeasured(self.at(), ref, "tcg", start, 3.5, 120 << 20))

    def finish(self, run: RunRef, conclusion: Conclusion) -> None:
        self.events.append(RunFinished(self.at(), run, conclusion))

    def record(self) -> Record:
        record = Record()
        for event in self.events:
            record.apply(event)
        return record

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)


def char_sign() -> Story:
    """A test that passes on amd64 and fails on arm64, where plain char is unsigned."""
    story = Story()
    runs = [story.run(AMD64), story.run(ARM64)]
    for run in runs:
        build = story.job(run, "build", JobState.QUEUED)
        test = story.job(run, "test", JobState.BLOCKED, "waits for build")
        story.change(build, JobState.STARTING)
        story.change(build, JobState.RUNNING)
        story.step(build, 0, "Check out", ["##[group]Run checkout", "fetching", "##[endgroup]"])
        story.step(build, 1, "Run make", ["cc -O2 -c sign.c", "cc -o sign sign.o"])
        story.measure(build)
        story.change(build, JobState.SUCCEEDED)
        story.change(test, JobState.STARTING)
        story.change(test, JobState.RUNNING)
        story.step(test, 0, "Check out", ["fetching"])
        if run.leg is AMD64:
            story.step(test, 1, "Run ./test", ["1..2", "ok 1 parses", "ok 2 compares (3 ms)"])
            story.step(test, 2, "Upload", ["done"])
            story.change(test, JobState.SUCCEEDED)
        else:
            lines = ["1..2", "ok 1 parses", "not ok 2 compares", "#   expected -1, got 255"]
            story.step(test, 1, "Run ./test", [*lines, "##[error]Process completed"], FAILURE)
            story.annotate(test, 1, "expected -1, got 255", file="test.c", line=12)
            story.change(test, JobState.FAILED)
        story.measure(test)
    story.finish(runs[0], SUCCESS)
    story.finish(runs[1], FAILURE)
    return story
