"""A run of a workflow without machines: jobs end as the test says."""

from collections.abc import Mapping
from dataclasses import replace
from textwrap import dedent
from typing import Any

from mayfly.domain.job import Conclusion
from mayfly.workflow.events import RepositoryState, event_for
from mayfly.workflow.model import Workflow
from mayfly.workflow.plan import Advance, JobResult, PlannedJob, PlannedState, RunPlan, advance
from mayfly.workflow.reader import read_workflow
from mayfly.workflow.spec import JobSpec

STATE = RepositoryState("octo", "hello", "main", "a" * 40, actor="mona")
FILE = ".github/workflows/ci.yml"
STEPS = "runs-on: mayfly\n  steps: [{run: make}]"

SUCCESS, FAILURE = Conclusion.SUCCESS, Conclusion.FAILURE
CANCELLED, SKIPPED = Conclusion.CANCELLED, Conclusion.SKIPPED


def workflow(text: str, file: str = FILE) -> Workflow:
    return read_workflow(dedent(text).encode(), file)


def jobs(text: str) -> str:
    """A workflow on push of these jobs, each of which gets a machine and a step: `STEPS`."""
    body = dedent(text).strip().replace("STEPS", STEPS).replace("\n", "\n  ")
    return f"on: push\njobs:\n  {body}\n"


class Run:
    """Feeds `advance` with what happened so far."""

    def __init__(
        self,
        text: str,
        *,
        event: str = "push",
        state: RepositoryState = STATE,
        called: Mapping[str, str] | None = None,
        **options: Any,
    ):
        files = {path: workflow(body, path) for path, body in (called or {}).items()}
        self.plan = RunPlan(
            workflow(text),
            event_for(event, state, inputs=options.get("inputs", {})),
            state,
            called=files,
            **options,
        )
        self.results: dict[str, JobResult] = {}
        self.started: set[str] = set()
        self.cancelled = False

    @property
    def now(self) -> Advance:
        return advance(self.plan, self.results, started=self.started, cancelled=self.cancelled)

    def job(self, key: str) -> PlannedJob:
        return next(job for job in self.now.jobs if job.key == key)

    def spec(self, key: str) -> JobSpec:
        spec = self.job(key).spec
        assert spec is not None, self.job(key)
        return spec

    def start(self, *keys: str) -> None:
        for key in keys:
            assert self.job(key).state is PlannedState.READY, self.job(key)
            self.started.add(key)

    def end(self, key: str, conclusion: Conclusion = SUCCESS, **outputs: str) -> None:
        """A job that is ready or started ends."""
        assert self.job(key).state is PlannedState.READY, self.job(key)
        self.started.discard(key)
        self.results[key] = JobResult(conclusion, outputs)

    def finish(self) -> Conclusion:
        """Everything else succeeds as it becomes ready; the conclusion of the run."""
        for _ in range(100):
            step = self.now
            if step.finished is not None:
                return step.finished
            for job in step.jobs:
                if job.state is PlannedState.READY:
                    self.end(job.key)
        raise AssertionError(f"the run does not end: {self.states}")

    @property
    def states(self) -> dict[str, str]:
        return {job.key: job.state.value for job in self.now.jobs}

    @property
    def ready(self) -> set[str]:
        return {key for key, state in self.states.items() if state == "ready"}


def with_options(run: Run, **options: Any) -> Run:
    run.plan = replace(run.plan, **options)
    return run
