"""Whatever a workflow looks like and however its jobs end: what must hold after every step."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.workflow.simulation import Run

from mayfly.domain.job import Conclusion
from mayfly.workflow.plan import Advance, JobResult

CONDITIONS = [
    "",
    "success()",
    "always()",
    "failure()",
    "cancelled()",
    "'!cancelled()'",
    "github.event_name == 'push'",
    "github.event_name == 'tag'",
    "fromJSON('[')",
]
STRATEGIES = [
    "{}",
    "{matrix: {n: [1, 2, 3]}}",
    "{matrix: {n: [1, 2, 3]}, fail-fast: false, max-parallel: 1}",
    "{matrix: {n: ['${{ vars.none }}'], exclude: [{n: ''}]}}",
]
RUNS_ON = [
    "mayfly",
    "mayfly",
    "windows-latest",
    "nothing",
    "${{ matrix.n == 1 && 'x' || 'mayfly' }}",
]
FINAL = {"skipped", "rejected", "cancelled", "finished"}


@st.composite
def workflows(draw: st.DrawFn) -> str:
    """Up to six jobs; each may need any before it."""
    text = "on: push\njobs:\n"
    for number in range(draw(st.integers(1, 6))):
        needs = sorted(draw(st.sets(st.integers(0, number - 1), max_size=3))) if number else []
        condition = draw(st.sampled_from(CONDITIONS))
        text += f"""  j{number}:
    needs: [{", ".join(f"j{need}" for need in needs)}]
    {f"if: {condition}" if condition else ""}
    strategy: {draw(st.sampled_from(STRATEGIES))}
    continue-on-error: {draw(st.sampled_from(["true", "false"]))}
    runs-on: {draw(st.sampled_from(RUNS_ON))}
    steps: [{{run: make}}]
"""
    return text


def tell(run: Run) -> Advance:
    """Say back what the planner decided, which changes nothing else."""
    said = run.now
    for job in said.jobs:
        if job.conclusion is not None:
            run.results.setdefault(job.key, JobResult(job.conclusion))
    again = run.now
    assert (again.finished, again.cancel) == (said.finished, said.cancel)
    assert list(run.states) == [job.key for job in said.jobs]
    assert {job.key for job in said.jobs if job.state == "ready"} == run.ready
    return again


@settings(deadline=None)
@given(workflows(), st.data())
def test_a_run_goes_forward_and_ends(text: str, data: st.DataObject) -> None:
    run = Run(text)
    before = tell(run)
    for _ in range(200):
        if before.finished is not None:
            break
        going = sorted(run.started)
        waiting = sorted(run.ready - run.started)
        assert going or waiting, f"nothing can happen any more: {run.states}"
        choice = data.draw(st.sampled_from([*waiting, *going, "cancel"]))
        if choice == "cancel":
            run.cancelled = True
        elif choice in waiting:
            run.start(choice)
        else:
            run.end(choice, data.draw(st.sampled_from(list(Conclusion))))
        after = tell(run)
        states = {job.key: job.state for job in after.jobs}
        assert set(states) >= {job.key for job in before.jobs}
        assert all(states[job.key] in FINAL for job in before.jobs if job.state in FINAL)
        assert all(states[key] == "ready" for key in run.started)
        assert set(after.cancel) <= run.started
        before = after
    assert before.finished is not None
    assert not run.started
    assert all(job.state in FINAL for job in before.jobs)
