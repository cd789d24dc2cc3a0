"""Needs, conditions and conclusions over the life of a run."""

import pytest
from tests.workflow.simulation import CANCELLED, FAILURE, SKIPPED, STATE, SUCCESS, Run, jobs

from mayfly.domain.errors import InvalidInput
from mayfly.domain.job import Conclusion
from mayfly.workflow.plan import JobResult

CHAIN = jobs(
    """
    a:
      STEPS
    b:
      needs: a
      STEPS
    c:
      needs: [b]
      STEPS
    """
)


def test_jobs_follow_those_they_need() -> None:
    run = Run(CHAIN)
    assert run.states == {"a": "ready", "b": "blocked", "c": "blocked"}
    assert run.job("b").reason == "waits for a"
    assert run.job("c").needs == ("b",)
    run.end("a")
    assert run.states == {"a": "finished", "b": "ready", "c": "blocked"}
    run.end("b")
    assert run.now.finished is None
    run.end("c")
    assert run.now.finished is SUCCESS


def test_a_started_job_stays_ready_and_has_no_spec() -> None:
    run = Run(CHAIN)
    assert run.job("a").spec is not None
    run.start("a")
    assert run.states["a"] == "ready"
    assert run.job("a").spec is None


@pytest.mark.parametrize("ended", [FAILURE, CANCELLED, SKIPPED])
def test_without_success_the_rest_of_the_chain_is_skipped(ended: Conclusion) -> None:
    run = Run(CHAIN)
    run.end("a", ended)
    assert run.states == {"a": "finished", "b": "skipped", "c": "skipped"}
    assert "it needs a, which" in (run.job("b").reason or "")
    assert run.job("c").reason == "it needs b, which was skipped"
    assert run.now.finished is ended


def test_jobs_are_listed_with_those_they_need_first_else_in_file_order() -> None:
    text = jobs(
        """
        z:
          needs: [m]
          STEPS
        y:
          STEPS
        m:
          STEPS
        """
    )
    assert list(Run(text).states) == ["y", "m", "z"]


CONDITIONS = """
    first:
      STEPS
    second:
      needs: first
      STEPS
    last:
      needs: second
      if: {condition}
      STEPS
"""


@pytest.mark.parametrize(
    ("condition", "after_success", "after_failure", "after_failure_before"),
    [
        ("success()", True, False, False),
        ("failure()", False, True, True),
        ("always()", True, True, True),
        ("cancelled()", False, False, False),
        ("'!cancelled()'", True, True, True),
        ("'!failure()'", True, False, False),
        ("needs.second.result == 'success'", True, False, False),
        ("needs.second.result == 'failure'", False, False, False),
        ("always() && needs.second.result == 'failure'", False, True, False),
        ("always() && needs.second.result == 'skipped'", False, False, True),
        ("${{ failure() || success() }}", True, True, True),
        ("needs.second.outputs.go == 'yes'", True, False, False),
    ],
)
def test_conditions_over_needs(
    condition: str, after_success: bool, after_failure: bool, after_failure_before: bool
) -> None:
    text = jobs(CONDITIONS.replace("{condition}", condition))
    run = Run(text)
    run.end("first")
    run.end("second", go="yes")
    assert ("last" in run.ready) is after_success
    run = Run(text)
    run.end("first")
    run.end("second", FAILURE)
    assert ("last" in run.ready) is after_failure
    run = Run(text)
    run.end("first", FAILURE)
    assert ("last" in run.ready) is after_failure_before


def test_success_looks_at_all_jobs_before_not_only_the_next() -> None:
    text = jobs(
        """
        a:
          STEPS
        b:
          needs: a
          if: always()
          STEPS
        c:
          needs: b
          STEPS
        d:
          needs: b
          if: ${{ !failure() && !cancelled() }}
          STEPS
        """
    )
    run = Run(text)
    run.end("a", SKIPPED)
    run.end("b")
    assert run.states["c"] == "skipped"
    assert run.job("c").reason == "a job before those it needs did not succeed"
    assert run.states["d"] == "ready"


def test_a_condition_that_nothing_can_change_decides_at_once() -> None:
    text = jobs(
        """
        a:
          STEPS
        b:
          needs: a
          if: github.event_name == 'release'
          STEPS
        c:
          needs: b
          STEPS
        d:
          needs: b
          if: always()
          STEPS
        """
    )
    run = Run(text)
    assert run.states == {"a": "ready", "b": "skipped", "c": "skipped", "d": "blocked"}
    assert run.job("b").reason == "its condition is false: github.event_name == 'release'"
    run.end("a")
    assert run.states["d"] == "ready"


def test_needs_carry_results_and_outputs() -> None:
    text = jobs(
        """
        a:
          STEPS
        b:
          needs: a
          name: got ${{ needs.a.outputs.x }}
          env: {X: "${{ needs.a.outputs.x }}"}
          STEPS
        """
    )
    run = Run(text)
    assert run.job("b").name == "b"
    run.end("a", x="5")
    assert run.job("b").name == "got 5"
    spec = run.spec("b")
    assert spec.env == {"X": "5"}
    assert spec.contexts["needs"] == {"a": {"result": "success", "outputs": {"x": "5"}}}


def test_a_failure_that_may_be_counts_as_success() -> None:
    text = jobs(
        """
        a:
          continue-on-error: true
          STEPS
        b:
          needs: a
          STEPS
        """
    )
    run = Run(text)
    run.end("a", FAILURE)
    assert run.job("a").conclusion is SUCCESS
    assert run.finish() is SUCCESS


def test_cancelling_a_run() -> None:
    text = jobs(
        """
        going:
          STEPS
        stubborn:
          if: always()
          STEPS
        fresh:
          STEPS
        after:
          needs: going
          STEPS
        clean:
          needs: going
          if: always()
          STEPS
        told:
          needs: going
          if: cancelled()
          STEPS
        hopeful:
          needs: going
          if: failure()
          STEPS
        """
    )
    run = Run(text)
    run.start("going", "stubborn")
    run.cancelled = True
    assert run.now.cancel == ("going",)
    assert run.states == {
        "going": "ready",
        "stubborn": "ready",
        "fresh": "cancelled",
        "after": "cancelled",
        "clean": "blocked",
        "told": "blocked",
        "hopeful": "blocked",
    }
    run.end("going", CANCELLED)
    run.end("stubborn")
    assert run.ready == {"clean", "told"}
    assert run.states["hopeful"] == "cancelled"
    assert run.finish() is CANCELLED


@pytest.mark.parametrize("condition", ["success()", "failure()", "success() || failure()"])
@pytest.mark.parametrize("ended", [SUCCESS, FAILURE])
def test_a_cancelled_run_is_neither_success_nor_failure(condition: str, ended: Conclusion) -> None:
    run = Run(jobs(f"a:\n  STEPS\nb:\n  needs: a\n  if: {condition}\n  STEPS"))
    run.end("a", ended)
    run.cancelled = True
    assert run.states["b"] == "cancelled"


def test_what_was_skipped_before_a_run_was_cancelled_stays_so() -> None:
    run = Run(jobs("a:\n  STEPS\nb:\n  STEPS\ntold:\n  needs: a\n  if: cancelled()\n  STEPS"))
    run.start("b")
    run.end("a")
    assert run.states["told"] == "skipped"
    run.results["told"] = JobResult(SKIPPED)
    run.cancelled = True
    assert run.job("told").conclusion is SKIPPED
    run.end("b", CANCELLED)
    assert run.now.finished is CANCELLED


def test_cancelling_too_late_changes_nothing() -> None:
    run = Run(CHAIN)
    assert run.finish() is SUCCESS
    run.cancelled = True
    assert run.now.finished is SUCCESS
    assert run.now.cancel == ()


def test_a_run_of_skipped_jobs_is_skipped() -> None:
    text = jobs("a:\n  if: false\n  STEPS")
    assert Run(text).now.finished is SKIPPED


def test_choosing_jobs_takes_what_they_need() -> None:
    text = CHAIN + "  d:\n    runs-on: mayfly\n    steps: [{run: x}]\n"
    run = Run(text, jobs=frozenset({"b"}))
    assert list(run.states) == ["a", "b"]
    assert run.finish() is SUCCESS


def test_the_name_of_a_run() -> None:
    body = CHAIN.removeprefix("on: push\n")
    assert Run(CHAIN).now.name == ".github/workflows/ci.yml"
    assert Run(f"on: push\nname: CI\n{body}").now.name == "CI"
    named = Run(f"on: push\nname: CI\nrun-name: by ${{{{ github.actor }}}}\n{body}")
    assert named.now.name == "by mona"


def test_inputs_of_a_manual_start() -> None:
    text = """
        on:
          workflow_dispatch:
            inputs:
              debug: {type: boolean}
              level: {type: choice, options: [low, high], default: high}
        jobs:
          a:
            if: inputs.debug
            runs-on: mayfly
            steps: [{run: make}]
    """
    assert Run(text, event="workflow_dispatch").states == {"a": "skipped"}
    run = Run(text, event="workflow_dispatch", inputs={"debug": "true"})
    assert run.spec("a").contexts["inputs"] == {"debug": True, "level": "high"}
    github = run.spec("a").contexts["github"]
    assert github["event"]["inputs"] == {"debug": "true"}
    wrong = Run(text, event="workflow_dispatch", inputs={"level": "mid", "x": "1"})
    with pytest.raises(InvalidInput, match=r"unknown input 'x'.*must be one of low, high"):
        assert wrong.now


def test_inputs_go_with_a_manual_start_only() -> None:
    with pytest.raises(InvalidInput, match="takes no inputs on push"):
        assert Run(CHAIN, inputs={"x": "1"}).now


def test_the_same_facts_give_the_same_plan() -> None:
    run = Run(CHAIN, state=STATE)
    run.end("a")
    assert run.now == run.now
